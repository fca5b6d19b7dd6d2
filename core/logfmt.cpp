#include "core/logfmt.hpp"

#include <array>
#include <fmt/format.h>

namespace trivet {

namespace {

constexpr std::array<std::string_view, 4> level_names{"debug", "info", "warning", "error"};

}  // namespace

std::string logfmt_value(std::string_view value) {
    bool plain = !value.empty();
    std::string escaped;
    for (const char c : value) {
        const auto byte = static_cast<unsigned char>(c);
        plain = plain && byte > 0x20 && byte != 0x7f && c != '"' && c != '=' && c != '\\';
        if (c == '"' || c == '\\')
            escaped += {'\\', c};
        else if (c == '\n')
            escaped += "\\n";
        else if (byte < 0x20 || byte == 0x7f)
            escaped += fmt::format("\\x{:02x}", byte);
        else
            escaped += c;
    }
    return plain ? escaped : "\"" + escaped + "\"";
}

Result<LogLevel> parse_log_level(std::string_view text) {
    for (std::size_t i = 0; i < level_names.size(); ++i)
        if (level_names[i] == text) return static_cast<LogLevel>(i);
    return fail(ErrorCode::invalid_argument,
                "'" + std::string(text) + "' is no log level; use debug, info, warning or error");
}

std::string logfmt(LogLevel level, std::string_view message, const LogFields& fields) {
    std::string line = fmt::format("level={} msg={}", level_names[static_cast<std::size_t>(level)],
                                   logfmt_value(message));
    for (const auto& [name, value] : fields)
        line += fmt::format(" {}={}", name, logfmt_value(value));
    return line;
}

}  // namespace trivet
