#include "daemon/log.hpp"

#include <array>
#include <atomic>
#include <cstdlib>
#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

namespace trivet::daemon {

namespace {

constexpr std::array<int, 4> syslog_priorities{7, 6, 4, 3};  // RFC 5424 section 6.2.1
constexpr std::array<spdlog::level::level_enum, 4> spdlog_levels{
    spdlog::level::debug, spdlog::level::info, spdlog::level::warn, spdlog::level::err};

std::size_t number(LogLevel level) { return static_cast<std::size_t>(level); }

class TerminalLog final : public Log {
public:
    TerminalLog() : logger_("lbd", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
        logger_.set_pattern("time=%Y-%m-%dT%H:%M:%S.%e%z %v");
        logger_.flush_on(spdlog::level::debug);
    }
    void set_level(LogLevel level) override { logger_.set_level(spdlog_levels[number(level)]); }
    void write(LogLevel level, std::string_view message, const LogFields& fields) override {
        const auto at = spdlog_levels[number(level)];
        if (logger_.should_log(at)) logger_.log(at, "{}", logfmt(level, message, fields));
    }

private:
    spdlog::logger logger_;
};

class JournalLog final : public Log {
public:
    void set_level(LogLevel level) override { lowest_ = level; }
    void write(LogLevel level, std::string_view message, const LogFields& fields) override {
        if (level < lowest_) return;
        std::vector<std::string> lines;
        lines.push_back("MESSAGE=" + with_fields(message, fields));
        lines.push_back(fmt::format("PRIORITY={}", syslog_priorities[number(level)]));
        lines.emplace_back("SYSLOG_IDENTIFIER=lbd");
        for (const auto& [name, value] : fields) lines.push_back(journal_field(name) + "=" + value);
        std::vector<iovec> parts;
        for (std::string& line : lines) parts.push_back({line.data(), line.size()});
        sd_journal_sendv(parts.data(), static_cast<int>(parts.size()));
    }

private:
    /// The message alone would hide the fields from `journalctl -u lbd`, where people look first.
    static std::string with_fields(std::string_view message, const LogFields& fields) {
        std::string text(message);
        for (const auto& [name, value] : fields)
            text += fmt::format(" {}={}", name, logfmt_value(value));
        return text;
    }
    std::atomic<LogLevel> lowest_{LogLevel::info};
};

/// systemd.exec(5): JOURNAL_STREAM holds device and inode of the journal's end of standard error.
bool standard_error_is_the_journal() {
    const char* stream = std::getenv("JOURNAL_STREAM");
    struct stat status{};
    if (stream == nullptr || fstat(STDERR_FILENO, &status) != 0) return false;
    return fmt::format("{}:{}", status.st_dev, status.st_ino) == stream;
}

}  // namespace

std::unique_ptr<Log> make_log() {
    if (standard_error_is_the_journal()) return std::make_unique<JournalLog>();
    return std::make_unique<TerminalLog>();
}

std::string journal_field(std::string_view name) {
    std::string field = "TRIVET_";
    for (const char c : name) {
        const bool lower = c >= 'a' && c <= 'z';
        const bool valid = lower || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        field += lower ? static_cast<char>(c - 'a' + 'A') : valid ? c : '_';
    }
    return field;
}

}  // namespace trivet::daemon
