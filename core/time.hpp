#pragma once
#include <chrono>
#include <cstdint>

namespace trivet {

/// The clock of all deadlines: nanoseconds of CLOCK_BOOTTIME, which counts suspension (leases need
/// that). It has no now(): only daemon/ and the I/O drivers read a clock, and pass the time on.
struct BootClock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<BootClock, duration>;
    static constexpr bool is_steady = true;
};

using Instant = BootClock::time_point;
using Duration = BootClock::duration;

/// Milliseconds since 1970 UTC. For display, and for cooldowns, which must outlive a reboot; it
/// travels inside commands, and the state machine never lets it run backwards.
using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;

/// The end of the year 9999: what a command may carry, and far from overflow.
constexpr WallTime wall_time_max{std::chrono::milliseconds{253'402'300'799'999}};

}  // namespace trivet
