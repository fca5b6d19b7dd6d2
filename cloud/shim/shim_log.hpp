#pragma once
#include <string_view>

#include "core/logfmt.hpp"

namespace trivet::cloud {

/// Lines of logfmt on standard error, with a time, or with sd-daemon(3)'s priority where standard
/// error is the journal, which has a clock of its own. One thread.
class ShimLog {
public:
    explicit ShimLog(LogLevel lowest);

    void write(LogLevel level, std::string_view message, const LogFields& fields) const;
    void debug(std::string_view message, const LogFields& fields = {}) const {
        write(LogLevel::debug, message, fields);
    }
    void info(std::string_view message, const LogFields& fields = {}) const {
        write(LogLevel::info, message, fields);
    }
    void warning(std::string_view message, const LogFields& fields = {}) const {
        write(LogLevel::warning, message, fields);
    }
    void error(std::string_view message, const LogFields& fields = {}) const {
        write(LogLevel::error, message, fields);
    }

private:
    LogLevel lowest_;
    bool is_journal_;
};

}  // namespace trivet::cloud
