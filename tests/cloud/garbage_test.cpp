#include "cloud/garbage.hpp"

#include <gtest/gtest.h>

namespace trivet::cloud {
namespace {

using namespace std::chrono_literals;

constexpr Instant start{1000s};
using Keys = std::set<ObjectKey>;

Keys keys(int count, int first = 0) {
    Keys made;
    for (int i = first; i < first + count; ++i)
        made.insert({Kind::vip, "c1.shop", "web-" + std::to_string(i)});
    return made;
}

Keys without(Keys from, int count) {
    for (int i = 0; i < count; ++i) from.erase(from.begin());
    return from;
}

TEST(Garbage, AfterTheGracePeriodAndAnotherList) {
    GarbageCollector garbage({.grace = 300s});
    const Keys vips = keys(5);
    const Keys services = without(vips, 1);
    auto plan = garbage.look({vips, services, 1}, start);
    EXPECT_TRUE(plan.release.empty());
    EXPECT_FALSE(plan.wants_list);
    EXPECT_EQ(garbage.next_deadline(), start + 300s);
    plan = garbage.look({vips, services, 1}, start + 300s);
    EXPECT_TRUE(plan.release.empty()) << "a watch alone does not decide it";
    EXPECT_TRUE(plan.wants_list);
    plan = garbage.look({vips, services, 2}, start + 301s);
    EXPECT_EQ(plan.release, std::vector{*vips.begin()});
    EXPECT_TRUE(plan.held_back.empty());
}

TEST(Garbage, NothingIsKnownBeforeTheFirstList) {
    GarbageCollector garbage({.grace = 0s, .allow_mass_release = true});
    EXPECT_TRUE(garbage.look({keys(5), {}, 0}, start).release.empty());
    EXPECT_EQ(garbage.missing(), 0u);
    EXPECT_FALSE(garbage.next_deadline());
}

TEST(Garbage, AServiceThatComesBackStartsTheClockAnew) {
    GarbageCollector garbage({.grace = 300s});
    const Keys vips = keys(5);
    const Keys fewer = without(vips, 1);
    EXPECT_TRUE(garbage.look({vips, fewer, 1}, start).release.empty());
    EXPECT_TRUE(garbage.look({vips, vips, 2}, start + 299s).release.empty());
    EXPECT_TRUE(garbage.look({vips, fewer, 3}, start + 301s).release.empty());
    EXPECT_EQ(garbage.next_deadline(), start + 601s);
}

// One empty list, which the next one corrects, must never cost a VIP.
TEST(Garbage, AnEmptyListOnceReleasesNothing) {
    GarbageCollector garbage({.grace = 300s});
    const Keys vips = keys(100);
    EXPECT_TRUE(garbage.look({vips, {}, 2}, start).release.empty());
    EXPECT_TRUE(garbage.look({vips, {}, 2}, start + 299s).release.empty());
    const auto plan = garbage.look({vips, {}, 2}, start + 301s);
    EXPECT_TRUE(plan.release.empty());
    EXPECT_TRUE(plan.wants_list);
    EXPECT_TRUE(garbage.look({vips, vips, 3}, start + 302s).release.empty());
    EXPECT_EQ(garbage.missing(), 0u);
}

struct Mass {
    const char* name;
    int known;
    int gone;
    bool released;
};

void PrintTo(const Mass& row, std::ostream* out) { *out << row.name; }

class GarbageMass : public testing::TestWithParam<Mass> {};

TEST_P(GarbageMass, NeedsAFlag) {
    const Mass& row = GetParam();
    const Keys vips = keys(row.known);
    const Keys services = without(vips, row.gone);
    for (const bool allow : {false, true}) {
        GarbageCollector garbage({.grace = 1s, .allow_mass_release = allow});
        EXPECT_TRUE(garbage.look({vips, services, 1}, start).release.empty());
        const auto plan = garbage.look({vips, services, 2}, start + 2s);
        const bool expected = row.released || allow;
        EXPECT_EQ(plan.release.size(), expected ? static_cast<std::size_t>(row.gone) : 0u);
        EXPECT_EQ(plan.held_back.empty(), expected);
        if (expected) continue;
        EXPECT_NE(plan.held_back.find("--allow-mass-release"), std::string::npos);
    }
}

INSTANTIATE_TEST_SUITE_P(
    All, GarbageMass,
    testing::Values(Mass{"TheOnlyOne", 1, 1, false}, Mass{"OneOfTwo", 2, 1, true},
                    Mass{"TenOfEleven", 11, 10, true}, Mass{"ElevenOfTwelve", 12, 11, false},
                    Mass{"AllOfFive", 5, 5, false}, Mass{"AFifth", 1000, 200, true},
                    Mass{"MoreThanAFifth", 1000, 201, false}, Mass{"All", 1000, 1000, false}),
    [](const auto& row) { return row.param.name; });

TEST(Garbage, WhatWasReleasedIsForgotten) {
    GarbageCollector garbage({.grace = 1s});
    const Keys vips = keys(5);
    const Keys services = without(vips, 1);
    EXPECT_TRUE(garbage.look({vips, services, 1}, start).release.empty());
    EXPECT_EQ(garbage.look({vips, services, 2}, start + 2s).release.size(), 1u);
    EXPECT_TRUE(garbage.look({services, services, 2}, start + 3s).release.empty());
    EXPECT_EQ(garbage.missing(), 0u);
}

}  // namespace
}  // namespace trivet::cloud
