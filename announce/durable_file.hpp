#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace trivet::announce {

/// Replaces the file so that after a crash it holds either the old text or the new, whole.
/// Errors: insufficient_storage; unavailable.
Result<void> write_durably(const std::string& path, std::string_view text);
/// Gone after a crash, too; none there is success. Errors: unavailable.
Result<void> remove_durably(const std::string& path);
/// Nullopt: there is no such file. Errors: unavailable; too_large, above `bytes_max`.
Result<std::optional<std::string>> read_file(const std::string& path, std::size_t bytes_max);

}  // namespace trivet::announce
