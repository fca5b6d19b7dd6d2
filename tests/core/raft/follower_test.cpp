#include "tests/core/raft/cluster.hpp"
#include "tests/core/raft/solo.hpp"

namespace trivet {
namespace {

using namespace raft;
using namespace test;
using testing::ElementsAre;

struct ConsistencyCase {
    std::string name;
    Number prev_index, prev_term;
    bool success;
    Number hint_index, hint_term;
};

class RaftConsistencyCheck : public testing::TestWithParam<ConsistencyCase> {};

// Paper 5.3, with the hint of its last paragraph.
TEST_P(RaftConsistencyCheck, RefusesWhatDoesNotFollowItsLog) {
    Solo solo({.entries = entries({1, 1, 3, 3, 3}), .term = 5});
    const auto& row = GetParam();
    const auto reply = the<AppendReply>(solo.step(2, 5, append(row.prev_index, row.prev_term)));
    EXPECT_EQ(reply.success, row.success);
    EXPECT_EQ(reply.hint_index, LogIndex(row.hint_index));
    EXPECT_EQ(reply.hint_term, Term(row.hint_term));
    if (!row.success) {
        EXPECT_EQ(reply.prev_log_index, LogIndex(row.prev_index));
        EXPECT_EQ(reply.match_index, LogIndex(0));
    }
    EXPECT_THAT(terms(solo.raft.log()), ElementsAre(1, 1, 3, 3, 3));
}

INSTANTIATE_TEST_SUITE_P(Table, RaftConsistencyCheck,
                         testing::Values(ConsistencyCase{"from_the_start", 0, 0, true, 0, 0},
                                         ConsistencyCase{"in_the_middle", 2, 1, true, 0, 0},
                                         ConsistencyCase{"at_the_end", 5, 3, true, 0, 0},
                                         ConsistencyCase{"too_far", 9, 5, false, 5, 3},
                                         ConsistencyCase{"conflict_newer", 4, 4, false, 4, 3},
                                         ConsistencyCase{"conflict_older", 5, 2, false, 2, 1}),
                         [](const auto& row) { return row.param.name; });

TEST(RaftFollower, AppendsAndAcknowledgesWhatIsDurable) {
    Solo solo;
    const Actions got = solo.step(2, 1, append(0, 0, {entry(1, 1, "a"), entry(2, 1, "b")}));
    EXPECT_EQ(got.write.hard_state, (HardState{Term(1), RaftId(0)}));
    EXPECT_THAT(got.write.append, ElementsAre(entry(1, 1, "a"), entry(2, 1, "b")));
    EXPECT_TRUE(got.messages.empty());
    const auto reply = the<AppendReply>(solo.written());
    EXPECT_TRUE(reply.success);
    EXPECT_EQ(reply.match_index, LogIndex(2));
}

// Paper 5.3: "if an existing entry conflicts with a new one".
TEST(RaftFollower, TruncatesOnlyOnConflict) {
    Solo solo({.entries = entries({1, 1, 2, 2}), .term = 3});
    const Actions same = solo.step(2, 3, append(1, 1, {entry(2, 1), entry(3, 2)}));
    EXPECT_TRUE(writes_nothing(same));
    EXPECT_EQ(the<AppendReply>(same).match_index, LogIndex(3));
    EXPECT_EQ(solo.raft.log().last_index(), LogIndex(4));
    const Actions conflict = solo.step(2, 3, append(1, 1, {entry(2, 1), entry(3, 3)}));
    EXPECT_EQ(conflict.write.truncate_from, LogIndex(3));
    EXPECT_THAT(conflict.write.append, ElementsAre(entry(3, 3)));
    EXPECT_THAT(terms(solo.raft.log()), ElementsAre(1, 1, 3));
}

TEST(RaftFollower, LateAndDuplicatedRequestsChangeNothing) {
    Solo solo;
    const auto first = append(0, 0, {entry(1, 1)});
    const auto second = append(1, 1, {entry(2, 1), entry(3, 1)}, 2);
    solo.step(2, 1, first);
    solo.step(2, 1, second);
    solo.written();
    for (const auto& late : {first, second, append(0, 0), append(0, 0, {entry(1, 1)}, 1)}) {
        EXPECT_TRUE(writes_nothing(solo.step(2, 1, late)));
        EXPECT_EQ(solo.raft.log().last_index(), LogIndex(3));
        EXPECT_EQ(solo.raft.commit_index(), LogIndex(2));
    }
}

// Paper, figure 2: min(leaderCommit, index of last new entry).
TEST(RaftFollower, CommitIsCappedAtWhatMatched) {
    Solo solo({.entries = entries({1, 1, 2, 2}), .term = 3});
    solo.step(2, 3, append(1, 1, {entry(2, 1)}, 4));
    EXPECT_EQ(solo.raft.commit_index(), LogIndex(2));
    solo.step(2, 3, append(0, 0, {}, 4));
    EXPECT_EQ(solo.raft.commit_index(), LogIndex(2));
    solo.step(2, 3, append(4, 2, {}, 3));
    EXPECT_EQ(solo.raft.commit_index(), LogIndex(3));
    solo.step(2, 3, append(4, 2, {}, 1));
    EXPECT_EQ(solo.raft.commit_index(), LogIndex(3));
}

// Never its last index: what is behind the match may be another leader's.
TEST(RaftFollower, AcknowledgesExactlyWhatMatched) {
    Solo solo({.entries = entries({1, 1, 2, 2}), .term = 3});
    EXPECT_EQ(the<AppendReply>(solo.step(2, 3, append(2, 1))).match_index, LogIndex(2));
    EXPECT_EQ(the<AppendReply>(solo.step(2, 3, append(0, 0, {entry(1, 1)}))).match_index,
              LogIndex(1));
}

TEST(RaftFollower, AppliesWhatIsCommittedOnceItIsDurable) {
    Solo solo;
    EXPECT_TRUE(solo.step(2, 1, append(0, 0, {entry(1, 1, "a")}, 1)).apply.empty());
    EXPECT_THAT(solo.written().apply, ElementsAre(entry(1, 1, "a")));
    EXPECT_TRUE(solo.step(2, 1, append(1, 1, {}, 1)).apply.empty());
}

TEST(RaftFollower, AcknowledgementsWaitForTheirWritesInOrder) {
    Solo solo({.term = 1});
    const auto one = solo.step(2, 1, append(0, 0, {entry(1, 1)})).write.id;
    const auto two = solo.step(2, 1, append(1, 1, {entry(2, 1)})).write.id;
    EXPECT_EQ(the<AppendReply>(solo.raft.on_written(one, solo.now)).match_index, LogIndex(1));
    EXPECT_EQ(the<AppendReply>(solo.raft.on_written(two, solo.now)).match_index, LogIndex(2));
}

TEST(RaftFollower, OneWriteReportCoversAllBefore) {
    Solo solo({.term = 1});
    solo.step(2, 1, append(0, 0, {entry(1, 1)}));
    solo.step(2, 1, append(1, 1, {entry(2, 1)}));
    EXPECT_EQ(sent<AppendReply>(solo.written()).size(), 2u);
    EXPECT_EQ(solo.raft.durable_index(), LogIndex(2));
}

// Or a slow disk would look like a dead follower.
TEST(RaftFollower, HeartbeatIsAnsweredAtOnceWhileTheDiskIsSlow) {
    Solo solo({.term = 1});
    solo.step(2, 1, append(0, 0, {entry(1, 1)}));
    solo.written();
    solo.step(2, 1, append(1, 1, {entry(2, 1)}));
    auto heartbeat = append(2, 1);
    heartbeat.round = 7;
    const auto reply = the<AppendReply>(solo.step(2, 1, heartbeat));
    EXPECT_TRUE(reply.success);
    EXPECT_EQ(reply.match_index, LogIndex(1));  // what is durable
    EXPECT_EQ(reply.round, 7u);
    EXPECT_EQ(sent<AppendReply>(solo.written()).back().match_index, LogIndex(2));
}

// A round of reads too, wherever it begins.
TEST(RaftFollower, WhatMatchesBehindTheSlowWriteIsAnsweredAtOnce) {
    Solo solo({.entries = entries({1}), .term = 1});
    solo.step(2, 1, append(1, 1, {entry(2, 1)}));
    EXPECT_EQ(the<AppendReply>(solo.step(2, 1, append(0, 0))).match_index, LogIndex(0));
    EXPECT_EQ(the<AppendReply>(solo.step(2, 1, append(1, 1))).match_index, LogIndex(1));
    EXPECT_EQ(the<AppendReply>(solo.written()).match_index, LogIndex(2));
}

TEST(RaftFollower, HeartbeatIsNotAnsweredBeforeItsTermIsDurable) {
    Solo solo;
    EXPECT_TRUE(solo.step(2, 1, append(0, 0, {entry(1, 1)})).messages.empty());
    EXPECT_TRUE(solo.step(2, 1, append(1, 1)).messages.empty());
    EXPECT_EQ(sent<AppendReply>(solo.written()).size(), 2u);
}

TEST(RaftFollower, TruncationTakesBackWhatWasDurable) {
    Solo solo({.entries = entries({1, 1, 1}), .term = 1});
    solo.step(2, 2, append(1, 1, {entry(2, 2)}));
    EXPECT_EQ(solo.raft.durable_index(), LogIndex(1));
    solo.written();
    EXPECT_EQ(solo.raft.durable_index(), LogIndex(2));
}

// The entry of the first write is no longer in the log when that write ends.
TEST(RaftFollower, WriteOfATruncatedEntryDoesNotMakeItsSuccessorDurable) {
    Solo solo({.term = 1});
    const auto old = solo.step(2, 1, append(0, 0, {entry(1, 1), entry(2, 1)})).write.id;
    const auto young = solo.step(3, 2, append(1, 1, {entry(2, 2)}, 2)).write.id;
    const Actions first = solo.raft.on_written(old, solo.now);
    EXPECT_EQ(solo.raft.durable_index(), LogIndex(1));
    EXPECT_THAT(first.apply, ElementsAre(entry(1, 1)));
    const Actions second = solo.raft.on_written(young, solo.now);
    EXPECT_THAT(second.apply, ElementsAre(entry(2, 2)));
}

// Thesis 4.1.
TEST(RaftFollower, ConfigurationIsRolledBackWhenTruncated) {
    Solo solo({.term = 1});
    solo.step(2, 1, append(0, 0, {configuration_entry(1, 1, members({1, 2, 3, 4}))}));
    EXPECT_EQ(solo.raft.configuration().voters(), 4u);
    solo.step(3, 2, append(0, 0, {entry(1, 2)}));
    EXPECT_EQ(solo.raft.configuration(), members({1, 2, 3}));
}

TEST(RaftFollower, RequestThatBeginsBehindTheBaseMatches) {
    Solo solo({.entries = entries({2}, 6), .term = 2, .base = {LogIndex(5), Term(2), {}}});
    const auto empty = the<AppendReply>(solo.step(2, 2, append(3, 1)));
    EXPECT_TRUE(empty.success);
    EXPECT_EQ(empty.match_index, LogIndex(5));
    solo.step(2, 2, append(3, 1, {entry(4, 1), entry(5, 2), entry(6, 2), entry(7, 2)}));
    EXPECT_EQ(the<AppendReply>(solo.written()).match_index, LogIndex(7));
}

TEST(RaftFollower, LearnsOfItsLeaderAndWaitsAnew) {
    Solo solo;
    solo.now += 100ms;
    solo.step(2, 1, append(0, 0));
    EXPECT_EQ(solo.raft.leader(), RaftId(2));
    EXPECT_GE(*solo.raft.next_deadline(), solo.now + 150ms);
}

TEST(RaftFollower, TellsWhatItHasDurablyApplied) {
    Solo solo({.entries = entries({1, 1}), .term = 1});
    solo.step(2, 1, append(2, 1, {}, 2));
    EXPECT_EQ(the<AppendReply>(solo.step(2, 1, append(2, 1))).applied_index, LogIndex(0));
    solo.raft.on_applied(LogIndex(2));
    EXPECT_EQ(the<AppendReply>(solo.step(2, 1, append(2, 1))).applied_index, LogIndex(2));
}

TEST(RaftFollower, RefusesProposalsReadsAndChanges) {
    Solo solo;
    EXPECT_EQ(solo.raft.propose({"x"}, solo.now).error().code, ErrorCode::not_leader);
    EXPECT_EQ(solo.raft.read(1, solo.now).error().code, ErrorCode::not_leader);
    EXPECT_EQ(solo.raft.change(Promote{RaftId(2)}, solo.now).error().code, ErrorCode::not_leader);
    EXPECT_EQ(solo.raft.transfer(RaftId(2), solo.now).error().code, ErrorCode::not_leader);
}

// Paper 5.4.3: a leader that contradicts what is committed is none. It must not be followed, and
// what the network says never ends the process.
TEST(RaftFollower, WhatContradictsCommittedEntriesIsNotTaken) {
    Solo solo({.entries = entries({1, 1}), .term = 1, .applied = 2});
    const Actions actions = solo.step(2, 2, append(1, 1, {entry(2, 2)}));
    EXPECT_EQ(actions.write.truncate_from, std::nullopt);
    EXPECT_TRUE(sent<AppendReply>(solo.written()).empty());
    EXPECT_THAT(terms(solo.raft.log()), ElementsAre(1, 1));
}

// Paper 5.2: a term has one leader.
TEST(RaftFollower, LeaderHearsOfNoOtherInItsTerm) {
    Solo solo;
    solo.lead();
    InstallSnapshot snapshot;
    snapshot.base = {LogIndex(5), Term(1), members({1, 2, 3})};
    EXPECT_TRUE(solo.step(2, 1, append(0, 0)).messages.empty());
    EXPECT_TRUE(solo.step(2, 1, snapshot).messages.empty());
    EXPECT_TRUE(solo.raft.is_leader());
}

TEST(RaftFollower, WhatContradictsTheBaseIsNotTaken) {
    Solo solo({.term = 3, .base = {LogIndex(5), Term(3), {}}});
    solo.step(2, 3, append(4, 1, {entry(5, 2), entry(6, 2)}));
    EXPECT_TRUE(sent<AppendReply>(solo.written()).empty());
    EXPECT_EQ(solo.raft.log().last_index(), LogIndex(5));
}

}  // namespace
}  // namespace trivet
