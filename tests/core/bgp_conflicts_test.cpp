#include "core/bgp_conflicts.hpp"

#include <gtest/gtest.h>

#include "tests/core/placement_fixture.hpp"

namespace trivet {
namespace {

class BgpConflicts : public testing::Test, public test::PlacementFixture {
protected:
    void SetUp() override {
        ASSERT_TRUE(pool("lan", R"("addresses": ["10.0.0.0/24"], "labels": {"zone": "a"})"));
        ASSERT_TRUE(pool("wan", R"("addresses": ["10.1.0.0/24", "fd00::/120"])"));
        join("n1", {{"rack", "a"}});
        join("n2", {{"rack", "b"}});
    }
    Result<void> bgp(const std::string& name, const std::string& fields) {
        return put(Kind::bgp_advertisement, name, fields, false);
    }
    Result<void> peer(const std::string& name, const std::string& fields) {
        return put(Kind::bgp_peer, name, R"("my_asn": 1, "peer_asn": 2, )" + fields, false);
    }
    Result<void> community(const std::string& name, const std::string& alias,
                           const std::string& value) {
        return put(Kind::community, name,
                   R"("communities": [{"name": ")" + alias + R"(", "value": ")" + value + "\"}]",
                   false);
    }
    static PutObject putting(Kind kind, const std::string& text) {
        return PutObject{test::object(kind, text), PutMode::create_or_replace, false, {}};
    }
    static void expect_refused(const Result<void>& result, const std::string& part,
                               const std::string& field = "") {
        ASSERT_FALSE(result) << part;
        EXPECT_EQ(result.error().code, ErrorCode::conflict);
        EXPECT_NE(result.error().message.find(part), std::string::npos) << result.error().message;
        EXPECT_EQ(result.error().field, field);
    }
};

TEST_F(BgpConflicts, OnePrefixWithTwoPreferencesIsRefusedWithBothNames) {
    ASSERT_TRUE(bgp("one", R"("pools": ["lan"], "local_pref": 100)"));
    expect_refused(bgp("two", R"("pools": ["lan"], "local_pref": 200)"),
                   "bgp-advertisement 'two' gives every prefix of pool 'lan' the local_pref 200, "
                   "bgp-advertisement 'one' 100",
                   "local_pref");
    EXPECT_FALSE(state.config_objects().contains({Kind::bgp_advertisement, "", "two"}));
    expect_refused(bgp("all", R"("local_pref": 200)"), "'all' gives every prefix of pool 'lan'",
                   "local_pref");
    EXPECT_TRUE(bgp("two", R"("pools": ["lan"], "local_pref": 100)")) << "they agree";
    EXPECT_TRUE(bgp("three", R"("pools": ["lan"])")) << "it says nothing";
    EXPECT_TRUE(bgp("four", R"("pools": ["wan"], "local_pref": 200)")) << "another pool";
}

TEST_F(BgpConflicts, SoAreMedAndPrepend) {
    ASSERT_TRUE(bgp("one", R"("med": 1, "prepend": 0)"));
    expect_refused(bgp("two", R"("med": 2)"), "the med 2, bgp-advertisement 'one' 1", "med");
    expect_refused(bgp("two", R"("prepend": 1)"), "the prepend 1, bgp-advertisement 'one' 0",
                   "prepend");
    EXPECT_TRUE(bgp("two", R"("local_pref": 5, "med": 1)"));
}

TEST_F(BgpConflicts, PrefixesOfOtherLengthsAreOthers) {
    ASSERT_TRUE(bgp("host", R"("pools": ["lan"], "local_pref": 100)"));
    EXPECT_TRUE(bgp("block", R"("pools": ["lan"], "aggregation_length": 24, "local_pref": 50)"));
    ASSERT_TRUE(bgp("wan", R"("pools": ["wan"], "aggregation_length": 24, "local_pref": 1)"));
    expect_refused(bgp("wan6", R"("pools": ["wan"], "local_pref": 2)"),
                   "every prefix of pool 'wan'", "local_pref");
    EXPECT_TRUE(bgp("wan6", R"("pools": ["wan"], "aggregation_length_v6": 120, "local_pref": 2)"));
}

TEST_F(BgpConflicts, OtherPeersOrNodesAreNoConflict) {
    ASSERT_TRUE(bgp("one", R"("peers": ["tor1", "tor2"], "local_pref": 100,
                              "node_selectors": [{"match_labels": {"rack": "a"}}])"));
    EXPECT_TRUE(bgp("two", R"("peers": ["tor3"], "local_pref": 200)"));
    EXPECT_TRUE(bgp("three", R"("peers": ["tor1"], "local_pref": 300,
                                "node_selectors": [{"match_labels": {"rack": "b"}}])"));
    expect_refused(bgp("four", R"("peers": ["tor2"], "local_pref": 400)"), "'four' gives",
                   "local_pref");
}

TEST_F(BgpConflicts, VipsThatBothSelectDecide) {
    const std::string web =
        R"("pools": ["lan"], "vip_selectors": [{"match_labels": {"app": "web"}}])";
    const std::string old =
        R"("pools": ["lan"], "vip_selectors": [{"match_labels": {"old": "y"}}])";
    ASSERT_TRUE(bgp("web", web + R"(, "local_pref": 100)"));
    ASSERT_TRUE(bgp("old", old + R"(, "local_pref": 10)")) << "there is no VIP";
    ASSERT_TRUE(erase(Kind::bgp_advertisement, "old"));
    ASSERT_TRUE(vip("v1", R"("pool": "lan", "labels": {"app": "web"})"));
    ASSERT_TRUE(vip("v2", R"("pool": "lan", "labels": {"old": "y"})"));
    ASSERT_TRUE(bgp("old", old + R"(, "local_pref": 10)")) << "no VIP is both";
    ASSERT_TRUE(erase(Kind::bgp_advertisement, "old"));
    ASSERT_TRUE(bgp("web", web + R"(, "local_pref": 100, "aggregation_length": 24)"));
    expect_refused(bgp("old", old + R"(, "local_pref": 10, "aggregation_length": 24)"),
                   "'old' gives 10.0.0.0/24 of pool 'lan' the local_pref 10", "local_pref");
    EXPECT_TRUE(vip("v3", R"("pool": "lan", "labels": {"old": "y", "app": "web"})"))
        << "a VIP is never refused for it";
}

TEST_F(BgpConflicts, WhatIsOnItsWayOutHasNoPreferenceOfItsOwn) {
    ASSERT_TRUE(bgp("one", R"("local_pref": 100)"));
    EXPECT_TRUE(bgp("two", R"("local_pref": 200, "graceful_shutdown": true)"));
    expect_refused(bgp("two", R"("local_pref": 200)"), "'two' gives", "local_pref");
}

TEST_F(BgpConflicts, APoolThatBothWouldSelectIsRefused) {
    ASSERT_TRUE(bgp("one", R"("pools": ["dmz"], "local_pref": 100)"));
    ASSERT_TRUE(bgp("two", R"("pool_selectors": [{"match_labels": {"zone": "z"}}],
                              "local_pref": 200)"));
    EXPECT_TRUE(pool("dmz", R"("addresses": ["10.9.0.0/24"])"));
    expect_refused(pool("dmz", R"("addresses": ["10.9.0.0/24"], "labels": {"zone": "z"})"),
                   "every prefix of pool 'dmz'");
    EXPECT_EQ(state.pools().at("dmz").object.labels, Labels{});
}

TEST_F(BgpConflicts, ACommandIsJudgedAsAWhole) {
    ASSERT_TRUE(bgp("one", R"("local_pref": 100)"));
    ASSERT_TRUE(bgp("two", R"("local_pref": 100)"));
    EXPECT_TRUE(apply({putting(Kind::bgp_advertisement, R"({"name": "one", "local_pref": 200})"),
                       putting(Kind::bgp_advertisement, R"({"name": "two", "local_pref": 200})")})
                    .result)
        << "in between they differed";
    const auto rows_before = rows;
    expect_refused(apply({putting(Kind::bgp_advertisement, R"({"name": "one", "local_pref": 300})"),
                          putting(Kind::pool, R"({"name": "new", "addresses": ["10.8.0.0/24"]})")})
                       .result,
                   "'one' gives every prefix of pool 'lan' the local_pref 300");
    EXPECT_FALSE(state.pools().contains("new")) << "all or nothing";
    EXPECT_EQ(rows.at("bgp-advertisement/one"), rows_before.at("bgp-advertisement/one"));
}

TEST_F(BgpConflicts, OneThatLabelsOfNodesLedToStopsNothingElse) {
    ASSERT_TRUE(bgp("one", R"("local_pref": 1, "node_selectors": [{"match_labels": {"x": "y"}}])"));
    ASSERT_TRUE(bgp("two", R"("local_pref": 2)")) << "no node has that label";
    join("n3", {{"x", "y"}});
    EXPECT_TRUE(apply({putting(Kind::bgp_advertisement, R"({"name": "three", "med": 1})"),
                       putting(Kind::bgp_advertisement, R"({"name": "four", "med": 1})")})
                    .result);
    EXPECT_TRUE(bgp("two", R"("local_pref": 2)")) << "it stays as it is";
    expect_refused(bgp("two", R"("local_pref": 3)"), "'two' gives", "local_pref");
}

TEST_F(BgpConflicts, OneNeighbourIsOnePeerOnANode) {
    ASSERT_TRUE(peer("tor1", R"("peer_address": "10.0.0.1")"));
    expect_refused(peer("tor2", R"("peer_address": "10.0.0.1", "hold_time": 9)"),
                   "bgp-peer 'tor2' is the same neighbour as bgp-peer 'tor1'", "peer_address");
    EXPECT_TRUE(peer("tor2", R"("peer_address": "10.0.0.1", "vrf": "red")"));
    ASSERT_TRUE(
        peer("a", R"("interface": "eth1", "node_selectors": [{"match_labels": {"rack": "a"}}])"));
    EXPECT_TRUE(
        peer("b", R"("interface": "eth1", "node_selectors": [{"match_labels": {"rack": "b"}}])"));
    expect_refused(peer("c", R"("interface": "eth1")"), "'c' is the same neighbour", "interface");
    ASSERT_TRUE(peer("racks", R"("peer_prefix": "10.8.0.0/16")"));
    expect_refused(peer("more", R"("peer_prefix": "10.8.0.0/16")"), "'racks'", "peer_prefix");
    EXPECT_TRUE(peer("tor1", R"("peer_address": "10.0.0.1", "hold_time": 30)")) << "itself";
}

TEST_F(BgpConflicts, AnAliasHasOneValue) {
    ASSERT_TRUE(community("one", "blue", "65000:1"));
    EXPECT_TRUE(community("two", "blue", "65000:1"));
    expect_refused(community("two", "blue", "65000:2"),
                   "community 'two' says that alias 'blue' is 65000:2, community 'one' that it is "
                   "65000:1",
                   "communities");
    EXPECT_TRUE(apply({putting(Kind::community, R"({"name": "one", "communities": []})"),
                       putting(Kind::community, R"({"name": "two", "communities":
                           [{"name": "blue", "value": "65000:2"}]})")})
                    .result);
}

}  // namespace
}  // namespace trivet
