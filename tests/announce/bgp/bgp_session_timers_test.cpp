// Hold, keepalive and send-hold timers of an established session.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "announce/bgp/bgp_session.hpp"
#include "tests/announce/bgp/session_script.hpp"

namespace trivet::announce::bgp {
namespace {

using namespace std::chrono_literals;
using script::describe;
using script::external_peer;
using script::peer_open;
using script::sent_codes;
using script::sent_keepalives;
using script::Talk;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// RFC 4271 section 6.5.
TEST(BgpSession, HoldTimerExpirySendsNotificationThenCloses) {
    Talk talk;
    (void)talk.establish(1);
    (void)talk.wait(89s);
    EXPECT_EQ(talk.session.state(), SessionState::established);
    const auto actions = talk.wait(1s);
    EXPECT_THAT(describe(actions),
                testing::IsSupersetOf({"send 1 NOTIFICATION Hold Timer Expired (4/0)", "close 1",
                                       "down established: the peer has fallen silent; sent Hold "
                                       "Timer Expired (4/0)"}));
}

// Section 8.2.2, Established: KEEPALIVE and UPDATE restart the HoldTimer; nothing else is named.
TEST(BgpSession, KeepalivesAndUpdatesRestartTheHoldTimer) {
    Talk talk;
    (void)talk.establish(1);
    (void)talk.wait(80s);
    (void)talk.hear(1, KeepaliveMessage{});
    (void)talk.wait(80s);
    (void)talk.hear(1, script::end_of_rib(ipv4_unicast));
    (void)talk.wait(80s);
    EXPECT_EQ(talk.session.state(), SessionState::established);
    (void)talk.hear(1, RouteRefreshMessage{ipv4_unicast});
    EXPECT_EQ(sent_codes(talk.wait(10s)), "4/0");
}

TEST(BgpSession, AHoldTimeOfZeroNeedsNoTimers) {
    OpenMessage open = peer_open();
    open.hold_time_s = 0;
    Talk halfway;
    halfway.reach(SessionState::open_sent, 1);
    EXPECT_THAT(describe(halfway.hear(1, open)), ElementsAre("send 1 KEEPALIVE"));
    EXPECT_EQ(sent_codes(halfway.wait(240s)), "4/0") << "without the KEEPALIVE that is due";

    Talk talk;
    (void)talk.establish(1, open);
    EXPECT_EQ(talk.session.next_deadline(), std::nullopt);
    EXPECT_EQ(sent_keepalives(talk.wait(1h)), 0u);
    EXPECT_EQ(talk.session.state(), SessionState::established);
}

// RFC 4271 section 10: 30 s, each with its own jitter.
TEST(BgpSession, KeepalivesAreSentWithJitter) {
    Talk talk;
    (void)talk.establish(1);
    std::vector<Duration> gaps;
    for (int i = 0; i < 20; ++i) {
        const Instant before = talk.now;
        talk.now = *talk.session.next_deadline();
        const auto actions = talk.session.on_timer(talk.now);
        ASSERT_EQ(sent_keepalives(actions), 1u);
        gaps.push_back(talk.now - before);
        (void)talk.hear(1, KeepaliveMessage{});
    }
    EXPECT_THAT(gaps, testing::Each(testing::AllOf(testing::Ge(22500ms), testing::Le(30s))));
    EXPECT_NE(gaps[0], gaps[1]);
}

// Section 4.4: "MUST NOT be sent more frequently than one per second".
TEST(BgpSession, KeepalivesAreAtLeastASecondApart) {
    BgpPeerSettings settings = external_peer();
    settings.hold_time = 3s;
    Talk talk(settings);
    (void)talk.establish(1);
    std::size_t sent = 0;
    for (int i = 0; i < 10; ++i) {
        sent += sent_keepalives(talk.wait(1s));
        (void)talk.hear(1, KeepaliveMessage{});
    }
    EXPECT_EQ(sent, 10u);
}

// Section 8.2.2, Established: "Each time the local system sends a KEEPALIVE or UPDATE message, it
// restarts its KeepaliveTimer".
TEST(BgpSession, UpdatesOfOursPutTheKeepaliveOff) {
    Talk talk;
    (void)talk.establish(1);
    (void)talk.wait(20s);
    talk.session.on_updates_sent(1, 5, talk.now);
    EXPECT_EQ(sent_keepalives(talk.wait(22s)), 0u);
    EXPECT_EQ(sent_keepalives(talk.wait(8s)), 1u);
    EXPECT_EQ(talk.session.status().sent.update, 5u);
}

// RFC 9687 section 6: "the greater of: 8 minutes or 2 times the negotiated HoldTime"; section 4.3:
// the connection is dropped.
TEST(BgpSession, APeerThatReadsNothingIsGivenUpAfterEightMinutes) {
    Talk talk;
    (void)talk.establish(1);
    talk.session.on_write_progress(1, {.taken = 0, .waiting = 100}, talk.now);
    const Instant begin = talk.now;
    SessionActions actions;
    while (talk.session.state() == SessionState::established && talk.now < begin + 1h) {
        (void)talk.hear(1, KeepaliveMessage{});
        actions = talk.wait(1s);
        talk.session.on_write_progress(1, {.taken = 0, .waiting = 200}, talk.now);
    }
    EXPECT_EQ(talk.now - begin, 480s);
    EXPECT_THAT(describe(actions),
                testing::IsSupersetOf({"abort 1",
                                       "down established: Send Hold Timer Expired (8/0): the peer "
                                       "reads nothing any more"}));
    EXPECT_EQ(sent_codes(actions), "none") << "it would stand behind what is not read";
    EXPECT_THAT(talk.session.status().last_error, HasSubstr("Send Hold Timer Expired"));
}

TEST(BgpSession, TheSendHoldTimeIsTwiceALongHoldTime) {
    BgpPeerSettings settings = external_peer();
    settings.hold_time = 1000s;
    OpenMessage open = peer_open();
    open.hold_time_s = 1000;
    Talk talk(settings);
    (void)talk.establish(1, open);
    talk.session.on_write_progress(1, {.taken = 0, .waiting = 100}, talk.now);
    for (int i = 0; i < 1999; ++i) {
        (void)talk.wait(1s);
        (void)talk.hear(1, KeepaliveMessage{});
    }
    EXPECT_EQ(talk.session.state(), SessionState::established);
    EXPECT_THAT(describe(talk.wait(1s)), testing::Contains("abort 1"));
}

// RFC 9687 section 4.3: "Each time the local system sends a BGP message, it restarts the
// SendHoldTimer", and with a HoldTime of zero it does not run.
TEST(BgpSession, ProgressRestartsTheSendHoldTimer) {
    Talk talk;
    (void)talk.establish(1);
    for (int minute = 0; minute < 60; ++minute) {
        talk.session.on_write_progress(1, {.taken = minute % 5 == 0 ? 1u : 0u, .waiting = 100},
                                       talk.now);
        (void)talk.wait(60s);
        (void)talk.hear(1, KeepaliveMessage{});
    }
    EXPECT_EQ(talk.session.state(), SessionState::established);
    talk.session.on_write_progress(1, {.taken = 100, .waiting = 0}, talk.now);
    for (int minute = 0; minute < 60; ++minute) {
        (void)talk.wait(60s);
        (void)talk.hear(1, KeepaliveMessage{});
    }
    EXPECT_EQ(talk.session.state(), SessionState::established);

    OpenMessage open = peer_open();
    open.hold_time_s = 0;
    Talk silent;
    (void)silent.establish(1, open);
    silent.session.on_write_progress(1, {.taken = 0, .waiting = 100}, silent.now);
    EXPECT_EQ(silent.session.next_deadline(), std::nullopt);
}

TEST(BgpSession, ATimerThatFiresEarlyDoesNothing) {
    Talk talk;
    (void)talk.establish(1);
    EXPECT_THAT(describe(talk.session.on_timer(talk.now)), IsEmpty());
    EXPECT_THAT(describe(talk.session.on_timer(talk.now + 1s)), IsEmpty());
}

}  // namespace
}  // namespace trivet::announce::bgp
