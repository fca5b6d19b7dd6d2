#pragma once
#include <filesystem>
#include <string_view>

#include "core/result.hpp"

namespace trivet::daemon {

/// Writes a whole file so that after a crash either the old or the new content is there: temporary
/// file, fsync, rename, fsync of the directory. Errors: insufficient_storage; unavailable, naming
/// the file.
Result<void> write_durably(const std::filesystem::path& path, std::string_view content,
                           unsigned mode);

/// Errors: not_found; unavailable; too_large, above `size_max` bytes.
Result<std::string> read_file(const std::filesystem::path& path, std::size_t size_max);

}  // namespace trivet::daemon
