#include <gmock/gmock.h>

#include "tests/core/placement_fixture.hpp"

namespace trivet {
namespace {

using testing::HasSubstr;

class ClusterStateTroubles : public testing::Test, protected test::PlacementFixture {
protected:
    ClusterStateTroubles() {
        EXPECT_TRUE(pool("lan", R"("addresses": ["10.0.0.0/16"])"));
        join("n1");
        join("n2");
        vips(2);
        web = record("v1").assigned.at(0);
        owner_name = owner("v1");
        other_name = owner_name == "n1" ? "n2" : "n1";
    }
    ~ClusterStateTroubles() override { expect_restored_the_same(); }

    static std::string refused(const Result<void>& result) {
        EXPECT_FALSE(result);
        return result ? "" : result.error().message;
    }
    Applied report(const std::string& node, std::optional<Trouble> trouble) {
        return apply({ReportTrouble{web, node, std::move(trouble)}});
    }
    static Trouble conflict() {
        return {.kind = TroubleKind::conflict,
                .mac = MacAddress{{2, 0, 0, 0, 0, 9}},
                .message = "take it off that machine"};
    }
    static Trouble not_announced() {
        return {.kind = TroubleKind::not_announced, .message = "eth0 has no carrier"};
    }

    IpAddress web;
    std::string owner_name, other_name;
};

TEST_F(ClusterStateTroubles, EveryNodeKnowsWhatTheOwnerFinds) {
    const Applied told = report(owner_name, conflict());
    ASSERT_TRUE(told.result);
    EXPECT_THAT(messages(told, "vip_conflict").at(0), HasSubstr("02:00:00:00:00:09"));
    ASSERT_TRUE(trouble_of(state, web));
    EXPECT_EQ(trouble_of(state, web)->node, owner_name);
    const Applied again = report(owner_name, conflict());
    EXPECT_TRUE(again.events.empty());
    const Applied over = report(owner_name, std::nullopt);
    EXPECT_EQ(messages(over, "vip_conflict_ended").size(), 1u);
    EXPECT_FALSE(trouble_of(state, web));
}

TEST_F(ClusterStateTroubles, AnotherNodeIsBelievedAboutStrangersAlone) {
    ASSERT_TRUE(report(other_name, not_announced()).result);
    EXPECT_FALSE(trouble_of(state, web));
    ASSERT_TRUE(report(other_name, conflict()).result);
    EXPECT_EQ(trouble_of(state, web)->node, other_name);
    ASSERT_TRUE(report(owner_name, not_announced()).result);
    EXPECT_EQ(trouble_of(state, web)->node, owner_name);
}

TEST_F(ClusterStateTroubles, WhatAFencedNodeSaidDoesNotCount) {
    ASSERT_TRUE(report(owner_name, conflict()).result);
    ASSERT_TRUE(fence(owner_name, other_name).result);
    EXPECT_FALSE(trouble_of(state, web));
    ASSERT_TRUE(admit(owner_name).result);
    EXPECT_EQ(trouble_of(state, web)->node, owner_name);
}

TEST_F(ClusterStateTroubles, EndsWithTheVipAndWithTheNode) {
    ASSERT_TRUE(report("n1", conflict()).result);
    ASSERT_TRUE(report("n2", conflict()).result);
    ASSERT_TRUE(apply({RemoveNode{"n2"}}).result);
    EXPECT_EQ(state.troubles().find(web)->size(), 1u);
    ASSERT_TRUE(erase(Kind::vip, "v1"));
    EXPECT_EQ(state.troubles().find(web), nullptr);
    ASSERT_TRUE(report("n1", conflict()).result);  // on its way when the VIP was deleted
    EXPECT_EQ(state.troubles().find(web), nullptr);
}

TEST_F(ClusterStateTroubles, IsChecked) {
    EXPECT_THAT(refused(report("n9", conflict()).result), HasSubstr("n9"));
    Trouble long_winded = conflict();
    long_winded.message.assign(1025, 'x');
    EXPECT_THAT(refused(report("n1", long_winded).result), HasSubstr("1024 bytes"));
}

TEST_F(ClusterStateTroubles, ManyAtOnceAreNotAnEventEach) {
    vips(40);
    std::vector<Action> actions;
    for (const auto& [key, vip] : state.vips())
        actions.emplace_back(ReportTrouble{vip.assigned.at(0), "n1", not_announced()});
    const Applied told = apply(std::move(actions));
    ASSERT_TRUE(told.result);
    EXPECT_EQ(messages(told, "vip_not_announced").size(), 20u);
    EXPECT_EQ(state.troubles().all().size(), 42u);
}

}  // namespace
}  // namespace trivet
