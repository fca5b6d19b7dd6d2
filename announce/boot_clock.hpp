#pragma once
#include <cstdint>
#include <time.h>

#include "core/time.hpp"

namespace trivet::announce {

/// The present time of the clock that all deadlines use. For drivers only: rules take the time as
/// an argument.
inline Instant boot_now() {
    timespec now{};
    clock_gettime(CLOCK_BOOTTIME, &now);  // cannot fail: the clock exists since Linux 2.6.39
    return Instant(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

}  // namespace trivet::announce
