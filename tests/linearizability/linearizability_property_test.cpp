// The checker against executions that have an order, against brute force, and against histories of
// the size that cluster tests record.
#include <algorithm>

#include <gtest/gtest.h>

#include "tests/linearizability/brute_force.hpp"
#include "tests/linearizability/random_history.hpp"
#include "tests/support/linearizability.hpp"

namespace trivet::test {
namespace {

std::string told(const History& history) {
    std::string text;
    for (const Operation& operation : history) text += describe(operation) + "\n";
    return text;
}

TEST(LinearizabilityProperty, StretchedSequentialExecutionsAreAccepted) {
    for (std::uint64_t seed = 0; seed < 500; ++seed) {
        const History history = RandomHistory(seed).stretched(
            {.operations = 40, .values = 4, .width = 3, .unknown_percent = 10});
        const Verdict verdict = check_linearizable(history);
        ASSERT_EQ(verdict.outcome, Outcome::linearizable) << "seed " << seed << "\n"
                                                          << verdict.explanation;
    }
}

TEST(LinearizabilityProperty, AgreesWithBruteForce) {
    int accepted = 0;
    int refused = 0;
    for (std::uint64_t seed = 0; seed < 20'000; ++seed) {
        RandomHistory random(seed);
        History history = random.stretched({.operations = 3 + static_cast<int>(seed % 5),
                                            .values = 3,
                                            .width = 1 + static_cast<int>(seed % 3),
                                            .unknown_percent = 10 * static_cast<int>(seed % 4)});
        for (std::uint64_t i = 0; i < seed % 4; ++i) random.mutate(history, 3);
        const bool expected = is_linearizable_by_brute_force(history);
        ++(expected ? accepted : refused);
        const Outcome outcome = check_linearizable(history).outcome;
        ASSERT_EQ(outcome, expected ? Outcome::linearizable : Outcome::violated)
            << "seed " << seed << "\n"
            << told(history);
    }
    EXPECT_GT(accepted, 4'000);
    EXPECT_GT(refused, 4'000);
}

TEST(LinearizabilityProperty, HistoriesOfAClusterTestAreDecided) {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        History history = RandomHistory(seed).of_clients(
            {.clients = 5, .operations = 400, .keys = 4, .unknown_percent = 5});
        Verdict verdict = check_linearizable(history);
        ASSERT_EQ(verdict.outcome, Outcome::linearizable) << "seed " << seed << "\n"
                                                          << verdict.explanation;

        // One stale read late in the history.
        const auto read = std::ranges::find_if(history.begin() + 1'900, history.end(), [](auto& o) {
            return o.kind == OperationKind::read && o.returned;
        });
        ASSERT_NE(read, history.end());
        read->output = "of long ago";
        verdict = check_linearizable(history);
        ASSERT_EQ(verdict.outcome, Outcome::violated) << "seed " << seed;
        EXPECT_EQ(verdict.key, read->key);
    }
}

}  // namespace
}  // namespace trivet::test
