#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "cli/outcome.hpp"

namespace trivet::cli {

enum class Overwrite : std::uint8_t { no, yes };

/// Errors: conflict, there is such a file.
Outcome<> check_is_free(const std::string& path);

/// Writes a file that only its owner may read, whole or not at all, and returns once it is on disk.
/// Errors: conflict, there is such a file and it may not be overwritten; failure, the system's.
Outcome<> write_durably(const std::string& path, std::string_view text, Overwrite overwrite);

/// Errors: not_found; failure, it cannot be read or has more than `bytes_max`.
Outcome<std::string> read_whole(const std::string& path, std::size_t bytes_max);

}  // namespace trivet::cli
