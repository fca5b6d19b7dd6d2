// How a session ends: which NOTIFICATION goes out on which occasion, in every state.
#include <array>
#include <fmt/format.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "announce/bgp/bgp_session.hpp"
#include "tests/announce/bgp/session_script.hpp"

namespace trivet::announce::bgp {
namespace {

using namespace std::chrono_literals;
using script::Bytes;
using script::describe;
using script::external_peer;
using script::find_action;
using script::peer_open;
using script::sent_codes;
using script::sent_notification;
using script::Talk;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::array connected_states = {SessionState::open_sent, SessionState::open_confirm,
                                         SessionState::established};

/// After a NOTIFICATION was sent on connection 1: it is closed, and nothing more happens on it.
void expect_closed(Talk& talk, const SessionActions& actions) {
    const auto* closed = find_action<CloseTransport>(actions);
    ASSERT_NE(closed, nullptr);
    EXPECT_EQ(closed->connection, 1u);
    EXPECT_EQ(closed->closing, Closing::after_sending);
    EXPECT_NE(find_action<SessionDown>(actions), nullptr);
    EXPECT_THAT(describe(talk.hear(1, peer_open())), IsEmpty());
    EXPECT_THAT(describe(talk.session.on_closed(1, "", talk.now)), IsEmpty());
}

// --- Messages that a state does not allow --------------------------------------------------------

struct MessageCase {
    std::string_view name;
    Bytes bytes;
    std::array<std::string_view, 3> expected;  // in open_sent, open_confirm and established
};

std::vector<MessageCase> message_cases() {
    Bytes short_open = encode(peer_open());
    short_open[19] = std::byte{3};  // version
    // RFC 7313 section 5: a BoRR whose length is not 4.
    const Bytes long_borr =
        script::message_of(MessageType::route_refresh,
                           {std::byte{0}, std::byte{1}, std::byte{1}, std::byte{1}, std::byte{0}});
    std::string whole_borr = "7/1 ";
    for (const std::byte byte : long_borr)
        whole_borr += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
    static const std::string borr_answer = whole_borr;
    Bytes out_of_step = encode(KeepaliveMessage{});
    out_of_step[0] = std::byte{0};
    const Bytes unknown_type = script::message_of(static_cast<MessageType>(9), {});
    const Bytes long_keepalive = script::message_of(MessageType::keepalive, {std::byte{0}});
    const Bytes short_notification = script::message_of(MessageType::notification, {std::byte{6}});
    return {
        // RFC 6608 section 4: the data is the type of the message.
        {"Keepalive", encode(KeepaliveMessage{}), {"5/1 04", "none", "none"}},
        {"Update", script::update({.announced = {"192.0.2.0/24"}}), {"5/1 02", "5/2 02", "none"}},
        {"EndOfRib", script::end_of_rib(ipv4_unicast), {"5/1 02", "5/2 02", "none"}},
        {"RouteRefresh", encode(RouteRefreshMessage{ipv4_unicast}), {"5/1 05", "5/2 05", "none"}},
        {"Open", encode(peer_open()), {"none", "5/2 01", "5/3 01"}},
        // A message that is wrong in itself is out of place first.
        {"OpenOfVersion3", short_open, {"2/1 0004", "5/2 01", "5/3 01"}},
        {"MalformedUpdate", script::malformed_update(), {"5/1 02", "5/2 02", "3/1"}},
        {"LongBorr", long_borr, {"5/1 05", "5/2 05", borr_answer}},
        // RFC 4271 section 6.1: the header is wrong in every state.
        {"MarkerNotAllOnes", out_of_step, {"1/1", "1/1", "1/1"}},
        {"UnknownType", unknown_type, {"1/3 09", "1/3 09", "1/3 09"}},
        {"LongKeepalive", long_keepalive, {"1/2 0014", "1/2 0014", "1/2 0014"}},
        {"ShortNotification", short_notification, {"1/2 0014", "1/2 0014", "1/2 0014"}},
    };
}

class MessageInState : public testing::TestWithParam<MessageCase> {};

TEST_P(MessageInState, IsAnsweredAsTheRfcDemands) {
    for (std::size_t i = 0; i < connected_states.size(); ++i) {
        Talk talk;
        talk.reach(connected_states[i], 1);
        const auto actions = talk.hear(1, GetParam().bytes);
        const std::string answer = sent_codes(actions);
        EXPECT_EQ(answer, GetParam().expected[i]) << to_string(connected_states[i]);
        if (answer != "none") expect_closed(talk, actions);
        EXPECT_EQ(talk.session.status().malformed, answer == "none" ? 0u : 1u);
    }
}

INSTANTIATE_TEST_SUITE_P(Table, MessageInState, testing::ValuesIn(message_cases()),
                         [](const auto& row) { return std::string(row.param.name); });

// RFC 4271 section 4.2 and 6.2, RFC 6286, RFC 7607: what no configuration makes right.
struct BadOpen {
    std::string_view name;
    void (*change)(OpenMessage& open);
    std::string_view code;  // and subcode
};

const BadOpen bad_opens[] = {
    {"HoldTimeOfOneSecond", [](OpenMessage& open) { open.hold_time_s = 1; }, "2/6"},
    {"HoldTimeOfTwoSeconds", [](OpenMessage& open) { open.hold_time_s = 2; }, "2/6"},
    {"IdentifierZero", [](OpenMessage& open) { open.bgp_identifier = 0; }, "2/3"},
    {"AsZero",
     [](OpenMessage& open) {
         open.my_as = AsNumber{0};
         open.capabilities.four_octet_as.reset();
     },
     "2/2"},
    {"AsZeroInTheCapability",
     [](OpenMessage& open) {
         open.my_as = AsNumber{0};
         open.capabilities.four_octet_as = AsNumber{0};
     },
     "2/2"},
    {"VersionThree", [](OpenMessage& open) { open.version = 3; }, "2/1"},
    {"OtherAs",
     [](OpenMessage& open) {
         open.my_as = AsNumber{64999};
         open.capabilities.four_octet_as = open.my_as;
     },
     "2/2"},
};

class BadOpenTest : public testing::TestWithParam<BadOpen> {};

TEST_P(BadOpenTest, IsRefusedAndClosed) {
    Talk talk;
    talk.reach(SessionState::open_sent, 1);
    OpenMessage open = peer_open();
    GetParam().change(open);
    const auto actions = talk.hear(1, open);
    EXPECT_EQ(sent_codes(actions).substr(0, 3), GetParam().code);
    expect_closed(talk, actions);
    EXPECT_EQ(talk.session.state(), SessionState::active);
}

INSTANTIATE_TEST_SUITE_P(Table, BadOpenTest, testing::ValuesIn(bad_opens),
                         [](const auto& row) { return std::string(row.param.name); });

// --- Received NOTIFICATIONs ----------------------------------------------------------------------

// RFC 4271 section 8.2.2: in every state the connection is dropped; section 6.4: no NOTIFICATION
// answers a NOTIFICATION.
TEST(BgpSessionClose, ANotificationIsNeverAnswered) {
    for (const SessionState state : connected_states) {
        for (unsigned code = 0; code <= 10; ++code) {
            for (unsigned subcode = 0; subcode <= 12; ++subcode) {
                Talk talk;
                talk.reach(state, 1);
                const NotificationMessage message{
                    static_cast<std::uint8_t>(code), static_cast<std::uint8_t>(subcode), {}};
                const auto actions = talk.hear(1, message);
                EXPECT_EQ(sent_codes(actions), "none");
                ASSERT_NE(find_action<CloseTransport>(actions), nullptr);
                const auto* down = find_action<SessionDown>(actions);
                ASSERT_NE(down, nullptr);
                EXPECT_EQ(down->was_established, state == SessionState::established);
                EXPECT_EQ(down->received, message);
                EXPECT_EQ(down->sent, std::nullopt);
                EXPECT_EQ(talk.session.state(), SessionState::active);
            }
        }
    }
}

TEST(BgpSessionClose, ANotificationMayHaveAnyLength) {
    for (const std::size_t size : {0u, 1u, 2u, 7u, 129u, 255u, 256u, 4075u}) {
        Talk talk;
        (void)talk.establish(1);
        NotificationMessage message{error_code::cease, cease_reason::administrative_shutdown, {}};
        message.data.assign(size, std::byte{0xff});
        const auto actions = talk.hear(1, message);
        EXPECT_EQ(sent_codes(actions), "none") << size;
        EXPECT_NE(find_action<SessionDown>(actions), nullptr) << size;
        EXPECT_LT(talk.session.status().last_error.size(), 1000u);
    }
}

TEST(BgpSessionClose, ANotificationBeforeAnyConnectionIsOfNobody) {
    Talk talk;
    EXPECT_THAT(describe(talk.hear(1, hold_timer_notification())), IsEmpty());
    (void)talk.start();
    EXPECT_THAT(describe(talk.hear(1, hold_timer_notification())), IsEmpty());
    EXPECT_EQ(talk.session.state(), SessionState::connect);
}

// RFC 9003 section 2: "MUST NOT interpret invalid UTF-8 sequences"; and nothing that a terminal
// would obey.
TEST(BgpSessionClose, TheTextOfAShutdownIsShownSafely) {
    Talk talk;
    (void)talk.establish(1);
    (void)talk.hear(1, cease_notification(cease_reason::administrative_shutdown,
                                          "gr\xc3\xbc\xc3\x9f\x65\x1b[2J"));
    const std::string error = talk.session.status().last_error;
    EXPECT_THAT(error, HasSubstr("gr\xc3\xbc\xc3\x9f\x65"));
    EXPECT_THAT(error, testing::Not(HasSubstr("\x1b")));
}

// --- Stopping ------------------------------------------------------------------------------------

struct StopCase {
    std::string_view name;
    std::uint8_t subcode;
    std::string_view text;
    std::string_view expected;
    std::string_view expected_with_n_bits;  // RFC 8538 section 3.1
};

const StopCase stop_cases[] = {
    {"AdministrativeShutdown", 2, "", "6/2", "6/9 0602"},
    {"AdministrativeShutdownWithText", 2, "bye", "6/2 03627965", "6/9 060203627965"},
    {"PeerDeconfigured", 3, "", "6/3", "6/9 0603"},
    // RFC 9003 section 2: the text belongs to subcodes 2 and 4 alone.
    {"PeerDeconfiguredHasNoText", 3, "bye", "6/3", "6/9 0603"},
    {"AdministrativeReset", 4, "bye", "6/4 03627965", "6/4 03627965"},
    {"OtherConfigurationChange", 6, "", "6/6", "6/6"},
};

class StopTest : public testing::TestWithParam<StopCase> {};

// RFC 4271 section 8.2.2, ManualStop: "sends a NOTIFICATION message with a Cease, ... and changes
// its state to Idle".
TEST_P(StopTest, SendsCeaseInEveryStateWithAConnection) {
    for (const SessionState state : connected_states) {
        Talk talk;
        talk.reach(state, 1);
        const auto actions = talk.session.stop(GetParam().subcode, GetParam().text, talk.now);
        EXPECT_EQ(sent_codes(actions), GetParam().expected);
        expect_closed(talk, actions);
        EXPECT_EQ(talk.session.state(), SessionState::idle);
        EXPECT_EQ(talk.session.status().waiting, Waiting::stopped);
        EXPECT_EQ(talk.session.next_deadline(), std::nullopt);
        EXPECT_THAT(describe(talk.start()), ElementsAre("connect"));
    }
}

TEST_P(StopTest, IsAHardResetWhereThePeerWouldKeepRoutesThatShallGo) {
    BgpPeerSettings settings = external_peer();
    settings.graceful_restart = true;
    OpenMessage open = peer_open();
    open.capabilities.graceful_restart = script::peer_restart();
    Talk talk(settings);
    (void)talk.establish(1, open);
    EXPECT_EQ(sent_codes(talk.session.stop(GetParam().subcode, GetParam().text, talk.now)),
              GetParam().expected_with_n_bits);

    // RFC 8538 section 3.1: not "to a peer from which it has not received the 'N' bit".
    open.capabilities.graceful_restart->notification = false;
    Talk without(settings);
    (void)without.establish(1, open);
    EXPECT_EQ(sent_codes(without.session.stop(GetParam().subcode, GetParam().text, without.now)),
              GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(Table, StopTest, testing::ValuesIn(stop_cases),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(BgpSessionClose, StopWithoutAConnectionSaysNothing) {
    Talk talk;
    EXPECT_THAT(describe(talk.session.stop(2, "", talk.now)), IsEmpty());
    (void)talk.start();
    EXPECT_THAT(describe(talk.session.stop(2, "", talk.now)), ElementsAre("cancel the attempt"));
    (void)talk.start();
    (void)talk.session.on_connect_failed("refused", talk.now);
    EXPECT_THAT(describe(talk.session.stop(2, "", talk.now)), IsEmpty());
    EXPECT_EQ(talk.session.next_deadline(), std::nullopt);
    EXPECT_EQ(talk.session.state(), SessionState::idle);
}

TEST(BgpSessionClose, StopClosesBothConnectionsOfACollision) {
    Talk talk;
    (void)talk.start();
    (void)talk.connect(1);
    (void)talk.connect(2, Direction::incoming);
    EXPECT_THAT(describe(talk.session.stop(3, "", talk.now)),
                ElementsAre("send 1 NOTIFICATION Cease, Peer De-configured (6/3)", "close 1",
                            HasSubstr("down: stopped"),
                            "send 2 NOTIFICATION Cease, Peer De-configured (6/3)", "close 2",
                            HasSubstr("down: stopped")));
}

// RFC 9384 section 4: "BFD Down" goes into the hard reset.
TEST(BgpSessionClose, BfdDownIsAHardResetWhereThePeerWouldKeepRoutes) {
    BgpPeerSettings settings = external_peer();
    settings.graceful_restart = true;
    OpenMessage open = peer_open();
    open.capabilities.graceful_restart = script::peer_restart();
    Talk talk(settings);
    (void)talk.establish(1, open);
    (void)talk.session.on_bfd(BfdState::up, talk.now);
    EXPECT_EQ(sent_codes(talk.session.on_bfd(BfdState::down, talk.now)), "6/9 060a");
}

// RFC 8538 section 4: graceful restart also helps over an expired hold timer.
TEST(BgpSessionClose, HoldTimerExpiryIsNoHardReset) {
    BgpPeerSettings settings = external_peer();
    settings.graceful_restart = true;
    OpenMessage open = peer_open();
    open.capabilities.graceful_restart = script::peer_restart();
    Talk talk(settings);
    (void)talk.establish(1, open);
    EXPECT_EQ(sent_codes(talk.wait(90s)), "4/0");
}

// RFC 5492 section 3: such a peering "SHOULD NOT be re-established automatically"; slowly, then.
TEST(BgpSessionClose, AMissingCapabilityIsAskedForSlowly) {
    BgpPeerSettings settings = external_peer();
    settings.ipv4 = false;
    Talk talk(settings);
    talk.reach(SessionState::open_sent, 1);
    OpenMessage open = peer_open();
    open.capabilities.families = {ipv4_unicast};
    EXPECT_EQ(sent_codes(talk.hear(1, open)), "2/7 010400020001");
    EXPECT_EQ(talk.session.state(), SessionState::idle);
    EXPECT_EQ(talk.wait_for_connect(), 120s);
}

TEST(BgpSessionClose, EveryCloseOfAWorkingTransportSaysWhy) {
    // The two that do not are AtOnce (send hold) and leave_for_restart; each has its own test.
    Talk talk;
    (void)talk.establish(1);
    const auto actions = talk.hear(1, script::malformed_update());
    ASSERT_TRUE(sent_notification(actions));
    EXPECT_THAT(describe(actions),
                ElementsAre(HasSubstr("send 1 NOTIFICATION UPDATE Message Error"), "close 1",
                            HasSubstr("down established: the peer sent a message that is wrong or "
                                      "out of place; sent UPDATE Message Error")));
}

}  // namespace
}  // namespace trivet::announce::bgp
