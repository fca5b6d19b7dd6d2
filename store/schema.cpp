#include "store/schema.hpp"

#include <array>
#include <fmt/format.h>

#include "store/tables.hpp"

namespace trivet::store {

namespace {

constexpr std::uint64_t application_id = 0x54726976;  // "Triv", at offset 68 of the file

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
    if (!created) return created;
    auto tables = Tables::prepare(database, Positions{});
    if (!tables) return fail(tables.error());
    return tables->write_meta(MetaRows::all);
}

constexpr std::array steps{Migration{1, create_tables}};

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
