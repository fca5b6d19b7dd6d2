#include "tests/core/raft/cluster.hpp"
#include "tests/core/raft/solo.hpp"

namespace trivet {
namespace {

using namespace raft;
using namespace test;
using testing::ElementsAre;
using Mode = Progress::Mode;

/// Member 3 was away while the others went on and forgot their logs.
class RaftSnapshots : public testing::Test {
protected:
    static Options small_chunks() {
        Options options;
        options.snapshot_chunk_bytes = 4;
        return options;
    }
    RaftSnapshots() : cluster(members({1, 2, 3}), small_chunks()) {
        cluster.elect(1);
        cluster.cut(3);
        cluster.propose(1, {"aaa", "bbb", "ccc"});  // a snapshot of 12 bytes, 3 chunks
        cluster.deliver();
        cluster.beat(1);
        for (const Number id : {1u, 2u}) cluster.compact(id, 4);
        cluster.heal();
    }
    void expect_caught_up() {
        EXPECT_THAT(cluster.node(3).applied, ElementsAre("aaa", "bbb", "ccc"));
        EXPECT_EQ(cluster[3].log().base().index, LogIndex(4));
        EXPECT_EQ(cluster[3].durable_index(), LogIndex(4));
    }
    /// The leader's next heartbeats, whose answers start the transfer; the first chunk is out.
    void begin() {
        cluster.now += 50ms;
        cluster.timer(1);
        for (int i = 0; i < 20 && !count<InstallSnapshot>(); ++i)
            cluster.take([](const Message&) { return true; });
        ASSERT_EQ(count<InstallSnapshot>(), 1);
    }
    template <class Body>
    int count() {
        return static_cast<int>(std::ranges::count_if(cluster.network, [](const Message& message) {
            return std::holds_alternative<Body>(message.body);
        }));
    }
    template <class Body>
    void lose() {
        std::erase_if(cluster.network, [](const Message& message) {
            return std::holds_alternative<Body>(message.body);
        });
    }

    Cluster cluster;
};

// Paper §7.
TEST_F(RaftSnapshots, BringUpWhoLacksWhatIsNoLongerInTheLog) {
    cluster.beat(1);
    expect_caught_up();
    EXPECT_EQ(cluster[1].progress().at(RaftId(3)).mode, Mode::replicate);
    cluster.propose(1, {"ddd"});
    cluster.deliver();
    EXPECT_THAT(cluster.node(3).applied, ElementsAre("aaa", "bbb", "ccc", "ddd"));
}

TEST_F(RaftSnapshots, ComeInChunksOneAtATime) {
    begin();
    std::vector<Number> offsets;
    for (int i = 0; i < 100 && !cluster.network.empty(); ++i) {
        EXPECT_LE(count<InstallSnapshot>(), 1);
        if (const auto* body = std::get_if<InstallSnapshot>(&cluster.network.front().body)) {
            offsets.push_back(body->offset);
            EXPECT_EQ(body->size, 12u);
            EXPECT_EQ(body->chunk.size(), 4u);
        }
        cluster.take([](const Message&) { return true; });
    }
    EXPECT_THAT(offsets, ElementsAre(0u, 4u, 8u));
}

TEST_F(RaftSnapshots, LostChunkIsSentAgainAfterAWhile) {
    begin();
    ASSERT_TRUE(cluster.deliver_one<InstallSnapshot>(3));
    ASSERT_TRUE(cluster.deliver_one<SnapshotReply>(1));
    lose<InstallSnapshot>();  // the second
    cluster.beat(1, 2);
    EXPECT_EQ(cluster[3].log().base().index, LogIndex(0));
    cluster.beat(1);
    expect_caught_up();
}

TEST_F(RaftSnapshots, LostAnswerIsMadeUpFor) {
    begin();
    ASSERT_TRUE(cluster.deliver_one<InstallSnapshot>(3));
    lose<SnapshotReply>();
    cluster.beat(1, 4);
    expect_caught_up();
}

TEST_F(RaftSnapshots, LastAcknowledgementsAreMadeUpFor) {
    cluster.drops = [this](const Message& message) {
        return message.from == RaftId(3) && cluster[3].log().base().index == LogIndex(4);
    };
    cluster.beat(1);
    expect_caught_up();
    EXPECT_EQ(cluster[1].progress().at(RaftId(3)).mode, Mode::snapshot);
    cluster.heal();
    cluster.beat(1, 4);
    EXPECT_EQ(cluster[1].progress().at(RaftId(3)).mode, Mode::replicate);
}

TEST_F(RaftSnapshots, DuplicatedChunksAndAnswersDoNoHarm) {
    begin();
    for (int i = 0; i < 200 && !cluster.network.empty(); ++i) {
        const Message twice = cluster.network.front();
        if (i < 20) cluster.network.push_back(twice);
        cluster.take([](const Message&) { return true; });
    }
    cluster.deliver();
    expect_caught_up();
}

TEST_F(RaftSnapshots, FollowerThatRestartsInTheMiddleBeginsAnew) {
    begin();
    ASSERT_TRUE(cluster.deliver_one<InstallSnapshot>(3));
    ASSERT_TRUE(cluster.deliver_one<SnapshotReply>(1));
    cluster.crash(3);
    cluster.beat(1, 4);
    expect_caught_up();
}

TEST_F(RaftSnapshots, NewLeaderInTheMiddleBeginsAnew) {
    begin();
    ASSERT_TRUE(cluster.deliver_one<InstallSnapshot>(3));
    cluster.network.clear();
    cluster.elect(2);
    cluster.beat(2, 4);
    EXPECT_THAT(cluster.node(3).applied, ElementsAre("aaa", "bbb", "ccc"));
    EXPECT_EQ(cluster[3].log().last_index(), LogIndex(5));
}

// Paper, figure 2: nothing is acknowledged that a crash could take back.
TEST_F(RaftSnapshots, AreAcknowledgedOnlyWhenDurable) {
    cluster.node(3).holds_writes = true;
    cluster.beat(1, 6);
    EXPECT_EQ(cluster[3].log().base().index, LogIndex(4));
    EXPECT_EQ(cluster[1].progress().at(RaftId(3)).match_index, LogIndex(1));  // the no-op
    EXPECT_EQ(cluster.node(3).applied.size(), 0u);
    cluster.write_all(3);
    cluster.node(3).holds_writes = false;
    cluster.deliver();
    cluster.beat(1);
    expect_caught_up();
    EXPECT_EQ(cluster[1].progress().at(RaftId(3)).match_index, LogIndex(4));
}

TEST_F(RaftSnapshots, CrashBeforeItIsDurableBeginsAnew) {
    cluster.node(3).holds_writes = true;
    cluster.beat(1, 2);
    cluster.crash(3);
    EXPECT_EQ(cluster[3].log().base().index, LogIndex(0));
    cluster.node(3).holds_writes = false;
    cluster.beat(1, 8);
    expect_caught_up();
}

// One who is slow to be brought up is not left behind for ever.
TEST_F(RaftSnapshots, CompactionMeanwhileMakesANewOne) {
    begin();
    ASSERT_TRUE(cluster.deliver_one<InstallSnapshot>(3));
    lose<SnapshotReply>();
    cluster.propose(1, {"ddd"});
    cluster.deliver();
    cluster.beat(1);
    cluster.compact(1, 5);
    cluster.beat(1, 8);
    EXPECT_THAT(cluster.node(3).applied, ElementsAre("aaa", "bbb", "ccc", "ddd"));
    EXPECT_EQ(cluster[3].log().base().index, LogIndex(5));
}

TEST_F(RaftSnapshots, FollowerStaysOneWhileItWaitsForTheSnapshot) {
    cluster.node(1).holds_snapshots = true;
    cluster.beat(1, 10);
    EXPECT_EQ(cluster[3].leader(), RaftId(1));
    EXPECT_GT(*cluster[3].next_deadline(), cluster.now);
    EXPECT_TRUE(cluster.node(1).snapshot_wanted);
    cluster.make_snapshot(1);
    cluster.deliver();
    expect_caught_up();
}

TEST_F(RaftSnapshots, AreAskedForOnce) {
    cluster.node(1).holds_snapshots = true;
    cluster.beat(1, 2);
    cluster.node(1).snapshot_wanted = false;
    cluster.beat(1, 10);
    EXPECT_FALSE(cluster.node(1).snapshot_wanted);
}

// It is made on the side; meanwhile the log moves on.
TEST_F(RaftSnapshots, OneThatIsBehindTheLogIsAskedForAnew) {
    cluster.node(1).holds_snapshots = true;
    const Snapshot old{cluster[1].log().base(), std::make_shared<const std::string>("old\n")};
    cluster.beat(1, 2);
    cluster.node(1).snapshot_wanted = false;
    cluster.propose(1, {"ddd"});
    cluster.deliver();
    cluster.compact(1, 5);
    cluster.perform(1, cluster[1].on_snapshot(old, cluster.now));
    EXPECT_TRUE(cluster.node(1).snapshot_wanted);
    cluster.make_snapshot(1);
    cluster.deliver();
    EXPECT_THAT(cluster.node(3).applied, ElementsAre("aaa", "bbb", "ccc", "ddd"));
}

InstallSnapshot chunk(Number index, Number term, Number offset, Number size, std::string bytes) {
    InstallSnapshot request;
    request.base = {LogIndex(index), Term(term), members({1, 2, 3})};
    request.offset = offset;
    request.size = size;
    request.chunk = std::move(bytes);
    return request;
}

// Paper, figure 13, rule 6: "if existing log entry has same index and term, retain".
TEST(RaftInstallSnapshot, WhoHasTheEntryKeepsItsLog) {
    Solo solo({.entries = entries({1, 1, 1}), .term = 1});
    const Actions actions = solo.step(2, 1, chunk(2, 1, 0, 1, "x"));
    EXPECT_TRUE(writes_nothing(actions));
    EXPECT_EQ(solo.raft.log().last_index(), LogIndex(3));
    EXPECT_EQ(solo.raft.commit_index(), LogIndex(2));
    EXPECT_EQ(actions.apply.size(), 2u);
    EXPECT_EQ(the<AppendReply>(actions).match_index, LogIndex(2));
}

// Paper, figure 13, rule 7: "discard the entire log".
TEST(RaftInstallSnapshot, ConflictingLogGoes) {
    Solo solo({.entries = entries({1, 1, 1, 1}), .term = 2, .applied = 1});
    const Actions actions = solo.step(2, 2, chunk(3, 2, 0, 1, "x"));
    ASSERT_TRUE(actions.write.snapshot);
    EXPECT_EQ(actions.write.snapshot->base.index, LogIndex(3));
    EXPECT_TRUE(actions.messages.empty());
    const Actions written = solo.written();
    ASSERT_TRUE(written.restore);
    EXPECT_EQ(*written.restore->data, "x");
    EXPECT_EQ(solo.raft.log().last_index(), LogIndex(3));
    EXPECT_EQ(sent<AppendReply>(written).back().match_index, LogIndex(3));
}

TEST(RaftInstallSnapshot, BringsItsConfiguration) {
    Solo solo({.configuration = {}});
    solo.step(2, 2, chunk(3, 2, 0, 0, ""));
    solo.written();
    EXPECT_EQ(solo.raft.configuration(), members({1, 2, 3}));
}

TEST(RaftInstallSnapshot, EntriesMayFollowBeforeItIsDurable) {
    Solo solo({.term = 2});
    const auto snapshot = solo.step(2, 2, chunk(3, 2, 0, 1, "x")).write.id;
    const auto later = solo.step(2, 2, append(3, 2, {entry(4, 2, "y")}, 4)).write.id;
    const Actions first = solo.raft.on_written(snapshot, solo.now);
    EXPECT_TRUE(first.restore);
    EXPECT_TRUE(first.apply.empty());
    EXPECT_THAT(solo.raft.on_written(later, solo.now).apply, ElementsAre(entry(4, 2, "y")));
}

TEST(RaftInstallSnapshot, ChunkThatDoesNotFollowIsAskedForAgain) {
    Solo solo({.term = 2});
    EXPECT_EQ(the<SnapshotReply>(solo.step(2, 2, chunk(3, 2, 4, 8, "efgh"))).offset, 0u);
    EXPECT_EQ(the<SnapshotReply>(solo.step(2, 2, chunk(3, 2, 0, 8, "abcd"))).offset, 4u);
    EXPECT_EQ(the<SnapshotReply>(solo.step(2, 2, chunk(3, 2, 0, 8, "abcd"))).offset, 4u);
    solo.step(2, 2, chunk(3, 2, 4, 8, "efgh"));
    EXPECT_EQ(*solo.written().restore->data, "abcdefgh");
}

TEST(RaftInstallSnapshot, ChunksOfTwoSnapshotsAreNotMixed) {
    Solo solo({.term = 2});
    solo.step(2, 2, chunk(3, 2, 0, 8, "abcd"));
    EXPECT_EQ(the<SnapshotReply>(solo.step(2, 2, chunk(4, 2, 4, 8, "EFGH"))).offset, 0u);
    solo.step(2, 2, chunk(4, 2, 0, 8, "ABCD"));
    solo.step(3, 3, chunk(4, 2, 4, 8, "efgh"));  // the next leader's own, of the same entry
    EXPECT_FALSE(solo.written().restore.has_value());
}

// Options::snapshot_bytes_max: bytes that no owner could take are not gathered.
TEST(RaftInstallSnapshot, OneOverTheLimitIsNotTaken) {
    Solo solo({.term = 2, .options = {.id = {}, .snapshot_bytes_max = 8}});
    EXPECT_TRUE(solo.step(2, 2, chunk(3, 2, 0, 9, "abcd")).messages.empty());
    EXPECT_EQ(solo.raft.leader(), RaftId(2));
    EXPECT_EQ(the<SnapshotReply>(solo.step(2, 2, chunk(3, 2, 0, 8, "abcd"))).offset, 4u);
}

}  // namespace
}  // namespace trivet
