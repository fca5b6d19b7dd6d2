#pragma once
#include <filesystem>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace trivet::announce {

/// Writes a whole file so that after a crash either the old or the new content is there: temporary
/// file, fsync, rename, fsync of the directory. Errors: insufficient_storage; unavailable, naming
/// the file.
Result<void> write_durably(const std::filesystem::path& path, std::string_view content,
                           unsigned mode);

/// Gone after a crash, too; none there is success. Errors: unavailable.
Result<void> remove_durably(const std::filesystem::path& path);

/// Errors: not_found; unavailable; too_large, above `size_max` bytes.
Result<std::string> read_file(const std::filesystem::path& path, std::size_t size_max);

}  // namespace trivet::announce
