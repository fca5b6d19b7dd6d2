#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>

#include "core/ip_address.hpp"
#include "core/link_address.hpp"

/// What the kernel says about interfaces and their addresses (rtnetlink), as values.
namespace trivet::announce {

using LinkIndex = std::uint32_t;

/// RTM_NEWLINK: an interface as it is now.
struct LinkSeen {
    LinkIndex index = 0;
    std::string name;
    std::uint16_t hardware_type = 0;  // ARPHRD_ETHER and others
    bool loopback = false;
    bool enabled = false;  // IFF_UP: switched on by the administrator
    bool carrier = false;  // and able to send
    std::optional<MacAddress> mac = {};
    LinkIndex master = 0;         // the bridge, bond, team or VRF that it belongs to
    std::string slave_kind = {};  // of that master: "bridge", "bond", "team", "vrf"
    bool peers_moved = false;     // a bond failed over, or asks to tell the neighbours again
};

struct LinkGone {
    LinkIndex index = 0;
};

/// RTM_NEWADDR, RTM_DELADDR.
struct AddressSeen {
    LinkIndex index = 0;
    IpAddress address;
    Prefix subnet;
    std::uint8_t protocol = 0;  // IFA_PROTO: who made it
};

struct AddressGone {
    LinkIndex index = 0;
    IpAddress address;
    Prefix subnet;
};

/// RTM_NEWNETCONF for IPv6: whether the interface forwards.
struct ForwardingSeen {
    LinkIndex index = 0;
    bool forwarding = false;
};

using LinkEvent = std::variant<LinkSeen, LinkGone, AddressSeen, AddressGone, ForwardingSeen>;

/// Reads one netlink message; nullopt when it is about something else, or is malformed. Pure.
std::optional<LinkEvent> parse_link_event(std::span<const std::byte> message);

}  // namespace trivet::announce
