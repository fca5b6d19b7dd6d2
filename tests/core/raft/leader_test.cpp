#include "tests/core/raft/cluster.hpp"
#include "tests/core/raft/solo.hpp"

namespace trivet {
namespace {

using namespace raft;
using namespace test;
using testing::ElementsAre;
using Mode = Progress::Mode;

std::vector<Number> indices(const AppendEntries& request) {
    std::vector<Number> list;
    for (const LogEntry& entry : request.entries) list.push_back(entry.index.value());
    return list;
}

// Paper §8.
TEST(RaftLeader, BeginsItsTermWithANoOp) {
    Solo solo({.entries = entries({1, 1}), .term = 1});
    const Actions actions = solo.lead();
    ASSERT_EQ(actions.write.append.size(), 1u);
    EXPECT_EQ(actions.write.append.front(), (LogEntry{LogIndex(3), Term(2), {}, EntryKind::no_op}));
    const auto requests = sent<AppendEntries>(actions);
    ASSERT_EQ(requests.size(), 2u);
    EXPECT_EQ(requests.front().prev_log_index, LogIndex(2));
    EXPECT_EQ(requests.front().prev_log_term, Term(1));
    EXPECT_THAT(indices(requests.front()), ElementsAre(3));
}

// Paper 5.3 and 5.4.2: with the no-op, what older terms left is committed.
TEST(RaftLeader, NoOpCommitsTheEntriesOfOlderTerms) {
    Solo solo({.entries = entries({1, 1}), .term = 1});
    solo.lead();
    solo.written();
    EXPECT_EQ(solo.acknowledge(2, 2).apply.size(), 0u);
    EXPECT_EQ(solo.raft.commit_index(), LogIndex(0));
    EXPECT_EQ(solo.acknowledge(2, 3).apply.size(), 3u);
}

// Thesis 10.2.1: the leader's disk counts only as one of the majority.
TEST(RaftLeader, CommitsWithoutItsOwnDiskIfAMajorityHasIt) {
    Solo solo;
    solo.lead();  // the no-op is not written
    solo.acknowledge(2, 1);
    EXPECT_EQ(solo.raft.commit_index(), LogIndex(0));
    EXPECT_TRUE(solo.acknowledge(3, 1).apply.empty());  // applied when it is durable here
    EXPECT_EQ(solo.raft.commit_index(), LogIndex(1));
    EXPECT_EQ(solo.written().apply.size(), 1u);
}

TEST(RaftLeader, OwnDiskCompletesAMajority) {
    Solo solo;
    solo.lead();
    solo.acknowledge(2, 1);
    EXPECT_EQ(solo.written().apply.size(), 1u);
}

// Thesis 4.2.1.
TEST(RaftLeader, LearnersDoNotCount) {
    Solo solo({.configuration = members({1, 2, 3}, {4, 5})});
    EXPECT_EQ(sent<AppendEntries>(solo.lead()).size(), 4u);  // but they get everything
    solo.written();
    solo.acknowledge(4, 1);
    solo.acknowledge(5, 1);
    EXPECT_EQ(solo.raft.commit_index(), LogIndex(0));
    solo.acknowledge(3, 1);
    EXPECT_EQ(solo.raft.commit_index(), LogIndex(1));
}

TEST(RaftLeader, ProposalsGoOutBeforeTheyAreDurableHere) {
    Solo solo;
    solo.lead();
    solo.written();
    solo.acknowledge(2, 1);
    auto proposed = solo.raft.propose({"a", "b"}, solo.now);
    ASSERT_TRUE(proposed);
    EXPECT_EQ(proposed->first, LogIndex(2));
    EXPECT_EQ(proposed->term, Term(1));
    EXPECT_THAT(proposed->actions.write.append, ElementsAre(entry(2, 1, "a"), entry(3, 1, "b")));
    EXPECT_THAT(indices(the<AppendEntries>(proposed->actions)), ElementsAre(2, 3));
}

TEST(RaftLeader, ProbesWithOneRequestUntilItIsAnswered) {
    Solo solo;
    solo.lead();
    solo.written();
    ASSERT_TRUE(solo.raft.propose({"a"}, solo.now)->actions.messages.empty());
    EXPECT_EQ(solo.raft.progress().at(RaftId(2)).mode, Mode::probe);
    const auto next = sent<AppendEntries>(solo.acknowledge(2, 1));
    EXPECT_THAT(indices(next.front()), ElementsAre(2));
    EXPECT_EQ(solo.raft.progress().at(RaftId(2)).mode, Mode::replicate);
}

TEST(RaftLeader, HeartbeatRepeatsALostProbe) {
    Solo solo;
    solo.lead();
    solo.now = *solo.raft.next_deadline();
    const auto requests = sent<AppendEntries>(solo.timer());
    ASSERT_EQ(requests.size(), 2u);
    EXPECT_THAT(indices(requests.front()), ElementsAre(1));
}

// Planned moves of addresses wait for it (leases, notes).
TEST(RaftLeader, CommitIsToldAtOnce) {
    Cluster cluster(members({1, 2, 3}));
    cluster.elect(1);
    cluster.beat(1);
    cluster.propose(1, {"a"});
    cluster.deliver();
    for (const Number id : {1u, 2u, 3u}) EXPECT_THAT(cluster.node(id).applied, ElementsAre("a"));
}

TEST(RaftLeader, InFlightLimitHoldsBackAndAcknowledgementFrees) {
    Solo solo({.options = {.id = {}, .append_entries_max = 1, .in_flight_max = 2}});
    solo.lead();
    solo.written();
    solo.acknowledge(2, 1);
    auto proposed = solo.raft.propose({"a", "b", "c"}, solo.now);
    EXPECT_EQ(sent<AppendEntries>(proposed->actions).size(), 2u);
    const auto freed = sent<AppendEntries>(solo.acknowledge(2, 2));
    ASSERT_GE(freed.size(), 1u);
    EXPECT_THAT(indices(freed.front()), ElementsAre(4));
}

TEST(RaftLeader, ByteLimitSplitsRequestsAndALargeEntryGoesAlone) {
    Solo solo({.options = {.id = {}, .append_bytes_max = 10}});
    solo.lead();
    solo.written();
    solo.acknowledge(2, 1);
    auto proposed = solo.raft.propose({"12345", "12345", "1", std::string(50, 'x'), "2"}, solo.now);
    const auto requests = sent<AppendEntries>(proposed->actions);
    ASSERT_EQ(requests.size(), 4u);
    EXPECT_THAT(indices(requests[0]), ElementsAre(2, 3));
    EXPECT_THAT(indices(requests[1]), ElementsAre(4));
    EXPECT_THAT(indices(requests[2]), ElementsAre(5));
    EXPECT_THAT(indices(requests[3]), ElementsAre(6));
}

TEST(RaftLeader, UncommittedBytesAreLimited) {
    Solo solo({.options = {.id = {}, .uncommitted_bytes_max = 10}});
    solo.lead();
    solo.written();
    solo.acknowledge(2, 1);
    ASSERT_TRUE(solo.raft.propose({std::string(20, 'x')}, solo.now));  // one is always taken
    const auto refused = solo.raft.propose({"y"}, solo.now);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
    solo.acknowledge(2, 2);
    solo.acknowledge(3, 2);
    EXPECT_TRUE(solo.raft.propose({"y"}, solo.now));
}

// What an older term left waits too.
TEST(RaftLeader, UncommittedBytesOfOlderTermsCount) {
    Solo solo({.entries = {entry(1, 1, std::string(20, 'x'))},
               .term = 1,
               .options = {.id = {}, .uncommitted_bytes_max = 10}});
    solo.lead();
    EXPECT_FALSE(solo.raft.propose({"y"}, solo.now));
    solo.acknowledge(2, 2);
    solo.acknowledge(3, 2);
    EXPECT_TRUE(solo.raft.propose({"y"}, solo.now));
}

TEST(RaftLeader, LostEntriesInThePipelineAreSentAgain) {
    Cluster cluster(members({1, 2, 3}));
    cluster.elect(1);
    cluster.cut(3);
    for (const char* payload : {"a", "b", "c"}) cluster.propose(1, {payload});
    cluster.deliver();
    cluster.heal();
    cluster.propose(1, {"d"});  // does not follow what it has
    cluster.deliver();
    EXPECT_THAT(cluster.node(3).applied, ElementsAre("a", "b", "c", "d"));
}

TEST(RaftLeader, HeartbeatFindsOutThatEntriesWereLost) {
    Cluster cluster(members({1, 2, 3}));
    cluster.elect(1);
    cluster.cut(3);
    cluster.propose(1, {"a"});
    cluster.deliver();
    cluster.heal();
    cluster.beat(1);
    EXPECT_THAT(cluster.node(3).applied, ElementsAre("a"));
}

TEST(RaftLeader, LostAcknowledgementsAreMadeUpForByTheHeartbeat) {
    Cluster cluster(members({1, 2, 3}));
    cluster.elect(1);
    cluster.drops = [](const Message& message) {
        return std::holds_alternative<AppendReply>(message.body);
    };
    cluster.propose(1, {"a"});
    cluster.deliver();
    EXPECT_EQ(cluster[1].commit_index(), LogIndex(1));
    cluster.heal();
    cluster.beat(1);
    EXPECT_EQ(cluster[1].commit_index(), LogIndex(2));
}

TEST(RaftLeader, ReorderedEntriesArriveInTheEnd) {
    Cluster cluster(members({1, 2}));
    cluster.elect(1);
    for (const char* payload : {"a", "b", "c"}) cluster.propose(1, {payload});
    std::ranges::reverse(cluster.network);
    cluster.deliver();
    cluster.beat(1);
    EXPECT_THAT(cluster.node(2).applied, ElementsAre("a", "b", "c"));
}

// Paper 5.3, last paragraph: one round trip for each term that conflicts, not for each entry.
TEST(RaftLeader, LongConflictTakesAFewRoundTrips) {
    Cluster cluster(members({1, 2, 3}));
    const auto disk = [](std::initializer_list<std::pair<int, Number>> runs) {
        DurableState state;
        state.base.configuration = members({1, 2, 3});
        for (const auto& [count, term] : runs)
            for (int i = 0; i < count; ++i)
                state.entries.push_back(entry(state.entries.size() + 1, term));
        state.hard_state.term = state.entries.back().term;
        return state;
    };
    cluster.add(1, disk({{100, 1}, {300, 6}, {300, 7}}));
    cluster.add(2, disk({{100, 1}}));
    cluster.add(3, disk({{100, 1}, {200, 2}, {200, 3}, {400, 5}}));
    cluster.elect(1);
    cluster.deliver();
    EXPECT_EQ(terms(cluster[3].log()), terms(cluster[1].log()));
    EXPECT_LT(cluster.delivered, 40u);
}

TEST(RaftLeader, LateRefusalDoesNotGoBackBehindWhatMatched) {
    Solo solo({.entries = entries({1, 1, 1}), .term = 1});
    solo.lead();
    solo.written();
    solo.acknowledge(2, 4);
    AppendReply refusal;
    refusal.prev_log_index = LogIndex(3);
    refusal.hint_index = LogIndex(1);
    refusal.hint_term = Term(1);
    EXPECT_TRUE(solo.step(2, 2, refusal).messages.empty());
    EXPECT_EQ(solo.raft.progress().at(RaftId(2)).next_index, LogIndex(5));
}

TEST(RaftLeader, MemberThatLostWhatItAcknowledgedIsNotedAndAskedOn) {
    Solo solo({.entries = entries({1, 1, 1}), .term = 1});
    solo.lead();
    solo.written();
    solo.acknowledge(2, 4);
    AppendReply refusal;
    refusal.prev_log_index = LogIndex(4);
    solo.step(2, 2, refusal);
    solo.step(2, 2, refusal);
    EXPECT_TRUE(solo.raft.progress().at(RaftId(2)).has_lost_data);
    solo.now = *solo.raft.next_deadline();
    EXPECT_EQ(sent<AppendEntries>(solo.timer()).size(), 2u);
}

TEST(RaftLeader, AnswersOfStrangersAreIgnored) {
    Solo solo;
    solo.lead();
    solo.written();
    EXPECT_TRUE(solo.acknowledge(9, 1).messages.empty());
    EXPECT_EQ(solo.raft.commit_index(), LogIndex(0));
}

TEST(RaftLeader, AcknowledgementOfWhatDoesNotExistIsIgnored) {
    Solo solo;
    solo.lead();
    solo.written();
    solo.acknowledge(2, 99);
    EXPECT_EQ(solo.raft.progress().at(RaftId(2)).match_index, LogIndex(0));
    EXPECT_EQ(solo.raft.commit_index(), LogIndex(0));
}

// The proposer learns from the term at the index that its entry was lost (Proposed).
TEST(RaftLeader, UncommittedProposalOfADeposedLeaderIsReplaced) {
    Cluster cluster(members({1, 2, 3}));
    cluster.elect(1);
    cluster.cut(1);
    const Proposed lost = cluster.propose(1, {"lost"});
    cluster.deliver();
    cluster.elect(2);
    cluster.propose(2, {"kept"});
    cluster.deliver();
    cluster.heal();
    cluster.beat(2);
    EXPECT_NE(cluster[1].log().term_at(lost.first), lost.term);
    EXPECT_THAT(cluster.node(1).applied, ElementsAre("kept"));
}

TEST(RaftLeader, CrashOfTheWholeClusterLosesNothingCommitted) {
    Cluster cluster(members({1, 2, 3}));
    cluster.elect(1);
    cluster.propose(1, {"a", "b"});
    cluster.deliver();
    for (const Number id : {1u, 2u, 3u}) cluster.crash(id);
    cluster.elect(3);
    cluster.propose(3, {"c"});
    cluster.deliver();
    for (const Number id : {1u, 2u, 3u})
        EXPECT_THAT(cluster.node(id).applied, ElementsAre("a", "b", "c"));
}

}  // namespace
}  // namespace trivet
