#pragma once
#include <chrono>
#include <ctime>

#include "core/time.hpp"

/// The clocks of the shim's drivers. What they drive has none.
namespace trivet::cloud {

inline Instant boot_now() {
    timespec time{};
    clock_gettime(CLOCK_BOOTTIME, &time);
    return Instant(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

/// Of Asio's timers, which do not count a suspension: a deadline may come that much too late.
inline std::chrono::steady_clock::time_point steady_time(Instant deadline) {
    return std::chrono::steady_clock::now() +
           std::chrono::duration_cast<std::chrono::steady_clock::duration>(deadline - boot_now());
}

}  // namespace trivet::cloud
