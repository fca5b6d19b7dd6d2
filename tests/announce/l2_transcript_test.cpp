// Conversations as texts: each file of testdata/l2_*.txt holds inputs (lines that begin with a time
// in seconds) and what the session did about them and since the input before (indented lines).
// With TRIVET_REWRITE_TRANSCRIPTS=1 the files are written anew, to be reviewed as a diff.
#include <filesystem>
#include <fmt/format.h>
#include <sstream>
#include <stdexcept>

#include "announce/arp_session.hpp"
#include "announce/ndp_session.hpp"
#include "tests/announce/l2_frames.hpp"
#include "tests/support/transcript.hpp"

namespace trivet::announce {
namespace {

using Words = std::vector<std::string>;

std::string seconds(Instant instant) {
    const auto ms = std::chrono::floor<std::chrono::milliseconds>(instant.time_since_epoch());
    return fmt::format("{}.{:03}", ms.count() / 1000, ms.count() % 1000);
}

Instant parse_seconds(const std::string& text) {
    return at(std::chrono::round<std::chrono::milliseconds>(
        std::chrono::duration<double>(std::stod(text))));
}

LinkState link_state(const Words& words) {  // link MAC up|down [forwarding] [ADDRESS...]
    LinkState link;
    link.mac = mac(words.at(2));
    link.up = words.at(3) == "up";
    for (std::size_t i = 4; i < words.size(); ++i) {
        if (words[i] == "forwarding")
            link.forwarding = true;
        else
            link.addresses.push_back(ip(words[i]));
    }
    return link;
}

std::vector<std::byte> received_frame(const Words& words) {
    const std::string& kind = words.at(1);  // TIME arp-request MAC SENDER TARGET, and so on
    const MacAddress from = mac(words.at(2));
    const IpAddress sender = ip(words.at(3));
    const IpAddress target = ip(words.at(4));
    if (kind == "arp-request") return arp_frame(ArpOperation::request, from, sender, target);
    if (kind == "arp-reply") return arp_frame(ArpOperation::reply, from, sender, target);
    if (kind == "ns") return encode(solicitation(from, sender, target));
    if (kind == "na") return encode(advertisement(from, sender, target));
    throw std::runtime_error("no such input: " + kind);
}

template <class Session>
L2Actions perform(Session& session, const Words& words, Instant now) {
    const std::string& command = words.at(1);
    if (command == "link") return session.on_link(link_state(words), now);
    if (command == "claim")
        return session.claim(ip(words.at(2)),
                             words.at(3) == "planned" ? ClaimKind::planned : ClaimKind::take_over,
                             now);
    if (command == "arm") return session.arm(ip(words.at(2)));
    if (command == "ask") return session.ask(ip(words.at(2)));
    if (command == "stand-by") {
        session.stand_by(ip(words.at(2)));
        return {};
    }
    if (command == "release") return session.release(ip(words.at(2)), now);
    if (command == "reannounce") return session.reannounce(now);
    if (command == "wait") return {};
    return session.on_frame(received_frame(words), now);
}

template <class Session>
std::vector<std::string> play(const std::vector<std::string>& script) {
    Session session({.random_seed = 1});
    std::vector<std::string> lines;
    std::vector<std::string> comments;  // on the input that follows
    const auto record = [&lines](const L2Actions& actions, Instant now) {
        for (const std::string& line : describe(actions))
            lines.push_back("  " + seconds(now) + " " + line);
    };
    for (const std::string& line : script) {
        std::istringstream in(line);
        const Words words{std::istream_iterator<std::string>(in), {}};
        if (words.empty() || line.starts_with('#')) {
            comments.push_back(line);
            continue;
        }
        if (line.starts_with(' ')) continue;  // an expectation
        const Instant now = parse_seconds(words.at(0));
        while (session.next_deadline() && *session.next_deadline() <= now) {
            const Instant deadline = *session.next_deadline();
            record(session.on_timer(deadline), deadline);
        }
        lines.insert(lines.end(), comments.begin(), comments.end());
        comments.clear();
        lines.push_back(line);
        record(perform(session, words, now), now);
    }
    return lines;
}

class L2Transcript : public testing::TestWithParam<std::string> {};

TEST_P(L2Transcript, IsFollowedLineByLine) {
    const auto path = std::filesystem::path(TRIVET_SOURCE_DIR) / "tests/announce/testdata" /
                      (GetParam() + ".txt");
    const auto expected = test::read_transcript(path);
    ASSERT_FALSE(expected.empty()) << path;
    const bool is_arp = GetParam().starts_with("l2_arp");
    const auto played = is_arp ? play<ArpSession>(expected) : play<NdpSession>(expected);
    test::expect_transcript(path, expected, played);
}

INSTANTIATE_TEST_SUITE_P(Stories, L2Transcript,
                         testing::Values("l2_arp_take_over", "l2_arp_planned_claim",
                                         "l2_arp_conflict", "l2_arp_mac_change", "l2_arp_lease",
                                         "l2_ndp_take_over", "l2_ndp_dad_defence",
                                         "l2_ndp_conflict", "l2_ndp_mac_change", "l2_ndp_lease"),
                         [](const auto& row) { return row.param; });

}  // namespace
}  // namespace trivet::announce
