#include "core/bgp_routes.hpp"

#include <random>
#include <set>

#include <gtest/gtest.h>

#include "core/bgp_policy.hpp"
#include "tests/core/placement_fixture.hpp"

namespace trivet {
namespace {

TEST(BgpRoutes, GracefulShutdownIsACommunityAndTheLowestPreference) {
    BgpAttributes attributes;
    attributes.local_pref = 200;
    attributes.communities = {well_known::no_export};
    add_graceful_shutdown(attributes);
    EXPECT_EQ(attributes.local_pref, 0u);  // RFC 8326 section 4.3: low, 0 where it can be
    EXPECT_EQ(attributes.communities,
              (std::set<Community>{well_known::graceful_shutdown, well_known::no_export}));
}

/// What a peer is told, the slow and plain way: by prefix, for every address by itself.
std::map<Prefix, BgpAttributes> plainly(const ClusterState& state, const std::string& peer) {
    std::map<Prefix, BgpAttributes> routes;
    for (const auto& [key, record] : state.vips())
        for (const IpAddress address : record.assigned)
            for (const BgpAnnouncement& announcement : bgp_announcements(state, address)) {
                if (announcement.node != "n1" || announcement.peer != peer) continue;
                BgpAttributes& attributes = routes[announcement.prefix];
                attributes.communities.insert(announcement.attributes.communities.begin(),
                                              announcement.attributes.communities.end());
            }
    return routes;
}

/// Random VIPs, pools and advertisements: the fast way says what the plain one does.
TEST(BgpRoutes, AreThoseOfEachAddressByItself) {
    std::mt19937 random(7);
    const auto one_of = [&](std::initializer_list<const char*> texts) {
        return std::string(*(texts.begin() + random() % texts.size()));
    };
    for (int round = 0; round < 30; ++round) {
        test::PlacementFixture fixture;
        fixture.join("n1");
        ASSERT_TRUE(fixture.pool("a", R"("addresses": ["10.0.0.0/28", "10.0.0.32/28"])"));
        ASSERT_TRUE(fixture.pool("b", R"("addresses": ["10.0.0.16/28", "fd00::/124"])"));
        for (int i = 0; i < 20; ++i)
            ASSERT_TRUE(fixture.vip(
                "v" + std::to_string(i),
                one_of({R"("pool": "a")", R"("pool": "b")",
                        R"("pool": "b", "ip_families": ["ipv6"])"}) +
                    one_of({"", R"(, "labels": {"x": "1"})", R"(, "labels": {"x": "2"})"}) +
                    (random() % 2 == 0 ? R"(, "sharing_key": "k", "ports": [{"port": )" +
                                             std::to_string(i + 1) + "}]"
                                       : "")));
        for (int i = 0; i < 4; ++i) {
            const std::string fields =
                "\"communities\": [\"1:" + std::to_string(i) + "\"]" +
                one_of({"", R"(, "pools": ["a"])", R"(, "pools": ["b"])"}) +
                one_of({"", R"(, "aggregation_length": 29)", R"(, "aggregation_length": 26)"}) +
                one_of({"", R"(, "vip_selectors": [{"match_labels": {"x": "1"}}])"}) +
                one_of({"", R"(, "peers": ["p1"])"});
            ASSERT_TRUE(
                fixture.put(Kind::bgp_advertisement, "adv" + std::to_string(i), fields, false));
        }
        for (const char* peer : {"p1", "p2"})
            ASSERT_TRUE(fixture.put(
                Kind::bgp_peer, peer,
                R"("my_asn": 1, "peer_asn": 2, "interface": ")" + std::string(peer) + "\"", false));
        const BgpPlan plan = bgp_plan(fixture.state, "n1");
        for (const auto& [name, peer] : plan) {
            std::map<Prefix, BgpAttributes> made;
            std::set<std::uint32_t> used;
            for (const BgpRoute& route : peer.routes->routes) {
                EXPECT_TRUE(made.emplace(route.prefix, peer.routes->attributes.at(route.attributes))
                                .second);
                used.insert(route.attributes);
            }
            EXPECT_TRUE(std::ranges::is_sorted(peer.routes->routes, {}, &BgpRoute::prefix));
            EXPECT_EQ(used.size(), peer.routes->attributes.size()) << "each is used";
            EXPECT_EQ(std::set<BgpAttributes>(peer.routes->attributes.begin(),
                                              peer.routes->attributes.end())
                          .size(),
                      peer.routes->attributes.size())
                << "each stands once";
            EXPECT_EQ(made, plainly(fixture.state, name)) << "round " << round;
        }
    }
}

}  // namespace
}  // namespace trivet
