// The state machine of RFC 4271 section 8: how a session comes up, and when it tries again.
#include "announce/bgp/bgp_session.hpp"

#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/announce/bgp/session_script.hpp"

namespace trivet::announce::bgp {
namespace {

using namespace std::chrono_literals;
using script::at;
using script::config_of;
using script::describe;
using script::external_peer;
using script::find_action;
using script::internal_open;
using script::internal_peer;
using script::peer_open;
using script::sent_codes;
using script::sent_keepalives;
using script::sent_open;
using script::Talk;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

BgpPeerSettings passive_peer() {
    BgpPeerSettings settings = external_peer();
    settings.passive = true;
    return settings;
}

BgpPeerSettings dynamic_neighbour() {
    BgpPeerSettings settings = external_peer();
    settings.peer_address.reset();
    settings.peer_prefix = script::prefix("192.0.2.0/24");
    return settings;
}

constexpr std::string_view our_open =
    "OPEN as 64512 hold 90 s id 10.0.0.1 families ipv4,ipv6 refresh enhanced-refresh extended";

// --- Idle, Connect, Active -----------------------------------------------------------------------

// RFC 4271 section 8.2.2, Idle: ManualStart "initiates a TCP connection to the other BGP peer ...
// and changes its state to Connect".
TEST(BgpSession, StartConnects) {
    Talk talk;
    EXPECT_EQ(talk.session.state(), SessionState::idle);
    EXPECT_EQ(talk.session.next_deadline(), std::nullopt);
    EXPECT_THAT(describe(talk.start()), ElementsAre("connect"));
    EXPECT_EQ(talk.session.state(), SessionState::connect);
    EXPECT_THAT(describe(talk.start()), IsEmpty()) << "it runs already";
}

// Idle: "the start events ... PassiveTcpEstablishment ... listens ... and changes its state to
// Active".
TEST(BgpSession, APassivePeerAndADynamicNeighbourWaitForTheOther) {
    for (const BgpPeerSettings& settings : {passive_peer(), dynamic_neighbour()}) {
        Talk talk(settings);
        EXPECT_THAT(describe(talk.start()), IsEmpty());
        EXPECT_EQ(talk.session.state(), SessionState::active);
        EXPECT_EQ(talk.session.next_deadline(), std::nullopt);
        EXPECT_THAT(describe(talk.connect(1, Direction::incoming)),
                    ElementsAre("send 1 " + std::string(our_open)));
        (void)talk.hear(1, peer_open());
        EXPECT_NE(find_action<SessionUp>(talk.hear(1, KeepaliveMessage{})), nullptr);

        // When it is lost, it waits again, and does not connect.
        EXPECT_NE(find_action<SessionDown>(talk.session.on_closed(1, "reset", talk.now)), nullptr);
        EXPECT_EQ(talk.session.state(), SessionState::active);
        EXPECT_EQ(talk.session.next_deadline(), std::nullopt);
    }
}

// Idle: "BGP refuses all incoming BGP connections for this peer"; RFC 4486 section 4: "Connection
// Rejected".
TEST(BgpSession, IdleRefusesConnections) {
    Talk talk;
    const auto actions = talk.connect(1, Direction::incoming);
    EXPECT_EQ(sent_codes(actions), "6/5");
    EXPECT_NE(find_action<CloseTransport>(actions), nullptr);
    EXPECT_EQ(talk.session.state(), SessionState::idle);
    EXPECT_THAT(describe(talk.hear(1, peer_open())), IsEmpty());
}

// Connect: TcpConnectionFails leads to Active, and the ConnectRetryTimer back to Connect.
TEST(BgpSession, AFailedAttemptIsRepeatedQuicklyAtFirst) {
    Talk talk;
    (void)talk.start();
    for (const Duration expected : {1s, 2s, 4s, 8s, 16s, 32s, 64s, 120s, 120s}) {
        EXPECT_THAT(describe(talk.session.on_connect_failed("Connection refused", talk.now)),
                    ElementsAre("down: cannot connect to the peer: Connection refused"));
        EXPECT_EQ(talk.session.state(), SessionState::active);
        const auto waited = talk.wait_for_connect();
        ASSERT_TRUE(waited);
        EXPECT_GE(*waited, expected * 3 / 4);
        EXPECT_LE(*waited, expected);
        EXPECT_EQ(talk.session.state(), SessionState::connect);
    }
    EXPECT_EQ(talk.session.status().flaps, 0u);
}

// Connect: on ConnectRetryTimer_Expires "drops the TCP connection".
TEST(BgpSession, AnAttemptThatNobodyAnswersIsGivenUp) {
    Talk talk;
    (void)talk.start();
    EXPECT_EQ(talk.session.next_deadline(), at(10s));
    EXPECT_THAT(describe(talk.wait(10s)),
                ElementsAre("cancel the attempt", "down: cannot connect to the peer: no answer"));
    EXPECT_EQ(talk.session.state(), SessionState::active);
    EXPECT_TRUE(talk.wait_for_connect());

    BgpPeerSettings hasty = external_peer();
    hasty.connect_time = 3s;
    Talk other(hasty);
    (void)other.start();
    EXPECT_EQ(other.session.next_deadline(), at(3s));
}

TEST(BgpSession, AConnectionAfterItsAttemptWasGivenUpIsRefused) {
    Talk talk;
    (void)talk.start();
    (void)talk.wait(10s);
    EXPECT_EQ(sent_codes(talk.connect(1)), "6/5");
    EXPECT_THAT(describe(talk.session.on_connect_failed("late", talk.now)), IsEmpty());
    EXPECT_EQ(talk.session.state(), SessionState::active);
}

// --- OpenSent and OpenConfirm --------------------------------------------------------------------

// RFC 4271 section 8.2.2, Connect: "sends an OPEN message to its peer, sets the HoldTimer to a
// large value ... A HoldTimer value of 4 minutes is suggested".
TEST(BgpSession, AConnectionSendsOpenAndHoldsFourMinutes) {
    Talk talk;
    (void)talk.start();
    EXPECT_THAT(describe(talk.connect(1)), ElementsAre("send 1 " + std::string(our_open)));
    EXPECT_EQ(talk.session.state(), SessionState::open_sent);
    EXPECT_EQ(talk.session.next_deadline(), at(240s));
    EXPECT_THAT(describe(talk.wait(239s)), IsEmpty());
    EXPECT_EQ(sent_codes(talk.wait(1s)), "4/0");
}

// OpenSent: "sends a KEEPALIVE message, sets a KeepaliveTimer, sets the HoldTimer according to the
// negotiated value, ... changes its state to OpenConfirm".
TEST(BgpSession, AnAcceptableOpenIsAnsweredWithKeepalive) {
    Talk talk;
    talk.reach(SessionState::open_sent, 1);
    OpenMessage open = peer_open();
    open.hold_time_s = 9;
    EXPECT_THAT(describe(talk.hear(1, open)), ElementsAre("send 1 KEEPALIVE"));
    EXPECT_EQ(talk.session.state(), SessionState::open_confirm);
    EXPECT_EQ(sent_codes(talk.wait(9s)), "4/0") << "hold time 9 s in OpenConfirm too";
}

// OpenConfirm: "If the local system receives a KEEPALIVE message ... changes its state to
// Established".
TEST(BgpSession, AKeepaliveEstablishes) {
    Talk talk;
    talk.reach(SessionState::open_confirm, 1);
    talk.now += 5s;
    const auto actions = talk.hear(1, KeepaliveMessage{});
    const auto* up = find_action<SessionUp>(actions);
    ASSERT_NE(up, nullptr);
    EXPECT_EQ(up->connection, 1u);
    EXPECT_EQ(up->negotiated.peer_as, AsNumber{64513});
    EXPECT_EQ(up->negotiated.hold_time, 90s);
    EXPECT_EQ(talk.session.state(), SessionState::established);
    EXPECT_EQ(talk.session.status().since, at(5s));
    EXPECT_EQ(talk.session.status().negotiated, up->negotiated);
    EXPECT_EQ(talk.session.established_connection(), ConnectionId{1});
}

TEST(BgpSession, BytesMayComeOneByOne) {
    Talk talk;
    (void)talk.start();
    (void)talk.connect(1);
    SessionActions all;
    for (const auto& message : {encode(peer_open()), encode(KeepaliveMessage{})})
        for (const std::byte byte : message)
            for (auto& action : talk.hear(1, script::Bytes{byte})) all.push_back(std::move(action));
    EXPECT_EQ(sent_keepalives(all), 1u);
    EXPECT_NE(find_action<SessionUp>(all), nullptr);
    EXPECT_EQ(talk.session.status().buffered_bytes, 0u);
}

TEST(BgpSession, SeveralMessagesMayComeAtOnce) {
    Talk talk;
    (void)talk.start();
    (void)talk.connect(1);
    script::Bytes bytes = encode(peer_open());
    for (const std::byte byte : encode(KeepaliveMessage{})) bytes.push_back(byte);
    for (const std::byte byte : script::update({.announced = {"192.0.2.0/24"}}))
        bytes.push_back(byte);
    bytes.push_back(std::byte{0xff});  // and the first byte of another one
    EXPECT_NE(find_action<SessionUp>(talk.hear(1, bytes)), nullptr);
    EXPECT_EQ(talk.session.status().families.at(ipv4_unicast).received_prefixes, 1u);
    EXPECT_EQ(talk.session.status().buffered_bytes, 1u);
}

TEST(BgpSession, UnknownConnectionsAreIgnored) {
    Talk talk;
    (void)talk.establish(1);
    EXPECT_THAT(describe(talk.hear(7, peer_open())), IsEmpty());
    EXPECT_THAT(describe(talk.session.on_closed(7, "reset", talk.now)), IsEmpty());
    talk.session.on_write_progress(7, {.taken = 1, .waiting = 2}, talk.now);
    talk.session.on_updates_sent(7, 3, talk.now);
    EXPECT_EQ(talk.session.state(), SessionState::established);
    EXPECT_EQ(talk.session.status().sent.update, 0u);
}

// --- Timers in Established -----------------------------------------------------------------------

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

// --- Collisions (RFC 4271 section 6.8) -----------------------------------------------------------

enum class First { outgoing, incoming };

/// Both connections are there; the peer's OPEN comes on the one, then on the other. Which is kept?
ConnectionId kept_of_two(const BgpPeerSettings& settings, const OpenMessage& open, First first) {
    constexpr ConnectionId outgoing = 1, incoming = 2;
    Talk talk(settings);
    (void)talk.start();
    (void)talk.connect(outgoing);
    (void)talk.connect(incoming, Direction::incoming);
    const ConnectionId one = first == First::outgoing ? outgoing : incoming;
    const ConnectionId other = first == First::outgoing ? incoming : outgoing;
    EXPECT_THAT(describe(talk.hear(one, open)),
                ElementsAre("send " + std::to_string(one) + " KEEPALIVE"));
    const auto actions = talk.hear(other, open);
    EXPECT_EQ(sent_codes(actions), "6/7") << "RFC 4486: Connection Collision Resolution";
    const auto* closed = find_action<CloseTransport>(actions);
    EXPECT_NE(closed, nullptr);
    if (closed == nullptr) return 0;
    EXPECT_EQ(find_action<SessionDown>(actions), nullptr) << "the session goes on";
    const ConnectionId kept = closed->connection == outgoing ? incoming : outgoing;
    EXPECT_NE(find_action<SessionUp>(talk.hear(kept, KeepaliveMessage{})), nullptr);
    EXPECT_THAT(describe(talk.hear(closed->connection, KeepaliveMessage{})), IsEmpty());
    return kept;
}

// "the connection initiated by the BGP speaker with the higher-valued BGP Identifier is retained".
TEST(BgpSession, ACollisionKeepsTheConnectionOfTheHigherIdentifier) {
    for (const First first : {First::outgoing, First::incoming}) {
        OpenMessage open = peer_open();
        open.bgp_identifier = 0x0a000002;  // ours is 10.0.0.1
        EXPECT_EQ(kept_of_two(external_peer(), open, first), 2u);
        open.bgp_identifier = 0x09ffffff;
        EXPECT_EQ(kept_of_two(external_peer(), open, first), 1u);
        // "converting them to host byte order and treating them as 4-octet unsigned integers"
        open.bgp_identifier = 0xf0000001;
        EXPECT_EQ(kept_of_two(external_peer(), open, first), 2u);
    }
}

// RFC 6286 section 2.3: "the connection initiated by the BGP speaker with the larger AS number".
TEST(BgpSession, ACollisionOfEqualIdentifiersKeepsThatOfTheLargerAs) {
    for (const First first : {First::outgoing, First::incoming}) {
        OpenMessage open = peer_open();  // of AS 64513, above ours
        open.bgp_identifier = 0x0a000001;
        EXPECT_EQ(kept_of_two(external_peer(), open, first), 2u);
        BgpPeerSettings settings = external_peer();
        settings.local_asn = AsNumber{4'200'000'001};
        EXPECT_EQ(kept_of_two(settings, open, first), 1u);
    }
}

TEST(BgpSession, AnEstablishedConnectionClosesTheOtherOne) {
    Talk talk;
    (void)talk.start();
    (void)talk.connect(1);
    (void)talk.connect(2, Direction::incoming);
    (void)talk.hear(1, peer_open());
    EXPECT_THAT(describe(talk.hear(1, KeepaliveMessage{})),
                ElementsAre("send 2 NOTIFICATION Cease, Connection Collision Resolution (6/7)",
                            "close 2", HasSubstr("up 1 ")));
}

// "a connection collision with an existing BGP connection that is in the Established state causes
// closing of the newly created connection".
TEST(BgpSession, ANewConnectionBesideAnEstablishedOneIsClosed) {
    Talk talk;
    (void)talk.establish(1);
    talk.now += 10s;
    // And the established one is asked at once whether it still is.
    EXPECT_THAT(describe(talk.connect(2, Direction::incoming)),
                ElementsAre("send 2 NOTIFICATION Cease, Connection Collision Resolution (6/7)",
                            "close 2", "send 1 KEEPALIVE"));
    EXPECT_EQ(sent_keepalives(talk.connect(3, Direction::incoming)), 0u) << "one a second";
    EXPECT_EQ(talk.session.state(), SessionState::established);
}

TEST(BgpSession, AnIncomingConnectionWithItsOpenEndsOurAttempt) {
    Talk talk;
    (void)talk.start();
    (void)talk.connect(1, Direction::incoming);
    EXPECT_EQ(talk.session.state(), SessionState::open_sent);
    EXPECT_THAT(describe(talk.hear(1, peer_open())),
                ElementsAre("cancel the attempt", "send 1 KEEPALIVE"));
}

TEST(BgpSession, APeerThatConnectsAnewHasGivenTheFormerConnectionUp) {
    Talk talk(passive_peer());
    (void)talk.start();
    (void)talk.connect(1, Direction::incoming);
    EXPECT_THAT(describe(talk.connect(2, Direction::incoming)),
                ElementsAre("send 1 NOTIFICATION Cease, Connection Collision Resolution (6/7)",
                            "close 1", HasSubstr("send 2 OPEN")));
}

TEST(BgpSession, WhileOneConnectionGoesOnTheOtherMayFail) {
    Talk talk;
    (void)talk.start();
    (void)talk.connect(1);
    (void)talk.connect(2, Direction::incoming);
    (void)talk.session.on_closed(1, "reset", talk.now);
    EXPECT_EQ(talk.session.state(), SessionState::open_sent);
    (void)talk.hear(2, peer_open());
    EXPECT_NE(find_action<SessionUp>(talk.hear(2, KeepaliveMessage{})), nullptr);
    EXPECT_EQ(find_action<StartConnect>(talk.wait(30s)), nullptr);
}

// --- Reconnection and damping --------------------------------------------------------------------

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

// --- BFD -----------------------------------------------------------------------------------------

BgpPeerSettings strict_peer() {
    BgpPeerSettings settings = external_peer();
    settings.bfd_strict = true;
    return settings;
}

TEST(BgpSession, StrictModeWaitsForBfd) {
    Talk talk(strict_peer());
    EXPECT_THAT(describe(talk.start()), IsEmpty());
    EXPECT_EQ(talk.session.state(), SessionState::idle);
    EXPECT_EQ(talk.session.status().waiting, Waiting::bfd);
    EXPECT_EQ(sent_codes(talk.connect(1, Direction::incoming)), "6/5");
    EXPECT_THAT(describe(talk.session.on_bfd(BfdState::admin_down, talk.now)), IsEmpty());
    EXPECT_THAT(describe(talk.session.on_bfd(BfdState::up, talk.now)), ElementsAre("connect"));
    (void)talk.connect(2);
    (void)talk.hear(2, peer_open());
    EXPECT_NE(find_action<SessionUp>(talk.hear(2, KeepaliveMessage{})), nullptr);

    EXPECT_EQ(sent_codes(talk.session.on_bfd(BfdState::down, talk.now)), "6/10");
    EXPECT_EQ(talk.session.status().waiting, Waiting::bfd);
    EXPECT_EQ(talk.session.next_deadline(), std::nullopt);
    EXPECT_THAT(describe(talk.session.on_bfd(BfdState::up, talk.now)), ElementsAre("connect"));
}

TEST(BgpSession, StrictModeGivesAnAttemptUpWhenBfdGoesDown) {
    Talk talk(strict_peer());
    (void)talk.session.on_bfd(BfdState::up, talk.now);
    EXPECT_THAT(describe(talk.start()), ElementsAre("connect"));
    EXPECT_THAT(describe(talk.session.on_bfd(BfdState::down, talk.now)),
                ElementsAre("cancel the attempt"));
    EXPECT_EQ(talk.session.status().waiting, Waiting::bfd);
}

// RFC 9384 section 3: Cease, "BFD Down".
TEST(BgpSession, BfdDownClosesAnEstablishedSession) {
    Talk talk;
    (void)talk.establish(1);
    EXPECT_THAT(describe(talk.session.on_bfd(BfdState::down, talk.now)), IsEmpty())
        << "it was never up";
    EXPECT_THAT(describe(talk.session.on_bfd(BfdState::up, talk.now)), IsEmpty());
    EXPECT_THAT(describe(talk.session.on_bfd(BfdState::down, talk.now)),
                ElementsAre("send 1 NOTIFICATION Cease, BFD Down (6/10)", "close 1",
                            "down established: BFD lost the path to the peer; sent Cease, BFD Down "
                            "(6/10)"));
    EXPECT_EQ(talk.session.state(), SessionState::active);
    // The path is there again: no waiting.
    EXPECT_THAT(describe(talk.session.on_bfd(BfdState::up, talk.now)), ElementsAre("connect"));
}

// RFC 5882 section 3.2: AdminDown is no loss of the path.
TEST(BgpSession, BfdAdminDownClosesNothing) {
    Talk talk;
    (void)talk.establish(1);
    (void)talk.session.on_bfd(BfdState::up, talk.now);
    EXPECT_THAT(describe(talk.session.on_bfd(BfdState::admin_down, talk.now)), IsEmpty());
    EXPECT_THAT(describe(talk.session.on_bfd(BfdState::down, talk.now)), IsEmpty());
    EXPECT_EQ(talk.session.state(), SessionState::established);
}

// --- Capabilities and graceful restart -----------------------------------------------------------

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

// --- Status --------------------------------------------------------------------------------------

TEST(BgpSession, StatusCountsMessagesByType) {
    Talk talk;
    (void)talk.establish(1);
    (void)talk.hear(1, script::update({.announced = {"192.0.2.0/24", "2001:db8::/32"}}));
    (void)talk.hear(1, RouteRefreshMessage{ipv4_unicast});
    (void)talk.wait(30s);
    (void)talk.hear(1, cease_notification(cease_reason::administrative_shutdown, "night"));
    const SessionStatus status = talk.session.status();
    EXPECT_EQ(status.received, (MessageCounters{1, 1, 1, 1, 1}));
    EXPECT_EQ(status.sent.open, 1u);
    EXPECT_GE(status.sent.keepalive, 2u);
    EXPECT_EQ(status.sent.notification, 0u);
    EXPECT_EQ(status.received.total(), 5u);
    EXPECT_EQ(status.last_error,
              "the peer closed the session; received Cease, Administrative Shutdown (6/2): "
              "\"night\"");
    EXPECT_EQ(status.last_error_at, at(30s));
    EXPECT_THAT(status.families, IsEmpty());
    EXPECT_EQ(status.negotiated, std::nullopt);
}

TEST(BgpSession, SecretsAreInNoText) {
    BgpPeerSettings settings = external_peer();
    settings.password = "correct horse";
    Talk talk(settings);
    SessionActions all = talk.start();
    for (auto& action : talk.session.on_connect_failed("refused", talk.now))
        all.push_back(std::move(action));
    for (auto& action : talk.establish(1)) all.push_back(std::move(action));
    for (auto& action : talk.session.stop(cease_reason::administrative_shutdown, "", talk.now))
        all.push_back(std::move(action));
    for (const std::string& line : describe(all))
        EXPECT_THAT(line, testing::Not(HasSubstr("horse")));
    EXPECT_THAT(talk.session.status().last_error, testing::Not(HasSubstr("horse")));
}

TEST(BgpSession, StatesHaveTheNamesOfTheRfc) {
    EXPECT_EQ(to_string(SessionState::idle), "idle");
    EXPECT_EQ(to_string(SessionState::connect), "connect");
    EXPECT_EQ(to_string(SessionState::active), "active");
    EXPECT_EQ(to_string(SessionState::open_sent), "open_sent");
    EXPECT_EQ(to_string(SessionState::open_confirm), "open_confirm");
    EXPECT_EQ(to_string(SessionState::established), "established");
}

TEST(BgpSession, InternalPeersGetOn) {
    Talk talk(internal_peer());
    const auto actions = talk.establish(1, internal_open());
    ASSERT_NE(find_action<SessionUp>(actions), nullptr);
    EXPECT_FALSE(find_action<SessionUp>(actions)->negotiated.is_external);
}

}  // namespace
}  // namespace trivet::announce::bgp
