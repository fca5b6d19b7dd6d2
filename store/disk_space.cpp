#include "store/disk_space.hpp"

#include <cerrno>
#include <cstring>
#include <fmt/format.h>

#include <sys/statvfs.h>

namespace trivet::store {

namespace {

/// So seldom that it costs nothing, so often that free_bytes_min is not used up in between; if it
/// ever is, SQLite's own "disk full" is handled alike.
constexpr std::chrono::milliseconds check_interval{100};

}  // namespace

Result<void> DiskSpace::check(Time now, Freshness freshness) {
    if (freshness == Freshness::recent && enough_ && now < next_check_) return {};
    if (auto measured = measure(); !measured) return measured;
    next_check_ = now + check_interval;
    // Space that comes and goes around the limit must not turn the node over each time.
    const std::uint64_t needed = enough_ ? free_bytes_min_ : free_bytes_min_ + free_bytes_min_ / 8;
    enough_ = free_bytes_ >= needed;
    if (enough_) return {};
    return fail(ErrorCode::insufficient_storage,
                fmt::format("data directory {} has {} bytes free and {} are needed: free some "
                            "space there",
                            directory_.native(), free_bytes_, needed));
}

Error DiskSpace::refused(const Error& write_error) {
    if (auto measured = measure(); !measured) return measured.error();
    return {ErrorCode::insufficient_storage,
            fmt::format("data directory {} is full ({} bytes free): {}", directory_.native(),
                        free_bytes_, write_error.message)};
}

Result<void> DiskSpace::measure() {
    struct statvfs status{};
    if (::statvfs(directory_.c_str(), &status) != 0)
        return fail(ErrorCode::unavailable,
                    fmt::format("cannot look at data directory {}: {}; check the disk, then start "
                                "lbd again",
                                directory_.native(), std::strerror(errno)));
    free_bytes_ = status.f_bavail * status.f_frsize;
    return {};
}

}  // namespace trivet::store
