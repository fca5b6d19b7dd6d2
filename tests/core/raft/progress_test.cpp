#include "core/raft/progress.hpp"

#include "tests/core/raft/raft_objects.hpp"

namespace trivet {
namespace {

using raft::Progress;
using test::Number;
using Mode = Progress::Mode;

Progress replicating(Number match) {
    Progress progress;
    progress.become_replicate();
    progress.match_index = LogIndex(match);
    progress.next_index = LogIndex(match + 1);
    return progress;
}

TEST(RaftProgress, AcknowledgementFreesWhatIsInFlight) {
    Progress progress = replicating(2);
    progress.in_flight = {LogIndex(4), LogIndex(6), LogIndex(8)};
    progress.next_index = LogIndex(9);
    EXPECT_TRUE(progress.on_match(LogIndex(6)));
    EXPECT_EQ(progress.match_index, LogIndex(6));
    EXPECT_EQ(progress.next_index, LogIndex(9));
    EXPECT_THAT(progress.in_flight, testing::ElementsAre(LogIndex(8)));
}

TEST(RaftProgress, LateAcknowledgementIsNoNews) {
    Progress progress = replicating(5);
    EXPECT_FALSE(progress.on_match(LogIndex(5)));
    EXPECT_FALSE(progress.on_match(LogIndex(3)));
    EXPECT_EQ(progress.match_index, LogIndex(5));
}

TEST(RaftProgress, AcknowledgementMovesNextForward) {
    Progress progress;
    progress.next_index = LogIndex(2);
    EXPECT_TRUE(progress.on_match(LogIndex(7)));
    EXPECT_EQ(progress.next_index, LogIndex(8));
}

TEST(RaftProgress, RefusalProbesAgainButNeverBelowWhatMatched) {
    Progress progress = replicating(5);
    progress.in_flight = {LogIndex(9)};
    progress.next_index = LogIndex(10);
    progress.on_refusal(LogIndex(3));
    EXPECT_EQ(progress.mode, Mode::probe);
    EXPECT_EQ(progress.next_index, LogIndex(6));
    EXPECT_TRUE(progress.in_flight.empty());
    EXPECT_FALSE(progress.probe_is_out);
}

TEST(RaftProgress, SnapshotStartsAtItsFirstByte) {
    Progress progress = replicating(5);
    progress.snapshot_offset = 77;
    progress.snapshot = raft::Snapshot{};
    progress.become_snapshot();
    EXPECT_EQ(progress.mode, Mode::snapshot);
    EXPECT_EQ(progress.snapshot_offset, 0u);
    EXPECT_FALSE(progress.snapshot.has_value());
}

}  // namespace
}  // namespace trivet
