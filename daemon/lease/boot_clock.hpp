#pragma once
#include <ctime>

#include "core/assert.hpp"
#include "core/time.hpp"

namespace trivet::daemon {

/// CLOCK_BOOTTIME, the clock of all deadlines of the protocols.
inline Instant read_boot_clock() noexcept {
    timespec now{};
    TRIVET_ASSERT(::clock_gettime(CLOCK_BOOTTIME, &now) == 0);
    return Instant{std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec}};
}

}  // namespace trivet::daemon
