#include "bench/claim_intervals.hpp"

#include <gtest/gtest.h>

namespace trivet::bench {
namespace {

constexpr std::int64_t ms = 1'000'000, forever = 1'000'000 * ms;

std::int64_t two_owners(std::vector<Sighting> sightings, std::int64_t from = 0,
                        std::int64_t until = forever) {
    return two_owner_ns(claim_intervals(sightings), from, until);
}

std::vector<Sighting> every_millisecond(std::uint8_t owner, std::int64_t from, std::int64_t until) {
    std::vector<Sighting> sightings;
    for (std::int64_t at = from; at <= until; ++at)
        sightings.push_back({.at = at * ms, .owner = owner});
    return sightings;
}

std::vector<Sighting> merged(std::vector<Sighting> one, const std::vector<Sighting>& other) {
    one.insert(one.end(), other.begin(), other.end());
    std::ranges::stable_sort(one, {}, &Sighting::at);
    return one;
}

TEST(ClaimIntervals, OneOwnerIsNeverTwo) { EXPECT_EQ(two_owners(every_millisecond(0, 1, 99)), 0); }

TEST(ClaimIntervals, AHandOverIsNoOverlap) {
    EXPECT_EQ(two_owners(merged(every_millisecond(0, 1, 50), every_millisecond(1, 51, 99))), 0);
    EXPECT_EQ(two_owners(merged(every_millisecond(0, 1, 50), every_millisecond(1, 50, 99))), 0);
}

TEST(ClaimIntervals, AnAnswerThatComesAfterTheNextOwnersFirstCountsWithItsDelay) {
    auto sightings = merged(every_millisecond(0, 1, 50), every_millisecond(1, 51, 99));
    sightings = merged(sightings, {{.at = 51 * ms + ms / 4, .owner = 0}});
    EXPECT_EQ(two_owners(sightings), ms / 4);
}

TEST(ClaimIntervals, TwoWhoAnswerAtOnceAreCountedFromTheSecondsFirstToTheFirstsLast) {
    EXPECT_EQ(two_owners(merged(every_millisecond(0, 1, 80), every_millisecond(1, 30, 99))),
              50 * ms);
}

TEST(ClaimIntervals, ThreeCountOnce) {
    auto sightings = merged(every_millisecond(0, 0, 50), every_millisecond(1, 10, 60));
    EXPECT_EQ(two_owners(merged(sightings, every_millisecond(2, 20, 70))), 50 * ms);
}

TEST(ClaimIntervals, AnOwnerWhoComesBackLaterWasAwayMeanwhile) {
    auto sightings = merged(every_millisecond(0, 1, 50), every_millisecond(1, 51, 99));
    EXPECT_EQ(two_owners(merged(sightings, every_millisecond(0, 100, 150))), 0);
}

TEST(ClaimIntervals, ASilenceOfFewQuestionsDoesNotEndAClaim) {
    auto sightings = merged(every_millisecond(0, 1, 50), every_millisecond(0, 70, 99));
    EXPECT_EQ(two_owners(merged(sightings, {{.at = 60 * ms, .owner = 1}})), claim_least_ns);
}

TEST(ClaimIntervals, OnlyThePhaseThatIsAskedForCounts) {
    const auto sightings = merged(every_millisecond(0, 0, 100), every_millisecond(1, 0, 100));
    EXPECT_EQ(two_owners(sightings, 40 * ms, 60 * ms), 20 * ms);
    EXPECT_EQ(two_owners(sightings, 90 * ms), 10 * ms);
}

}  // namespace
}  // namespace trivet::bench
