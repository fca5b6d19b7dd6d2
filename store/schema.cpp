#include "store/schema.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fmt/format.h>

#include "core/raft/configuration_codec.hpp"
#include "store/identity.hpp"
#include "store/loader.hpp"
#include "store/tables.hpp"

namespace trivet::store {

namespace {

constexpr std::uint64_t application_id = 0x54726976;  // "Triv", at offset 68 of the file

Result<void> put_meta(Database& database, std::string_view key, const std::string& value) {
    auto insert = database.prepare("INSERT INTO meta(key, value, checksum) VALUES (?1, ?2, ?3)");
    if (!insert) return fail(insert.error());
    RowChecksum checksums;
    const Checksum checksum = checksum_of(checksums, "meta", key, value);
    insert->bind_text(1, key);
    insert->bind_blob(2, value);
    insert->bind_blob(3, checksum);
    return insert->run();
}

/// docs/internals/storage.md explains the columns.
Result<void> create_tables(Database& database) {
    auto created = database.execute(R"(
        CREATE TABLE log("index" INTEGER PRIMARY KEY, term INTEGER NOT NULL,
                         payload BLOB NOT NULL, checksum BLOB NOT NULL) STRICT;
        CREATE TABLE state(key TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL,
                           checksum BLOB NOT NULL) STRICT, WITHOUT ROWID;
        CREATE TABLE meta(key TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL,
                          checksum BLOB NOT NULL) STRICT, WITHOUT ROWID;
        CREATE TABLE events(sequence INTEGER PRIMARY KEY, "index" INTEGER NOT NULL,
                            at INTEGER NOT NULL, type TEXT NOT NULL, object TEXT NOT NULL,
                            message TEXT NOT NULL, checksum BLOB NOT NULL) STRICT;)");
    for (const std::string_view key :
         {meta_key::last_index, meta_key::term, meta_key::last_applied})
        if (created) created = put_meta(database, key, "0");
    if (created) created = put_meta(database, meta_key::state_digest, TableDigest{}.to_string());
    return created;
}

/// A number that schema 1 stored, and nothing that a damaged disk made of it.
Result<std::uint64_t> stored_number(Database& database, std::string_view key) {
    auto value = read_meta(database, key);
    if (!value) return fail(value.error());
    return std::strtoull(value->c_str(), nullptr, 10);
}

/// Makes the file fit for Raft. Rows of the log stay as they are: kind 0 is a command, which is
/// what they all are, and their checksums are those of commands.
Result<void> prepare_for_raft(Database& database) {
    auto applied = stored_number(database, meta_key::last_applied);
    if (!applied) return fail(applied.error());
    auto term = stored_number(database, meta_key::term);
    if (!term) return fail(term.error());
    auto first = database.integer(R"(SELECT coalesce(min("index"), 0) FROM log)");
    if (!first) return fail(first.error());
    // Not after last_applied: with a hole between, the file must be refused by its loader.
    const std::uint64_t base = *first == 0 ? *applied : std::min(*first - 1, *applied);
    // Its own term is gone with it. It was not greater than that of the first entry behind it, and
    // a single node, which alone wrote schema 1, never had two.
    auto base_term = Result<std::uint64_t>(base == 0 ? 0 : *term);
    if (base != 0 && *first != 0)
        base_term = database.integer(R"(SELECT term FROM log ORDER BY "index" LIMIT 1)");
    if (!base_term) return fail(base_term.error());
    auto done = database.execute("ALTER TABLE log ADD COLUMN kind INTEGER NOT NULL DEFAULT 0");
    struct Row {
        std::string_view key;
        std::string value;
    };
    const Row rows[] = {
        {meta_key::hard_state_term, std::to_string(*term)},
        {meta_key::hard_state_vote, "0"},
        {meta_key::base_index, std::to_string(base)},
        {meta_key::base_term, std::to_string(*base_term)},
        {meta_key::base_configuration, raft::encode(raft::Configuration{})},
        {meta_key::raft_id, std::to_string(random_id())},
        {meta_key::boots, raft::encode(raft::BootHistory{})},
    };
    for (const Row& row : rows)
        if (done) done = put_meta(database, row.key, row.value);
    return done;
}

constexpr std::array steps{Migration{1, create_tables}, Migration{2, prepare_for_raft}};

}  // namespace

std::span<const Migration> migrations() { return steps; }

Result<void> check_identity(Database& database, const std::filesystem::path& path,
                            std::uint64_t known_version) {
    auto id = database.integer("PRAGMA main.application_id");
    if (!id) return fail(id.error());
    auto version = database.integer("PRAGMA main.user_version");
    if (!version) return fail(version.error());
    auto tables = database.integer("SELECT count(*) FROM main.sqlite_schema");
    if (!tables) return fail(tables.error());

    const bool fresh = *id == 0 && *version == 0 && *tables == 0;
    if (fresh) return {};
    if (*id != application_id)
        return fail(ErrorCode::conflict,
                    fmt::format("{} belongs to another program (its application_id is {:#x}, not "
                                "{:#x}): correct data_dir in lbd.yaml, or move the file away",
                                path.native(), *id, application_id));
    if (*version > known_version)
        return fail(ErrorCode::conflict,
                    fmt::format("{} was written by a newer version of Trivet (schema {}, this "
                                "program knows {}): install that version or restore a snapshot",
                                path.native(), *version, known_version));
    return {};
}

Result<void> migrate(Database& database, std::span<const Migration> steps_to_take) {
    auto version = database.integer("PRAGMA main.user_version");
    if (!version) return fail(version.error());
    for (const Migration& step : steps_to_take) {
        if (step.version <= *version) continue;
        auto done = database.transaction([&]() -> Result<void> {
            if (auto ran = step.run(database); !ran) return ran;
            if (auto set = database.execute(
                    fmt::format("PRAGMA main.application_id = {}", application_id));
                !set)
                return set;
            return database.execute(fmt::format("PRAGMA main.user_version = {}", step.version));
        });
        if (!done) return done;
    }
    return {};
}

}  // namespace trivet::store
