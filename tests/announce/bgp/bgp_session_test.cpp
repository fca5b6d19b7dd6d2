// The state machine of RFC 4271 section 8: how a session comes up, and what it tells of itself.
#include "announce/bgp/bgp_session.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/announce/bgp/session_script.hpp"

namespace trivet::announce::bgp {
namespace {

using namespace std::chrono_literals;
using script::at;
using script::describe;
using script::external_peer;
using script::find_action;
using script::internal_open;
using script::internal_peer;
using script::peer_open;
using script::sent_codes;
using script::sent_keepalives;
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
