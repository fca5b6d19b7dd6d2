#pragma once
#include <cstdint>
#include <set>
#include <vector>

#include "core/ip_address.hpp"

namespace trivet::announce {

/// IFA_PROTO of every address that we make: how they are told from all others, also after a crash.
/// The kernel uses 1 to 3 (linux/if_addr.h); the rest is for programs to choose. (iproute2 shows it
/// since 6.3, with a name if /etc/iproute2/rt_addrprotos has a line "116 trivet".)
constexpr std::uint8_t bound_address_protocol = 116;

/// One address of lo, as the kernel has it.
struct PresentAddress {
    IpAddress address;
    int prefix_length = 0;
    std::uint8_t protocol = 0;
    bool operator==(const PresentAddress&) const = default;
};

/// What must be done so that lo holds exactly the wanted addresses of ours.
struct BoundPlan {
    std::vector<IpAddress> add;
    std::vector<IpAddress> remove;
    std::vector<IpAddress> foreign;  // wanted, but there already, made by somebody else: left alone
    bool operator==(const BoundPlan&) const = default;
};

/// Pure. Only host addresses with our protocol number are ever removed.
BoundPlan plan_bound_addresses(const std::set<IpAddress>& wanted,
                               const std::vector<PresentAddress>& present);

}  // namespace trivet::announce
