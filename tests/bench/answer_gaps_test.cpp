#include "bench/answer_gaps.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace trivet::bench {
namespace {

constexpr std::int64_t ms = 1'000'000;

/// A probe a millisecond; those sent in [lost_from, lost_until) are not answered, others after 0.1
/// ms.
std::vector<Probe> probes(std::int64_t count, std::int64_t lost_from, std::int64_t lost_until) {
    std::vector<Probe> result;
    for (std::int64_t i = 0; i < count; ++i) {
        const bool lost = i >= lost_from && i < lost_until;
        result.push_back({.sent = i * ms, .answered = lost ? 0 : i * ms + ms / 10, .node = 1});
    }
    return result;
}

constexpr Phase all{.from = 0, .until = 1'000'000 * ms};

TEST(AnswerGaps, NothingLostIsTheTimeOfOneAnswer) {
    const PhaseAnswers answers = answers_in(probes(100, 0, 0), all, 100 * ms);
    EXPECT_EQ(answers.sent, 100U);
    EXPECT_EQ(answers.lost, 0U);
    EXPECT_EQ(answers.wait_max, ms / 10);
    EXPECT_FALSE(answers.open);
}

TEST(AnswerGaps, AnOutageLastsFromItsFirstLostProbeToTheNextAnswer) {
    const PhaseAnswers answers = answers_in(probes(100, 20, 50), all, 100 * ms);
    EXPECT_EQ(answers.lost, 30U);
    EXPECT_EQ(answers.wait_max, 30 * ms + ms / 10);
    EXPECT_EQ(answers.wait_from, 20 * ms);
}

TEST(AnswerGaps, AnOutageThatDoesNotEndIsOpenAndLastsToTheEnd) {
    const PhaseAnswers answers = answers_in(probes(100, 60, 100), all, 110 * ms);
    EXPECT_TRUE(answers.open);
    EXPECT_EQ(answers.wait_max, 50 * ms);
}

TEST(AnswerGaps, AnAskerThatSleptHasSeenNoOutage) {
    std::vector<Probe> slept = probes(100, 0, 0);
    slept.erase(slept.begin() + 20, slept.begin() + 60);
    EXPECT_EQ(answers_in(slept, all, 100 * ms).wait_max, ms / 10);
}

TEST(AnswerGaps, AnAnswerThatWaitedInAQueueDoesNotHideTheOutage) {
    std::vector<Probe> late = probes(100, 20, 50);
    late[20].answered = 50 * ms + ms / 20;
    EXPECT_EQ(answers_in(late, all, 100 * ms).wait_max, 30 * ms + ms / 20);
}

TEST(AnswerGaps, AWaitBelongsToThePhaseInWhichItsProbeWasSent) {
    const auto sent = probes(100, 20, 50);
    const PhaseAnswers before = answers_in(sent, {.from = 0, .until = 30 * ms}, 100 * ms);
    EXPECT_EQ(before.wait_max, 30 * ms + ms / 10) << "though it ends in the next";
    const PhaseAnswers after = answers_in(sent, {.from = 30 * ms, .until = 100 * ms}, 100 * ms);
    EXPECT_EQ(after.wait_max, 20 * ms + ms / 10);
    EXPECT_EQ(before.lost + after.lost, 30U);
}

TEST(AnswerGaps, NodesThatAnsweredAreCounted) {
    std::vector<Probe> moved = probes(100, 20, 50);
    for (std::size_t i = 50; i < 100; ++i) moved[i].node = 2;
    const PhaseAnswers answers = answers_in(moved, all, 100 * ms);
    EXPECT_EQ(answers.nodes, (std::map<int, std::uint64_t>{{1, 20}, {2, 50}}));
    EXPECT_EQ(answers.last_node, 2);
}

}  // namespace
}  // namespace trivet::bench
