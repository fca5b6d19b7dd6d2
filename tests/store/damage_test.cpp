// Files that must be refused: what is wrong is named, with the remedy, and nothing is changed.
#include <fmt/format.h>
#include <fstream>

#include <sys/file.h>
#include <unistd.h>

#include "store/row_checksum.hpp"
#include "tests/store/storage_fixture.hpp"

namespace trivet::store {

namespace {

using testing::AllOf;
using testing::HasSubstr;

class DamageTest : public testing::Test {
protected:
    TempDirectory directory;
    Harness harness{directory.path()};
    const std::filesystem::path& file() const { return harness.options.path; }

    /// Ten entries, six applied to rows a to c, six events; closed.
    void fill() {
        ASSERT_TRUE(harness.open());
        for (std::uint64_t index = 1; index <= 10; ++index)
            ASSERT_TRUE(harness.append({entry(index, "payload " + std::to_string(index), 3)}));
        for (std::uint64_t index = 1; index <= 6; ++index)
            harness.storage->save_applied(
                {.last_applied = LogIndex{index},
                 .rows = {{std::string(1, static_cast<char>('a' + index % 3)), "value"}},
                 .events = {
                     {.index = index, .at = {}, .type = "t", .object = "o", .message = "m"}}});
        harness.close();
    }

    Error refused() {
        const auto opened = harness.open();
        EXPECT_FALSE(opened);
        return opened ? Error{} : opened.error();
    }
};

struct Case {
    const char* name;
    const char* sql;
    std::vector<const char*> message;  // parts of it
};

class DamagedRowTest : public DamageTest, public testing::WithParamInterface<Case> {};

TEST_P(DamagedRowTest, IsRefusedByTableAndRow) {
    fill();
    run_sql(file(), GetParam().sql);
    const Error error = refused();
    EXPECT_EQ(error.code, ErrorCode::corrupt);
    EXPECT_THAT(error.message, HasSubstr(file().native()));
    EXPECT_THAT(error.message, HasSubstr("restore a snapshot"));
    for (const char* part : GetParam().message) EXPECT_THAT(error.message, HasSubstr(part));
}

INSTANTIATE_TEST_SUITE_P(
    , DamagedRowTest,
    testing::Values(
        Case{"state_value",
             "UPDATE state SET value = X'76616C7564' WHERE key = 'b'",
             {"table state, row 'b'", "checksum does not match"}},
        Case{"state_key", "UPDATE state SET key = 'z' WHERE key = 'b'", {"table state, row 'z'"}},
        Case{"state_checksum",
             "UPDATE state SET checksum = X'00' WHERE key = 'a'",
             {"table state, row 'a'"}},
        Case{"state_rows_exchanged",
             "UPDATE state SET (value, checksum) = (SELECT value, checksum FROM state WHERE "
             "key = 'a') WHERE key = 'c'",
             {"table state, row 'c'"}},
        Case{"state_row_missing",
             "DELETE FROM state WHERE key = 'b'",
             {"table state", "its 2 rows are not the 3 that belong to entry 6"}},
        Case{"log_payload",
             "UPDATE log SET payload = X'7061796C6F616420' WHERE \"index\" = 8",
             {"table log, row '8'", "checksum does not match"}},
        Case{"log_payload_applied",
             "UPDATE log SET payload = X'70' WHERE \"index\" = 2",
             {"table log, row '2'"}},
        Case{"log_term", "UPDATE log SET term = 4 WHERE \"index\" = 9", {"table log, row '9'"}},
        Case{"log_moved",
             "UPDATE log SET \"index\" = 11 WHERE \"index\" = 10",
             {"table log, row '11'"}},
        Case{"log_hole",
             "DELETE FROM log WHERE \"index\" = 8",
             {"table log, row '8'", "the entry is missing"}},
        Case{"log_hole_applied",
             "DELETE FROM log WHERE \"index\" = 4",
             {"table log, row '4'", "the entry is missing"}},
        Case{"log_start_missing",
             "DELETE FROM log WHERE \"index\" < 9",
             {"table log, row '1'", "the entry is missing"}},
        Case{"log_end_missing",
             "DELETE FROM log WHERE \"index\" >= 9",
             {"table log, row '9'", "the entry is missing"}},
        Case{"log_empty", "DELETE FROM log", {"table log, row '1'", "the entry is missing"}},
        Case{"log_kind", "UPDATE log SET kind = 1 WHERE \"index\" = 9", {"table log, row '9'"}},
        Case{"log_kind_unknown",
             "UPDATE log SET kind = 3 WHERE \"index\" = 9",
             {"table log, row '9'", "its kind is unknown"}},
        Case{"vote",
             "UPDATE meta SET value = X'39' WHERE key = 'hard_state_vote'",
             {"table meta, row 'hard_state_vote'", "checksum does not match"}},
        Case{"base_missing",
             "DELETE FROM meta WHERE key = 'base_configuration'",
             {"table meta, row 'base_configuration'", "the row is missing"}},
        Case{"starts",
             "UPDATE meta SET value = X'00' WHERE key = 'boots'",
             {"table meta, row 'boots'", "checksum does not match"}},
        Case{"meta_value",
             "UPDATE meta SET value = X'35' WHERE key = 'last_applied'",
             {"table meta, row 'last_applied'", "checksum does not match"}},
        Case{"meta_row_missing",
             "DELETE FROM meta WHERE key = 'state_digest'",
             {"table meta, row 'state_digest'", "the row is missing"}}),
    [](const auto& row) { return row.param.name; });

struct MetaCase {
    const char* name;
    const char* key;
    std::string value;
    std::vector<const char*> message;
};

class ContradictingMetaTest : public DamageTest, public testing::WithParamInterface<MetaCase> {};

TEST_P(ContradictingMetaTest, IsRefusedThoughItsChecksumIsRight) {
    fill();
    RowChecksum checksums;
    const Checksum checksum =
        checksums.of({.table = "meta", .key = GetParam().key}, {GetParam().value});
    const auto hex = [](const auto& bytes) {
        std::string text;
        for (const auto byte : bytes) text += fmt::format("{:02X}", byte & 0xff);
        return text;
    };
    run_sql(file(), fmt::format("UPDATE meta SET value = X'{}', checksum = X'{}' WHERE key = '{}'",
                                hex(GetParam().value), hex(checksum), GetParam().key));
    const Error error = refused();
    EXPECT_EQ(error.code, ErrorCode::corrupt);
    EXPECT_THAT(error.message, HasSubstr("restore a snapshot"));
    for (const char* part : GetParam().message) EXPECT_THAT(error.message, HasSubstr(part));
}

INSTANTIATE_TEST_SUITE_P(
    , ContradictingMetaTest,
    testing::Values(
        MetaCase{"base_above_applied", "base_index", "7", {"row 'last_applied'", "base_index"}},
        MetaCase{"base_within_the_log",
                 "base_index",
                 "3",
                 {"table log, row '1'", "begins behind it, after base_index"}},
        MetaCase{"base_term", "base_term", "4", {"table log, row '1'", "its term is older"}},
        MetaCase{"hard_state_behind_the_log",
                 "hard_state_term",
                 "2",
                 {"row 'hard_state_term'", "less than the last entry's term"}},
        MetaCase{
            "configuration", "base_configuration", "x", {"row 'base_configuration'", "malformed"}},
        MetaCase{"raft_id", "raft_id", "0", {"row 'raft_id'", "nobody"}},
        MetaCase{"no_number", "last_index", "1o", {"row 'last_index'", "malformed"}},
        MetaCase{"boots", "boots", "", {"row 'boots'", "malformed"}}),
    [](const auto& row) { return row.param.name; });

TEST_F(DamageTest, OldContentOfARowIsFoundByTheDigest) {
    ASSERT_TRUE(harness.open());
    ASSERT_TRUE(harness.append({entry(1), entry(2)}));
    harness.storage->save_applied(
        {.last_applied = LogIndex{1}, .rows = {{"k", "old"}}, .events = {}});
    harness.close();
    run_sql(file(), "CREATE TABLE main.kept AS SELECT value, checksum FROM state");
    ASSERT_TRUE(harness.open());
    harness.storage->save_applied(
        {.last_applied = LogIndex{2}, .rows = {{"k", "new"}}, .events = {}});
    harness.close();
    run_sql(file(), "UPDATE state SET (value, checksum) = (SELECT value, checksum FROM kept)");
    EXPECT_THAT(refused().message, HasSubstr("old content has come back"));
}

TEST_F(DamageTest, ADamagedEventIsNamedWhenItIsReadAndStopsNothing) {
    fill();
    run_sql(file(), "UPDATE events SET message = 'n' WHERE sequence = 4");
    ASSERT_TRUE(harness.open());
    const auto events = harness.read_events(10);
    ASSERT_FALSE(events);
    EXPECT_EQ(events.error().code, ErrorCode::corrupt);
    EXPECT_THAT(events.error().message, AllOf(HasSubstr("events"), HasSubstr("'4'")));
    EXPECT_EQ(harness.read_events(2)->size(), 2u);
    EXPECT_TRUE(harness.append({entry(11, "{}", 3)}));
    harness.close();
    run_sql(file(), "DELETE FROM events WHERE sequence = 4");  // as the message says
    ASSERT_TRUE(harness.open());
    EXPECT_EQ(harness.read_events(10)->size(), 5u);
}

TEST_F(DamageTest, ADamagedPageIsFound) {
    fill();
    const auto page = std::stol(query(file(),
                                      "SELECT rootpage FROM sqlite_schema "
                                      "WHERE name = 'log'"));
    std::fstream stream(file(), std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp((page - 1) * 4096);
    stream.write("\x77\x77\x77\x77\x77\x77\x77\x77", 8);
    stream.close();
    const Error error = refused();
    EXPECT_EQ(error.code, ErrorCode::corrupt);
    EXPECT_THAT(error.message, AllOf(HasSubstr(file().native()), HasSubstr("restore a snapshot")));
}

TEST_F(DamageTest, AFileThatIsNoDatabaseIsRefusedAndKept) {
    const std::string content(5000, 'x');
    std::ofstream(file()) << content;
    const Error error = refused();
    EXPECT_EQ(error.code, ErrorCode::corrupt);
    EXPECT_THAT(error.message, AllOf(HasSubstr(file().native()), HasSubstr("no database"),
                                     HasSubstr("data_dir in lbd.yaml")));
    EXPECT_EQ(std::filesystem::file_size(file()), content.size());
}

TEST_F(DamageTest, AnEmptiedFileBesideItsWriteAheadLogIsRefused) {
    std::ofstream(file().native() + "-wal") << "frames";
    std::ofstream{file()};
    const Error error = refused();
    EXPECT_EQ(error.code, ErrorCode::corrupt);
    EXPECT_THAT(error.message, HasSubstr("contents were lost"));
    EXPECT_EQ(std::filesystem::file_size(file().native() + "-wal"), 6u);
}

TEST_F(DamageTest, ADatabaseOfAnotherProgramIsRefusedAndKept) {
    run_sql(file(), "CREATE TABLE theirs(x)");
    const Error error = refused();
    EXPECT_EQ(error.code, ErrorCode::conflict);
    EXPECT_THAT(error.message, HasSubstr("another program"));
    EXPECT_EQ(query(file(), "PRAGMA journal_mode"), "delete");
}

TEST_F(DamageTest, AFileOfANewerVersionIsRefused) {
    fill();
    run_sql(file(), "PRAGMA user_version = 7");
    const Error error = refused();
    EXPECT_EQ(error.code, ErrorCode::conflict);
    EXPECT_THAT(error.message,
                HasSubstr("was written by a newer version of Trivet (schema 7, this program knows "
                          "2): install that version or restore a snapshot"));
    EXPECT_EQ(query(file(), "PRAGMA user_version"), "7");
}

TEST_F(DamageTest, AMissingDirectoryIsNamedWithTheRemedy) {
    harness.options.path = directory.path() / "absent" / "lbd.db";
    const Error error = refused();
    EXPECT_EQ(error.code, ErrorCode::not_found);
    EXPECT_THAT(error.message, AllOf(HasSubstr((directory.path() / "absent").native()),
                                     HasSubstr("create it"), HasSubstr("data_dir in lbd.yaml")));
    std::ofstream(directory.path() / "absent") << "a file";
    EXPECT_EQ(refused().code, ErrorCode::not_found);
}

TEST_F(DamageTest, ASecondOpenerIsRefusedAtOnceAndHarmsNothing) {
    ASSERT_TRUE(harness.open());
    ASSERT_TRUE(harness.append({entry(1)}));
    Harness second(directory.path());
    const auto opened = second.open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::conflict);
    EXPECT_THAT(opened.error().message, HasSubstr("in use by another lbd"));
    EXPECT_TRUE(harness.append({entry(2)}));
    harness.close();
    EXPECT_TRUE(second.open());
}

TEST_F(DamageTest, AnotherProgramCannotReadOrWriteMeanwhile) {
    ASSERT_TRUE(harness.open());
    sqlite3* handle = nullptr;
    ASSERT_EQ(sqlite3_open(file().c_str(), &handle), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(handle, "SELECT * FROM meta", nullptr, nullptr, nullptr), SQLITE_BUSY);
    sqlite3_close(handle);
}

TEST_F(DamageTest, AFileThatAnotherProgramHasOpenIsAConflict) {
    fill();
    sqlite3* handle = nullptr;
    ASSERT_EQ(sqlite3_open(file().c_str(), &handle), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(handle, "BEGIN; SELECT * FROM meta", nullptr, nullptr, nullptr),
              SQLITE_OK);
    const Error error = refused();
    EXPECT_EQ(error.code, ErrorCode::conflict);
    EXPECT_THAT(error.message, HasSubstr("another process has it open"));
    sqlite3_close(handle);
    EXPECT_TRUE(harness.open());
}

}  // namespace

}  // namespace trivet::store
