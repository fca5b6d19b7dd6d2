#include "announce/bgp/bgp_rib_out.hpp"

#include "tests/announce/bgp/told_peer.hpp"

namespace trivet::announce::bgp {
namespace {

using update_test::address;
using update_test::expected_table;
using update_test::external_session;
using update_test::hex;
using update_test::prefix;
using update_test::read_messages;
using update_test::read_updates;
using update_test::ReadUpdate;
using update_test::routes;
using update_test::SessionCase;
using update_test::ToldPeer;

constexpr std::size_t no_limit = std::size_t{1} << 30;
constexpr std::string_view marker = "ffffffffffffffffffffffffffffffff";

/// One line on each message: "+10.0.0.0/24 +10.0.1.0/24", "-10.0.0.0/24", "end of 1/1".
std::vector<std::string> lines(std::span<const std::byte> bytes) {
    std::vector<std::string> result;
    for (const auto& message : read_messages(bytes, 65535)) {
        if (const auto* refresh = std::get_if<update_test::ReadRefresh>(&message.body)) {
            result.push_back((refresh->subtype == 1 ? "BoRR " : "EoRR ") +
                             std::to_string(refresh->family.afi));
            continue;
        }
        const ReadUpdate& update = std::get<ReadUpdate>(message.body);
        std::string line;
        if (update.end_of_rib) line = "end of " + std::to_string(update.end_of_rib->afi);
        for (const Prefix& prefix : update.withdrawn)
            line += (line.empty() ? "-" : " -") + prefix.to_string();
        for (const Prefix& prefix : update.announced)
            line += (line.empty() ? "+" : " +") + prefix.to_string();
        result.push_back(line);
    }
    return result;
}
using Lines = std::vector<std::string>;

/// A RibOut in a session.
class BgpRibOut : public testing::Test {
public:
    void up() { rib.on_up(session.negotiated, session.next_hops, session.our_role); }
    Lines take(std::size_t bytes_max = no_limit) { return lines(rib.take_updates(bytes_max)); }
    /// Up, the routes told, the End-of-RIBs behind us.
    void told(const std::shared_ptr<const BgpRoutes>& table) {
        rib.set_routes(table);
        up();
        (void)take();
        EXPECT_FALSE(rib.has_work());
    }
    std::vector<Prefix> known() const {
        std::vector<Prefix> prefixes;
        for (const ToldRoute& route : rib.told_routes({}, no_limit))
            prefixes.push_back(route.prefix);
        return prefixes;
    }

    RibOut rib;
    SessionCase session = external_session();
};

TEST_F(BgpRibOut, TellsAllAndThenTheEndOfEachFamily) {
    rib.set_routes(routes({{}}, {{"10.0.0.0/24", 0}, {"10.0.1.0/24", 0}, {"2001:db8:1::/64", 0}}));
    EXPECT_FALSE(rib.has_work());
    up();
    EXPECT_TRUE(rib.has_work());
    EXPECT_EQ(take(),
              (Lines{"+10.0.0.0/24 +10.0.1.0/24", "end of 1", "+2001:db8:1::/64", "end of 2"}));
    EXPECT_FALSE(rib.has_work());
    EXPECT_EQ(take(), Lines{});
    EXPECT_EQ(rib.counters().updates_sent, 4U);
    EXPECT_EQ(rib.counters().announced, 3U);
    EXPECT_EQ(rib.counters().withdrawn, 0U);
    EXPECT_EQ(rib.counters().bytes_sent, 51U + 23U + 69U + 29U);
    EXPECT_EQ(rib.advertised(ipv4_unicast), 2U);
    EXPECT_EQ(rib.advertised(ipv6_unicast), 1U);
}

TEST_F(BgpRibOut, WritesTheseBytes) {
    rib.set_routes(routes({{.med = 5}}, {{"10.0.0.0/24", 0}}));
    session.negotiated.codec.families = {ipv4_unicast};
    up();
    EXPECT_EQ(hex(rib.take_updates(no_limit)),
              hex(std::string(marker) +
                  "0036 02 0000 001b"
                  "40 01 01 00  40 02 06 02 01 0000fc00  40 03 04 c0000201  80 04 04 00000005"
                  "18 0a0000" +
                  std::string(marker) + "0017 02 0000 0000"));
}

// RFC 4724 section 2: also when there is nothing to tell.
TEST_F(BgpRibOut, TellsTheEndOfRibWithoutRoutes) {
    rib.set_routes(routes({}, {}));
    up();
    EXPECT_EQ(take(), (Lines{"end of 1", "end of 2"}));
    EXPECT_FALSE(rib.has_work());
}

// A restarted node must not tell the peer to forget before it knows its own routes.
TEST_F(BgpRibOut, SaysNothingBeforeRoutesAreKnown) {
    up();
    EXPECT_FALSE(rib.has_work());
    EXPECT_EQ(take(), Lines{});
    rib.set_routes(routes({{}}, {{"10.0.0.0/24", 0}}));
    EXPECT_TRUE(rib.has_work());
    EXPECT_EQ(take(), (Lines{"+10.0.0.0/24", "end of 1", "end of 2"}));
}

TEST_F(BgpRibOut, TellsTheEndOfNegotiatedFamiliesAlone) {
    session.negotiated.codec.families = {ipv6_unicast};
    rib.set_routes(routes({{}}, {{"10.0.0.0/24", 0}, {"2001:db8:1::/64", 0}}));
    up();
    EXPECT_EQ(take(), (Lines{"+2001:db8:1::/64", "end of 2"}));
    EXPECT_EQ(rib.advertised(ipv4_unicast), 0U);
}

TEST_F(BgpRibOut, TellsDifferencesAloneAndWithdrawalsOfAllFamiliesFirst) {
    told(routes({{}, {.med = 1}}, {{"10.0.0.0/24", 0},
                                   {"10.0.1.0/24", 0},
                                   {"10.0.2.0/24", 1},
                                   {"2001:db8:1::/64", 0},
                                   {"2001:db8:2::/64", 0}}));
    rib.set_routes(routes({{}, {.med = 2}}, {{"10.0.1.0/24", 0},
                                             {"10.0.2.0/24", 1},
                                             {"10.0.3.0/24", 0},
                                             {"2001:db8:2::/64", 0},
                                             {"2001:db8:3::/64", 0}}));
    EXPECT_TRUE(rib.has_work());
    EXPECT_EQ(take(), (Lines{"-10.0.0.0/24", "-2001:db8:1::/64", "+10.0.3.0/24", "+10.0.2.0/24",
                             "+2001:db8:3::/64"}));
    EXPECT_FALSE(rib.has_work());
}

TEST_F(BgpRibOut, SaysNothingAboutAnotherTableWithTheSameRoutes) {
    const auto table = routes({{}}, {{"10.0.0.0/24", 0}});
    told(table);
    rib.set_routes(table);
    EXPECT_FALSE(rib.has_work());
    rib.set_routes(routes({{.med = 3}, {}}, {{"10.0.0.0/24", 1}}));
    EXPECT_TRUE(rib.has_work());  // not known yet
    EXPECT_EQ(take(), Lines{});
    EXPECT_FALSE(rib.has_work());
}

TEST_F(BgpRibOut, PutsAnAggregateInPlaceOfItsPartsBeforeItTakesThemAway) {
    told(routes({{}}, {{"10.0.0.5/32", 0}, {"10.0.0.9/32", 0}, {"10.0.1.1/32", 0}}));
    rib.set_routes(routes({{}}, {{"10.0.0.0/24", 0}}));
    EXPECT_EQ(take(), (Lines{"-10.0.1.1/32", "+10.0.0.0/24", "-10.0.0.5/32 -10.0.0.9/32"}));
    rib.set_routes(routes({{}}, {{"10.0.0.5/32", 0}}));
    EXPECT_EQ(take(), (Lines{"+10.0.0.5/32", "-10.0.0.0/24"}));
    EXPECT_EQ(rib.advertised(ipv4_unicast), 1U);
}

TEST_F(BgpRibOut, StartsAnewInTheNextSession) {
    told(routes({{}}, {{"10.0.0.0/24", 0}}));
    rib.on_down();
    EXPECT_FALSE(rib.has_work());
    EXPECT_EQ(rib.advertised(ipv4_unicast), 0U);
    EXPECT_FALSE(rib.is_advertised(prefix("10.0.0.0/24")));
    EXPECT_EQ(take(), Lines{});
    rib.refresh(ipv4_unicast);
    up();
    EXPECT_EQ(take(), (Lines{"+10.0.0.0/24", "end of 1", "end of 2"}));
}

TEST_F(BgpRibOut, GivesWholeMessagesUpToTheLimitAndOneAtLeast) {
    std::map<std::string, std::uint32_t> prefixes;
    for (int i = 0; i < 2000; ++i)
        prefixes.emplace("10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250) + "/32",
                         0);
    const auto table = routes({{}}, prefixes);
    rib.set_routes(table);
    up();
    ToldPeer peer;
    std::size_t calls = 0;
    for (; rib.has_work(); ++calls) {
        const auto bytes = rib.take_updates(1);
        ASSERT_EQ(read_messages(bytes, 4096).size(), 1U);
        peer.apply(bytes);
        EXPECT_EQ(rib.advertised(ipv4_unicast), peer.table().size());
    }
    EXPECT_EQ(calls, 5U);  // 810 routes a message, and two End-of-RIB
    EXPECT_EQ(peer.table(), expected_table(*table, session));

    rib.set_routes(routes({}, {}));
    EXPECT_LE(rib.take_updates(2 * 4096).size(), 2 * 4096U);
    EXPECT_EQ(rib.advertised(ipv4_unicast), 2000U - 2 * 814U);
    EXPECT_EQ(read_messages(rib.take_updates(2 * 4096), 4096).size(), 1U);
    EXPECT_FALSE(rib.has_work());
}

TEST_F(BgpRibOut, GoesOnFromWhereItWasWhenRoutesChangeUnderWay) {
    const std::vector<BgpAttributes> sets{{}, {.med = 1}, {.med = 2}};
    rib.set_routes(routes(sets, {{"10.0.0.0/24", 0}, {"10.0.1.0/24", 1}, {"10.0.2.0/24", 2}}));
    up();
    EXPECT_EQ(take(1), (Lines{"+10.0.0.0/24"}));
    EXPECT_EQ(take(1), (Lines{"+10.0.1.0/24"}));
    rib.set_routes(routes(sets, {{"10.0.0.0/24", 0}, {"10.0.2.0/24", 1}}));
    EXPECT_TRUE(rib.is_advertised(prefix("10.0.1.0/24")));
    EXPECT_FALSE(rib.is_advertised(prefix("10.0.2.0/24")));
    EXPECT_EQ(take(), (Lines{"-10.0.1.0/24", "+10.0.2.0/24", "end of 1", "end of 2"}));
}

// Back to the table of before while the way to another is half gone.
TEST_F(BgpRibOut, TurnsBackUnderWay) {
    const auto before = routes({{}, {.med = 1}}, {{"10.0.0.0/24", 0}, {"10.0.1.0/24", 1}});
    told(before);
    rib.set_routes(routes({{.med = 7}, {.med = 8}}, {{"10.0.0.0/24", 0}, {"10.0.1.0/24", 1}}));
    EXPECT_EQ(take(1), (Lines{"+10.0.0.0/24"}));
    rib.set_routes(before);
    EXPECT_EQ(take(), (Lines{"+10.0.0.0/24"}));
    EXPECT_FALSE(rib.has_work());
}

// RFC 7313 section 4
TEST_F(BgpRibOut, AnswersARefreshBetweenItsMarks) {
    session.negotiated.codec.enhanced_route_refresh = true;
    told(
        routes({{}, {.med = 1}}, {{"10.0.0.0/24", 0}, {"10.0.1.0/24", 1}, {"2001:db8:1::/64", 0}}));
    rib.refresh(ipv4_unicast);
    EXPECT_TRUE(rib.has_work());
    EXPECT_EQ(take(), (Lines{"BoRR 1", "+10.0.0.0/24", "+10.0.1.0/24", "EoRR 1"}));
    rib.refresh(ipv6_unicast);
    EXPECT_EQ(take(), (Lines{"BoRR 2", "+2001:db8:1::/64", "EoRR 2"}));
    EXPECT_FALSE(rib.has_work());
    EXPECT_EQ(rib.advertised(ipv4_unicast), 2U);
}

// RFC 2918
TEST_F(BgpRibOut, AnswersAPlainRefreshWithoutMarks) {
    told(routes({{}}, {{"10.0.0.0/24", 0}, {"10.0.1.0/24", 0}}));
    rib.refresh(ipv4_unicast);
    EXPECT_EQ(take(), (Lines{"+10.0.0.0/24 +10.0.1.0/24"}));
    EXPECT_FALSE(rib.has_work());
}

TEST_F(BgpRibOut, AnswersARefreshOfAFamilyWithoutRoutes) {
    session.negotiated.codec.enhanced_route_refresh = true;
    told(routes({}, {}));
    rib.refresh(ipv6_unicast);
    EXPECT_EQ(take(), (Lines{"BoRR 2", "EoRR 2"}));
}

TEST_F(BgpRibOut, IgnoresARefreshOfAFamilyThatWasNotNegotiated) {
    session.negotiated.codec.enhanced_route_refresh = true;
    session.negotiated.codec.families = {ipv4_unicast};
    told(routes({{}}, {{"10.0.0.0/24", 0}}));
    rib.refresh(ipv6_unicast);
    rib.refresh({.afi = 1, .safi = 128});
    EXPECT_FALSE(rib.has_work());
}

// RFC 7313 section 4: BoRR before End-of-RIB would be ignored.
TEST_F(BgpRibOut, RefreshesAfterTheFirstExchange) {
    session.negotiated.codec.enhanced_route_refresh = true;
    rib.set_routes(routes({{}, {.med = 1}}, {{"10.0.0.0/24", 0}, {"10.0.1.0/24", 1}}));
    up();
    EXPECT_EQ(take(1), (Lines{"+10.0.0.0/24"}));
    rib.refresh(ipv4_unicast);
    EXPECT_EQ(take(), (Lines{"+10.0.1.0/24", "end of 1", "BoRR 1", "+10.0.0.0/24", "+10.0.1.0/24",
                             "EoRR 1", "end of 2"}));
}

TEST_F(BgpRibOut, RefreshesAgainWhenAskedUnderWay) {
    session.negotiated.codec.enhanced_route_refresh = true;
    told(routes({{}, {.med = 1}}, {{"10.0.0.0/24", 0}, {"10.0.1.0/24", 1}}));
    rib.refresh(ipv4_unicast);
    EXPECT_EQ(take(24), (Lines{"BoRR 1"}));
    EXPECT_EQ(take(1), (Lines{"+10.0.0.0/24"}));
    for (int i = 0; i < 3; ++i) rib.refresh(ipv4_unicast);  // one more is enough for all
    EXPECT_EQ(take(), (Lines{"+10.0.1.0/24", "EoRR 1", "BoRR 1", "+10.0.0.0/24", "+10.0.1.0/24",
                             "EoRR 1"}));
}

TEST_F(BgpRibOut, RefreshesWhileRoutesChange) {
    session.negotiated.codec.enhanced_route_refresh = true;
    const std::vector<BgpAttributes> sets{{}, {.med = 1}, {.med = 2}};
    told(routes(sets, {{"10.0.0.0/24", 0}, {"10.0.1.0/24", 1}, {"10.0.2.0/24", 2}}));
    rib.refresh(ipv4_unicast);
    EXPECT_EQ(take(1), (Lines{"BoRR 1"}));
    EXPECT_EQ(take(1), (Lines{"+10.0.0.0/24"}));
    rib.set_routes(routes(sets, {{"10.0.0.0/24", 0}, {"10.0.2.0/24", 2}, {"10.0.3.0/24", 0}}));
    // What was refreshed is not told again.
    EXPECT_EQ(take(), (Lines{"-10.0.1.0/24", "+10.0.3.0/24", "+10.0.2.0/24", "EoRR 1"}));
}

TEST_F(BgpRibOut, ShowsWhatThePeerWasTold) {
    const auto table = routes(
        {{}, {.med = 1}},
        {{"10.0.0.0/24", 0}, {"10.0.1.0/24", 1}, {"10.0.2.0/24", 0}, {"2001:db8:1::/64", 1}});
    told(table);
    ASSERT_NE(rib.told(prefix("10.0.1.0/24")), nullptr);
    EXPECT_EQ(rib.told(prefix("10.0.1.0/24"))->med, 1U);
    EXPECT_FALSE(rib.is_advertised(prefix("10.0.1.0/25")));
    EXPECT_FALSE(rib.is_advertised(prefix("2001:db8:2::/64")));
    const auto page = rib.told_routes(prefix("10.0.1.0/24"), 2);
    ASSERT_EQ(page.size(), 2U);
    EXPECT_EQ(page[0].prefix, prefix("10.0.2.0/24"));
    EXPECT_EQ(page[1].prefix, prefix("2001:db8:1::/64"));
    EXPECT_EQ(page[1].attributes->med, 1U);
    EXPECT_EQ(rib.told_routes(prefix("2001:db8:1::/64"), 2).size(), 0U);
    EXPECT_EQ(rib.told_routes({}, 0).size(), 0U);

    rib.set_routes(routes({{.med = 2}}, {{"10.0.1.0/24", 0}, {"2001:db8:2::/64", 0}}));
    (void)take(1);  // what is withdrawn of IPv4
    (void)take(1);
    EXPECT_EQ(rib.told(prefix("10.0.1.0/24"))->med, 1U);
    EXPECT_EQ(known(), (std::vector{prefix("10.0.1.0/24")}));
    (void)take(1);
    EXPECT_EQ(rib.told(prefix("10.0.1.0/24"))->med, 2U);
    (void)take();
    EXPECT_EQ(known(), (std::vector{prefix("10.0.1.0/24"), prefix("2001:db8:2::/64")}));
}

TEST_F(BgpRibOut, AnnouncesAgainWithAnotherNextHop) {
    told(routes({{}}, {{"10.0.0.0/24", 0}, {"2001:db8:1::/64", 0}}));
    rib.set_next_hops(session.next_hops);
    EXPECT_FALSE(rib.has_work());
    NextHops next_hops = session.next_hops;
    next_hops.ipv4 = address("192.0.2.7");
    rib.set_next_hops(next_hops);
    const auto updates = read_updates(rib.take_updates(no_limit));
    ASSERT_EQ(updates.size(), 1U);
    EXPECT_EQ(hex(updates[0].next_hop), hex("c0000207"));
    next_hops.ipv4.reset();
    rib.set_next_hops(next_hops);
    EXPECT_EQ(take(), (Lines{"-10.0.0.0/24"}));
    EXPECT_EQ(rib.held_back(ipv4_unicast).cause, HeldBackCause::no_next_hop);
    next_hops.ipv4 = address("192.0.2.8");
    rib.set_next_hops(next_hops);
    EXPECT_EQ(take(), (Lines{"+10.0.0.0/24"}));
}

// RFC 9234 section 5
TEST_F(BgpRibOut, SendsOnlyToCustomerAsTheRoleDemands) {
    rib.set_routes(routes({{}}, {{"10.0.0.0/24", 0}}));
    const auto has_otc = [&](std::optional<BgpRole> role, bool is_external) {
        session.our_role = role;
        session.negotiated.is_external = is_external;
        up();
        const auto attributes = read_updates(rib.take_updates(no_limit)).at(0).attributes;
        return std::ranges::any_of(attributes, [](const auto& one) { return one.type == 35; });
    };
    EXPECT_FALSE(has_otc({}, true));
    EXPECT_TRUE(has_otc(BgpRole::provider, true));
    EXPECT_TRUE(has_otc(BgpRole::peer, true));
    EXPECT_TRUE(has_otc(BgpRole::route_server, true));
    EXPECT_FALSE(has_otc(BgpRole::customer, true));
    EXPECT_FALSE(has_otc(BgpRole::route_server_client, true));
    EXPECT_FALSE(has_otc(BgpRole::provider, false));
}

TEST_F(BgpRibOut, UsesExtendedMessagesWhereTheyWereNegotiated) {
    std::map<std::string, std::uint32_t> prefixes;
    for (int i = 0; i < 2000; ++i)
        prefixes.emplace("10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250) + "/32",
                         0);
    rib.set_routes(routes({{}}, prefixes));
    session.negotiated.codec.extended_messages = true;
    up();
    const auto updates = read_updates(rib.take_updates(no_limit), 65535);
    ASSERT_EQ(updates.size(), 3U);
    EXPECT_EQ(updates[0].announced.size(), 2000U);
}

/// All messages through our own decoder, which is as strict with others as RFC 7606 wants it.
void expect_accepted(std::span<const std::byte> bytes, CodecOptions codec) {
    codec.extended_offered = codec.extended_messages;
    while (!bytes.empty()) {
        const auto taken = take_message(bytes, codec);
        ASSERT_TRUE(taken.has_value());
        ASSERT_TRUE(taken->has_value());
        const auto& update = std::get<UpdateMessage>((*taken)->message);
        ASSERT_EQ(update.treatment, UpdateTreatment::accept) << update.problem;
        bytes = bytes.subspan((*taken)->size);
    }
}

TEST_F(BgpRibOut, WritesWhatOurDecoderAccepts) {
    const BgpAttributes many{.local_pref = 7,
                             .med = 1,
                             .prepend = 255,
                             .communities = {well_known::no_export},
                             .extended_communities = {ExtendedCommunity(1)},
                             .large_communities = {{1, 2, 3}}};
    const auto table = routes(
        {{}, many},
        {{"10.0.0.0/24", 0}, {"10.0.1.0/24", 1}, {"2001:db8:1::/64", 0}, {"2001:db8:2::/64", 1}});
    for (const unsigned bits : {0U, 1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U, 15U}) {
        SCOPED_TRACE(bits);
        CodecOptions& codec = session.negotiated.codec;
        session.negotiated.is_external = codec.is_external = (bits & 1) == 0;
        codec.four_octet_as = (bits & 2) == 0;
        codec.extended_next_hop = {ipv4_unicast};
        session.next_hops.ipv6_link_local = address("fe80::1");
        if ((bits & 4) != 0)
            session.next_hops.ipv4.reset();
        else
            session.next_hops.ipv4 = address("192.0.2.1");
        session.negotiated.local_as = AsNumber((bits & 8) == 0 ? 4200000001 : 64512);
        session.our_role = BgpRole::provider;
        rib.set_routes(table);
        up();
        expect_accepted(rib.take_updates(no_limit), codec);
        rib.set_routes(routes({}, {}));
        expect_accepted(rib.take_updates(no_limit), codec);
        EXPECT_EQ(rib.counters().withdrawn % 4, 0U);
    }
}

}  // namespace
}  // namespace trivet::announce::bgp
