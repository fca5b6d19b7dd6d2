#include "announce/bgp/bgp_held_back.hpp"

#include "announce/bgp/bgp_rib_out.hpp"
#include "tests/announce/bgp/told_peer.hpp"

namespace trivet::announce::bgp {
namespace {

using testing::HasSubstr;
using update_test::expected_table;
using update_test::external_session;
using update_test::prefix;
using update_test::routes;
using update_test::SessionCase;
using update_test::ToldPeer;

BgpAttributes with_communities(std::uint32_t count) {
    BgpAttributes attributes;
    for (std::uint32_t i = 0; i < count; ++i) attributes.communities.insert(Community(i));
    return attributes;
}

/// A session in which these routes were told as far as they can be.
class BgpHeldBack : public testing::Test {
public:
    void tell(const std::shared_ptr<const BgpRoutes>& table) {
        rib.set_routes(table);
        rib.on_up(session.negotiated, session.next_hops, session.our_role);
        peer = ToldPeer(session.message_size_max());
        peer.apply(rib.take_updates(std::size_t{1} << 30));
        EXPECT_FALSE(rib.has_work());
        EXPECT_EQ(peer.table(), expected_table(*table, session));
        EXPECT_EQ(peer.ends_of_rib().size(), session.negotiated.codec.families.size());
    }

    RibOut rib;
    SessionCase session = external_session();
    ToldPeer peer;
};

TEST_F(BgpHeldBack, AreNoRoutesAsARule) {
    tell(routes({{}}, {{"10.0.0.0/24", 0}, {"2001:db8:1::/64", 0}}));
    EXPECT_EQ(rib.held_back(ipv4_unicast), HeldBack{});
    EXPECT_EQ(rib.held_back(ipv6_unicast), HeldBack{});
    EXPECT_EQ(rib.held_back_cause(prefix("10.0.0.0/24")), HeldBackCause::none);
    EXPECT_EQ(rib.held_back_cause(prefix("10.9.0.0/24")), HeldBackCause::none);
    rib.on_down();
    EXPECT_EQ(rib.held_back(ipv4_unicast), HeldBack{});
}

TEST_F(BgpHeldBack, AreRoutesOfAFamilyThatWasNotNegotiated) {
    session.negotiated.codec.families = {ipv4_unicast};
    tell(routes({{}}, {{"10.0.0.0/24", 0}, {"2001:db8:1::/64", 0}, {"2001:db8:2::/64", 0}}));
    const HeldBack held_back = rib.held_back(ipv6_unicast);
    EXPECT_EQ(held_back.routes, 2U);
    EXPECT_EQ(held_back.cause, HeldBackCause::family_not_negotiated);
    EXPECT_THAT(held_back.reason, HasSubstr("IPv6"));
    EXPECT_EQ(rib.held_back_cause(prefix("2001:db8:1::/64")), HeldBackCause::family_not_negotiated);
    EXPECT_EQ(rib.held_back(ipv4_unicast), HeldBack{});
}

TEST_F(BgpHeldBack, AreRoutesWithoutANextHop) {
    session.next_hops = {.ipv6 = update_test::address("2001:db8::1")};
    tell(routes({{}}, {{"10.0.0.0/24", 0}, {"2001:db8:1::/64", 0}}));
    EXPECT_EQ(rib.held_back(ipv4_unicast).routes, 1U);
    EXPECT_EQ(rib.held_back(ipv4_unicast).cause, HeldBackCause::no_next_hop);
    EXPECT_THAT(rib.held_back(ipv4_unicast).reason, HasSubstr("RFC 8950"));
    EXPECT_EQ(rib.held_back_cause(prefix("10.0.0.0/24")), HeldBackCause::no_next_hop);

    session.negotiated.codec.extended_next_hop = {ipv4_unicast};
    tell(routes({{}}, {{"10.0.0.0/24", 0}, {"2001:db8:1::/64", 0}}));
    EXPECT_EQ(rib.held_back(ipv4_unicast), HeldBack{});
    EXPECT_TRUE(rib.is_advertised(prefix("10.0.0.0/24")));

    session.next_hops = {.ipv4 = update_test::address("192.0.2.1")};
    tell(routes({{}}, {{"10.0.0.0/24", 0}, {"2001:db8:1::/64", 0}}));
    EXPECT_EQ(rib.held_back(ipv6_unicast).cause, HeldBackCause::no_next_hop);
}

// RFC 4271 section 9.2
TEST_F(BgpHeldBack, AreRoutesWhoseAttributesDoNotFitIntoAMessage) {
    // 23 bytes without routes, 20 of ORIGIN, AS_PATH and NEXT_HOP, 4 before the communities, 5 for
    // a route leave 4,044 bytes: 1,011 communities.
    const std::vector<BgpAttributes> sets{{}, with_communities(1011), with_communities(1012)};
    tell(routes(sets, {{"10.0.0.0/24", 0},
                       {"10.0.1.0/24", 1},
                       {"10.0.2.0/24", 2},
                       {"10.0.3.0/24", 2},
                       {"2001:db8:1::/64", 1}}));
    const HeldBack ipv4 = rib.held_back(ipv4_unicast);
    EXPECT_EQ(ipv4.routes, 2U);
    EXPECT_EQ(ipv4.cause, HeldBackCause::attributes_too_large);
    EXPECT_THAT(ipv4.reason, HasSubstr("4072 bytes"));
    EXPECT_THAT(ipv4.reason, HasSubstr("4068"));
    EXPECT_EQ(rib.held_back_cause(prefix("10.0.1.0/24")), HeldBackCause::none);
    EXPECT_EQ(rib.held_back_cause(prefix("10.0.2.0/24")), HeldBackCause::attributes_too_large);
    EXPECT_EQ(rib.held_back(ipv6_unicast).routes, 1U);  // less room beside MP_REACH_NLRI
    EXPECT_EQ(rib.advertised(ipv4_unicast), 2U);

    session.negotiated.codec.extended_messages = true;
    tell(routes(sets, {{"10.0.2.0/24", 2}, {"2001:db8:1::/64", 1}}));
    EXPECT_EQ(rib.held_back(ipv4_unicast), HeldBack{});
}

TEST_F(BgpHeldBack, AreAttributesWithoutBounds) {
    BgpAttributes attributes = with_communities(20'000);
    for (std::uint64_t i = 0; i < 20'000; ++i)
        attributes.extended_communities.insert(ExtendedCommunity(i));
    session.negotiated.codec.extended_messages = true;
    tell(routes({attributes}, {{"10.0.0.0/24", 0}}));
    EXPECT_EQ(rib.held_back(ipv4_unicast).routes, 1U);
    EXPECT_THAT(rib.held_back(ipv4_unicast).reason, HasSubstr("240028 bytes"));
}

// A peer must not keep what is no longer so.
TEST_F(BgpHeldBack, AreWithdrawnWhenTheyWereToldBefore) {
    tell(routes({{}}, {{"10.0.0.0/24", 0}, {"10.0.1.0/24", 0}}));
    const auto table =
        routes({{}, with_communities(2000)}, {{"10.0.0.0/24", 0}, {"10.0.1.0/24", 1}});
    rib.set_routes(table);
    peer.apply(rib.take_updates(std::size_t{1} << 30));
    EXPECT_EQ(peer.table(), expected_table(*table, session));
    EXPECT_EQ(rib.advertised(ipv4_unicast), 1U);
    EXPECT_FALSE(rib.is_advertised(prefix("10.0.1.0/24")));
    rib.set_routes(routes({{}}, {{"10.0.0.0/24", 0}, {"10.0.1.0/24", 0}}));
    peer.apply(rib.take_updates(std::size_t{1} << 30));
    EXPECT_EQ(rib.advertised(ipv4_unicast), 2U);
    EXPECT_TRUE(peer.complaints().empty());
}

}  // namespace
}  // namespace trivet::announce::bgp
