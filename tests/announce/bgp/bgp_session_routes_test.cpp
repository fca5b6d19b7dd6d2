// What a session does with UPDATEs and ROUTE-REFRESHes of the peer: it counts, and stays small.
#include <fmt/format.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "announce/bgp/bgp_session.hpp"
#include "tests/announce/bgp/session_script.hpp"

namespace trivet::announce::bgp {
namespace {

using namespace std::chrono_literals;
using script::describe;
using script::external_peer;
using script::find_action;
using script::peer_open;
using script::sent_codes;
using script::Talk;
using testing::ElementsAre;
using testing::IsEmpty;

std::size_t received(const Talk& talk, AfiSafi family) {
    return talk.session.status().families.at(family).received_prefixes;
}

TEST(BgpSessionRoutes, ReceivedPrefixesAreCountedByFamily) {
    Talk talk;
    (void)talk.establish(1);
    (void)talk.hear(1, script::update({.announced = {"192.0.2.0/24", "198.51.100.0/24"}}));
    (void)talk.hear(1, script::update({.announced = {"192.0.2.0/24", "2001:db8::/32"}}));
    EXPECT_EQ(received(talk, ipv4_unicast), 2u);
    EXPECT_EQ(received(talk, ipv6_unicast), 1u);
    (void)talk.hear(1, script::update({.withdrawn = {"192.0.2.0/24", "2001:db8::/32"}}));
    EXPECT_EQ(received(talk, ipv4_unicast), 1u);
    EXPECT_EQ(received(talk, ipv6_unicast), 0u);
}

// RFC 4271 section 4.3: "An UPDATE message SHOULD NOT include the same address prefix in the
// WITHDRAWN ROUTES and Network Layer Reachability Information fields. However, a BGP speaker MUST
// be able to process UPDATE messages in this form", as if it were not withdrawn.
TEST(BgpSessionRoutes, APrefixInBothListsIsAnnounced) {
    Talk talk;
    (void)talk.establish(1);
    (void)talk.hear(1, script::update({.announced = {"192.0.2.0/24"},  //
                                       .withdrawn = {"192.0.2.0/24"}}));
    EXPECT_EQ(received(talk, ipv4_unicast), 1u);
}

TEST(BgpSessionRoutes, TheCountBeginsAnewWithEachSession) {
    Talk talk;
    (void)talk.establish(1);
    (void)talk.hear(1, script::update({.announced = {"192.0.2.0/24"}}));
    (void)talk.hear(1, script::end_of_rib(ipv4_unicast));
    (void)talk.session.on_closed(1, "reset", talk.now);
    (void)talk.establish(2);
    EXPECT_EQ(received(talk, ipv4_unicast), 0u);
    EXPECT_FALSE(talk.session.status().families.at(ipv4_unicast).end_of_rib);
}

// RFC 4724 section 2.
TEST(BgpSessionRoutes, EndOfRibIsNotedByFamily) {
    Talk talk;
    (void)talk.establish(1);
    (void)talk.hear(1, script::end_of_rib(ipv6_unicast));
    EXPECT_TRUE(talk.session.status().families.at(ipv6_unicast).end_of_rib);
    EXPECT_FALSE(talk.session.status().families.at(ipv4_unicast).end_of_rib);
    EXPECT_EQ(talk.session.status().received.update, 1u);
}

// RFC 7606 section 2: "treat-as-withdraw", the session goes on.
TEST(BgpSessionRoutes, AMalformedAttributeWithdrawsAndIsCounted) {
    Talk talk;
    (void)talk.establish(1);
    (void)talk.hear(1, script::update({.announced = {"192.0.2.0/24"}}));
    EXPECT_THAT(describe(talk.hear(1, script::update_with_wrong_origin("192.0.2.0/24"))),
                IsEmpty());
    EXPECT_EQ(talk.session.state(), SessionState::established);
    EXPECT_EQ(received(talk, ipv4_unicast), 0u);
    EXPECT_EQ(talk.session.status().updates_treated_as_withdraw, 1u);
    EXPECT_FALSE(talk.session.status().last_update_problem.empty());
}

// --- Maximum number of prefixes (RFC 4271 section 6.7, RFC 4486 section 4) -----------------------

BgpPeerSettings peer_with_limit(std::uint32_t prefixes_max) {
    BgpPeerSettings settings = external_peer();
    settings.prefixes_max = prefixes_max;
    return settings;
}

TEST(BgpSessionRoutes, TooManyPrefixesEndTheSessionForAWhile) {
    Talk talk(peer_with_limit(2));
    (void)talk.establish(1);
    EXPECT_THAT(describe(talk.hear(1, script::update({.announced = {"192.0.2.0/24",  //
                                                                    "198.51.100.0/24"}}))),
                IsEmpty());
    const auto actions = talk.hear(1, script::update({.announced = {"203.0.113.0/24"}}));
    EXPECT_THAT(
        describe(actions),
        ElementsAre("send 1 NOTIFICATION Cease, Maximum Number of Prefixes Reached (6/1): IPv4 "
                    "unicast, limit 2",
                    "close 1",
                    "down established: the peer announced more than 2 IPv4 prefixes; sent Cease, "
                    "Maximum Number of Prefixes Reached (6/1): IPv4 unicast, limit 2"));
    EXPECT_EQ(talk.session.status().waiting, Waiting::idle_hold);
    EXPECT_EQ(sent_codes(talk.connect(2, Direction::incoming)), "6/5");
    EXPECT_EQ(talk.wait_for_connect(), 15min);
}

// RFC 4486 section 4: address family and upper bound in the data.
TEST(BgpSessionRoutes, TheDataSayWhichFamilyAndLimit) {
    Talk talk(peer_with_limit(1));
    (void)talk.establish(1);
    EXPECT_EQ(sent_codes(talk.hear(
                  1, script::update({.announced = {"2001:db8::/32", "2001:db8:1::/48"}}))),
              "6/1 00020100000001");
}

TEST(BgpSessionRoutes, TheLimitIsOfEachFamily) {
    Talk talk(peer_with_limit(1));
    (void)talk.establish(1);
    EXPECT_THAT(describe(talk.hear(1, script::update({.announced = {"192.0.2.0/24",  //
                                                                    "2001:db8::/32"}}))),
                IsEmpty());
    EXPECT_EQ(talk.session.state(), SessionState::established);
}

TEST(BgpSessionRoutes, WithdrawalsMakeRoomFirst) {
    Talk talk(peer_with_limit(1));
    (void)talk.establish(1);
    (void)talk.hear(1, script::update({.announced = {"192.0.2.0/24"}}));
    EXPECT_THAT(describe(talk.hear(1, script::update({.announced = {"198.51.100.0/24"},
                                                      .withdrawn = {"192.0.2.0/24"}}))),
                IsEmpty());
    EXPECT_EQ(received(talk, ipv4_unicast), 1u);
}

// 10^5 UPDATEs with next hops that all differ: nothing of them is kept but the prefixes.
TEST(BgpSessionRoutes, ManyUpdatesLeaveNothingBehind) {
    Talk talk;
    (void)talk.establish(1);
    for (std::uint32_t i = 0; i < 100'000; ++i) {
        const auto actions =
            talk.hear(1, script::update({.announced = {fmt::format("10.{}.0.0/16", i % 256)},
                                         .next_hop = 0x0b000000 + i}));
        ASSERT_TRUE(actions.empty());
    }
    EXPECT_EQ(talk.session.status().received.update, 100'000u);
    EXPECT_EQ(received(talk, ipv4_unicast), 256u);
    EXPECT_EQ(talk.session.status().buffered_bytes, 0u);
}

TEST(BgpSessionRoutes, ManyPrefixesStopAtTheLimit) {
    Talk talk(peer_with_limit(1000));
    (void)talk.establish(1);
    std::uint32_t announced = 0;
    while (talk.session.state() == SessionState::established && announced < 5000) {
        (void)talk.hear(1,
                        script::update({.announced = {fmt::format("10.{}.{}.0/24", announced / 256,
                                                                  announced % 256)}}));
        ++announced;
    }
    EXPECT_EQ(announced, 1001u);
}

// --- Extended messages (RFC 8654) ----------------------------------------------------------------

script::Bytes long_update() {
    std::vector<std::string> prefixes;
    for (int i = 0; i < 1500; ++i)
        prefixes.push_back(fmt::format("10.{}.{}.0/24", i / 256, i % 256));
    return script::update({.announced = std::move(prefixes)});
}

// Section 4: the peer may send long messages when it has received our capability.
TEST(BgpSessionRoutes, ALongMessageIsTakenWhenWeHaveOfferedIt) {
    for (const bool peer_says_it : {true, false}) {
        Talk talk;
        OpenMessage open = peer_open();
        open.capabilities.extended_messages = peer_says_it;
        (void)talk.establish(1, open);
        const script::Bytes message = long_update();
        ASSERT_GT(message.size(), message_size_max);
        // In pieces, as TCP brings them.
        for (std::size_t begin = 0; begin < message.size(); begin += 1000)
            (void)talk.hear(1, script::Bytes(message.begin() + static_cast<std::ptrdiff_t>(begin),
                                             message.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                                   begin + 1000, message.size()))));
        EXPECT_EQ(received(talk, ipv4_unicast), 1500u);
    }
}

// Section 4: who has not offered it "MUST NOT accept" it: Bad Message Length.
TEST(BgpSessionRoutes, ALongMessageIsRefusedWhenWeHaveNotOfferedIt) {
    Talk talk;
    talk.reach(SessionState::open_sent, 1);
    (void)talk.hear(1, open_notification(open_error::unsupported_optional_parameter));
    (void)talk.establish(2);
    EXPECT_EQ(sent_codes(talk.hear(2, long_update())).substr(0, 4), "1/2 ");
}

// --- ROUTE-REFRESH (RFC 2918, RFC 7313) ----------------------------------------------------------

constexpr std::uint8_t borr = 1, eorr = 2;

TEST(BgpSessionRoutes, ARefreshOfAnAgreedFamilyIsPassedOn) {
    Talk talk;
    (void)talk.establish(1);
    EXPECT_THAT(describe(talk.hear(1, RouteRefreshMessage{ipv4_unicast})),
                ElementsAre("refresh ipv4"));
    EXPECT_THAT(describe(talk.hear(1, RouteRefreshMessage{ipv6_unicast})),
                ElementsAre("refresh ipv6"));
}

TEST(BgpSessionRoutes, ManyRefreshesInOneReadAreOne) {
    Talk talk;
    (void)talk.establish(1);
    script::Bytes bytes;
    for (int i = 0; i < 1000; ++i)
        for (const std::byte byte :
             encode(RouteRefreshMessage{i % 2 == 0 ? ipv4_unicast : ipv6_unicast}))
            bytes.push_back(byte);
    EXPECT_THAT(describe(talk.hear(1, bytes)), ElementsAre("refresh ipv4", "refresh ipv6"));
}

// RFC 2918 section 4: "the speaker shall ignore" a family that it did not offer.
TEST(BgpSessionRoutes, ARefreshOfAnotherFamilyIsIgnored) {
    Talk talk;
    OpenMessage open = peer_open();
    open.capabilities.families = {ipv4_unicast};
    (void)talk.establish(1, open);
    EXPECT_THAT(describe(talk.hear(1, RouteRefreshMessage{ipv6_unicast})), IsEmpty());
    EXPECT_THAT(describe(talk.hear(1, RouteRefreshMessage{AfiSafi{25, 70}})), IsEmpty());
    EXPECT_EQ(talk.session.status().refreshes_ignored, 2u);
    EXPECT_EQ(talk.session.state(), SessionState::established);
}

// RFC 7313 section 4: BoRR and EoRR frame routes; section 5: other subtypes "MUST" be ignored.
TEST(BgpSessionRoutes, SubtypesThatAskForNothingAreIgnored) {
    Talk talk;
    (void)talk.establish(1);
    for (const std::uint8_t subtype : {borr, eorr, std::uint8_t{3}, std::uint8_t{255}})
        EXPECT_THAT(describe(talk.hear(1, RouteRefreshMessage{ipv4_unicast, subtype})), IsEmpty());
    EXPECT_EQ(talk.session.status().refreshes_ignored, 4u);
    EXPECT_EQ(talk.session.state(), SessionState::established);
}

// RFC 2918 section 3: to a peer without the enhanced capability the octet is reserved.
TEST(BgpSessionRoutes, WithoutEnhancedRefreshTheSubtypeMeansNothing) {
    Talk talk;
    OpenMessage open = peer_open();
    open.capabilities.enhanced_route_refresh = false;
    (void)talk.establish(1, open);
    EXPECT_THAT(describe(talk.hear(1, RouteRefreshMessage{ipv4_unicast, borr})),
                ElementsAre("refresh ipv4"));
}

}  // namespace
}  // namespace trivet::announce::bgp
