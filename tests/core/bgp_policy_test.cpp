#include "core/bgp_policy.hpp"

#include <fmt/format.h>

#include <gtest/gtest.h>

#include "core/bgp_community.hpp"
#include "tests/core/placement_fixture.hpp"

namespace trivet {
namespace {

using Lines = std::vector<std::string>;

/// "10.0.0.1/32 local_pref=100 med=5 prepend=2 no-export": a route in one line.
std::string line_of(const BgpRoute& route, const BgpRoutes& routes) {
    const BgpAttributes& attributes = routes.attributes.at(route.attributes);
    std::string line = route.prefix.to_string();
    if (attributes.local_pref) line += fmt::format(" local_pref={}", *attributes.local_pref);
    if (attributes.med) line += fmt::format(" med={}", *attributes.med);
    if (attributes.prepend != 0) line += fmt::format(" prepend={}", attributes.prepend);
    for (const Community community : attributes.communities) line += " " + to_string(community);
    for (const LargeCommunity& large : attributes.large_communities) line += " " + to_string(large);
    for (const ExtendedCommunity extended : attributes.extended_communities)
        line += " " + to_string(extended);
    return line;
}

class BgpPolicy : public testing::Test, public test::PlacementFixture {
protected:
    void SetUp() override {
        ASSERT_TRUE(pool("lan", R"("addresses": ["10.0.0.0/24", "fd00::/120"],
                                   "labels": {"zone": "a"})"));
        join("n1", {{"rack", "a"}});
        join("n2", {{"rack", "b"}});
    }
    void bgp(const std::string& name, const std::string& fields = "") {
        const auto result = put(Kind::bgp_advertisement, name, fields, false);
        EXPECT_TRUE(result) << result.error().message;
    }
    void peer(const std::string& name, const std::string& fields = "") {
        static constexpr const char* asns = R"("my_asn": 65009, "peer_asn": 65000, )";
        const std::string place = R"("peer_address": "10.9.0.)" + std::to_string(++peers_) + "\"";
        const auto result =
            put(Kind::bgp_peer, name, asns + place + (fields.empty() ? "" : ", " + fields), false);
        EXPECT_TRUE(result) << result.error().message;
    }
    BgpPlan plan(const std::string& node = "n1", const BgpPolicyOptions& options = {}) const {
        return bgp_plan(state, node, options);
    }
    Lines routes(const std::string& peer = "tor1", const std::string& node = "n1",
                 const BgpPolicyOptions& options = {}) const {
        const BgpPlan plan = this->plan(node, options);
        const auto found = plan.find(peer);
        if (found == plan.end()) return {"no such peer"};
        Lines lines;
        for (const BgpRoute& route : found->second.routes->routes)
            lines.push_back(line_of(route, *found->second.routes));
        return lines;
    }
    Lines peers(const std::string& node) const {
        Lines names;
        for (const auto& [name, peer] : plan(node)) names.push_back(name);
        return names;
    }

private:
    int peers_ = 0;
};

TEST_F(BgpPolicy, EveryAddressThatAVipHoldsIsARoute) {
    peer("tor1");
    bgp("all");
    EXPECT_EQ(routes(), Lines{});
    ASSERT_TRUE(vip("v1", R"("addresses": ["10.0.0.9"])"));
    ASSERT_TRUE(vip("v2", R"("addresses": ["10.0.0.3", "fd00::5"])"));
    EXPECT_EQ(routes(), (Lines{"10.0.0.3/32", "10.0.0.9/32", "fd00::5/128"})) << "by prefix";
    EXPECT_EQ(routes("tor1", "n2"), routes());
    ASSERT_TRUE(erase(Kind::vip, "v1"));
    EXPECT_EQ(routes(), (Lines{"10.0.0.3/32", "fd00::5/128"}));
    ASSERT_TRUE(erase(Kind::bgp_advertisement, "all"));
    EXPECT_EQ(routes(), Lines{}) << "the session stays";
}

TEST_F(BgpPolicy, AVipThatWaitsForAnAddressIsNone) {
    peer("tor1");
    bgp("all");
    ASSERT_TRUE(pool("one", R"("addresses": ["10.1.0.1"])"));
    ASSERT_TRUE(vip("holds", R"("pool": "one")"));
    ASSERT_TRUE(vip("waits", R"("pool": "one")"));
    ASSERT_TRUE(record("waits").pending());
    EXPECT_EQ(routes(), Lines{"10.1.0.1/32"});
}

TEST_F(BgpPolicy, AdvertisementsSelectPoolsVipsNodesAndPeers) {
    ASSERT_TRUE(pool("wan", R"("addresses": ["10.1.0.0/24"])"));
    ASSERT_TRUE(vip("a", R"("addresses": ["10.0.0.1"], "labels": {"app": "web"})"));
    ASSERT_TRUE(vip("b", R"("addresses": ["10.0.0.2"])"));
    ASSERT_TRUE(vip("c", R"("addresses": ["10.1.0.1"], "labels": {"app": "web"})"));
    peer("tor1");
    peer("tor2");
    bgp("x", R"("pools": ["lan"])");
    EXPECT_EQ(routes(), (Lines{"10.0.0.1/32", "10.0.0.2/32"}));
    bgp("x", R"("pool_selectors": [{"match_labels": {"zone": "a"}}])");
    EXPECT_EQ(routes(), (Lines{"10.0.0.1/32", "10.0.0.2/32"}));
    bgp("x", R"("vip_selectors": [{"match_labels": {"app": "web"}}])");
    EXPECT_EQ(routes(), (Lines{"10.0.0.1/32", "10.1.0.1/32"}));
    bgp("x", R"("pools": ["wan"], "node_selectors": [{"match_labels": {"rack": "b"}}])");
    EXPECT_EQ(routes(), Lines{});
    EXPECT_EQ(routes("tor1", "n2"), Lines{"10.1.0.1/32"});
    bgp("x", R"("pools": ["wan"], "peers": ["tor2", "tor3"])");
    EXPECT_EQ(routes("tor1"), Lines{});
    EXPECT_EQ(routes("tor2"), Lines{"10.1.0.1/32"});
}

TEST_F(BgpPolicy, SeveralAdvertisementsAreOneRoute) {
    ASSERT_TRUE(put(Kind::community, "c",
                    R"("communities": [{"name": "blue", "value": "large:1:2:3"}])", false));
    peer("tor1");
    peer("tor2");
    ASSERT_TRUE(vip("v", R"("addresses": ["10.0.0.1"])"));
    bgp("a", R"("local_pref": 100, "communities": ["65000:1", "NO_EXPORT"])");
    bgp("b", R"("med": 5, "prepend": 2, "communities": ["65000:1", "blue"],
                "extended_communities": ["rt:65000:1"])");
    bgp("c", R"("peers": ["tor2"], "extended_communities": ["soo:65000:2"])");
    EXPECT_EQ(routes(), Lines{"10.0.0.1/32 local_pref=100 med=5 prepend=2 65000:1 no-export "
                              "large:1:2:3 rt:65000:1"});
    EXPECT_EQ(routes("tor2"), Lines{"10.0.0.1/32 local_pref=100 med=5 prepend=2 65000:1 no-export "
                                    "large:1:2:3 rt:65000:1 soo:65000:2"});
}

TEST_F(BgpPolicy, AggregationMakesOneRouteOfMany) {
    peer("tor1");
    for (const char* address : {"10.0.0.1", "10.0.0.2", "10.0.0.130"})
        ASSERT_TRUE(vip("v" + std::string(address).substr(7),
                        "\"addresses\": [\"" + std::string(address) + "\"]"));
    ASSERT_TRUE(vip("six", R"("addresses": ["fd00::42"])"));
    bgp("a", R"("aggregation_length": 25, "aggregation_length_v6": 64, "communities": ["1:1"])");
    EXPECT_EQ(routes(), (Lines{"10.0.0.0/25 1:1", "10.0.0.128/25 1:1", "fd00::/64 1:1"}));
    bgp("b", R"("communities": ["no-export"], "aggregation_length_v6": 64)");
    EXPECT_EQ(routes(),
              (Lines{"10.0.0.0/25 1:1", "10.0.0.1/32 no-export", "10.0.0.2/32 no-export",
                     "10.0.0.128/25 1:1", "10.0.0.130/32 no-export", "fd00::/64 1:1 no-export"}))
        << "hosts beside their block";
}

TEST_F(BgpPolicy, OneBlockOfVipsThatDifferUnitesWhatTheyCarry) {
    peer("tor1");
    ASSERT_TRUE(vip("a", R"("addresses": ["10.0.0.1"], "labels": {"app": "web"})"));
    ASSERT_TRUE(vip("b", R"("addresses": ["10.0.0.2"], "labels": {"app": "db"})"));
    bgp("web", R"("aggregation_length": 24, "communities": ["1:1"],
                  "vip_selectors": [{"match_labels": {"app": "web"}}])");
    bgp("db", R"("aggregation_length": 24, "communities": ["1:2"],
                 "vip_selectors": [{"match_labels": {"app": "db"}}])");
    EXPECT_EQ(routes(), Lines{"10.0.0.0/24 1:1 1:2"});
    EXPECT_EQ(plan().at("tor1").routes->attributes.size(), 1u) << "the parts are not kept";
}

TEST_F(BgpPolicy, WhereLabelsLedToAConflictTheLessPreferredHolds) {
    peer("tor1");
    ASSERT_TRUE(vip("v", R"("addresses": ["10.0.0.1"])"));
    bgp("a", R"("local_pref": 100, "med": 1, "prepend": 1,
                "node_selectors": [{"match_labels": {"x": "y"}}])");
    bgp("b", R"("local_pref": 50, "med": 9, "prepend": 3)");
    EXPECT_EQ(routes(), Lines{"10.0.0.1/32 local_pref=50 med=9 prepend=3"});
    join("n1", {{"x", "y"}});
    EXPECT_EQ(routes(), Lines{"10.0.0.1/32 local_pref=50 med=9 prepend=3"});
    ASSERT_TRUE(erase(Kind::bgp_advertisement, "b"));
    EXPECT_EQ(routes(), Lines{"10.0.0.1/32 local_pref=100 med=1 prepend=1"});
}

TEST_F(BgpPolicy, AnAliasThatNobodyDefinesHoldsItsAdvertisementBack) {
    peer("tor1");
    ASSERT_TRUE(vip("v", R"("addresses": ["10.0.0.1"])"));
    bgp("a", R"("communities": ["blue"])");
    EXPECT_EQ(routes(), Lines{}) << "without it the route might go too far";
    ASSERT_TRUE(put(Kind::community, "c",
                    R"("communities": [{"name": "blue", "value": "65000:7"}])", false));
    EXPECT_EQ(routes(), Lines{"10.0.0.1/32 65000:7"});
}

TEST_F(BgpPolicy, ANodeAnnouncesWhatItIsEligibleFor) {
    peer("tor1");
    bgp("all");
    ASSERT_TRUE(vip("any", R"("addresses": ["10.0.0.1"])"));
    ASSERT_TRUE(vip("one", R"("addresses": ["10.0.0.2"], "eligible_nodes": ["n2"])"));
    ASSERT_TRUE(vip("local", R"("addresses": ["10.0.0.3"], "eligible_nodes": ["n2"],
                                "traffic_policy": "local")"));
    ASSERT_TRUE(vip("both", R"("addresses": ["10.0.0.4"], "eligible_nodes": ["n1", "n2"])"));
    EXPECT_EQ(routes(), (Lines{"10.0.0.1/32", "10.0.0.4/32"}));
    EXPECT_EQ(routes("tor1", "n2"),
              (Lines{"10.0.0.1/32", "10.0.0.2/32", "10.0.0.3/32", "10.0.0.4/32"}));
}

TEST_F(BgpPolicy, ASharedAddressIsOneRouteOfItsHoldersTogether) {
    peer("tor1");
    bgp("web", R"("vip_selectors": [{"match_labels": {"app": "web"}}], "communities": ["1:1"])");
    const std::string shared = R"("addresses": ["10.0.0.1"], "sharing_key": "k", )";
    ASSERT_TRUE(vip("a", shared + R"("ports": ["80/tcp"], "eligible_nodes": ["n1"])"));
    EXPECT_EQ(routes(), Lines{});
    ASSERT_TRUE(vip("b", shared + R"("ports": ["81/tcp"], "labels": {"app": "web"})"));
    EXPECT_EQ(routes(), Lines{"10.0.0.1/32 1:1"});
    EXPECT_EQ(routes("tor1", "n2"), Lines{}) << "the older holder wants n1";
    ASSERT_TRUE(vip("c", shared + R"("ports": ["82/tcp"], "eligible_nodes": ["n2"])"));
    EXPECT_EQ(routes(), Lines{"10.0.0.1/32 1:1"}) << "where they disagree the older one is right";
    EXPECT_EQ(routes("tor1", "n2"), Lines{});
}

TEST_F(BgpPolicy, WhatLayer2AnnouncesAsWellHasOneOwner) {
    peer("tor1");
    bgp("all");
    ASSERT_TRUE(put(Kind::l2_advertisement, "all", "", false));
    ASSERT_TRUE(vip("v", R"("addresses": ["10.0.0.1"], "preferred_nodes": ["n2"])"));
    ASSERT_EQ(owner("v"), "n2");
    EXPECT_EQ(routes(), Lines{}) << "its gate is closed here";
    EXPECT_EQ(routes("tor1", "n2"), Lines{"10.0.0.1/32"});
    ASSERT_TRUE(fence("n2").result);
    EXPECT_EQ(routes(), Lines{"10.0.0.1/32"});
    EXPECT_EQ(routes("tor1", "n2"), Lines{});
    ASSERT_TRUE(erase(Kind::l2_advertisement, "all"));
    EXPECT_EQ(routes("tor1", "n2"), routes());
}

TEST_F(BgpPolicy, WhatIsBoundOnLo) {
    using Addresses = std::vector<IpAddress>;
    const Addresses bound{test::address("10.0.0.1"), test::address("10.0.0.3")};
    ASSERT_TRUE(vip("b", R"("addresses": ["10.0.0.3"], "delivery": "bind")"));
    ASSERT_TRUE(vip("a", R"("addresses": ["10.0.0.1"], "delivery": "bind")"));
    ASSERT_TRUE(vip("c", R"("addresses": ["10.0.0.2"])"));
    ASSERT_TRUE(vip("d", R"("addresses": ["10.0.0.4"], "delivery": "bind",
                            "eligible_nodes": ["n2"])"));
    bgp("all", R"("aggregation_length": 24)");
    EXPECT_EQ(bgp_bound(state, "n1"), Addresses{}) << "there is nobody to tell";
    peer("tor1");
    EXPECT_EQ(bgp_bound(state, "n1"), bound) << "addresses, not the prefixes";
    ASSERT_TRUE(drain("n1").result);
    EXPECT_EQ(bgp_bound(state, "n1"), bound) << "what still arrives is served";
    bgp("all", R"("peers": ["tor2"])");
    EXPECT_EQ(bgp_bound(state, "n1"), Addresses{});
    EXPECT_EQ(bgp_bound(state, "n9"), Addresses{});
}

TEST_F(BgpPolicy, PeersOfANode) {
    peer("everywhere");
    peer("rack-a", R"("node_selectors": [{"match_labels": {"rack": "a"}}])");
    peer("by-name", R"("node_selectors": [{"match_labels": {"kubernetes.io/hostname": "n2"}}])");
    peer("by-secret", R"("password_secret": {"name": "s"})");
    EXPECT_EQ(peers("n1"), (Lines{"everywhere", "rack-a"}));
    EXPECT_EQ(peers("n2"), (Lines{"by-name", "everywhere"}));
    EXPECT_EQ(peers("n3"), Lines{}) << "nobody knows it";
    ASSERT_TRUE(apply({RegisterNode{"n4", {}, {}}}).result);
    EXPECT_EQ(peers("n4"), Lines{}) << "it was not seen at a start yet";
    join("w", {}, {.witness = true});
    EXPECT_EQ(peers("w"), Lines{}) << "a witness carries no traffic";
}

TEST_F(BgpPolicy, OfTwoPeersThatAreOneNeighbourTheFirstIsHeld) {
    const std::string same = R"("my_asn": 1, "peer_asn": 2, "interface": "eth1")";
    ASSERT_TRUE(put(Kind::bgp_peer, "a",
                    same + R"(, "node_selectors": [{"match_labels": {"x": "y"}}])", false));
    ASSERT_TRUE(put(Kind::bgp_peer, "b", same, false));
    EXPECT_EQ(peers("n1"), Lines{"b"});
    join("n1", {{"x", "y"}});
    EXPECT_EQ(peers("n1"), Lines{"a"});
}

TEST_F(BgpPolicy, BfdHasTheTimersOfItsProfile) {
    peer("tor1");
    peer("tor2", R"("bfd_profile": "fast")");
    EXPECT_FALSE(plan().at("tor1").settings.bfd);
    EXPECT_EQ(plan().at("tor2").settings.bfd, BfdSettings{}) << "the defaults until it is there";
    ASSERT_TRUE(put(Kind::bfd_profile, "fast", R"("receive_interval": 10)", false));
    ASSERT_TRUE(plan().at("tor2").settings.bfd);
    EXPECT_EQ(plan().at("tor2").settings.bfd->receive_interval, std::chrono::milliseconds(10));
}

TEST_F(BgpPolicy, GracefulShutdownOfOneAdvertisementOrPeer) {
    peer("tor1");
    peer("tor2", R"("graceful_shutdown": true)");
    ASSERT_TRUE(pool("wan", R"("addresses": ["10.1.0.0/24"])"));
    ASSERT_TRUE(vip("a", R"("addresses": ["10.0.0.1"])"));
    ASSERT_TRUE(vip("b", R"("addresses": ["10.1.0.1"])"));
    bgp("lan", R"("pools": ["lan"], "local_pref": 200, "graceful_shutdown": true)");
    bgp("all", R"("local_pref": 100)");
    EXPECT_EQ(routes("tor1"),
              (Lines{"10.0.0.1/32 local_pref=0 graceful-shutdown", "10.1.0.1/32 local_pref=100"}));
    EXPECT_EQ(routes("tor2"), (Lines{"10.0.0.1/32 local_pref=0 graceful-shutdown",
                                     "10.1.0.1/32 local_pref=0 graceful-shutdown"}));
}

TEST_F(BgpPolicy, ADrainedNodeSaysSoAndThenWithdraws) {
    peer("tor1");
    bgp("all", R"("communities": ["1:1"])");
    ASSERT_TRUE(vip("v", R"("addresses": ["10.0.0.1"])"));
    ASSERT_TRUE(drain("n1").result);
    EXPECT_EQ(routes(), Lines{"10.0.0.1/32 local_pref=0 1:1 graceful-shutdown"});
    EXPECT_EQ(routes("tor1", "n2"), Lines{"10.0.0.1/32 1:1"});
    EXPECT_EQ(routes("tor1", "n1", {.drain = DrainStage::withdrawn}), Lines{});
    EXPECT_EQ(peers("n1"), Lines{"tor1"}) << "the session stays";
    ASSERT_TRUE(drain("n1", false).result);
    EXPECT_EQ(routes(), Lines{"10.0.0.1/32 1:1"});
    EXPECT_EQ(routes("tor1", "n1", {.drain = DrainStage::graceful_shutdown}),
              Lines{"10.0.0.1/32 local_pref=0 1:1 graceful-shutdown"})
        << "as a node that stops does";
}

TEST_F(BgpPolicy, EqualRouteSetsAreOne) {
    for (const char* name : {"tor1", "tor2", "tor3", "tor4"}) peer(name);
    bgp("all");
    bgp("some", R"("peers": ["tor3"], "communities": ["1:1"])");
    bgp("alike", R"("peers": ["tor4"], "pools": ["lan"])");
    ASSERT_TRUE(vip("v", R"("addresses": ["10.0.0.1"])"));
    const BgpPlan before = plan();
    EXPECT_EQ(before.at("tor1").routes, before.at("tor2").routes) << "the same pointer";
    EXPECT_NE(before.at("tor1").routes, before.at("tor3").routes);
    EXPECT_EQ(before.at("tor1").routes, before.at("tor4").routes) << "another rule, equal routes";

    BgpPlan after = plan("n1", {.before = &before});
    for (const auto& [name, peer] : before) EXPECT_EQ(after.at(name).routes, peer.routes) << name;
    bgp("some", R"("peers": ["tor3"], "communities": ["1:2"])");
    after = plan("n1", {.before = &before});
    EXPECT_EQ(after.at("tor1").routes, before.at("tor1").routes);
    EXPECT_NE(after.at("tor3").routes, before.at("tor3").routes);
}

TEST_F(BgpPolicy, TellsWhoAnnouncesAnAddressToWhom) {
    peer("tor1");
    peer("tor2", R"("node_selectors": [{"match_labels": {"rack": "b"}}])");
    bgp("all", R"("communities": ["1:1"])");
    ASSERT_TRUE(vip("v", R"("addresses": ["10.0.0.1"])"));
    ASSERT_TRUE(vip("w", R"("addresses": ["10.0.0.2"])"));
    ASSERT_TRUE(drain("n2").result);
    const auto all = bgp_announcements(state, test::address("10.0.0.1"));
    ASSERT_EQ(all.size(), 3u);
    EXPECT_EQ(all[0].node + all[0].peer, "n1tor1");
    EXPECT_EQ(all[1].node + all[1].peer, "n2tor1");
    EXPECT_EQ(all[2].node + all[2].peer, "n2tor2");
    EXPECT_EQ(all[0].prefix, Prefix::host(test::address("10.0.0.1")));
    EXPECT_FALSE(all[0].attributes.local_pref);
    EXPECT_EQ(all[1].attributes.local_pref, 0u);
    EXPECT_TRUE(bgp_announcements(state, test::address("10.0.0.9")).empty());
    EXPECT_TRUE(bgp_announcements(state, test::address("10.7.0.9")).empty());
}

}  // namespace
}  // namespace trivet
