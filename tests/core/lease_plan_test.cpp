#include "core/lease_plan.hpp"

#include <gtest/gtest.h>

namespace trivet::lease {
namespace {

const NodeId a{1}, b{2}, c{3}, d{4};
const IpAddress vip = IpAddress::parse("192.0.2.1").value();
const IpAddress other_vip = IpAddress::parse("192.0.2.2").value();

LogIndex at(std::uint64_t index) { return LogIndex(index); }
Key key(std::uint64_t epoch, std::uint64_t generation) {
    return {Epoch(epoch), LogIndex(generation)};
}
const Keys& after(const Plan& plan, NodeId node, IpAddress address = vip) {
    for (const auto& candidate : plan.find(address)->list)
        if (candidate.node == node) return candidate.after;
    ADD_FAILURE() << "not a candidate";
    static const Keys none;
    return none;
}

TEST(LeasePlan, NobodyWaitsForAnybodyOfANewList) {
    Plan plan;
    EXPECT_TRUE(plan.set_list(vip, {a, b}, at(1)));
    EXPECT_TRUE(after(plan, a).empty());
    EXPECT_TRUE(after(plan, b).empty());
    EXPECT_EQ(plan.find(a)->generation, at(0)) << "a VIP that is made costs no other VIP anything";
    EXPECT_EQ(plan.owner(vip), a);
}

TEST(LeasePlan, AnUnchangedListChangesNoGeneration) {
    Plan plan;
    plan.set_list(vip, {a, b}, at(1));
    EXPECT_FALSE(plan.set_list(vip, {a, b}, at(2)));
    EXPECT_EQ(plan.find(a)->generation, at(0));
}

// P2, first part: every node of the old list gets the generation; who only came is waited for by
// nobody.
TEST(LeasePlan, AChangeRaisesTheGenerationOfWhoWasInTheList) {
    Plan plan;
    plan.set_list(vip, {a, b}, at(1));
    plan.set_list(other_vip, {d}, at(2));
    plan.set_list(vip, {b, c}, at(5));
    for (const NodeId node : {a, b}) EXPECT_EQ(plan.find(node)->generation, at(5));
    for (const NodeId node : {c, d}) EXPECT_EQ(plan.find(node)->generation, at(0));
}

// P2, second part.
TEST(LeasePlan, WhoStoodAheadNeedNotWait) {
    Plan plan;
    plan.set_list(vip, {a, b, c}, at(1));
    plan.set_list(vip, {b, a, c}, at(5));
    EXPECT_EQ(after(plan, b), (Keys{{a, key(1, 5)}}));  // it stood ahead of c
    EXPECT_TRUE(after(plan, a).empty());                // it stood ahead of both
    EXPECT_EQ(after(plan, c), (Keys{{a, key(1, 5)}, {b, key(1, 5)}}));
}

// P2, third part: scenario 3, across two quick changes.
TEST(LeasePlan, ANodeThatLeftIsRememberedForThoseWhoComeLater) {
    Plan plan;
    plan.set_list(vip, {a}, at(1));
    plan.set_list(vip, {b}, at(2));
    plan.set_list(vip, {c}, at(3));
    EXPECT_EQ(after(plan, c), (Keys{{a, key(1, 2)}, {b, key(1, 3)}}));
}

// Scenario 4.
TEST(LeasePlan, ADeletedAddressIsRememberedWhenItIsMadeAgain) {
    Plan plan;
    plan.set_list(vip, {a}, at(1));
    plan.set_list(vip, {}, at(2));
    EXPECT_EQ(plan.find(vip), nullptr);
    plan.set_list(vip, {b}, at(3));
    EXPECT_EQ(after(plan, b), (Keys{{a, key(1, 2)}}));
}

// P3.
TEST(LeasePlan, AdmissionSendsANodeToTheEndOfItsLists) {
    Plan plan;
    plan.set_list(vip, {a, b}, at(1));
    plan.set_list(other_vip, {b}, at(2));
    EXPECT_TRUE(plan.record_fence(a, Epoch(1)));
    EXPECT_EQ(plan.owner(vip), b);
    std::vector<IpAddress> changed;
    EXPECT_TRUE(plan.admit(a, Epoch(1), at(7), changed));
    EXPECT_EQ(changed, std::vector{vip});
    EXPECT_EQ(plan.find(vip)->nodes(), (std::vector{b, a}));
    EXPECT_EQ(plan.find(a)->epoch, Epoch(2));
    // The epoch before: what it held as that is what b must see the end of.
    EXPECT_EQ(after(plan, b), (Keys{{a, key(1, 7)}}));
    EXPECT_EQ(after(plan, a), (Keys{{b, key(1, 7)}}));
    EXPECT_EQ(plan.owner(vip), b);
    EXPECT_FALSE(plan.admit(a, Epoch(1), at(8), changed)) << "the epoch has moved on";
}

TEST(LeasePlan, ANodeAloneInItsListIsAdmittedToo) {
    Plan plan;
    plan.set_list(vip, {a}, at(1));
    plan.record_fence(a, Epoch(1));
    std::vector<IpAddress> changed;
    EXPECT_TRUE(plan.admit(a, Epoch(1), at(7), changed));
    EXPECT_EQ(plan.owner(vip), a);
    EXPECT_EQ(plan.find(a)->generation, at(7));
}

// Scenario 11, second half: put back with another epoch, it starts from what is past.
TEST(LeasePlan, ANodeThatIsPutBackWaitsForWhoCameMeanwhile) {
    Plan plan;
    plan.set_list(vip, {a, b}, at(1));
    plan.set_list(vip, {b}, at(2));
    std::vector<IpAddress> changed;
    plan.record_fence(a, Epoch(1));
    plan.admit(a, Epoch(1), at(3), changed);
    plan.set_list(vip, {a, b}, at(4));
    EXPECT_EQ(after(plan, a), (Keys{{b, key(1, 4)}}));
    EXPECT_EQ(after(plan, b), (Keys{{a, key(1, 2)}}));
}

TEST(LeasePlan, FencesGrowAndNeverPassTheEpoch) {
    Plan plan;
    plan.set_list(vip, {a, b}, at(1));
    EXPECT_FALSE(plan.record_fence(a, Epoch(2)));
    EXPECT_TRUE(plan.record_fence(a, Epoch(1)));
    EXPECT_FALSE(plan.record_fence(a, Epoch(1)));
    EXPECT_FALSE(plan.record_fence(d, Epoch(1)));
    plan.record_fence(b, Epoch(1));
    EXPECT_EQ(plan.owner(vip), NodeId{});
}

}  // namespace
}  // namespace trivet::lease
