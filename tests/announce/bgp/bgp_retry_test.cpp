#include "announce/bgp/bgp_retry.hpp"

#include <gtest/gtest.h>

namespace trivet::announce::bgp {
namespace {

using namespace std::chrono_literals;

/// Between 0.75 and 1.0 of it (RFC 4271 section 10).
testing::AssertionResult is_jittered(Duration actual, Duration base) {
    if (actual >= base * 3 / 4 && actual <= base) return testing::AssertionSuccess();
    return testing::AssertionFailure() << actual.count() << " ns is not about " << base.count();
}

TEST(BgpRetryTiming, FirstRetriesAreQuickAndGrowToTheConnectTime) {
    RetryTiming timing(120s, 1);
    for (const auto expected : {1s, 2s, 4s, 8s, 16s, 32s, 64s, 120s, 120s, 120s})
        EXPECT_TRUE(is_jittered(timing.next_connect_retry(), expected));
    timing.on_established();
    EXPECT_TRUE(is_jittered(timing.next_connect_retry(), 1s));
}

TEST(BgpRetryTiming, AShortConnectTimeIsNotExceeded) {
    RetryTiming timing(3s, 1);
    for (const auto expected : {1s, 2s, 3s, 3s})
        EXPECT_TRUE(is_jittered(timing.next_connect_retry(), expected));
    RetryTiming least(0s, 1);
    EXPECT_TRUE(is_jittered(least.next_connect_retry(), 1s));
}

// RFC 4271 section 10: "multiplying the base value by a random factor, uniformly distributed
// between 0.75 and 1.0", "each time the timer is set".
TEST(BgpRetryTiming, JitterCoversItsRange) {
    RetryTiming timing(120s, 1);
    Duration least = 1000s, most = 0s, sum = 0s;
    for (int i = 0; i < 10'000; ++i) {
        const Duration one = timing.jittered(1s);
        ASSERT_TRUE(is_jittered(one, 1s));
        least = std::min(least, one);
        most = std::max(most, one);
        sum += one;
    }
    EXPECT_LT(least, 755ms);
    EXPECT_GT(most, 995ms);
    EXPECT_NEAR(static_cast<double>((sum / 10'000).count()), 875e6, 5e6);
}

TEST(BgpRetryTiming, TheSameSeedGivesTheSameTimes) {
    RetryTiming one(120s, 7), two(120s, 7), other(120s, 8);
    bool differs = false;
    for (int i = 0; i < 10; ++i) {
        const Duration jittered = one.jittered(1h);
        EXPECT_EQ(jittered, two.jittered(1h));
        differs |= jittered != other.jittered(1h);
    }
    EXPECT_TRUE(differs);
}

TEST(BgpRetryTiming, ThreeFlapsCostNothingAndThenIdleHoldDoubles) {
    RetryTiming timing(120s, 1);
    Instant now{};
    for (int i = 0; i < 3; ++i) EXPECT_EQ(timing.on_flap(now += 10s), Duration::zero());
    for (const auto expected : {8s, 16s, 32s, 64s, 120s, 120s, 120s})
        EXPECT_TRUE(is_jittered(timing.on_flap(now += 4min), expected));
}

TEST(BgpRetryTiming, FlapsAreForgottenAfterFiveQuietMinutes) {
    RetryTiming timing(120s, 1);
    Instant now{};
    for (int i = 0; i < 4; ++i) (void)timing.on_flap(now += 10s);
    EXPECT_EQ(timing.on_flap(now += 5min + 1s), Duration::zero());
}

TEST(BgpRetryTiming, APersonStartsFromTheBeginning) {
    RetryTiming timing(120s, 1);
    for (int i = 0; i < 4; ++i) {
        (void)timing.on_flap(Instant{});
        (void)timing.next_connect_retry();
    }
    timing.reset();
    EXPECT_EQ(timing.on_flap(Instant{}), Duration::zero());
    EXPECT_TRUE(is_jittered(timing.next_connect_retry(), 1s));
}

}  // namespace
}  // namespace trivet::announce::bgp
