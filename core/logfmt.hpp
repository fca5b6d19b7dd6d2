#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.hpp"

/// How all programs write their logs.
namespace trivet {

enum class LogLevel : std::uint8_t { debug, info, warning, error };

/// Errors: invalid_argument, naming the levels there are.
Result<LogLevel> parse_log_level(std::string_view text);

using LogFields = std::vector<std::pair<std::string_view, std::string>>;

/// `level=info msg="VIP announced" vip=default/web`: values with spaces, quotes or control
/// characters are quoted and escaped, so that one event stays one line.
std::string logfmt(LogLevel level, std::string_view message, const LogFields& fields);
std::string logfmt_value(std::string_view value);

}  // namespace trivet
