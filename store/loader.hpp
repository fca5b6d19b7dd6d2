#pragma once
#include "store/database.hpp"
#include "store/storage.hpp"
#include "store/tables.hpp"

namespace trivet::store {

struct LoadedFile {
    Loaded loaded;
    Positions positions;
};

enum class AppliedEntries : std::uint8_t { skip, load };

/// Reads meta, state and log and checks every row, that no row of the state is missing, and that
/// the log has neither hole nor disorder from its base to its last index. Refusing to start is
/// better than handing out an address that somebody already holds.
/// Errors: corrupt, naming table, row and remedy; unavailable, I/O.
Result<LoadedFile> load_file(Database& database, AppliedEntries applied);

/// One row of meta. Errors: as load_file().
Result<std::string> read_meta(Database& database, std::string_view key);

/// The newest `limit` events, oldest first, of `object` when given. Their rows are checked here and
/// not at the start: a damaged event says something about the disk, but nothing depends on it.
/// Errors: as load_file().
Result<std::vector<Event>> load_events(Database& database, std::size_t limit,
                                       const std::optional<std::string>& object);

}  // namespace trivet::store
