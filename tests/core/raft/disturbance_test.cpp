#include "tests/core/raft/cluster.hpp"
#include "tests/core/raft/solo.hpp"

namespace trivet {
namespace {

using namespace raft;
using namespace test;

// Thesis 4.2.3 and 6.4.1: who hears from a leader helps nobody to disturb it.
TEST(RaftDisturbance, StickinessDropsRequestsWithinTheMinimumTimeout) {
    for (const bool pre_vote : {true, false}) {
        Solo solo;
        solo.step(2, 1, append(0, 0));
        solo.written();
        solo.now += 149ms;
        const Actions actions = solo.step(3, 2, vote(9, 1, pre_vote));
        EXPECT_TRUE(actions.messages.empty());
        EXPECT_TRUE(writes_nothing(actions));
        EXPECT_EQ(solo.raft.term(), Term(1));
        solo.now += 1ms;
        solo.step(3, 2, vote(9, 1, pre_vote));
        EXPECT_EQ(solo.raft.term(), Term(pre_vote ? 1 : 2));
    }
}

// A request that is late: the term has a leader, whom it must not forget for a candidate that lost.
TEST(RaftDisturbance, NoVoteInATermWhoseLeaderIsKnown) {
    Solo solo;
    solo.step(2, 1, append(0, 0));
    solo.written();
    EXPECT_FALSE(the<VoteReply>(solo.step(3, 1, vote(9, 0))).granted);
    EXPECT_EQ(solo.raft.leader(), RaftId(2));
}

TEST(RaftDisturbance, LeaderItselfIsSticky) {
    Solo solo;
    solo.lead();
    EXPECT_TRUE(solo.step(3, 9, vote(99, 8)).messages.empty());
    EXPECT_TRUE(solo.raft.is_leader());
}

// Thesis 4.2.3, last paragraph.
TEST(RaftDisturbance, TransferMayDisturb) {
    Solo solo;
    solo.lead();
    solo.step(2, 2, vote(9, 1, false, true));
    EXPECT_FALSE(solo.raft.is_leader());
    EXPECT_EQ(the<VoteReply>(solo.written()), (VoteReply{true, false}));
}

// Thesis 6.2.
TEST(RaftDisturbance, CheckQuorumEndsALeaderThatHearsNobody) {
    Cluster cluster(members({1, 2, 3}));
    cluster.elect(1);
    cluster.beat(1, 20);
    EXPECT_TRUE(cluster[1].is_leader());
    cluster.cut(1);
    cluster.beat(1, 6);
    EXPECT_TRUE(cluster[1].is_leader());
    cluster.beat(1, 1);
    EXPECT_FALSE(cluster[1].is_leader());
    EXPECT_EQ(cluster[1].leader(), RaftId(0));
    EXPECT_EQ(cluster[1].term(), Term(1));
}

TEST(RaftDisturbance, OneOfTwoFollowersIsQuorumEnough) {
    Cluster cluster(members({1, 2, 3}));
    cluster.elect(1);
    cluster.cut(3);
    cluster.beat(1, 20);
    EXPECT_TRUE(cluster[1].is_leader());
}

// A follower that was cut off does not come back with a later term.
TEST(RaftDisturbance, CutOffFollowerDoesNotDisturb) {
    Cluster cluster(members({1, 2, 3}));
    cluster.elect(1);
    cluster.cut(3);
    for (int i = 0; i < 10; ++i) {
        cluster.beat(1, 6);
        cluster.timer(3);
        cluster.deliver();
    }
    cluster.heal();
    cluster.timer(3);
    cluster.beat(1);
    EXPECT_TRUE(cluster[1].is_leader());
    EXPECT_EQ(cluster[3].term(), Term(1));
    EXPECT_EQ(cluster[3].leader(), RaftId(1));
}

// One whose term ran ahead comes back in, though nobody listens to its requests.
TEST(RaftDisturbance, FollowerWithALaterTermMakesTheLeaderFollowIt) {
    Cluster cluster(members({1, 2, 3}));
    cluster.elect(1);
    cluster.cut(3);
    cluster.perform(3, cluster[3].step({RaftId(2), RaftId(3), Term(4), TimeoutNow{}}, cluster.now));
    cluster.deliver();
    EXPECT_EQ(cluster[3].term(), Term(5));
    cluster.heal();
    cluster.beat(1);
    EXPECT_FALSE(cluster[1].is_leader());
    EXPECT_EQ(cluster[1].term(), Term(5));
    cluster.elect(1);
    EXPECT_EQ(cluster[3].leader(), RaftId(1));
}

TEST(RaftDisturbance, MessagesForAnotherLifeOfTheAddressAreNotHeard) {
    Solo solo;
    EXPECT_TRUE(writes_nothing(
        solo.note(solo.raft.step({RaftId(2), RaftId(77), Term(9), vote(9, 9)}, solo.now))));
    EXPECT_EQ(solo.raft.term(), Term(0));
}

}  // namespace
}  // namespace trivet
