#include "announce/frame_budget.hpp"

#include <gtest/gtest.h>

#include "tests/announce/l2_frames.hpp"

namespace trivet::announce {
namespace {

using namespace std::chrono_literals;

TEST(FrameBudget, AllowsAHundredthOfASecondAtOnce) {
    FrameBudget budget(1'000);
    EXPECT_EQ(budget.burst(), 10U);
    EXPECT_TRUE(budget.allows(10, at(5s)));
    budget.charge(10, at(5s));
    EXPECT_FALSE(budget.allows(1, at(5s)));
    EXPECT_EQ(budget.ready_at(1), at(5s + 1ms));
    EXPECT_TRUE(budget.allows(1, at(5s + 1ms)));
    EXPECT_FALSE(budget.allows(2, at(5s + 1ms)));
}

TEST(FrameBudget, SavesNoMoreThanItsBurst) {
    FrameBudget budget(1'000);
    budget.charge(1, at(0s));
    EXPECT_TRUE(budget.allows(10, at(1h)));
    budget.charge(10, at(1h));
    EXPECT_FALSE(budget.allows(1, at(1h)));
}

TEST(FrameBudget, NeverExceedsARateThatDoesNotDivideASecond) {
    FrameBudget budget(70'001);
    std::uint64_t sent = 0;
    for (Duration time{}; time < 1s; time += 10us)
        while (budget.allows(1, at(time))) {
            budget.charge(1, at(time));
            ++sent;
        }
    EXPECT_LE(sent, 70'001U + budget.burst());
    EXPECT_GT(sent, 69'000U);
}

TEST(FrameBudget, LetsAPairPassAtAnyRate) {
    FrameBudget budget(0);
    EXPECT_TRUE(budget.allows(2, at(0s)));
    budget.charge(2, at(0s));
    EXPECT_FALSE(budget.allows(1, at(500ms)));
    EXPECT_TRUE(budget.allows(1, at(1s)));
}

}  // namespace
}  // namespace trivet::announce
