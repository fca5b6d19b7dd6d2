#include "core/lease/voter.hpp"

#include <gtest/gtest.h>

namespace trivet::lease {
namespace {

using std::chrono::milliseconds;

const NodeId a{1}, b{2};
const Instant start{std::chrono::hours{1}};
/// After the silence of a voter that started at `start`.
const Instant t0 = start + promise_max;

Key key(std::uint64_t epoch, std::uint64_t generation = 0) {
    return {Epoch(epoch), LogIndex(generation)};
}

class LeaseVoter : public testing::Test {
protected:
    LeaseVoter() {
        view.configuration = LogIndex(10);
        voter.on_view(view, start);
    }
    Renew renew(Key of, std::vector<Want> wants = {}) {
        Renew renew;
        renew.sequence = Sequence(++sequence);
        renew.key = of;
        renew.configuration = LogIndex(10);
        renew.wants = std::move(wants);
        return renew;
    }
    Voter::Answer ask(NodeId from, const Renew& renew, Instant now, std::uint64_t boot = 1) {
        return voter.on_renew(from, Boot(boot), renew, now, ack, refuse);
    }
    Key confirmed(NodeId node) {
        for (const Confirmed& confirmed : ack.confirmed)
            if (confirmed.node == node) return confirmed.key;
        return {};
    }
    static Want fence(NodeId node, std::uint64_t epoch) {
        return {.node = node, .key = key(epoch + 1), .is_fence = true};
    }
    static Want generation(NodeId node, Key of) { return {.node = node, .key = of}; }

    View view;
    Voter voter{start};
    Ack ack;
    Refuse refuse;
    std::uint64_t sequence = 0;
};

constexpr auto none = Voter::Answer::none;

TEST_F(LeaseVoter, V1AnswersNobodyForOnePromiseAfterItsStart) {
    EXPECT_EQ(ask(a, renew(key(1)), t0 - milliseconds{1}), none);
    EXPECT_EQ(ask(a, renew(key(1)), t0), Voter::Answer::ack);
}

TEST_F(LeaseVoter, V1LearnsWhileItIsSilent) {
    ask(a, renew(key(3)), t0 - milliseconds{10});
    EXPECT_EQ(ask(a, renew(key(2)), t0), Voter::Answer::refuse);
    EXPECT_EQ(refuse.floor, key(3));
}

TEST_F(LeaseVoter, V1WhoRenewedDuringTheSilenceCannotBeFencedAtOnce) {
    ask(a, renew(key(1)), t0 - milliseconds{10});
    ask(b, renew(key(1), {fence(a, 1)}), t0 - milliseconds{5});
    EXPECT_EQ(ask(a, renew(key(1)), t0), Voter::Answer::ack);
}

TEST_F(LeaseVoter, V2DropsWhatAnOlderBootSent) {
    ask(a, renew(key(1)), t0, 2);
    EXPECT_EQ(ask(a, renew(key(1)), t0, 1), none);
    voter.on_release(a, Boot(1), Epoch(1), t0);
    EXPECT_EQ(ask(a, renew(key(1)), t0, 2), Voter::Answer::ack);
}

TEST_F(LeaseVoter, V3DropsAnOlderConfigurationAndTakesANewerOne) {
    Renew old = renew(key(1)), next = renew(key(1));
    old.configuration = LogIndex(9);
    next.configuration = LogIndex(11);
    EXPECT_EQ(ask(a, old, t0), none);
    EXPECT_EQ(ask(a, next, t0), Voter::Answer::ack);
}

TEST_F(LeaseVoter, V3TheConfigurationBeforePassesForOnePromise) {
    view.configuration = LogIndex(20);
    view.configuration_before = LogIndex(10);
    voter.on_view(view, t0);
    Renew before = renew(key(1)), older = renew(key(1));
    older.configuration = LogIndex(9);
    EXPECT_EQ(ask(a, before, t0 + promise_max - milliseconds{1}), Voter::Answer::ack);
    EXPECT_EQ(ask(a, older, t0), none);
    EXPECT_EQ(ask(a, before, t0 + promise_max), none);
}

TEST_F(LeaseVoter, V4RefusesWhatIsBelowTheFloorAndSaysIt) {
    ask(a, renew(key(2, 7)), t0);
    EXPECT_EQ(ask(a, renew(key(2, 6)), t0), Voter::Answer::refuse);
    EXPECT_EQ(refuse.floor, key(2, 7));
    EXPECT_EQ(ask(a, renew(key(3, 0)), t0), Voter::Answer::ack);
}

TEST_F(LeaseVoter, V5ANodeThatRenewsIsNotFenced) {
    ask(a, renew(key(1)), t0);
    ask(b, renew(key(1), {fence(a, 1)}), t0 + milliseconds{99});
    EXPECT_LT(confirmed(a), key(2));
    EXPECT_EQ(ask(a, renew(key(1)), t0 + milliseconds{99}), Voter::Answer::ack);
}

TEST_F(LeaseVoter, V5AFenceHoldsForEverOnceThePromiseHasRunOut) {
    ask(a, renew(key(1)), t0);
    ask(b, renew(key(1), {fence(a, 1)}), t0 + milliseconds{100});
    EXPECT_EQ(confirmed(a), key(2));
    EXPECT_EQ(ask(a, renew(key(1)), t0 + milliseconds{101}), Voter::Answer::refuse);
    EXPECT_EQ(ask(a, renew(key(2)), t0 + milliseconds{102}), Voter::Answer::ack);
}

TEST_F(LeaseVoter, V5AGenerationIsLearnedAtOnceAndConfirmedWithTheRenewalUnderIt) {
    ask(a, renew(key(1, 5)), t0);
    ask(b, renew(key(1), {generation(a, key(1, 9))}), t0 + milliseconds{10});
    EXPECT_EQ(confirmed(a), key(1, 5));
    EXPECT_EQ(ask(a, renew(key(1, 5)), t0 + milliseconds{11}), Voter::Answer::refuse);
    EXPECT_EQ(ask(a, renew(key(1, 9)), t0 + milliseconds{12}), Voter::Answer::ack);
    ask(b, renew(key(1), {generation(a, key(1, 9))}), t0 + milliseconds{13});
    EXPECT_EQ(confirmed(a), key(1, 9));
}

TEST_F(LeaseVoter, V6PromisesByTheProfileThatTheRenewalNames) {
    Renew fast = renew(key(1));
    fast.profile = ProfileId::fast;
    ask(a, fast, t0);
    ask(b, renew(key(1), {fence(a, 1)}), t0 + milliseconds{49});
    EXPECT_LT(confirmed(a), key(2));
    ask(b, renew(key(1), {fence(a, 1)}), t0 + milliseconds{50});
    EXPECT_EQ(confirmed(a), key(2));
}

TEST_F(LeaseVoter, V6AShorterPromiseDoesNotEndALongerOne) {
    Renew fast = renew(key(1));
    fast.profile = ProfileId::fast;
    ask(a, renew(key(1)), t0);
    ask(a, fast, t0 + milliseconds{1});
    ask(b, renew(key(1), {fence(a, 1)}), t0 + milliseconds{60});
    EXPECT_LT(confirmed(a), key(2));
}

TEST_F(LeaseVoter, V6TellsWhoRenewedLately) {
    ask(a, renew(key(4)), t0);
    ask(b, renew(key(1)), t0 + milliseconds{59});
    EXPECT_EQ(ack.heard, (std::vector<Heard>{{a, Epoch(4)}, {b, Epoch(1)}}));
    ask(b, renew(key(1)), t0 + milliseconds{60});
    EXPECT_EQ(ack.heard, (std::vector<Heard>{{b, Epoch(1)}}));
}

TEST_F(LeaseVoter, WhoeverLagsBehindThePlanIsHeardForASecond) {
    ask(a, renew(key(1, 5)), t0);
    view.nodes = {{a, Epoch(1), LogIndex(9), Epoch{}}};
    voter.on_view(view, t0);
    const Instant later = t0 + milliseconds{500};
    for (Instant at = t0; at <= later; at += milliseconds{20})
        EXPECT_EQ(ask(a, renew(key(1, 5)), at), Voter::Answer::refuse);
    EXPECT_EQ(voter.heard(a, later), Epoch(1));
    const Instant too_late = t0 + milliseconds{1100};
    for (Instant at = later; at <= too_late; at += milliseconds{20}) ask(a, renew(key(1, 5)), at);
    EXPECT_EQ(voter.heard(a, too_late - milliseconds{60}), Epoch{});
    EXPECT_EQ(ask(a, renew(key(1, 9)), too_late), Voter::Answer::ack);
    EXPECT_EQ(voter.heard(a, too_late), Epoch(1));
}

TEST_F(LeaseVoter, V7AnAppliedPlanRaisesFloorsAndEndsNoPromise) {
    ask(a, renew(key(1, 5)), t0);
    view.nodes = {{.id = a, .epoch = Epoch(1), .generation = LogIndex(9), .fence = Epoch(1)}};
    voter.on_view(view, t0 + milliseconds{1});
    EXPECT_EQ(ask(a, renew(key(1, 9)), t0 + milliseconds{2}), Voter::Answer::refuse);
    EXPECT_EQ(refuse.floor, key(2));
    ask(b, renew(key(1), {fence(a, 1)}), t0 + milliseconds{99});
    EXPECT_EQ(confirmed(a), key(1, 5)) << "the promise is alive";
    ask(b, renew(key(1), {fence(a, 1)}), t0 + milliseconds{100});
    EXPECT_EQ(confirmed(a), key(2));
}

TEST_F(LeaseVoter, V8AReleaseEndsThePromiseAndTheEpoch) {
    ask(a, renew(key(1)), t0);
    voter.on_release(a, Boot(1), Epoch(1), t0 + milliseconds{1});
    EXPECT_EQ(ask(a, renew(key(1)), t0 + milliseconds{2}), Voter::Answer::refuse);
    ask(b, renew(key(1), {fence(a, 1)}), t0 + milliseconds{3});
    EXPECT_EQ(confirmed(a), key(2));
    EXPECT_EQ(voter.released(a), Epoch(1));
}

TEST_F(LeaseVoter, V8AReleaseOfAnOlderEpochChangesNothing) {
    ask(a, renew(key(2)), t0);
    voter.on_release(a, Boot(1), Epoch(1), t0 + milliseconds{1});
    ask(b, renew(key(1), {fence(a, 2)}), t0 + milliseconds{2});
    EXPECT_EQ(confirmed(a), key(2));
    EXPECT_EQ(ask(a, renew(key(2)), t0 + milliseconds{3}), Voter::Answer::ack);
}

TEST_F(LeaseVoter, MoreNodesThanItCanKeepAreNotAnswered) {
    for (std::uint64_t i = 1; i <= nodes_max; ++i)
        EXPECT_EQ(ask(NodeId(i), renew(key(1)), t0), Voter::Answer::ack);
    EXPECT_EQ(ask(NodeId(nodes_max + 1), renew(key(1)), t0), none);
}

}  // namespace
}  // namespace trivet::lease
