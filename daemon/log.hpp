#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "core/logfmt.hpp"

namespace trivet::daemon {

using trivet::LogFields;
using trivet::logfmt;
using trivet::LogLevel;
using trivet::parse_log_level;

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

/// The journal's field name for one of ours: TRIVET_VIP for "vip".
std::string journal_field(std::string_view name);

}  // namespace trivet::daemon
