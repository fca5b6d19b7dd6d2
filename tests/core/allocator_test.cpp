// Which address a VIP gets: one named row for each rule, in
// tests/core/testdata/. tests/core/state_script.hpp tells how the stories are read.
#include "core/allocator.hpp"

#include <gtest/gtest.h>

#include "tests/core/state_script.hpp"
#include "tests/core/test_objects.hpp"

namespace trivet {
namespace {

using test::rule_name;
using test::rules_of;

class AllocationRule : public testing::TestWithParam<test::Rule> {};

TEST_P(AllocationRule, Holds) { test::run_script(GetParam().script); }

INSTANTIATE_TEST_SUITE_P(Pools, AllocationRule, testing::ValuesIn(rules_of("pools.txt")),
                         rule_name);
INSTANTIATE_TEST_SUITE_P(Selectors, AllocationRule, testing::ValuesIn(rules_of("selectors.txt")),
                         rule_name);
INSTANTIATE_TEST_SUITE_P(Wishes, AllocationRule, testing::ValuesIn(rules_of("wishes.txt")),
                         rule_name);
INSTANTIATE_TEST_SUITE_P(Families, AllocationRule, testing::ValuesIn(rules_of("families.txt")),
                         rule_name);
INSTANTIATE_TEST_SUITE_P(Sharing, AllocationRule, testing::ValuesIn(rules_of("sharing.txt")),
                         rule_name);
INSTANTIATE_TEST_SUITE_P(Pending, AllocationRule, testing::ValuesIn(rules_of("pending.txt")),
                         rule_name);
INSTANTIATE_TEST_SUITE_P(Cooldown, AllocationRule, testing::ValuesIn(rules_of("cooldown.txt")),
                         rule_name);
INSTANTIATE_TEST_SUITE_P(PoolEdits, AllocationRule, testing::ValuesIn(rules_of("pool_edits.txt")),
                         rule_name);
INSTANTIATE_TEST_SUITE_P(Updates, AllocationRule, testing::ValuesIn(rules_of("updates.txt")),
                         rule_name);

constexpr int releases_max = 65'536;

/// Takes and releases `count` addresses of a pool, one second after the other.
class ReleaseRecords : public testing::Test {
protected:
    Allocator allocator;
    std::int64_t second = 0;

    void use_up(int count, std::chrono::seconds cooldown) {
        Pool pool;
        pool.name = "lan";
        pool.addresses = {test::range("10.0.0.0/14")};
        pool.reuse_cooldown = cooldown;
        allocator.put_pool(pool, WallTime(std::chrono::seconds(second)));
        for (int i = 0; i < count; ++i) {
            Vip vip;
            vip.name = "v" + std::to_string(second);
            const VipId id = static_cast<VipId>(++second);
            const auto address = allocator.choose("lan", IpFamily::ipv4, vip, id);
            allocator.take(*address, vip, id);
            allocator.release(*address, vip, id, {id, WallTime(std::chrono::seconds(second))});
        }
    }
};

TEST_F(ReleaseRecords, AreBoundedAndTheOldestBecomesUnused) {
    use_up(releases_max, std::chrono::seconds(0));
    EXPECT_NE(allocator.released(test::address("10.0.0.0")), nullptr);
    use_up(1, std::chrono::seconds(0));
    EXPECT_EQ(allocator.released(test::address("10.0.0.0")), nullptr);
    EXPECT_NE(allocator.released(test::address("10.0.0.1")), nullptr);
    Vip next;
    next.name = "next";
    EXPECT_EQ(allocator.choose("lan", IpFamily::ipv4, next, 0), test::address("10.0.0.0"));
    EXPECT_FALSE(allocator.has_releases("default/v0"));
}

TEST_F(ReleaseRecords, WhatIsOverGoesBeforeWhatStillCools) {
    Pool other;
    other.name = "other";
    other.addresses = {test::range("10.9.0.0/24")};
    other.reuse_cooldown = std::chrono::seconds(1'000'000);
    allocator.put_pool(other, {});
    Vip vip;
    allocator.take(test::address("10.9.0.0"), vip, 1);
    allocator.release(test::address("10.9.0.0"), vip, 1, {0, {}});
    use_up(releases_max, std::chrono::seconds(0));
    EXPECT_NE(allocator.released(test::address("10.9.0.0")), nullptr);
    EXPECT_EQ(allocator.released(test::address("10.0.0.0")), nullptr);
}

TEST_F(ReleaseRecords, WhenAllCoolTheFirstToEndGoes) {
    use_up(releases_max + 1, std::chrono::seconds(1'000'000));
    EXPECT_EQ(allocator.released(test::address("10.0.0.0")), nullptr);
    EXPECT_NE(allocator.released(test::address("10.0.0.1")), nullptr);
}

}  // namespace
}  // namespace trivet
