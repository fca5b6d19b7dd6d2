#include "core/l2_plan.hpp"

#include <gtest/gtest.h>

#include "tests/core/placement_fixture.hpp"

namespace trivet {
namespace {

using test::address;

class L2Plan : public testing::Test, protected test::PlacementFixture {
protected:
    L2Plan() {
        EXPECT_TRUE(pool("lan", R"("addresses": ["10.0.0.0/24"], "labels": {"zone": "a"})"));
        EXPECT_TRUE(vip("web"));
    }
    void l2(const std::string& name, const std::string& fields) {
        EXPECT_TRUE(put(Kind::l2_advertisement, name, fields, false));
    }
    void bgp(const std::string& name, const std::string& fields) {
        EXPECT_TRUE(put(Kind::bgp_advertisement, name, fields, false));
    }
    PoolAdvertisements advertisements() {
        return advertisements_of(state, state.pools().at("lan").object);
    }
    Placement placement() { return place(state, address("10.0.0.0")); }
    std::string why_not() {
        const Placement nowhere = placement();
        EXPECT_EQ(nowhere.owner, "");
        EXPECT_TRUE(nowhere.standbys.empty());
        return nowhere.reason;
    }
    std::vector<std::string> interfaces(const std::string& node) {
        const auto target = l2_target(state, node, address("10.0.0.0"));
        EXPECT_TRUE(target);
        return target ? target->interfaces : std::vector<std::string>{"none"};
    }
};

TEST_F(L2Plan, WithoutAdvertisementsEverySuitableInterface) {
    join("n1");
    EXPECT_TRUE(advertisements().announced_by_l2());
    EXPECT_EQ(placement().owner, "n1");
    EXPECT_EQ(interfaces("n1"), Names{});
}

TEST_F(L2Plan, OwnerAndStandbysAreThoseOfTheList) {
    join("n3");
    join("n1");
    join("n2");
    EXPECT_EQ(placement().owner, "n3");
    EXPECT_EQ(placement().standbys, (Names{"n1", "n2"}));
    ASSERT_TRUE(fence("n3").result);
    EXPECT_EQ(placement().owner, "n1");
    EXPECT_EQ(placement().standbys, Names{"n2"});
    ASSERT_TRUE(fence("n1").result);
    ASSERT_TRUE(fence("n2").result);
    EXPECT_NE(why_not().find("every candidate ('n3', 'n1', 'n2') was fenced"), std::string::npos);
    ASSERT_TRUE(admit("n1").result);
    EXPECT_EQ(placement().owner, "n1");
}

TEST_F(L2Plan, EveryCandidateHasATarget) {
    join("n1");
    join("n2");
    EXPECT_TRUE(l2_target(state, "n1", address("10.0.0.0")));
    EXPECT_TRUE(l2_target(state, "n2", address("10.0.0.0")));
    EXPECT_EQ(l2_plan(state, "n1"), l2_plan(state, "n2"));
    EXPECT_FALSE(l2_target(state, "n9", address("10.0.0.0")));
    ASSERT_TRUE(drain("n2").result);
    EXPECT_FALSE(l2_target(state, "n2", address("10.0.0.0")));
}

TEST_F(L2Plan, AnAdvertisementSelectsPoolsByNameOrLabelOrAll) {
    l2("by-name", R"("pools": ["lan"])");
    l2("by-label", R"("pool_selectors": [{"match_labels": {"zone": "a"}}])");
    l2("all", "");
    l2("other-name", R"("pools": ["dmz"])");
    l2("other-label", R"("pool_selectors": [{"match_labels": {"zone": "b"}}])");
    l2("either", R"("pools": ["dmz"], "pool_selectors": [{"match_labels": {"zone": "a"}}])");
    bgp("bgp-name", R"("pools": ["lan"])");
    bgp("bgp-label", R"("pool_selectors": [{"match_labels": {"zone": "a"}}])");
    bgp("bgp-all", "");
    bgp("bgp-other", R"("pools": ["dmz"])");
    EXPECT_EQ(advertisements().l2, (Names{"all", "by-label", "by-name", "either"}));
    EXPECT_EQ(advertisements().bgp, (Names{"bgp-all", "bgp-label", "bgp-name"}));
    EXPECT_TRUE(advertisements().announced_by_l2());
}

TEST_F(L2Plan, BgpAloneIsNotAnnouncedByL2) {
    join("n1");
    bgp("edge", "");
    EXPECT_FALSE(advertisements().announced_by_l2());
    EXPECT_EQ(why_not(),
              "pool 'lan' is announced by BGP alone (bgp-advertisement 'edge'), not by layer 2");
    EXPECT_FALSE(l2_target(state, "n1", address("10.0.0.0")));
    EXPECT_TRUE(l2_plan(state, "n1").empty());
    l2("all", "");
    EXPECT_EQ(placement().owner, "n1");
}

TEST_F(L2Plan, BgpAloneHasNoListAndComesAndGoesLive) {
    join("n1");
    join("n2");
    ASSERT_TRUE(pool("wan", R"("addresses": ["10.1.0.0/24"], "labels": {"zone": "w"})"));
    ASSERT_TRUE(vip("w1", R"("pool": "wan")"));
    const std::size_t both = state.lease_plan().entries().size();
    ASSERT_NE(state.lease_plan().find(address("10.1.0.0")), nullptr);
    const auto is_listed = [&] {
        const bool listed = state.lease_plan().find(address("10.1.0.0")) != nullptr;
        for (const char* node : {"n1", "n2"}) {
            EXPECT_EQ(l2_plan(state, node).contains(address("10.1.0.0")), listed);
            EXPECT_EQ(l2_target(state, node, address("10.1.0.0")).has_value(), listed);
            EXPECT_TRUE(l2_plan(state, node).contains(address("10.0.0.0"))) << "the other pool";
        }
        expect_restored_the_same();
        return listed;
    };
    bgp("edge", R"("pools": ["wan"])");
    EXPECT_FALSE(is_listed());
    EXPECT_EQ(state.lease_plan().entries().size(), both - 1);
    ASSERT_TRUE(vip("w2", R"("pool": "wan")"));
    EXPECT_EQ(state.lease_plan().find(address("10.1.0.1")), nullptr) << "nor for a new VIP";
    ASSERT_TRUE(erase(Kind::bgp_advertisement, "edge"));
    EXPECT_TRUE(is_listed());
    EXPECT_NE(state.lease_plan().find(address("10.1.0.1")), nullptr);

    bgp("edge", R"("pools": ["dmz"])");
    EXPECT_TRUE(is_listed());
    bgp("edge", R"("pool_selectors": [{"match_labels": {"zone": "w"}}])");
    EXPECT_FALSE(is_listed()) << "it selects the pool now";
    ASSERT_TRUE(pool("wan", R"("addresses": ["10.1.0.0/24"])"));
    EXPECT_TRUE(is_listed()) << "the pool has lost the label";
    ASSERT_TRUE(pool("wan", R"("addresses": ["10.1.0.0/24"], "labels": {"zone": "w"})"));
    EXPECT_FALSE(is_listed());
    l2("wan", R"("pools": ["wan"])");
    EXPECT_TRUE(is_listed()) << "by both";
    ASSERT_TRUE(erase(Kind::l2_advertisement, "wan"));
    EXPECT_FALSE(is_listed());
}

TEST_F(L2Plan, WhatABgpAdvertisementGivesMovesNothing) {
    join("n1");
    join("n2");
    bgp("edge", R"("pools": ["dmz"])");
    const auto events_before = events.size();
    const auto rows_before = rows;
    bgp("edge", R"("pools": ["dmz"], "local_pref": 5, "communities": ["1:1"])");
    EXPECT_EQ(events.size(), events_before + 1);
    for (const auto& [key, value] : rows) {
        const auto before = rows_before.find(key);
        const bool is_same = before != rows_before.end() && before->second == value;
        EXPECT_EQ(is_same, key != "bgp-advertisement/edge") << key;
    }
}

TEST_F(L2Plan, AnAddressOfABgpPoolKeepsNoOtherBack) {
    join("n1");
    ASSERT_TRUE(pool("six", R"("addresses": ["fd00::/120"])"));
    bgp("six", R"("pools": ["six"])");
    ASSERT_TRUE(vip("dual", R"("ip_families": ["ipv4", "ipv6"])"));
    ASSERT_EQ(record("dual").assigned.size(), 2u);
    EXPECT_EQ(owner_at(record("dual").assigned[0]), "n1") << "layer 2";
    EXPECT_EQ(state.lease_plan().find(record("dual").assigned[1]), nullptr) << "BGP alone";
}

TEST_F(L2Plan, NodeSelectorsChooseTheNodes) {
    join("n1", {{"rack", "a"}});
    join("n2", {{"rack", "b"}});
    l2("b", R"("node_selectors": [{"match_labels": {"kubernetes.io/hostname": "n2"}}])");
    EXPECT_EQ(placement().owner, "n2");
    EXPECT_EQ(placement().standbys, Names{});
    l2("a", R"("node_selectors": [{"match_labels": {"rack": "a"}}])");
    EXPECT_EQ(placement().owner, "n2");
    EXPECT_EQ(placement().standbys, Names{"n1"});
}

TEST_F(L2Plan, DrainedNodesDoNotAnnounce) {
    join("n1");
    join("n2");
    ASSERT_TRUE(apply({DrainNode{"n1", true}}).result);
    EXPECT_EQ(placement().owner, "n2");
    EXPECT_EQ(placement().standbys, Names{});
    ASSERT_TRUE(apply({DrainNode{"n2", true}}).result);
    EXPECT_NE(why_not().find("every node is drained"), std::string::npos);
}

TEST_F(L2Plan, SaysWhyNobodyOwns) {
    EXPECT_EQ(why_not(), "no node has joined the cluster yet");
    join("n1");
    EXPECT_EQ(place(state, address("10.0.0.9")).reason, "no VIP holds 10.0.0.9");
    EXPECT_EQ(place(state, address("10.9.0.9")).reason, "10.9.0.9 is in no pool");
    l2("racks", R"("node_selectors": [{"match_labels": {"rack": "z"}}])");
    EXPECT_EQ(why_not(),
              "the node_selectors of l2-advertisement 'racks' match none of the nodes 'n1'");
    ASSERT_TRUE(erase(Kind::l2_advertisement, "racks"));
    ASSERT_TRUE(vip("web", R"("eligible_nodes": ["n8", "n9"])"));
    EXPECT_EQ(why_not(),
              "VIP 'default/web' is eligible on 'n8', 'n9' only; the nodes that may announce it "
              "are 'n1'");
}

TEST_F(L2Plan, EligibleNodesOfTheOldestHolderCountFirst) {
    join("n1");
    join("n2");
    join("n3");
    ASSERT_TRUE(
        vip("web", R"("sharing_key": "k", "ports": ["80"], "eligible_nodes": ["n2", "n3"])"));
    ASSERT_TRUE(vip("dns", R"("sharing_key": "k", "ports": ["53"], "eligible_nodes": ["n3"])"));
    ASSERT_TRUE(vip("far", R"("sharing_key": "k", "ports": ["54"], "eligible_nodes": ["n1"])"));
    ASSERT_EQ(state.holders(address("10.0.0.0")).size(), 3u);
    EXPECT_EQ(placement().owner, "n3");
    EXPECT_EQ(placement().standbys, Names{});
}

TEST_F(L2Plan, InterfacesAreTheUnionOfMatchingAdvertisements) {
    join("n1", {{"rack", "a"}});
    l2("one", R"("interfaces": ["eth1", "eth0"])");
    l2("two", R"("interfaces": ["eth2"])");
    l2("elsewhere",
       R"("interfaces": ["eth9"], "node_selectors": [{"match_labels": {"rack": "b"}}])");
    l2("other-pool", R"("interfaces": ["eth8"], "pools": ["dmz"])");
    EXPECT_EQ(interfaces("n1"), (Names{"eth0", "eth1", "eth2"}));
    l2("any", "");
    EXPECT_EQ(interfaces("n1"), Names{});
}

TEST_F(L2Plan, BindWhenAnyHolderWantsIt) {
    join("n1");
    EXPECT_EQ(l2_target(state, "n1", address("10.0.0.0"))->delivery, Delivery::none);
    ASSERT_TRUE(vip("web", R"("sharing_key": "k", "ports": ["80"])"));
    ASSERT_TRUE(vip("dns", R"("sharing_key": "k", "ports": ["53"], "delivery": "bind")"));
    EXPECT_EQ(l2_target(state, "n1", address("10.0.0.0"))->delivery, Delivery::bind);
}

TEST_F(L2Plan, TheWholePlanIsThatOfEveryAddress) {
    join("n1", {{"rack", "a"}});
    join("n2", {{"rack", "b"}});
    ASSERT_TRUE(pool("v6", R"("addresses": ["fd00::/64"], "labels": {"zone": "b"})"));
    l2("v6", R"("pools": ["v6"], "node_selectors": [{"match_labels": {"rack": "b"}}])");
    l2("lan", R"("pools": ["lan"], "interfaces": ["eth0"])");
    ASSERT_TRUE(vip("both", R"("ip_family_policy": "require_dual", "delivery": "bind")"));
    ASSERT_TRUE(vip("only", R"("eligible_nodes": ["n2"])"));
    for (const auto& [node, size] : {std::pair{"n1", 1u}, std::pair{"n2", 4u}}) {
        const auto plan = l2_plan(state, node);
        for (const auto& [target_address, target] : plan)
            EXPECT_EQ(l2_target(state, node, target_address), target);
        EXPECT_EQ(plan.size(), size) << node;
    }
    EXPECT_TRUE(l2_plan(state, "n9").empty());
}

}  // namespace
}  // namespace trivet
