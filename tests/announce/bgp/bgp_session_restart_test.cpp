// Capabilities that are left out, and graceful restart (RFC 4724, RFC 5492, RFC 8538).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "announce/bgp/bgp_session.hpp"
#include "tests/announce/bgp/session_script.hpp"

namespace trivet::announce::bgp {
namespace {

using namespace std::chrono_literals;
using script::at;
using script::config_of;
using script::describe;
using script::external_peer;
using script::find_action;
using script::peer_open;
using script::sent_codes;
using script::sent_open;
using script::Talk;
using testing::ElementsAre;
using testing::HasSubstr;

// RFC 5492 section 3: "SHOULD attempt to re-establish a BGP connection ... without sending to the
// peer the Capabilities Optional Parameter".
TEST(BgpSession, APeerWithoutCapabilitiesIsAskedAgainWithoutThem) {
    Talk talk;
    talk.reach(SessionState::open_sent, 1);
    (void)talk.hear(1, open_notification(open_error::unsupported_optional_parameter));
    ASSERT_TRUE(talk.wait_for_connect());
    const auto open = sent_open(talk.connect(2));
    ASSERT_TRUE(open);
    EXPECT_EQ(open->capabilities, Capabilities{});
    OpenMessage bare = peer_open();
    bare.capabilities = {};
    (void)talk.hear(2, bare);
    const auto actions = talk.hear(2, KeepaliveMessage{});
    const auto* up = find_action<SessionUp>(actions);
    ASSERT_NE(up, nullptr);
    EXPECT_EQ(up->negotiated.codec.families, std::set{ipv4_unicast});
    EXPECT_FALSE(up->negotiated.codec.four_octet_as);

    // The next session begins with them again: the peer may have learnt.
    (void)talk.session.on_closed(2, "reset", talk.now);
    ASSERT_TRUE(talk.wait_for_connect());
    EXPECT_NE(sent_open(talk.connect(3))->capabilities, Capabilities{});
}

TEST(BgpSession, OtherRefusalsDoNotCostTheCapabilities) {
    for (const std::uint8_t subcode : std::to_array<std::uint8_t>({0, 1, 2, 3, 6, 7, 11})) {
        Talk talk;
        talk.reach(SessionState::open_sent, 1);
        (void)talk.hear(1, open_notification(subcode));
        ASSERT_TRUE(talk.wait_for_connect());
        EXPECT_NE(sent_open(talk.connect(2))->capabilities, Capabilities{});
    }
}

BgpPeerSettings graceful_peer() {
    BgpPeerSettings settings = external_peer();
    settings.graceful_restart = true;
    return settings;
}

OpenMessage graceful_open() {
    OpenMessage open = peer_open();
    open.capabilities.graceful_restart = script::peer_restart();
    return open;
}

BgpSession::Config after_a_restart() {
    BgpSession::Config config = config_of(graceful_peer());
    config.restarting = true;
    config.forwarding_kept = {{ipv4_unicast, true}, {ipv6_unicast, false}};
    return config;
}

// RFC 4724 section 3: the R bit "MUST be set" by a speaker that has restarted; not afterwards.
TEST(BgpSession, TheRestartBitIsForTheFirstSession) {
    Talk talk(after_a_restart());
    (void)talk.start();
    const auto first = sent_open(talk.connect(1));
    ASSERT_TRUE(first && first->capabilities.graceful_restart);
    EXPECT_TRUE(first->capabilities.graceful_restart->restarting);
    EXPECT_TRUE(first->capabilities.graceful_restart->notification);
    EXPECT_EQ(first->capabilities.graceful_restart->restart_time_s, 120);
    EXPECT_TRUE(first->capabilities.graceful_restart->forwarding.at(ipv4_unicast));
    EXPECT_FALSE(first->capabilities.graceful_restart->forwarding.at(ipv6_unicast));

    // An attempt that fails is not a session.
    (void)talk.session.on_closed(1, "reset", talk.now);
    ASSERT_TRUE(talk.wait_for_connect());
    EXPECT_TRUE(sent_open(talk.connect(2))->capabilities.graceful_restart->restarting);
    (void)talk.hear(2, graceful_open());
    (void)talk.hear(2, KeepaliveMessage{});
    talk.session.set_forwarding_kept({{ipv4_unicast, true}, {ipv6_unicast, true}});

    (void)talk.session.on_closed(2, "reset", talk.now);
    ASSERT_TRUE(talk.wait_for_connect());
    const auto later = sent_open(talk.connect(3))->capabilities.graceful_restart;
    EXPECT_FALSE(later->restarting);
    EXPECT_TRUE(later->forwarding.at(ipv6_unicast));
}

// Section 4.2: after the restart time the peer has deleted the routes.
TEST(BgpSession, TheRestartBitEndsWithTheRestartTime) {
    Talk talk(after_a_restart());
    (void)talk.start();
    (void)talk.connect(1);
    (void)talk.wait(120s);
    (void)talk.session.on_closed(1, "reset", talk.now);
    ASSERT_TRUE(talk.wait_for_connect());
    EXPECT_FALSE(sent_open(talk.connect(2))->capabilities.graceful_restart->restarting);
}

// Section 4.2: "the previous TCP session MUST be closed, and the new one retained"; section 5: no
// NOTIFICATION is sent on it.
TEST(BgpSession, APeerThatRestartedReplacesItsConnection) {
    Talk talk(graceful_peer());
    (void)talk.establish(1, graceful_open());
    EXPECT_THAT(describe(talk.connect(2, Direction::incoming)),
                ElementsAre("close 1", "down established: the peer has restarted and connects anew",
                            HasSubstr("send 2 OPEN")));
    (void)talk.hear(2, graceful_open());
    EXPECT_NE(find_action<SessionUp>(talk.hear(2, KeepaliveMessage{})), nullptr);
}

// But who does nothing else is held in idle as any other that oscillates.
TEST(BgpSession, APeerThatKeepsRestartingIsHeldInIdle) {
    Talk talk(graceful_peer());
    ConnectionId id = 1;
    (void)talk.establish(id, graceful_open());
    for (; id <= 3; ++id) {
        (void)talk.connect(id + 1, Direction::incoming);
        (void)talk.hear(id + 1, graceful_open());
        EXPECT_NE(find_action<SessionUp>(talk.hear(id + 1, KeepaliveMessage{})), nullptr);
    }
    const auto actions = talk.connect(5, Direction::incoming);
    EXPECT_THAT(describe(actions),
                ElementsAre("close 4", HasSubstr("down established"),
                            "send 5 NOTIFICATION Cease, Connection Rejected (6/5)", "close 5"));
    EXPECT_EQ(talk.session.status().waiting, Waiting::idle_hold);
}

// Section 4: a NOTIFICATION would end what the peer keeps for us.
TEST(BgpSession, LeavingForARestartSaysNothing) {
    Talk talk(graceful_peer());
    (void)talk.establish(1, graceful_open());
    EXPECT_THAT(describe(talk.session.leave_for_restart(talk.now)),
                ElementsAre("close 1", "down established: restarting; the peer keeps our routes"));
    EXPECT_EQ(talk.session.state(), SessionState::idle);
    EXPECT_EQ(talk.session.next_deadline(), std::nullopt);

    Talk plain;
    (void)plain.establish(1);
    EXPECT_THAT(sent_codes(plain.session.leave_for_restart(plain.now)), HasSubstr("6/4 "));
}

}  // namespace
}  // namespace trivet::announce::bgp
