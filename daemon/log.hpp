#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.hpp"

namespace trivet::daemon {

enum class LogLevel : std::uint8_t { debug, info, warning, error };

/// Errors: invalid_argument, naming the levels there are.
Result<LogLevel> parse_log_level(std::string_view text);

using LogFields = std::vector<std::pair<std::string_view, std::string>>;

/// Structured log: journald fields (TRIVET_<NAME>) when standard error is the journal, else logfmt
/// lines on standard error. May be called from any thread.
class Log {
public:
    virtual ~Log() = default;
    virtual void set_level(LogLevel level) = 0;
    virtual void write(LogLevel level, std::string_view message, const LogFields& fields) = 0;

    void debug(std::string_view message, const LogFields& fields = {}) {
        write(LogLevel::debug, message, fields);
    }
    void info(std::string_view message, const LogFields& fields = {}) {
        write(LogLevel::info, message, fields);
    }
    void warning(std::string_view message, const LogFields& fields = {}) {
        write(LogLevel::warning, message, fields);
    }
    void error(std::string_view message, const LogFields& fields = {}) {
        write(LogLevel::error, message, fields);
    }
};

/// Chooses by JOURNAL_STREAM, as systemd documents it.
std::unique_ptr<Log> make_log();

/// `level=info msg="VIP announced" vip=default/web`: values with spaces, quotes or control
/// characters are quoted and escaped, so that one event stays one line.
std::string logfmt(LogLevel level, std::string_view message, const LogFields& fields);

/// The journal's field name for one of ours: TRIVET_VIP for "vip".
std::string journal_field(std::string_view name);

}  // namespace trivet::daemon
