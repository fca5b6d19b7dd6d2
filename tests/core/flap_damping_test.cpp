#include "core/flap_damping.hpp"

#include <gtest/gtest.h>

namespace trivet {
namespace {

WallTime at(int seconds) { return WallTime(std::chrono::seconds(1'000'000 + seconds)); }

TEST(FlapPenalty, HalvesEveryFiveMinutes) {
    FlapPenalty penalty;
    penalty.add_fence(at(0));
    EXPECT_EQ(penalty.value(at(0)), 1000u);
    EXPECT_EQ(penalty.value(at(150)), 750u);  // a straight line between two halvings
    EXPECT_EQ(penalty.value(at(300)), 500u);
    EXPECT_EQ(penalty.value(at(600)), 250u);
    EXPECT_EQ(penalty.value(at(300 * 32)), 0u);
    EXPECT_EQ(penalty.value(at(-10)), 1000u);
}

TEST(FlapPenalty, NeverGrowsWithTime) {
    FlapPenalty penalty(FlapPenalty::points_max, at(0), true);
    for (int second = 1; second < 4000; ++second)
        ASSERT_LE(penalty.value(at(second)), penalty.value(at(second - 1))) << second;
}

TEST(FlapPenalty, TheFourthFenceWithinMinutesDamps) {
    FlapPenalty penalty;
    for (int i = 0; i < 3; ++i) penalty.add_fence(at(i));
    EXPECT_FALSE(penalty.is_damped(at(3)));
    penalty.add_fence(at(3));
    EXPECT_TRUE(penalty.is_damped(at(3)));
}

TEST(FlapPenalty, CoolsDownBelowTheReuseLimitOnly) {
    FlapPenalty penalty;
    for (int i = 0; i < 4; ++i) penalty.add_fence(at(0));
    EXPECT_TRUE(penalty.is_damped(at(300)));  // 2000
    EXPECT_TRUE(penalty.is_damped(at(449)));
    EXPECT_FALSE(penalty.is_damped(at(451)));  // below 1500
    penalty.add_fence(at(451));                // below 3000 in all: not at once
    EXPECT_FALSE(penalty.is_damped(at(451)));
}

TEST(FlapPenalty, IsBoundedSoThatNobodyWaitsForEver) {
    FlapPenalty penalty;
    for (int i = 0; i < 1000; ++i) penalty.add_fence(at(0));
    EXPECT_EQ(penalty.value(at(0)), FlapPenalty::points_max);
    EXPECT_TRUE(penalty.is_damped(at(899)));
    EXPECT_FALSE(penalty.is_damped(at(901)));
}

}  // namespace
}  // namespace trivet
