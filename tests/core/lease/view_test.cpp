#include "core/lease/view.hpp"

#include <fmt/format.h>

#include <gtest/gtest.h>

namespace trivet::lease {
namespace {

const NodeId a{1}, b{2}, c{3};

IpAddress address(unsigned n) { return IpAddress::parse(fmt::format("192.0.2.{}", n)).value(); }
Key key(std::uint64_t epoch, std::uint64_t generation = 0) {
    return {Epoch(epoch), LogIndex(generation)};
}
bool no_hold(IpAddress) { return false; }

TEST(LeaseView, H2AllCandidatesBeforeItMustBeFenced) {
    Plan plan;
    plan.set_list(address(1), {a, b, c}, LogIndex(1));
    const auto right = GroupTable::right_of(plan, c, address(1));
    ASSERT_TRUE(right);
    EXPECT_EQ(right->needs, (std::vector<Need>{{a, key(2), true}, {b, key(2), true}}));
    EXPECT_TRUE(GroupTable::right_of(plan, a, address(1))->needs.empty());
    EXPECT_FALSE(GroupTable::right_of(plan, NodeId(9), address(1)));
}

TEST(LeaseView, H2AndThoseItHasToWaitFor) {
    Plan plan;
    plan.set_list(address(1), {a, b}, LogIndex(1));
    plan.set_list(address(1), {b, c}, LogIndex(5));
    EXPECT_EQ(GroupTable::right_of(plan, b, address(1))->needs,
              (std::vector<Need>{{a, key(1, 5), false}}));
    EXPECT_EQ(GroupTable::right_of(plan, c, address(1))->needs,
              (std::vector<Need>{{a, key(1, 5), false}, {b, key(2), true}}));
}

TEST(LeaseView, AddressesWithEqualRightsShareAGroup) {
    Plan plan;
    for (unsigned n = 1; n <= 100; ++n) plan.set_list(address(n), {a, b}, LogIndex(n));
    GroupTable table(b);
    View view;
    const auto changes = table.update(plan, std::nullopt, no_hold, view);
    EXPECT_EQ(changes.set.size(), 100u);
    EXPECT_EQ(view.rights.size(), 1u);
    EXPECT_EQ(view.nodes.size(), 2u);
}

TEST(LeaseView, OnlyWhatChangedChangesItsGroup) {
    Plan plan;
    for (unsigned n = 1; n <= 10; ++n) plan.set_list(address(n), {a, b}, LogIndex(n));
    GroupTable table(a);
    View view;
    table.update(plan, std::nullopt, no_hold, view);
    plan.set_list(address(3), {b, a}, LogIndex(20));
    plan.set_list(address(4), {}, LogIndex(21));
    plan.set_list(address(5), {b}, LogIndex(22));
    const std::vector touched{address(3), address(4), address(5)};
    const auto changes = table.update(plan, touched, no_hold, view);
    EXPECT_EQ(changes.erased, std::vector{address(4)});
    ASSERT_EQ(changes.set.size(), 2u);
    EXPECT_EQ(changes.set[0].first, address(3));
    EXPECT_EQ(changes.set[1], std::pair(address(5), Group{0})) << "not a candidate: never open";
}

TEST(LeaseView, ADifferentChoiceOnQuorumLossIsAnotherGroup) {
    Plan plan;
    plan.set_list(address(1), {a}, LogIndex(1));
    plan.set_list(address(2), {a}, LogIndex(2));
    GroupTable table(a);
    View view;
    table.update(plan, std::nullopt, [](IpAddress of) { return of == address(1); }, view);
    EXPECT_EQ(view.rights.size(), 2u);
}

TEST(LeaseView, ManyMovesBecomeOneGroupWhenTheyHaveSettled) {
    Plan plan;
    for (unsigned n = 1; n <= 200; ++n) plan.set_list(address(n), {a, b}, LogIndex(n));
    for (unsigned n = 1; n <= 200; ++n) plan.set_list(address(n), {b, a}, LogIndex(1000 + n));
    GroupTable table(b);
    View view;
    table.update(plan, std::nullopt, no_hold, view);
    EXPECT_EQ(view.rights.size(), 200u);
    table.settle(plan);
    table.update(plan, std::nullopt, no_hold, view);
    ASSERT_EQ(view.rights.size(), 1u);
    EXPECT_EQ(view.rights.front().right.needs, (std::vector<Need>{{a, key(1, 1200), false}}));
}

TEST(LeaseView, AGroupIsUsedAgainOnlyWhenAllOthersWereUsed) {
    Plan plan;
    GroupTable table(b);
    View view;
    plan.set_list(address(1), {b}, LogIndex(1));
    Group last = table.update(plan, std::nullopt, no_hold, view).set.front().second;
    for (unsigned i = 2; i <= 50; ++i) {
        plan.set_list(address(1), i % 2 == 0 ? std::vector{a, b} : std::vector{b, a}, LogIndex(i));
        const Group next = table.update(plan, std::nullopt, no_hold, view).set.front().second;
        EXPECT_EQ(next, last + 1);
        last = next;
    }
}

}  // namespace
}  // namespace trivet::lease
