// When a session that ended is tried again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "announce/bgp/bgp_session.hpp"
#include "tests/announce/bgp/session_script.hpp"

namespace trivet::announce::bgp {
namespace {

using namespace std::chrono_literals;
using script::describe;
using script::peer_open;
using script::sent_codes;
using script::Talk;
using testing::ElementsAre;

TEST(BgpSession, ALostSessionReconnectsWithinASecond) {
    Talk talk;
    (void)talk.establish(1);
    (void)talk.session.on_closed(1, "Connection reset by peer", talk.now);
    EXPECT_EQ(talk.session.state(), SessionState::active);
    const auto waited = talk.wait_for_connect();
    ASSERT_TRUE(waited);
    EXPECT_LE(*waited, 1s);
    EXPECT_EQ(talk.session.status().flaps, 1u);
    EXPECT_EQ(talk.session.status().last_error, "the connection closed: Connection reset by peer");
}

// RFC 4271 section 8.1.1, DampPeerOscillations: the first losses cost nothing, then idle grows.
TEST(BgpSession, APeerThatOscillatesIsHeldInIdle) {
    Talk talk;
    ConnectionId id = 0;
    (void)talk.start();
    for (int loss = 0; loss < 3; ++loss) {
        (void)talk.establish(++id);
        (void)talk.session.on_closed(id, "reset", talk.now);
        EXPECT_EQ(talk.session.state(), SessionState::active);
        EXPECT_LE(*talk.wait_for_connect(), 1s);
    }
    for (const Duration expected : {8s, 16s, 32s, 64s, 120s, 120s}) {
        (void)talk.establish(++id);
        (void)talk.session.on_closed(id, "reset", talk.now);
        EXPECT_EQ(talk.session.state(), SessionState::idle);
        EXPECT_EQ(talk.session.status().waiting, Waiting::idle_hold);
        EXPECT_EQ(talk.session.status().retry_at, talk.session.next_deadline());
        EXPECT_EQ(sent_codes(talk.connect(1000 + id, Direction::incoming)), "6/5");
        const auto waited = talk.wait_for_connect();
        ASSERT_TRUE(waited);
        EXPECT_GE(*waited, expected * 3 / 4);
        EXPECT_LE(*waited, expected);
    }
    EXPECT_EQ(talk.session.status().flaps, 9u);
}

TEST(BgpSession, StartEndsAnIdleHold) {
    Talk talk;
    for (ConnectionId id = 1; id <= 4; ++id) {
        (void)talk.establish(id);
        (void)talk.session.on_closed(id, "reset", talk.now);
    }
    ASSERT_EQ(talk.session.state(), SessionState::idle);
    EXPECT_THAT(describe(talk.start()), ElementsAre("connect"));
}

TEST(BgpSession, AWrongAsIsAskedMoreAndMoreSlowly) {
    Talk talk;
    OpenMessage open = peer_open();
    open.my_as = AsNumber{64999};
    open.capabilities.four_octet_as = open.my_as;
    (void)talk.start();
    Duration all{};
    for (ConnectionId id = 1; id <= 12; ++id) {
        (void)talk.connect(id);
        EXPECT_EQ(sent_codes(talk.hear(id, open)), "2/2");
        all += talk.wait_for_connect().value();
    }
    EXPECT_GT(all, 5min);
    EXPECT_EQ(talk.session.status().flaps, 0u) << "it never was established";
}

}  // namespace
}  // namespace trivet::announce::bgp
