// Conversations of two sessions as texts: each file of testdata/bfd_*.txt holds what happens (lines
// that begin with a time in seconds, or with the settings of a side) and what follows from it
// (indented lines): changes of state, and packets that differ from the one before in the same
// direction. With TRIVET_REWRITE_TRANSCRIPTS=1 the files are written anew, to be reviewed as a
// diff.
#include <filesystem>
#include <fmt/format.h>
#include <sstream>
#include <stdexcept>

#include <gtest/gtest.h>

#include "tests/announce/bfd/conversation.hpp"
#include "tests/support/transcript.hpp"

namespace trivet::announce::bfd {
namespace {

using Words = std::vector<std::string>;
using std::chrono::milliseconds;

Side side_of(const std::string& word) { return word == "a" ? Side::a : Side::b; }

BfdSettings changed(BfdSettings settings, const Words& words, std::size_t first) {
    for (std::size_t i = first; i < words.size(); ++i) {
        const auto [name, value] = [&] {
            const auto equals = words[i].find('=');
            return std::pair(
                words[i].substr(0, equals),
                equals == std::string::npos ? 0 : std::stoi(words[i].substr(equals + 1)));
        }();
        if (name == "transmit")
            settings.transmit_interval = milliseconds{value};
        else if (name == "receive")
            settings.receive_interval = milliseconds{value};
        else if (name == "multiplier")
            settings.detect_multiplier = static_cast<std::uint8_t>(value);
        else if (name == "echo")
            settings.echo_interval = milliseconds{value};
        else if (name == "passive")
            settings.passive = true;
        else if (name != "sha1")
            throw std::runtime_error("no such setting: " + words[i]);
    }
    return settings;
}

/// Plays one file.
class Player {
public:
    std::vector<std::string> play(const std::vector<std::string>& script) {
        for (const std::string& line : script) {
            std::istringstream in(line);
            const Words words{std::istream_iterator<std::string>(in), {}};
            if (line.starts_with(' ')) continue;  // an expectation
            if (words.empty() || line.starts_with('#')) {
                comments_.push_back(line);
            } else if (words[0] == "a" || words[0] == "b") {
                set_up(words);
                note(line);
            } else {
                happen(words, line);
            }
        }
        return lines_;
    }

private:
    void set_up(const Words& words) {
        const Side side = side_of(words[0]);
        settings_.at(index(side)) = changed(settings_.at(index(side)), words, 1);
        if (std::ranges::find(words, "sha1") != words.end()) is_authenticated_ = true;
    }

    void happen(const Words& words, const std::string& line) {
        const Instant when = at(
            std::chrono::round<milliseconds>(std::chrono::duration<double>(std::stod(words[0]))));
        if (!talk_) begin();
        talk_->run_until(when);
        note(line);
        const std::string& what = words.at(1);
        if (what == "wait") return;
        if (what == "cut" || what == "heal" || what == "cut-echo") {
            const bool is_lost = what != "heal";
            auto& lost = what == "cut-echo" ? echo_lost_ : lost_;
            for (const Side side : {Side::a, Side::b})
                if (words.size() == 2 || side_of(words[2]) == side) {
                    lost.at(index(side)) = is_lost;
                    if (!is_lost) echo_lost_.at(index(side)) = false;
                }
            return;
        }
        const Side side = side_of(words.at(2));
        if (what == "start")
            talk_->start(side);
        else if (what == "stop")
            talk_->stop(side);
        else if (what == "restart")
            talk_->restart(side, config(side));
        else if (what == "set")
            talk_->configure(
                side, settings_.at(index(side)) = changed(settings_.at(index(side)), words, 3));
        else
            throw std::runtime_error("no such event: " + line);
    }

    void begin() {
        talk_.emplace(
            config(Side::a), config(Side::b),
            Conversation::Observer{
                .on_sent = [this](Side side, Instant now,
                                  const ControlPacket& packet) { sent(side, now, packet); },
                .on_change =
                    [this](Side side, Instant now, const StateChanged& change) {
                        record(
                            side, now,
                            fmt::format("is {}{}", to_string(change.state),
                                        change.diagnostic == Diagnostic::none
                                            ? ""
                                            : fmt::format(" ({})", to_string(change.diagnostic))));
                    }});
        talk_->link().loses = [this](Side from) { return lost_.at(index(from)); };
        talk_->link().loses_echo = [this](Side from) { return echo_lost_.at(index(from)); };
    }

    BfdSession::Config config(Side side) {
        ++lives_;
        BfdSession::Config made{.settings = settings_.at(index(side)),
                                .local_discriminator = 100 + lives_,
                                .random_seed = lives_,
                                .echo_key = {static_cast<std::uint8_t>(lives_)}};
        if (is_authenticated_)
            made.authenticator =
                Authenticator::make(key_of(AuthenticationType::meticulous_keyed_sha1),
                                    lives_ * 1000)
                    .value();
        return made;
    }

    void sent(Side side, Instant now, const ControlPacket& packet) {
        auto& before = before_.at(index(side));
        if (before == packet) return;
        before = packet;
        record(side, now, "sends " + describe(packet));
    }

    void record(Side side, Instant now, const std::string& text) {
        lines_.push_back(fmt::format("  {} {} {}", seconds(now), letter(side), text));
    }

    void note(const std::string& line) {
        lines_.insert(lines_.end(), comments_.begin(), comments_.end());
        comments_.clear();
        lines_.push_back(line);
    }

    std::optional<Conversation> talk_;
    std::array<BfdSettings, 2> settings_;
    std::array<bool, 2> lost_{}, echo_lost_{};
    std::array<std::optional<ControlPacket>, 2> before_;
    bool is_authenticated_ = false;
    std::uint32_t lives_ = 0;
    std::vector<std::string> lines_, comments_;
};

class BfdTranscript : public testing::TestWithParam<std::string> {};

TEST_P(BfdTranscript, IsFollowedLineByLine) {
    const auto path = std::filesystem::path(TRIVET_SOURCE_DIR) / "tests/announce/bfd/testdata" /
                      (GetParam() + ".txt");
    const auto expected = test::read_transcript(path);
    ASSERT_FALSE(expected.empty()) << path;
    const auto played = Player().play(expected);
    test::expect_transcript(path, expected, played);
}

INSTANTIATE_TEST_SUITE_P(Stories, BfdTranscript,
                         testing::Values("bfd_bring_up", "bfd_loss", "bfd_poll", "bfd_admin_down",
                                         "bfd_echo", "bfd_passive", "bfd_both_passive",
                                         "bfd_restart", "bfd_authenticated"),
                         [](const auto& row) { return row.param; });

}  // namespace
}  // namespace trivet::announce::bfd
