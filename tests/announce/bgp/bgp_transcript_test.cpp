// Conversations as texts: each file of testdata/bgp_*.txt holds inputs (lines that begin with a
// time in seconds) and what the session did about them and since the input before (indented lines).
// The line `peer ...` before them says how the session is configured. With
// TRIVET_REWRITE_TRANSCRIPTS=1 the files are written anew, to be reviewed as a diff.
#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <iterator>
#include <sstream>
#include <stdexcept>

#include <gtest/gtest.h>

#include "tests/announce/bgp/session_script.hpp"
#include "tests/support/transcript.hpp"

namespace trivet::announce::bgp {
namespace {

using namespace std::chrono_literals;
using Words = std::vector<std::string>;

std::string seconds(Instant instant) {
    const auto ms = std::chrono::floor<std::chrono::milliseconds>(instant.time_since_epoch());
    return fmt::format("{}.{:03}", ms.count() / 1000, ms.count() % 1000);
}

Instant parse_seconds(const std::string& text) {
    return script::at(std::chrono::round<std::chrono::milliseconds>(
        std::chrono::duration<double>(std::stod(text))));
}

/// "as=64513" -> "64513"; nullopt: the word is about something else.
std::optional<std::string> value_of(const std::string& word, std::string_view name) {
    if (!word.starts_with(std::string(name) + "=")) return std::nullopt;
    return word.substr(name.size() + 1);
}

std::chrono::seconds seconds_of(const std::string& text) {
    return std::chrono::seconds{std::stol(text)};
}

AfiSafi family_of(const std::string& name) {
    if (name == "ipv4") return ipv4_unicast;
    if (name == "ipv6") return ipv6_unicast;
    throw std::runtime_error("no such family: " + name);
}

BgpSession::Config parse_config(const Words& words) {  // peer [passive] [hold=S] ...
    BgpSession::Config config = script::config_of(script::external_peer());
    BgpPeerSettings& settings = config.settings;
    for (std::size_t i = 1; i < words.size(); ++i) {
        const std::string& word = words[i];
        if (word == "passive") {
            settings.passive = true;
        } else if (word == "graceful-restart") {
            settings.graceful_restart = true;
        } else if (word == "restarting") {
            config.restarting = true;
        } else if (word == "bfd-strict") {
            settings.bfd_strict = true;
        } else if (word == "any-external") {
            settings.peer_asn.reset();
            settings.dynamic_asn = DynamicAsn::external;
        } else if (const auto hold = value_of(word, "hold")) {
            settings.hold_time = seconds_of(*hold);
        } else if (const auto limit = value_of(word, "prefixes-max")) {
            settings.prefixes_max = static_cast<std::uint32_t>(std::stoul(*limit));
        } else if (const auto kept = value_of(word, "kept")) {
            config.forwarding_kept[family_of(*kept)] = true;
        } else {
            throw std::runtime_error("no such setting: " + word);
        }
    }
    return config;
}

OpenMessage parse_open(const Words& words) {  // TIME open ID [as=N] [hold=S] [id=A] ...
    OpenMessage open = script::peer_open();
    for (std::size_t i = 3; i < words.size(); ++i) {
        const std::string& word = words[i];
        if (word == "bare") {
            open.capabilities = {};
        } else if (word == "graceful-restart") {
            open.capabilities.graceful_restart = script::peer_restart();
        } else if (const auto as = value_of(word, "as")) {
            open.my_as = AsNumber{static_cast<std::uint32_t>(std::stoul(*as))};
            open.capabilities.four_octet_as = open.my_as;
        } else if (const auto hold = value_of(word, "hold")) {
            open.hold_time_s = static_cast<std::uint16_t>(std::stoul(*hold));
        } else if (const auto identifier = value_of(word, "id")) {
            open.bgp_identifier = IpAddress::parse(*identifier)->v4_value();
        } else if (const auto family = value_of(word, "family")) {
            open.capabilities.families = {family_of(*family)};
        } else {
            throw std::runtime_error("no such part of an OPEN: " + word);
        }
    }
    return open;
}

/// All words from `first` on.
std::string rest_of(const Words& words, std::size_t first) {
    std::string text;
    for (std::size_t i = first; i < words.size(); ++i) text += (text.empty() ? "" : " ") + words[i];
    return text;
}

std::uint8_t octet(const std::string& text) { return static_cast<std::uint8_t>(std::stoul(text)); }

/// What the peer says on a connection: TIME WHAT ID ...
std::optional<script::Bytes> said(const Words& words) {
    const std::string& what = words.at(1);
    const Words prefixes(words.begin() + std::min<std::ptrdiff_t>(3, std::ssize(words)),
                         words.end());
    if (what == "open") return encode(parse_open(words));
    if (what == "keepalive") return encode(KeepaliveMessage{});
    if (what == "announce") return script::update({.announced = prefixes});
    if (what == "withdraw") return script::update({.withdrawn = prefixes});
    if (what == "announce-wrongly") return script::update_with_wrong_origin(words.at(3));
    if (what == "malformed-update") return script::malformed_update();
    if (what == "end-of-rib") return script::end_of_rib(family_of(words.at(3)));
    if (what == "refresh")
        return encode(RouteRefreshMessage{family_of(words.at(3)), octet(words.at(4))});
    if (what != "notification") return std::nullopt;
    NotificationMessage notification{octet(words.at(3)), octet(words.at(4)), {}};
    if (words.size() > 5)
        notification = cease_notification(notification.error_subcode, rest_of(words, 5));
    return encode(notification);
}

SessionActions perform(BgpSession& session, const Words& words, Instant now) {
    const std::string& command = words.at(1);
    if (command == "wait") return {};
    if (command == "start") return session.start(now);
    if (command == "stop") return session.stop(octet(words.at(2)), rest_of(words, 3), now);
    if (command == "leave-for-restart") return session.leave_for_restart(now);
    if (command == "connect-failed") return session.on_connect_failed(rest_of(words, 2), now);
    if (command == "bfd")
        return session.on_bfd(words.at(2) == "up"     ? BfdState::up
                              : words.at(2) == "down" ? BfdState::down
                                                      : BfdState::admin_down,
                              now);
    const ConnectionId id = std::stoull(words.at(2));
    if (command == "connected")
        return session.on_connected(
            id, words.at(3) == "outgoing" ? Direction::outgoing : Direction::incoming, now);
    if (command == "closed") return session.on_closed(id, rest_of(words, 3), now);
    if (command == "stuck") {
        session.on_write_progress(id, {.taken = 0, .waiting = 1000}, now);
        return {};
    }
    if (const auto bytes = said(words)) return session.on_bytes(id, *bytes, now);
    throw std::runtime_error("no such input: " + command);
}

/// The lines of a conversation as it really went.
class Player {
public:
    void play(const std::string& line) {
        std::istringstream in(line);
        const Words words{std::istream_iterator<std::string>(in), {}};
        if (words.empty() || line.starts_with('#')) {
            comments_.push_back(line);
            return;
        }
        if (line.starts_with(' ')) return;  // an expectation
        if (words[0] == "peer") {
            flush(line);
            session_.emplace(parse_config(words));
            return;
        }
        const Instant now = parse_seconds(words.at(0));
        BgpSession& session = session_.value();
        while (session.next_deadline() && *session.next_deadline() <= now) {
            const Instant deadline = *session.next_deadline();
            record(session.on_timer(deadline), deadline);
        }
        flush(line);
        record(perform(session, words, now), now);
    }
    const std::vector<std::string>& lines() const { return lines_; }

private:
    void flush(const std::string& line) {
        lines_.insert(lines_.end(), comments_.begin(), comments_.end());
        comments_.clear();
        lines_.push_back(line);
    }
    void record(const SessionActions& actions, Instant now) {
        for (const std::string& line : script::describe(actions))
            lines_.push_back("  " + seconds(now) + " " + line);
        if (const SessionState state = session_->state(); state != state_) {
            state_ = state;
            lines_.push_back("  " + seconds(now) + " -> " + std::string(to_string(state)));
        }
    }

    std::optional<BgpSession> session_;
    SessionState state_ = SessionState::idle;
    std::vector<std::string> comments_;  // on the input that follows
    std::vector<std::string> lines_;
};

class BgpTranscript : public testing::TestWithParam<std::string> {};

TEST_P(BgpTranscript, IsFollowedLineByLine) {
    const auto path = std::filesystem::path(TRIVET_SOURCE_DIR) / "tests/announce/bgp/testdata" /
                      (GetParam() + ".txt");
    const auto expected = test::read_transcript(path);
    ASSERT_FALSE(expected.empty()) << path;
    Player player;
    for (const std::string& line : expected) player.play(line);
    test::expect_transcript(path, expected, player.lines());
}

INSTANTIATE_TEST_SUITE_P(Stories, BgpTranscript,
                         testing::Values("bgp_active", "bgp_passive", "bgp_collision_we_win",
                                         "bgp_collision_peer_wins", "bgp_hold_expiry",
                                         "bgp_send_hold", "bgp_notification_in_every_state",
                                         "bgp_graceful_restart", "bgp_peer_restarts", "bgp_refresh",
                                         "bgp_without_capabilities", "bgp_too_many_prefixes",
                                         "bgp_bfd", "bgp_bfd_strict", "bgp_wrong_as",
                                         "bgp_oscillating", "bgp_malformed", "bgp_stop"),
                         [](const auto& row) { return row.param; });

}  // namespace
}  // namespace trivet::announce::bgp
