#include "tests/core/raft/cluster.hpp"

namespace trivet {
namespace {

using namespace raft;
using namespace test;
using testing::ElementsAre;

// Thesis 3.10.
class RaftTransfer : public testing::Test {
protected:
    RaftTransfer() : cluster(members({1, 2, 3}, {4})) {
        cluster.elect(1);
        cluster.beat(1);
    }
    Cluster cluster;
};

TEST_F(RaftTransfer, TargetLeadsTheNextTermAtOnce) {
    ASSERT_TRUE(cluster.transfer(1, 3));
    cluster.deliver();
    EXPECT_TRUE(cluster[3].is_leader());
    EXPECT_EQ(cluster[3].term(), Term(2));
    EXPECT_EQ(cluster[1].leader(), RaftId(3));
}

TEST_F(RaftTransfer, RefusesWhoCannotLead) {
    const auto code = [&](Number to) { return cluster.transfer(1, to).error().code; };
    EXPECT_EQ(code(9), ErrorCode::not_found);
    EXPECT_EQ(code(4), ErrorCode::invalid_argument);
    EXPECT_EQ(code(1), ErrorCode::conflict);
}

TEST_F(RaftTransfer, TargetThatIsBehindIsBroughtUpFirst) {
    cluster.cut(3);
    cluster.propose(1, {"a"});
    cluster.deliver();
    cluster.heal();
    ASSERT_TRUE(cluster.transfer(1, 3));
    EXPECT_TRUE(cluster.network.empty());
    cluster.beat(1);
    EXPECT_TRUE(cluster[3].is_leader());
    EXPECT_THAT(cluster.node(3).applied, ElementsAre("a"));
}

TEST_F(RaftTransfer, ProposalsAndChangesWaitMeanwhile) {
    cluster.cut(3);
    ASSERT_TRUE(cluster.transfer(1, 3));
    EXPECT_EQ(cluster[1].propose({"x"}, cluster.now).error().code, ErrorCode::unavailable);
    EXPECT_EQ(cluster.change(1, Remove{RaftId(4)}).error().code, ErrorCode::unavailable);
    EXPECT_EQ(cluster.transfer(1, 2).error().code, ErrorCode::unavailable);
    cluster.read(1, 7);  // reads do not
    cluster.deliver();
    EXPECT_THAT(cluster.node(1).reads, ElementsAre(7u));
}

TEST_F(RaftTransfer, DeadTargetIsGivenUp) {
    cluster.cut(3);
    ASSERT_TRUE(cluster.transfer(1, 3));
    cluster.beat(1, 5);
    EXPECT_FALSE(cluster[1].propose({"x"}, cluster.now));
    EXPECT_LE(*cluster[1].next_deadline(), cluster.now + 50ms);
    cluster.beat(1);  // 300 ms
    cluster.propose(1, {"y"});
    cluster.deliver();
    EXPECT_THAT(cluster.node(1).applied, ElementsAre("y"));
}

TEST_F(RaftTransfer, LateRequestToStandForElectionDoesNothingInALaterTerm) {
    ASSERT_TRUE(cluster.transfer(1, 3));
    const Message request = cluster.network.back();
    ASSERT_TRUE(std::holds_alternative<TimeoutNow>(request.body));
    cluster.deliver();
    cluster.network.push_back(request);
    cluster.deliver();
    EXPECT_TRUE(cluster[3].is_leader());
    EXPECT_EQ(cluster[3].term(), Term(2));
}

TEST_F(RaftTransfer, ReadsOfTheOldLeaderAreLost) {
    ASSERT_TRUE(cluster.transfer(1, 3));
    cluster.drops = [](const Message& message) {
        return std::holds_alternative<AppendReply>(message.body);
    };
    cluster.read(1, 7);
    cluster.deliver();
    EXPECT_THAT(cluster.node(1).lost_reads, ElementsAre(7u));
}

}  // namespace
}  // namespace trivet
