// Files that the released version wrote.
#include <array>

#include "store/schema.hpp"
#include "store/tables.hpp"
#include "tests/store/storage_fixture.hpp"

namespace trivet::store {

namespace {

using testing::HasSubstr;

/// Of schema 1, with the statements and checksums of the version that wrote it.
class MigrationTest : public testing::Test {
protected:
    void SetUp() override {
        auto opened = Database::open(harness.options.path, "");
        ASSERT_TRUE(opened) << opened.error().message;
        database = std::move(*opened);
        ASSERT_TRUE(database->make_durable());
        ASSERT_TRUE(migrate(*database, migrations().first(1)));
    }

    void put_meta(std::string_view key, const std::string& value) {
        auto put = database->prepare("REPLACE INTO meta(key, value, checksum) VALUES (?1, ?2, ?3)");
        const Checksum checksum = checksums.of({.table = "meta", .key = key}, {value});
        put->bind_text(1, key);
        put->bind_blob(2, value);
        put->bind_blob(3, checksum);
        ASSERT_TRUE(put->run());
    }

    void put_entry(std::uint64_t index, std::uint64_t term, const std::string& payload) {
        auto put = database->prepare(
            R"(INSERT INTO log("index", term, payload, checksum) VALUES (?1, ?2, ?3, ?4))");
        const std::string key = std::to_string(index);
        const Checksum checksum =
            checksums.of({.table = "log", .key = key}, {std::to_string(term), payload});
        put->bind(1, index);
        put->bind(2, term);
        put->bind_blob(3, payload);
        put->bind_blob(4, checksum);
        ASSERT_TRUE(put->run());
    }

    void put_state(const std::string& key, const std::string& value) {
        auto put = database->prepare("INSERT INTO state(key, value, checksum) VALUES (?1, ?2, ?3)");
        const Checksum checksum = checksums.of({.table = "state", .key = key}, {value});
        put->bind_text(1, key);
        put->bind_blob(2, value);
        put->bind_blob(3, checksum);
        ASSERT_TRUE(put->run());
        digest.add(checksum);
    }

    void put_end(std::uint64_t last_index, std::uint64_t last_applied, std::uint64_t term) {
        put_meta("last_index", std::to_string(last_index));
        put_meta("last_applied", std::to_string(last_applied));
        put_meta("term", std::to_string(term));
        put_meta("state_digest", digest.to_string());
    }

    Result<void> open() {
        database.reset();
        harness.options.log_keep.reset();
        return harness.open();
    }

    TempDirectory directory;
    Harness harness{directory.path()};
    std::optional<Database> database;
    RowChecksum checksums;
    TableDigest digest;
};

TEST_F(MigrationTest, SchemaOneIsWhatWasReleased) {
    EXPECT_EQ(database->integer("PRAGMA user_version").value(), 1u);
    EXPECT_EQ(database->text("SELECT group_concat(key || '=' || value) FROM meta").value(),
              "last_applied=0,last_index=0,state_digest=0:00000000000000000000000000000000,term=0");
    EXPECT_EQ(database->text("SELECT group_concat(name) FROM pragma_table_info('log')").value(),
              "index,term,payload,checksum");
}

TEST_F(MigrationTest, ALogFromItsFirstEntryOn) {
    for (std::uint64_t index = 1; index <= 5; ++index)
        put_entry(index, 0, "payload " + std::to_string(index));
    put_state("vip/default/web", "{}");
    put_end(5, 3, 0);
    const auto opened = open();
    ASSERT_TRUE(opened) << opened.error().message;
    Loaded& loaded = harness.loaded;
    EXPECT_EQ(loaded.base.index, LogIndex{});
    EXPECT_EQ(loaded.base.term, Term{});
    EXPECT_EQ(loaded.base.configuration, raft::Configuration{});
    EXPECT_EQ(loaded.hard_state, raft::HardState{});
    EXPECT_NE(loaded.raft_id, raft::RaftId{});
    EXPECT_EQ(loaded.boots.newest()->number, 1u);
    EXPECT_EQ(loaded.rows.at(0).key, "vip/default/web");
    ASSERT_EQ(loaded.entries.size(), 2u);
    EXPECT_EQ(loaded.entries[0].payload, "payload 4");
    EXPECT_EQ(loaded.entries[0].kind, EntryKind::command);
    const raft::DurableState state = take_durable_state(loaded);
    EXPECT_EQ(state.entries.size(), 5u);
    EXPECT_EQ(state.applied, LogIndex{3});
    EXPECT_TRUE(harness.append({entry(6)}));
}

TEST_F(MigrationTest, ATrimmedLog) {
    put_entry(101, 7, "a");
    put_entry(102, 7, "b");
    put_end(102, 101, 7);
    ASSERT_TRUE(open());
    EXPECT_EQ(harness.loaded.base.index, LogIndex{100});
    EXPECT_EQ(harness.loaded.base.term, Term{7});
    EXPECT_EQ(harness.loaded.hard_state, (raft::HardState{.term = Term{7}, .vote = {}}));
    EXPECT_EQ(harness.loaded.applied_entries.size(), 1u);
}

TEST_F(MigrationTest, AnEmptyLogBehindWhatWasApplied) {
    put_end(40, 40, 2);
    ASSERT_TRUE(open());
    EXPECT_EQ(harness.loaded.base.index, LogIndex{40});
    EXPECT_EQ(harness.loaded.base.term, Term{2});
    EXPECT_EQ(harness.loaded.last_index, LogIndex{40});
    EXPECT_TRUE(harness.append({entry(41, "{}", 2)}));
}

TEST_F(MigrationTest, ANewFileAndAMigratedEmptyOneAreAlike) {
    ASSERT_TRUE(open());
    harness.close();
    const std::string keys =
        "SELECT group_concat(key || '=' || hex(value)) FROM meta "
        "WHERE key NOT IN ('raft_id', 'boots')";
    const std::string migrated = query(harness.options.path, keys);
    Harness fresh(directory.path());
    fresh.options.path = directory.path() / "fresh.db";
    ASSERT_TRUE(fresh.open());
    fresh.close();
    EXPECT_EQ(query(fresh.options.path, keys), migrated);
    EXPECT_NE(fresh.loaded.raft_id, harness.loaded.raft_id);
}

TEST_F(MigrationTest, DamageIsNotMadeGood) {
    for (std::uint64_t index = 1; index <= 3; ++index) put_entry(index, 1, "p");
    put_end(3, 2, 1);
    ASSERT_TRUE(database->execute(R"(UPDATE log SET payload = X'71' WHERE "index" = 2)"));
    const auto opened = open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::corrupt);
    EXPECT_THAT(opened.error().message, HasSubstr("table log, row '2'"));
}

TEST_F(MigrationTest, AHoleBehindWhatWasAppliedIsFoundAfterwardsToo) {
    put_entry(9, 1, "p");
    put_end(9, 6, 1);
    const auto opened = open();
    ASSERT_FALSE(opened);
    EXPECT_THAT(opened.error().message, HasSubstr("table log, row '7': the entry is missing"));
}

TEST_F(MigrationTest, ADamagedRowOfMetaIsRefusedAndTheFileStaysAsItWas) {
    put_end(0, 0, 0);
    ASSERT_TRUE(database->execute("UPDATE meta SET value = X'39' WHERE key = 'last_applied'"));
    const auto opened = open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::corrupt);
    EXPECT_THAT(opened.error().message, HasSubstr("table meta, row 'last_applied'"));
    EXPECT_EQ(query(harness.options.path, "PRAGMA user_version"), "1");
}

}  // namespace

}  // namespace trivet::store
