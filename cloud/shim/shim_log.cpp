#include "cloud/shim/shim_log.hpp"

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fmt/chrono.h>
#include <fmt/format.h>

namespace trivet::cloud {

namespace {

constexpr std::array<int, 4> syslog_priorities{7, 6, 4, 3};  // RFC 5424 section 6.2.1

}  // namespace

ShimLog::ShimLog(LogLevel lowest)
    : lowest_(lowest), is_journal_(std::getenv("JOURNAL_STREAM") != nullptr) {}

void ShimLog::write(LogLevel level, std::string_view message, const LogFields& fields) const {
    if (level < lowest_) return;
    const std::string line = logfmt(level, message, fields);
    if (is_journal_) {
        fmt::print(stderr, "<{}>{}\n", syslog_priorities[static_cast<std::size_t>(level)], line);
        return;
    }
    const auto now =
        std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    const auto second = std::chrono::floor<std::chrono::seconds>(now);
    fmt::print(stderr, "time={:%Y-%m-%dT%H:%M:%S}.{:03}Z {}\n",
               fmt::gmtime(std::chrono::system_clock::to_time_t(second)), (now - second).count(),
               line);
}

}  // namespace trivet::cloud
