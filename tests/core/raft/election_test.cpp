#include "tests/core/raft/cluster.hpp"
#include "tests/core/raft/solo.hpp"

namespace trivet {
namespace {

using namespace raft;
using namespace test;

// Paper 5.2, thesis 9.6.
TEST(RaftElection, TimeoutAsksForPreVotesAndChangesNothing) {
    Solo solo({.entries = entries({1, 1}), .term = 1});
    const Actions actions = solo.time_out();
    EXPECT_TRUE(writes_nothing(actions));
    ASSERT_EQ(actions.messages.size(), 2u);
    for (const Message& message : actions.messages) EXPECT_EQ(message.term, Term(2));
    EXPECT_EQ(sent<RequestVote>(actions).front(), vote(2, 1, true));
    EXPECT_EQ(solo.raft.hard_state(), (HardState{Term(1), RaftId(0)}));
    EXPECT_TRUE(solo.raft.is_candidate());
}

TEST(RaftElection, TimeoutIsAtRandomBetweenOnceAndTwice) {
    std::set<Instant> deadlines;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        Options options;
        options.seed = seed;
        const Solo solo({.options = options});
        const Instant deadline = *solo.raft.next_deadline();
        EXPECT_GE(deadline, Instant{} + 150ms);
        EXPECT_LT(deadline, Instant{} + 300ms);
        deadlines.insert(deadline);
    }
    EXPECT_GT(deadlines.size(), 10u);
}

// Paper, figure 2 (persistent state): its own vote is durable before anybody hears of it.
TEST(RaftElection, OwnVoteIsDurableBeforeRequestVoteLeaves) {
    Solo solo;
    solo.time_out();
    const Actions won = solo.step(2, 1, VoteReply{true, true});
    EXPECT_EQ(won.write.hard_state, (HardState{Term(1), RaftId(1)}));
    EXPECT_TRUE(won.messages.empty());
    const Actions written = solo.written();
    EXPECT_EQ(sent<RequestVote>(written), (std::vector<RequestVote>{vote(0, 0), vote(0, 0)}));
    EXPECT_EQ(written.messages.front().term, Term(1));
}

// Paper, figure 2 (persistent state).
TEST(RaftElection, VoteAndTermAreDurableBeforeTheyAreAnswered) {
    Solo solo;
    const Actions asked = solo.step(2, 1, vote(0, 0));
    EXPECT_EQ(asked.write.hard_state, (HardState{Term(1), RaftId(2)}));
    EXPECT_TRUE(asked.messages.empty());
    const Actions written = solo.written();
    EXPECT_EQ(the<VoteReply>(written), (VoteReply{true, false}));
    EXPECT_EQ(written.messages.front().term, Term(1));
}

// Paper 5.2: first come, first served.
TEST(RaftElection, OneVoteATerm) {
    Solo solo({.term = 4, .vote = 2});
    EXPECT_EQ(the<VoteReply>(solo.step(3, 4, vote(9, 4))), (VoteReply{false, false}));
    EXPECT_EQ(the<VoteReply>(solo.step(2, 4, vote(9, 4))), (VoteReply{true, false}));
    solo.step(3, 5, vote(9, 4));
    EXPECT_EQ(the<VoteReply>(solo.written()), (VoteReply{true, false}));
}

TEST(RaftElection, VoteOutlivesARestart) {
    Cluster cluster(members({1, 2, 3}));
    cluster.perform(1, cluster[1].step({RaftId(2), RaftId(1), Term(1), vote(0, 0)}, cluster.now));
    cluster.crash(1);
    const Actions asked = cluster[1].step({RaftId(3), RaftId(1), Term(1), vote(0, 0)}, cluster.now);
    EXPECT_FALSE(the<VoteReply>(asked).granted);
}

struct UpToDateCase {
    std::string name;
    Number index, term;
    bool granted;
};

class RaftUpToDate : public testing::TestWithParam<UpToDateCase> {};

// Paper 5.4.1.
TEST_P(RaftUpToDate, LogOfTheCandidateMustNotBeBehind) {
    const auto& row = GetParam();
    for (const bool pre_vote : {true, false}) {
        Solo solo({.entries = entries({1, 3, 3}), .term = 4});
        Actions actions = solo.step(2, 5, vote(row.index, row.term, pre_vote));
        if (!pre_vote) actions = solo.written();
        EXPECT_EQ(the<VoteReply>(actions), (VoteReply{row.granted, pre_vote}));
        EXPECT_EQ(solo.raft.term(), Term(pre_vote ? 4 : 5));
    }
}

INSTANTIATE_TEST_SUITE_P(Table, RaftUpToDate,
                         testing::Values(UpToDateCase{"equal", 3, 3, true},
                                         UpToDateCase{"longer", 4, 3, true},
                                         UpToDateCase{"shorter", 2, 3, false},
                                         UpToDateCase{"later_term_and_shorter", 1, 4, true},
                                         UpToDateCase{"older_term_and_longer", 9, 2, false},
                                         UpToDateCase{"empty", 0, 0, false}),
                         [](const auto& row) { return row.param.name; });

// Thesis 9.6.
TEST(RaftElection, PreVoteIsAnsweredInTheTermAskedForAndChangesNothing) {
    Solo solo({.term = 4, .vote = 3});
    const Instant deadline = *solo.raft.next_deadline();
    const Actions actions = solo.step(2, 5, vote(0, 0, true));
    EXPECT_EQ(the<VoteReply>(actions), (VoteReply{true, true}));
    EXPECT_EQ(actions.messages.front().term, Term(5));
    EXPECT_TRUE(writes_nothing(actions));
    EXPECT_EQ(solo.raft.hard_state(), (HardState{Term(4), RaftId(3)}));
    EXPECT_EQ(solo.raft.next_deadline(), deadline);
}

TEST(RaftElection, PreVoteForATermThatIsNoLongerNewIsRefused) {
    Solo solo({.term = 4});
    const Actions actions = solo.step(2, 4, vote(9, 4, true));
    EXPECT_EQ(the<VoteReply>(actions), (VoteReply{false, true}));
    EXPECT_EQ(actions.messages.front().term, Term(4));
}

TEST(RaftElection, PreVotesOfOneTermDoNotElect) {
    Solo solo;
    solo.time_out();
    solo.step(2, 1, VoteReply{true, true});
    solo.written();
    solo.step(2, 1, VoteReply{true, true});
    solo.step(3, 1, VoteReply{true, true});
    EXPECT_FALSE(solo.raft.is_leader());
    solo.step(3, 1, VoteReply{true, false});
    EXPECT_TRUE(solo.raft.is_leader());
}

// Paper 5.1.
TEST(RaftElection, StaleMessagesAreAnsweredWithTheOwnTerm) {
    Solo solo({.term = 7});
    const auto answer = [&](auto body) { return solo.step(2, 6, body); };
    Actions actions = answer(vote(9, 6));
    EXPECT_EQ(the<VoteReply>(actions), (VoteReply{false, false}));
    EXPECT_EQ(actions.messages.front().term, Term(7));
    EXPECT_EQ(the<VoteReply>(answer(vote(9, 6, true))), (VoteReply{false, true}));
    EXPECT_FALSE(the<AppendReply>(answer(append(0, 0))).success);
    InstallSnapshot snapshot;
    snapshot.base = {LogIndex(5), Term(5), members({1, 2, 3})};
    EXPECT_FALSE(the<AppendReply>(answer(snapshot)).success);
    EXPECT_TRUE(answer(VoteReply{true, false}).messages.empty());
    EXPECT_TRUE(answer(AppendReply{}).messages.empty());
    EXPECT_TRUE(answer(TimeoutNow{}).messages.empty());
    EXPECT_EQ(solo.raft.leader(), RaftId(0));
}

// Paper 5.1: whoever sees a later term follows.
TEST(RaftElection, LeaderStepsDownOnALaterTerm) {
    Solo solo;
    solo.lead();
    const Actions actions = solo.step(3, 5, AppendReply{});
    EXPECT_FALSE(solo.raft.is_leader());
    EXPECT_EQ(actions.write.hard_state, (HardState{Term(5), RaftId(0)}));
}

// Paper 5.2: a candidate that hears of the term's leader follows it.
TEST(RaftElection, CandidateFollowsTheLeaderOfItsTerm) {
    Solo solo;
    solo.time_out();
    solo.step(2, 1, VoteReply{true, true});
    solo.written();
    solo.step(3, 1, append(0, 0));
    EXPECT_FALSE(solo.raft.is_candidate());
    EXPECT_EQ(solo.raft.leader(), RaftId(3));
    EXPECT_EQ(solo.raft.hard_state(), (HardState{Term(1), RaftId(1)}));
}

TEST(RaftElection, CandidateRefusedByAMajorityFollows) {
    Solo solo;
    solo.time_out();
    solo.step(2, 0, VoteReply{false, true});
    EXPECT_TRUE(solo.raft.is_candidate());
    solo.step(3, 0, VoteReply{false, true});
    EXPECT_FALSE(solo.raft.is_candidate());
}

TEST(RaftElection, CandidateLearnsOfALaterTermFromARefusal) {
    Solo solo;
    solo.time_out();
    solo.step(2, 6, VoteReply{false, true});
    EXPECT_FALSE(solo.raft.is_candidate());
    EXPECT_EQ(solo.raft.term(), Term(6));
}

TEST(RaftElection, NobodysVoteCountsTwice) {
    Solo solo({.configuration = members({1, 2, 3, 4, 5})});
    solo.time_out();
    solo.step(2, 1, VoteReply{true, true});
    solo.step(2, 1, VoteReply{true, true});
    EXPECT_EQ(solo.raft.term(), Term(0));
    solo.step(9, 1, VoteReply{true, true});  // does not take part
    EXPECT_EQ(solo.raft.term(), Term(0));
    solo.step(3, 1, VoteReply{true, true});
    EXPECT_EQ(solo.raft.term(), Term(1));
}

TEST(RaftElection, SingleVoterLeadsAtOnce) {
    Solo solo({.configuration = members({1}, {2})});
    EXPECT_EQ(solo.raft.next_deadline(), Instant{});
    solo.timer();
    EXPECT_FALSE(solo.raft.is_leader());  // its vote is not durable yet
    const Actions written = solo.written();
    EXPECT_TRUE(solo.raft.is_leader());
    EXPECT_EQ(solo.raft.commit_index(), LogIndex(1));
    ASSERT_EQ(written.apply.size(), 1u);
    EXPECT_EQ(written.apply.front().kind, EntryKind::no_op);
}

// Thesis 4.2.1.
TEST(RaftElection, LearnerNeverCampaigns) {
    Solo solo({.configuration = members({2, 3}, {1})});
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(solo.time_out().messages.empty());
    EXPECT_TRUE(solo.step(2, 0, TimeoutNow{}).messages.empty());
    EXPECT_EQ(solo.raft.term(), Term(0));
}

// Thesis 4.2.2: only it may have the entry that removes it.
TEST(RaftElection, RemovedVoterStandsUntilItKnowsThatToBeCommitted) {
    for (const Number applied : {1u, 2u}) {
        Solo solo({.entries = {entry(1, 1), configuration_entry(2, 1, members({2, 3}))},
                   .term = 1,
                   .applied = applied});
        EXPECT_EQ(sent<RequestVote>(solo.time_out()).size(), applied == 1 ? 2u : 0u);
    }
}

TEST(RaftElection, LearnerForgetsALeaderThatIsSilent) {
    Solo solo({.configuration = members({2, 3}, {1})});
    solo.step(2, 1, append(0, 0));
    EXPECT_EQ(solo.raft.leader(), RaftId(2));
    solo.time_out();
    EXPECT_EQ(solo.raft.leader(), RaftId(0));
}

// Thesis 4.2.2: it may not know yet that it votes, and must be able to help.
TEST(RaftElection, LearnerVotesWhenAsked) {
    Solo solo({.configuration = members({2, 3}, {1})});
    solo.step(2, 1, vote(0, 0));
    EXPECT_TRUE(the<VoteReply>(solo.written()).granted);
}

TEST(RaftElection, WhoKnowsNobodyWaits) {
    Solo solo({.configuration = {}});
    EXPECT_TRUE(solo.time_out().messages.empty());
    EXPECT_FALSE(solo.raft.is_candidate());
}

}  // namespace
}  // namespace trivet
