#pragma once
#include <cstdint>

#include <sys/socket.h>

namespace trivet::bench {

/// Nanoseconds of CLOCK_BOOTTIME: the clock of leases, and of the script that injects faults.
std::int64_t boot_now();

/// Lets the kernel note when it received each packet, so that a program that is woken late does not
/// count its own delay. Returns whether the kernel does so.
bool ask_for_timestamps(int socket);

/// When the kernel received what recvmsg() filled in, as boot_now(); now, if it did not note it.
std::int64_t received_at(const msghdr& message);

constexpr std::int64_t milliseconds_to_ns = 1'000'000;
constexpr double to_milliseconds(std::int64_t ns) {
    return static_cast<double>(ns) / static_cast<double>(milliseconds_to_ns);
}

}  // namespace trivet::bench
