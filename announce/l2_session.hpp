#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/ip_address.hpp"
#include "core/link_address.hpp"
#include "core/time.hpp"

/// What the ARP and the NDP session share: one session per protocol and interface, events in,
/// actions out.
namespace trivet::announce {

/// What a session knows of its interface.
struct LinkState {
    MacAddress mac;
    bool up = false;                   // administratively up and with carrier
    std::vector<Prefix> subnets;       // of the interface's own addresses
    std::vector<IpAddress> addresses;  // the interface's own addresses
    bool forwarding =
        false;  // IPv6 forwarding: the R flag of advertisements (RFC 4861 section 4.4)
    bool operator==(const LinkState&) const = default;
};

enum class ClaimKind : std::uint8_t {
    planned,    // probe first (RFC 5227 section 2.1.1, RFC 4862 section 5.4), then announce
    take_over,  // the holder is known to be gone: announce at once
};

struct SendFrame {
    std::vector<std::byte> frame;
};  // a whole Ethernet frame, header included
struct JoinGroup {
    IpAddress group;
};  // NDP: solicited-node multicast group (RFC 4861 section 7.2.1)
struct LeaveGroup {
    IpAddress group;
};
struct Announced {
    IpAddress address;
};  // the probe passed: answered from now on
/// A stranger uses the address: it is quarantined (not answered), probed again later.
struct ConflictDetected {
    IpAddress address;
    MacAddress other;
};
struct ConflictEnded {
    IpAddress address;
};  // nobody answered the probe: announced again

using L2Action =
    std::variant<SendFrame, JoinGroup, LeaveGroup, Announced, ConflictDetected, ConflictEnded>;
using L2Actions = std::vector<L2Action>;

}  // namespace trivet::announce
