#include "tests/core/raft/cluster.hpp"
#include "tests/core/raft/solo.hpp"

namespace trivet {
namespace {

using namespace raft;
using namespace test;
using testing::ElementsAre;
using testing::HasSubstr;

/// 1 leads 2 and 3; 4 is a learner that has everything. The voters have settled long ago.
class RaftMembership : public testing::Test {
protected:
    RaftMembership() : cluster(members({1, 2, 3}, {4})) {
        cluster.elect(1);
        settle();
    }
    void settle() { cluster.beat(1, 8); }  // 400 ms
    ErrorCode refusal(const MembershipChange& change) {
        const auto changed = cluster.change(1, change);
        EXPECT_FALSE(changed);
        return changed ? ErrorCode::internal : changed.error().code;
    }
    std::string reason(const MembershipChange& change) {
        const auto changed = cluster.change(1, change);
        return changed ? "" : changed.error().message;
    }

    Cluster cluster;
};

TEST_F(RaftMembership, RefusesWhatMakesNoSense) {
    EXPECT_EQ(refusal(AddLearner{RaftId(2), "n2", "n2:1"}), ErrorCode::conflict);
    EXPECT_EQ(refusal(AddLearner{RaftId(0), "n0", "n0:1"}), ErrorCode::conflict);
    EXPECT_EQ(refusal(Promote{RaftId(9)}), ErrorCode::not_found);
    EXPECT_EQ(refusal(Remove{RaftId(9)}), ErrorCode::not_found);
    EXPECT_EQ(refusal(Promote{RaftId(2)}), ErrorCode::conflict);
    EXPECT_EQ(refusal(Demote{RaftId(4)}), ErrorCode::conflict);
    EXPECT_EQ(cluster[1].configuration(), members({1, 2, 3}, {4}));
}

// What a person types never ends the process.
TEST_F(RaftMembership, RefusesANameOrAddressThatIsTooLong) {
    const std::string longest(member_text_bytes_max, 'x');
    EXPECT_EQ(refusal(AddLearner{RaftId(9), longest + "x", "a:1"}), ErrorCode::invalid_argument);
    EXPECT_EQ(refusal(AddLearner{RaftId(9), "n", longest + "x"}), ErrorCode::invalid_argument);
    EXPECT_TRUE(cluster.change(1, AddLearner{RaftId(9), longest, longest}));
}

TEST(RaftMembershipLimits, RefusesAMemberTooMany) {
    Configuration crowd = members({1});
    for (Number id = 2; id <= members_max; ++id) crowd.members[RaftId(id)] = {};
    Solo solo({.configuration = crowd});
    solo.timer();
    solo.written();
    const auto changed = solo.raft.change(AddLearner{RaftId(9999), "n", "n:1"}, solo.now);
    EXPECT_EQ(changed.error().code, ErrorCode::exhausted);
}

TEST_F(RaftMembership, TakesEffectWhenAppended) {
    cluster.cut(1);
    ASSERT_TRUE(cluster.change(1, Remove{RaftId(4)}));
    EXPECT_EQ(cluster[1].configuration(), members({1, 2, 3}));
    EXPECT_EQ(cluster[2].configuration(), members({1, 2, 3}, {4}));
}

// Thesis 4.1: one at a time.
TEST_F(RaftMembership, OneChangeIsCommittedBeforeTheNext) {
    ASSERT_TRUE(cluster.change(1, AddLearner{RaftId(5), "n5", "n5:1"}));
    EXPECT_EQ(refusal(AddLearner{RaftId(6), "n6", "n6:1"}), ErrorCode::unavailable);
    cluster.deliver();
    EXPECT_TRUE(cluster.change(1, AddLearner{RaftId(6), "n6", "n6:1"}));
}

// The bug in single-server changes (raft-dev, 2015).
TEST(RaftMembershipOfANewLeader, NoChangeBeforeAnEntryOfItsTermIsCommitted) {
    Solo solo({.entries = entries({1}), .term = 1, .applied = 1});
    solo.lead();
    solo.written();
    EXPECT_EQ(solo.raft.change(AddLearner{RaftId(4), "n4", "n4:1"}, solo.now).error().code,
              ErrorCode::unavailable);
    solo.acknowledge(2, 2);
    EXPECT_TRUE(solo.raft.change(AddLearner{RaftId(4), "n4", "n4:1"}, solo.now));
}

TEST_F(RaftMembership, LearnerCatchesUpAndBecomesAVoter) {
    cluster.add(5);
    cluster.propose(1, {"a"});
    ASSERT_TRUE(cluster.change(1, AddLearner{RaftId(5), "n5", "n5:1"}));
    cluster.deliver();
    EXPECT_THAT(cluster.node(5).applied, ElementsAre("a"));
    settle();
    ASSERT_TRUE(cluster.change(1, Promote{RaftId(5)}));
    cluster.deliver();
    EXPECT_EQ(cluster[5].configuration().voters(), 4u);
}

// Leases P4.
TEST_F(RaftMembership, VotersChangeNoSoonerThanTheSpacing) {
    ASSERT_TRUE(cluster.change(1, Promote{RaftId(4)}));
    cluster.deliver();
    cluster.beat(1);  // brings that it is applied
    cluster.beat(1, 6);
    cluster.now += 39ms;
    EXPECT_THAT(reason(Demote{RaftId(4)}), HasSubstr("not settled"));
    cluster.now += 1ms;
    EXPECT_TRUE(cluster.change(1, Demote{RaftId(4)}));
}

// Leases P4: "counting from the commit alone is unsafe".
TEST_F(RaftMembership, SpacingCountsFromDurableApplicationOnAMajorityOfTheNewVoters) {
    for (const Number id : {2u, 3u, 4u}) cluster.node(id).holds_applied = true;
    ASSERT_TRUE(cluster.change(1, Promote{RaftId(4)}));
    cluster.deliver();
    cluster.node(2).holds_applied = false;
    cluster.tell_applied(2);
    cluster.beat(1, 20);  // 1 and 2 are half of the new voters
    EXPECT_EQ(cluster[1].commit_index(), cluster[1].log().last_index());
    EXPECT_THAT(reason(Demote{RaftId(4)}), HasSubstr("not settled"));
    cluster.node(4).holds_applied = false;
    cluster.tell_applied(4);
    cluster.beat(1);
    EXPECT_THAT(reason(Demote{RaftId(4)}), HasSubstr("not settled"));
    settle();
    EXPECT_TRUE(cluster.change(1, Demote{RaftId(4)}));
}

// Leases P4: "a new leader counts anew".
TEST_F(RaftMembership, NewLeaderCountsAnew) {
    ASSERT_TRUE(cluster.change(1, Promote{RaftId(4)}));
    cluster.deliver();
    settle();
    cluster.elect(2);
    EXPECT_EQ(cluster.change(2, Demote{RaftId(4)}).error().code, ErrorCode::unavailable);
    cluster.beat(2, 6);
    EXPECT_FALSE(cluster.change(2, Demote{RaftId(4)}));
    cluster.beat(2, 2);
    EXPECT_TRUE(cluster.change(2, Demote{RaftId(4)}));
}

TEST_F(RaftMembership, ChangesOfLearnersNeedNoSpacing) {
    ASSERT_TRUE(cluster.change(1, Promote{RaftId(4)}));
    cluster.deliver();
    ASSERT_TRUE(cluster.change(1, AddLearner{RaftId(5), "n5", "n5:1"}));
    cluster.deliver();
    EXPECT_TRUE(cluster.change(1, Remove{RaftId(5)}));
}

TEST_F(RaftMembership, LastVoterStays) {
    for (const Number id : {3u, 2u}) {
        ASSERT_TRUE(cluster.change(1, Remove{RaftId(id)}));
        cluster.deliver();
        settle();
    }
    EXPECT_EQ(refusal(Remove{RaftId(1)}), ErrorCode::conflict);
    EXPECT_EQ(refusal(Demote{RaftId(1)}), ErrorCode::conflict);
}

TEST_F(RaftMembership, NoChangeAfterWhichTheReachableVotersAreNoMajority) {
    cluster.cut(3);
    settle();
    EXPECT_THAT(reason(Remove{RaftId(2)}), HasSubstr("would stop"));
    ASSERT_TRUE(cluster.change(1, Remove{RaftId(3)}));  // the dead one may go
    cluster.deliver();
    EXPECT_EQ(cluster[1].commit_index(), cluster[1].log().last_index());
}

// Thesis 4.2.1.
TEST_F(RaftMembership, LearnerThatHasNotCaughtUpIsNotPromoted) {
    cluster.cut(4);
    const std::vector<std::string> many(300, "x");
    cluster.propose(1, many);
    cluster.deliver();
    EXPECT_THAT(reason(Promote{RaftId(4)}), HasSubstr("not caught up"));
    cluster.heal();
    cluster.beat(1);
    EXPECT_TRUE(cluster.change(1, Promote{RaftId(4)}));
}

// A dead voter only takes away from what may fail.
TEST_F(RaftMembership, LearnerThatDoesNotAnswerIsNotPromoted) {
    cluster.cut(4);
    settle();
    EXPECT_THAT(reason(Promote{RaftId(4)}), HasSubstr("does not answer"));
    cluster.heal();
    cluster.beat(1);
    EXPECT_TRUE(cluster.change(1, Promote{RaftId(4)}));
}

TEST_F(RaftMembership, RemovedLearnerIsToldAndThenForgotten) {
    ASSERT_TRUE(cluster.change(1, Remove{RaftId(4)}));
    cluster.deliver();
    EXPECT_FALSE(cluster[1].progress().contains(RaftId(4)));
    EXPECT_EQ(cluster[4].configuration(), members({1, 2, 3}));
    EXPECT_EQ(cluster[4].commit_index(), cluster[1].commit_index());
    cluster.now += 1s;
    cluster.timer(4);
    EXPECT_TRUE(cluster.network.empty());
}

TEST_F(RaftMembership, RemovedVoterThatWasNotToldDisturbsNobody) {
    cluster.cut(3);
    ASSERT_TRUE(cluster.change(1, Remove{RaftId(3)}));
    cluster.deliver();
    cluster.heal();
    for (int i = 0; i < 5; ++i) {
        cluster.beat(1, 6);
        cluster.timer(3);
        cluster.deliver();
    }
    EXPECT_TRUE(cluster[1].is_leader());
    EXPECT_EQ(cluster[1].term(), Term(1));
}

// Thesis 4.2.2.
TEST_F(RaftMembership, LeaderThatRemovesItselfLeadsUntilThatIsCommittedAndHandsOver) {
    cluster.drops = [](const Message& message) { return message.from != RaftId(1); };
    ASSERT_TRUE(cluster.change(1, Remove{RaftId(1)}));
    cluster.deliver();
    EXPECT_TRUE(cluster[1].is_leader());
    EXPECT_FALSE(cluster[1].configuration().votes(RaftId(1)));
    cluster.heal();
    cluster.beat(1);
    EXPECT_FALSE(cluster[1].is_leader());
    EXPECT_TRUE(cluster[2].is_leader() || cluster[3].is_leader());
    EXPECT_EQ(cluster[2].configuration(), members({2, 3}, {4}));
    EXPECT_EQ(cluster[2].term(), Term(2));
    cluster.now += 1s;
    cluster.timer(1);
    EXPECT_TRUE(cluster.network.empty());
}

TEST_F(RaftMembership, LeaderThatIsDemotedHandsOverAndLearnsOn) {
    ASSERT_TRUE(cluster.change(1, Demote{RaftId(1)}));
    cluster.deliver();
    EXPECT_FALSE(cluster[1].is_leader());
    const Number next = cluster[2].is_leader() ? 2 : 3;
    ASSERT_TRUE(cluster[next].is_leader());
    cluster.propose(next, {"a"});
    cluster.deliver();
    EXPECT_EQ(cluster.node(1).applied.back(), "a");
}

// Leases P4 and thesis 4.1: what a former leader began is finished before the next change.
TEST_F(RaftMembership, NewLeaderFinishesTheChangeThatItFinds) {
    cluster.drops = [](const Message& message) {
        return message.from == RaftId(1) && message.to != RaftId(2);
    };
    ASSERT_TRUE(cluster.change(1, Promote{RaftId(4)}));
    cluster.deliver_one<AppendEntries>(2);
    cluster.cut(1);
    cluster.network.clear();
    cluster.elect(2);
    EXPECT_EQ(cluster[2].configuration().voters(), 4u);
    EXPECT_GT(cluster[2].commit_index(), cluster[2].log().configuration_index());
    EXPECT_EQ(cluster.change(2, Remove{RaftId(3)}).error().code, ErrorCode::unavailable);
    cluster.beat(2, 8);
    EXPECT_TRUE(cluster.change(2, Remove{RaftId(1)}));
}

// Thesis 4.2.2: it does not count itself.
TEST(RaftMembershipOfTwo, LeaderThatRemovesItselfNeedsTheOther) {
    Solo solo(
        {.configuration = members({1, 2}), .options = {.id = {}, .voter_change_spacing = 0ms}});
    solo.lead();
    solo.written();
    solo.acknowledge(2, 1, 1);
    solo.raft.on_applied(LogIndex(1));
    solo.acknowledge(2, 1, 1);
    auto changed = solo.raft.change(Remove{RaftId(1)}, solo.now);
    ASSERT_TRUE(changed) << changed.error().message;
    solo.note(std::move(changed->actions));
    solo.written();
    EXPECT_EQ(solo.raft.commit_index(), LogIndex(1));
    const Actions last = solo.acknowledge(2, 2);
    EXPECT_EQ(sent<TimeoutNow>(last).size(), 1u);
    EXPECT_FALSE(solo.raft.is_leader());
}

TEST_F(RaftMembership, UncommittedChangeIsUndoneByTheNextLeader) {
    cluster.cut(1);
    ASSERT_TRUE(cluster.change(1, Remove{RaftId(3)}));
    cluster.deliver();
    cluster.elect(3);
    cluster.heal();
    cluster.beat(3);
    EXPECT_EQ(cluster[1].configuration(), members({1, 2, 3}, {4}));
}

// Design section 3: resizing is where products of this shape have failed.
TEST(RaftResizing, FromOneToFiveAndBack) {
    Cluster cluster(members({1}));
    cluster.timer(1);
    const auto settled = [&](const MembershipChange& change) {
        cluster.beat(1, 8);
        const auto changed = cluster.change(1, change);
        ASSERT_TRUE(changed) << changed.error().message;
        cluster.deliver();
    };
    for (Number id = 2; id <= 5; ++id) {
        cluster.add(id);
        settled(AddLearner{RaftId(id), "n", "n:1"});
        settled(Promote{RaftId(id)});
        cluster.propose(1, {"at " + std::to_string(id)});
    }
    cluster.deliver();
    EXPECT_EQ(cluster.node(5).applied.size(), 4u);
    for (Number id = 5; id >= 2; --id) settled(Remove{RaftId(id)});
    cluster.propose(1, {"alone"});
    cluster.deliver();
    EXPECT_EQ(cluster.node(1).applied.back(), "alone");
    EXPECT_EQ(cluster[1].configuration().members.size(), 1u);
}

}  // namespace
}  // namespace trivet
