#pragma once
#include <string>
#include <vector>

#include "core/ip_address.hpp"
#include "core/time.hpp"

/// What the daemon asks its machine. Reads clocks and interfaces; no state.
namespace trivet::daemon {

WallTime wall_now();
/// CLOCK_BOOTTIME, the clock of all deadlines of the protocols.
Instant boot_now();

/// The kernel's name of this machine, in lower case, without a domain.
std::string host_name();

/// Global addresses of this machine's interfaces (no loopback, no link-local), IPv4 first.
std::vector<IpAddress> host_addresses();

}  // namespace trivet::daemon
