// Which node a file is, and which of its lives this one.
#include <fstream>

#include "tests/store/fault_vfs.hpp"
#include "tests/store/storage_fixture.hpp"

namespace trivet::store {

namespace {

class IdentityTest : public testing::Test {
protected:
    TempDirectory directory;
    Harness harness{directory.path()};

    raft::Boot boot() { return harness.loaded.boots.newest().value(); }
    Result<void> vote(std::uint64_t term, std::uint64_t id) {
        raft::Write write;
        write.hard_state = {.term = Term{term}, .vote = raft::RaftId{id}};
        return harness.write(std::move(write));
    }
};

TEST_F(IdentityTest, TheIdStaysAndEveryStartIsOneMore) {
    ASSERT_TRUE(harness.open());
    const raft::RaftId id = harness.loaded.raft_id;
    EXPECT_NE(id, raft::RaftId{});
    std::vector<raft::Boot> seen{boot()};
    for (std::uint64_t number = 2; number <= 5; ++number) {
        harness.close();
        ASSERT_TRUE(harness.open());
        EXPECT_TRUE(harness.loaded.boot_is_durable);
        EXPECT_EQ(harness.loaded.raft_id, id);
        EXPECT_EQ(boot().number, number);
        EXPECT_NE(boot().nonce, seen.back().nonce);
        seen.push_back(boot());
        for (const raft::Boot& one : seen) EXPECT_TRUE(descends_from(harness.loaded.boots, one));
    }
}

TEST_F(IdentityTest, AWipedFileIsAnotherNode) {
    ASSERT_TRUE(harness.open());
    const raft::RaftId id = harness.loaded.raft_id;
    harness.close();
    std::filesystem::remove(harness.options.path);
    std::filesystem::remove(harness.options.path.native() + "-wal");
    ASSERT_TRUE(harness.open());
    EXPECT_NE(harness.loaded.raft_id, id);
}

TEST_F(IdentityTest, AnOldCopyIsToldFromTheNode) {
    ASSERT_TRUE(harness.open());
    harness.close();
    const std::filesystem::path copy = directory.path() / "copy";
    std::filesystem::copy_file(harness.options.path, copy);
    ASSERT_TRUE(harness.open());
    const raft::Boot last_seen = boot();
    harness.close();
    std::filesystem::copy_file(copy, harness.options.path,
                               std::filesystem::copy_options::overwrite_existing);
    ASSERT_TRUE(harness.open());
    EXPECT_EQ(boot().number, last_seen.number);
    EXPECT_FALSE(descends_from(harness.loaded.boots, last_seen));
}

TEST_F(IdentityTest, ARenewedFileIsAnotherNodeThatHasNotVoted) {
    ASSERT_TRUE(harness.open());
    ASSERT_TRUE(vote(7, 5));
    raft::Write entries;
    entries.append = {entry(1, "{}", 7)};
    ASSERT_TRUE(harness.write(std::move(entries)));
    const raft::RaftId id = harness.loaded.raft_id;
    harness.close();
    harness.options.identity = Storage::Options::Identity::renew;
    ASSERT_TRUE(harness.open());
    const raft::RaftId renewed = harness.loaded.raft_id;
    EXPECT_NE(renewed, id);
    EXPECT_EQ(boot().number, 1u);
    EXPECT_EQ(harness.loaded.hard_state, (raft::HardState{.term = Term{7}, .vote = {}}));
    EXPECT_EQ(harness.loaded.last_index, LogIndex{1});
    EXPECT_TRUE(vote(7, 6));
    harness.close();
    harness.options.identity = Storage::Options::Identity::keep;
    ASSERT_TRUE(harness.open());
    EXPECT_EQ(harness.loaded.raft_id, renewed);
    EXPECT_EQ(boot().number, 2u);
    EXPECT_EQ(harness.loaded.hard_state.vote, raft::RaftId{6});
}

TEST_F(IdentityTest, OnAFullDiskTheStartIsWrittenWithTheFirstWrite) {
    FaultVfs vfs;
    harness.options.vfs_name = vfs.name();
    ASSERT_TRUE(harness.open());
    harness.close();
    for (const bool heals : {false, true}) {
        vfs.arm({.fault = Fault::disk_full, .at_call = 1, .repeat = true});
        harness.options.identity = Storage::Options::Identity::renew;
        const auto refused = harness.open();
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, ErrorCode::insufficient_storage);
        harness.options.identity = Storage::Options::Identity::keep;
        ASSERT_TRUE(harness.open());
        EXPECT_FALSE(harness.loaded.boot_is_durable);
        EXPECT_EQ(boot().number, 2u);
        const raft::Boot given = boot();
        EXPECT_FALSE(vote(1, 5));
        vfs.disarm();
        if (heals) {
            EXPECT_TRUE(vote(1, 5));
        } else {
            vfs.arm({.fault = Fault::disk_full, .at_call = 1, .repeat = true});
        }
        harness.close();
        vfs.disarm();
        if (!heals) continue;
        ASSERT_TRUE(harness.open());
        EXPECT_EQ(boot().number, 3u);
        EXPECT_TRUE(harness.loaded.boots.contains(given));
        harness.close();
    }
}

}  // namespace

}  // namespace trivet::store
