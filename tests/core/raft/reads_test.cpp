#include "tests/core/raft/cluster.hpp"
#include "tests/core/raft/solo.hpp"

namespace trivet {
namespace {

using namespace raft;
using namespace test;
using testing::ElementsAre;
using testing::IsEmpty;

/// Leads term 1, whose no-op is committed.
class RaftReads : public testing::Test {
protected:
    RaftReads() {
        solo.lead();
        solo.written();
        solo.acknowledge(2, 1);
        solo.acknowledge(3, 1);
    }
    Actions read(ReadId id) { return solo.note(*solo.raft.read(id, solo.now)); }
    Solo solo;
};

// Thesis 6.4, step 1.
TEST(RaftReadsOfANewLeader, WaitForAnEntryOfItsTerm) {
    Solo solo({.entries = entries({1}), .term = 1});
    solo.lead();
    solo.written();
    const Actions asked = *solo.raft.read(7, solo.now);
    EXPECT_TRUE(asked.messages.empty());
    EXPECT_THAT(solo.acknowledge(2, 1).reads, IsEmpty());
    const Actions committed = solo.acknowledge(2, 2);
    EXPECT_THAT(committed.reads, IsEmpty());
    EXPECT_EQ(sent<AppendEntries>(committed).back().round, 1u);
}

// Thesis 6.4, step 3.
TEST_F(RaftReads, TakeOneRoundOfAQuorum) {
    const auto requests = sent<AppendEntries>(read(7));
    ASSERT_EQ(requests.size(), 2u);
    EXPECT_EQ(requests.front().round, 1u);
    EXPECT_THAT(solo.acknowledge(2, 1, 0, 0).reads, IsEmpty());  // to an older heartbeat
    EXPECT_THAT(solo.acknowledge(2, 1, 0, 1).reads, ElementsAre(7u));
    EXPECT_THAT(solo.acknowledge(3, 1, 0, 1).reads, IsEmpty());
}

TEST_F(RaftReads, RefusalProvesLeadershipToo) {
    read(7);
    AppendReply refusal;
    refusal.prev_log_index = LogIndex(1);
    refusal.round = 1;
    EXPECT_THAT(solo.step(2, 1, refusal).reads, ElementsAre(7u));
}

TEST_F(RaftReads, ThoseThatComeDuringARoundShareTheNext) {
    read(1);
    EXPECT_TRUE(read(2).messages.empty());
    EXPECT_TRUE(read(3).messages.empty());
    const Actions first = solo.acknowledge(2, 1, 0, 1);
    EXPECT_THAT(first.reads, ElementsAre(1u));
    EXPECT_EQ(sent<AppendEntries>(first).back().round, 2u);
    EXPECT_THAT(solo.acknowledge(3, 1, 0, 1).reads, IsEmpty());
    EXPECT_THAT(solo.acknowledge(3, 1, 0, 2).reads, ElementsAre(2u, 3u));
}

TEST_F(RaftReads, LostRoundIsRepeatedByTheHeartbeat) {
    read(7);
    solo.now = *solo.raft.next_deadline();
    EXPECT_EQ(sent<AppendEntries>(solo.timer()).front().round, 1u);
    EXPECT_THAT(solo.acknowledge(3, 1, 0, 1).reads, ElementsAre(7u));
}

// Thesis 6.4, step 4: what was committed when it came must be applied.
TEST(RaftReadsOfASlowDisk, WaitUntilTheirIndexIsApplied) {
    Solo solo;
    solo.lead();
    solo.acknowledge(2, 1);
    solo.acknowledge(3, 1);  // committed, but not durable here
    EXPECT_EQ(sent<AppendEntries>(*solo.raft.read(7, solo.now)).size(), 2u);
    EXPECT_THAT(solo.acknowledge(2, 1, 0, 1).reads, IsEmpty());
    const Actions written = solo.written();
    EXPECT_EQ(written.apply.size(), 1u);
    EXPECT_THAT(written.reads, ElementsAre(7u));
}

TEST_F(RaftReads, AreLostWithLeadership) {
    read(1);
    read(2);
    EXPECT_THAT(solo.step(2, 5, AppendReply{}).lost_reads, ElementsAre(1u, 2u));
    EXPECT_EQ(solo.raft.read(3, solo.now).error().code, ErrorCode::not_leader);
}

TEST_F(RaftReads, LearnersProveNothing) {
    Solo other({.configuration = members({1, 2, 3}, {4})});
    other.lead();
    other.written();
    other.acknowledge(2, 1);
    EXPECT_EQ(sent<AppendEntries>(*other.raft.read(7, other.now)).size(), 2u);
    EXPECT_THAT(other.acknowledge(4, 1, 0, 1).reads, IsEmpty());
    EXPECT_THAT(other.acknowledge(2, 1, 0, 1).reads, ElementsAre(7u));
}

TEST(RaftReadsOfASingleVoter, AreAnsweredAtOnce) {
    Solo solo({.configuration = members({1})});
    solo.timer();
    solo.written();
    EXPECT_THAT(solo.raft.read(7, solo.now)->reads, ElementsAre(7u));
}

// The very reason for the round: another leads, and this one does not know yet.
TEST(RaftReadsOfADeposedLeader, AreNeverAnswered) {
    Cluster cluster(members({1, 2, 3}));
    cluster.elect(1);
    cluster.cut(1);
    cluster.elect(2);
    cluster.propose(2, {"new"});
    cluster.deliver();
    cluster.read(1, 7);
    cluster.deliver();
    cluster.heal();
    cluster.beat(1);
    EXPECT_THAT(cluster.node(1).reads, IsEmpty());
    EXPECT_THAT(cluster.node(1).lost_reads, ElementsAre(7u));
}

// A round reaches those too whose log is not known to agree yet, and what it shows is only who
// leads: their answers say nothing of where the logs agree.
TEST(RaftReadsOfALeaderThatProbes, DoNotSendTheLogFromItsStart) {
    Solo solo({.entries = entries({1, 1, 1}), .term = 1});
    solo.lead();
    solo.written();
    solo.acknowledge(2, 4);  // 3 has not answered its probe yet
    ASSERT_TRUE(solo.raft.read(7, solo.now));
    solo.acknowledge(3, 0, 0, 1);
    EXPECT_EQ(solo.raft.progress().at(RaftId(3)).mode, Progress::Mode::probe);
    EXPECT_EQ(solo.raft.progress().at(RaftId(3)).next_index, LogIndex(4));
}

}  // namespace
}  // namespace trivet
