#pragma once
#include <cstdint>
#include <filesystem>
#include <span>

#include "store/database.hpp"

namespace trivet::store {

/// One step from a version of the schema to the next, in a transaction of its own together with the
/// new user_version.
struct Migration {
    std::uint64_t version;  // what the file has afterwards; steps are listed in order
    Result<void> (*run)(Database&);
};

/// Every step since the empty file. A released step is never changed, only followed by another.
std::span<const Migration> migrations();

/// Is this file ours, and of no newer version? Reads only, so that a file of somebody else stays as
/// it was. Errors: corrupt, no database; conflict, another program's or written by a newer version.
Result<void> check_identity(Database& database, const std::filesystem::path& path,
                            std::uint64_t known_version);

/// Brings the file to the last of `steps`. Errors: as Database::transaction.
Result<void> migrate(Database& database, std::span<const Migration> steps);

}  // namespace trivet::store
