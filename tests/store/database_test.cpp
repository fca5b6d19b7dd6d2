#include "store/database.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/store/fault_vfs.hpp"
#include "tests/store/storage_fixture.hpp"

namespace trivet::store {

namespace {

class DatabaseTest : public testing::Test {
protected:
    TempDirectory directory;
    std::filesystem::path path = directory.path() / "lbd.db";
};

TEST_F(DatabaseTest, IsDurableAndExclusiveOnceItSaysSo) {
    auto database = Database::open(path, "");
    ASSERT_TRUE(database);
    ASSERT_TRUE(database->make_durable());
    EXPECT_EQ(database->integer("PRAGMA synchronous").value(), 2u);  // FULL
    EXPECT_EQ(database->text("PRAGMA journal_mode").value(), "wal");
    EXPECT_EQ(database->text("PRAGMA main.locking_mode").value(), "exclusive");
    EXPECT_EQ(database->integer("PRAGMA wal_autocheckpoint").value(), 0u);
    ASSERT_TRUE(database->execute("CREATE TABLE t(x)"));
    EXPECT_FALSE(std::filesystem::exists(path.native() + "-shm"));
}

TEST_F(DatabaseTest, AJournalThatCannotBeAWriteAheadLogIsAnError) {
    auto database = Database::open(":memory:", "");
    ASSERT_TRUE(database);
    const auto durable = database->make_durable();
    ASSERT_FALSE(durable);
    EXPECT_EQ(durable.error().code, ErrorCode::unavailable);
    EXPECT_THAT(durable.error().message, testing::HasSubstr("'memory' instead of 'wal'"));
}

TEST_F(DatabaseTest, AFileThatCannotBeMadeIsNamed) {
    const auto database = Database::open(directory.path() / "absent" / "lbd.db", "");
    ASSERT_FALSE(database);
    EXPECT_EQ(database.error().code, ErrorCode::unavailable);
    EXPECT_THAT(database.error().message, testing::HasSubstr("absent/lbd.db"));
}

TEST_F(DatabaseTest, ATransactionThatFailsChangesNothing) {
    auto database = Database::open(path, "");
    ASSERT_TRUE(database);
    ASSERT_TRUE(database->make_durable());
    ASSERT_TRUE(database->execute("CREATE TABLE t(x UNIQUE)"));
    const auto failed = database->transaction([&]() -> Result<void> {
        if (auto done = database->execute("INSERT INTO t VALUES (1)"); !done) return done;
        return database->execute("INSERT INTO t VALUES (1)");
    });
    EXPECT_FALSE(failed);
    EXPECT_EQ(database->integer("SELECT count(*) FROM t").value(), 0u);
    EXPECT_TRUE(database->transaction([] { return Result<void>{}; }));
}

// SQLite's own checkpoints swallow this error, which is why they are switched off.
TEST_F(DatabaseTest, AnFsyncThatFailsInACheckpointIsReported) {
    FaultVfs vfs;
    auto database = Database::open(path, vfs.name());
    ASSERT_TRUE(database);
    ASSERT_TRUE(database->make_durable());
    ASSERT_TRUE(database->execute("CREATE TABLE t(x)"));
    EXPECT_GT(database->wal_pages(), 0);
    vfs.arm({.fault = Fault::io_error, .at_call = 1});  // the sync of the log
    const auto moved = database->checkpoint(Checkpoint::passive);
    ASSERT_FALSE(moved);
    EXPECT_EQ(moved.error().code, ErrorCode::unavailable);
    EXPECT_THAT(moved.error().message, testing::HasSubstr("check the disk"));
}

TEST_F(DatabaseTest, ClosingWithoutCheckpointLeavesTheLogAlone) {
    {
        auto database = Database::open(path, "");
        ASSERT_TRUE(database);
        ASSERT_TRUE(database->make_durable());
        ASSERT_TRUE(database->execute("CREATE TABLE t(x)"));
    }
    EXPECT_GT(std::filesystem::file_size(path.native() + "-wal"), 0u);
    EXPECT_EQ(query(path, "SELECT count(*) FROM t"), "0");
}

}  // namespace

}  // namespace trivet::store
