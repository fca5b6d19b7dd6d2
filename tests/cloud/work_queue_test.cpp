#include "cloud/work_queue.hpp"

#include <gtest/gtest.h>

namespace trivet::cloud {
namespace {

using namespace std::chrono_literals;

constexpr Backoff::Limits limits{100ms, 10s};
constexpr Instant start{1000s};

TEST(Backoff, DoublesUpToItsLimitWithinHalfAndWhole) {
    Backoff backoff(limits, 1);
    Duration expected = 100ms;
    for (unsigned failures = 1; failures < 100; ++failures) {
        const Duration delay = backoff.delay(failures);
        EXPECT_GE(delay, expected / 2) << failures;
        EXPECT_LE(delay, expected) << failures;
        expected = std::min<Duration>(2 * expected, 10s);
    }
    EXPECT_LE(backoff.delay(0), 100ms);
}

TEST(Backoff, SpreadsOverItsRange) {
    Backoff backoff(limits, 1);
    Duration least = 1s, most = 0s;
    for (int i = 0; i < 1000; ++i) {
        const Duration delay = backoff.spread(1s);
        least = std::min(least, delay);
        most = std::max(most, delay);
    }
    EXPECT_LT(least, 510ms);
    EXPECT_GT(most, 990ms);
}

TEST(WorkQueue, AKeyIsLookedAtOnceHoweverOftenItIsAdded) {
    WorkQueue queue(limits, 1);
    for (const char* key : {"a", "b", "a", "a"}) queue.add(key);
    EXPECT_EQ(queue.pop(start), "a");
    EXPECT_EQ(queue.pop(start), "b");
    EXPECT_EQ(queue.pop(start), std::nullopt);
    queue.done("a");
    queue.done("b");
    EXPECT_EQ(queue.pop(start), std::nullopt);
    EXPECT_EQ(queue.size(), 0u) << "nothing is kept of what is done";
}

TEST(WorkQueue, WhatChangesDuringTheWorkIsLookedAtAgain) {
    WorkQueue queue(limits, 1);
    queue.add("a");
    EXPECT_EQ(queue.pop(start), "a");
    queue.add("a");
    EXPECT_EQ(queue.pop(start), std::nullopt) << "never by two at a time";
    queue.done("a");
    EXPECT_EQ(queue.pop(start), "a");
    queue.done("a");
    EXPECT_EQ(queue.pop(start), std::nullopt);
}

TEST(WorkQueue, FailuresComeBackLaterEachTime) {
    WorkQueue queue(limits, 1);
    Instant now = start;
    queue.add("a");
    Duration before = 0s;
    for (int i = 0; i < 8; ++i) {
        ASSERT_EQ(queue.pop(now), "a");
        queue.failed("a", now);
        EXPECT_EQ(queue.pop(now), std::nullopt);
        ASSERT_TRUE(queue.next_deadline());
        const Duration delay = *queue.next_deadline() - now;
        EXPECT_GE(delay, before) << "doubled, and spread over no more than a half";
        before = delay;
        now = *queue.next_deadline();
    }
    EXPECT_EQ(queue.failures("a"), 8u);
    ASSERT_EQ(queue.pop(now), "a");
    queue.done("a");
    EXPECT_EQ(queue.failures("a"), 0u);
}

TEST(WorkQueue, AChangeDoesNotWaitForTheBackOff) {
    WorkQueue queue(limits, 1);
    queue.add("a");
    EXPECT_EQ(queue.pop(start), "a");
    queue.failed("a", start);
    queue.add("a");
    EXPECT_EQ(queue.pop(start), "a");
    EXPECT_EQ(queue.failures("a"), 1u) << "a failure is over when it succeeds";
    EXPECT_EQ(queue.next_deadline(), std::nullopt);
}

TEST(WorkQueue, LooksAgainAtATime) {
    WorkQueue queue(limits, 1);
    queue.add_at("a", start + 60s);
    queue.add_at("a", start + 90s);
    EXPECT_EQ(queue.next_deadline(), start + 60s);
    EXPECT_EQ(queue.pop(start + 59s), std::nullopt);
    EXPECT_EQ(queue.pop(start + 60s), "a");
    queue.add_at("a", start + 70s);
    queue.done("a");
    EXPECT_EQ(queue.pop(start + 65s), std::nullopt);
    EXPECT_EQ(queue.pop(start + 70s), "a");
    queue.done("a");
    queue.add_at("b", start + 80s);
    queue.add("b");
    EXPECT_EQ(queue.next_deadline(), std::nullopt) << "the earlier look stands for the later one";
}

}  // namespace
}  // namespace trivet::cloud
