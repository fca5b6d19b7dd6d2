#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>

#include "core/result.hpp"

namespace trivet::store {

/// Watches the free space of the file system under the data directory. One thread owns it.
class DiskSpace {
public:
    using Time = std::chrono::steady_clock::time_point;

    DiskSpace(std::filesystem::path directory, std::uint64_t free_bytes_min)
        : directory_(std::move(directory)), free_bytes_min_(free_bytes_min) {}

    enum class Freshness : std::uint8_t { recent, now };
    /// Asks the kernel again only when the last answer is not recent.
    /// Errors: insufficient_storage, naming the directory and the bytes free; unavailable, the
    /// directory is gone or the disk does not answer.
    Result<void> check(Time now, Freshness freshness);
    /// The same for a disk that refused a write although check() found it fit, as a quota does.
    Error refused(const Error& write_error);

private:
    Result<void> measure();

    std::filesystem::path directory_;
    std::uint64_t free_bytes_min_;
    std::uint64_t free_bytes_ = 0;  // at the last measurement
    bool enough_ = true;            // at the last check; hysteresis starts with the limit itself
    Time next_check_{};
};

}  // namespace trivet::store
