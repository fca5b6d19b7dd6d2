#pragma once
#include <cstddef>
#include <cstdint>
#include <iterator>
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
    /// MACs of this machine's other interfaces: what they say about an address is no conflict, as
    /// when two of them stand in one subnet and both announce it.
    std::vector<MacAddress> sibling_macs = {};
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
/// Answered from now on: the probe passed, or a take-over began, or the link came back. (After a
/// quarantine ConflictEnded says it instead.)
struct Announced {
    IpAddress address;
};
/// A stranger uses the address: it is quarantined (not answered), probed again later.
struct ConflictDetected {
    IpAddress address;
    MacAddress other;
};
struct ConflictEnded {
    IpAddress address;
};  // nobody answered the probe: announced again

/// Somebody says that an address is its own which stands by here: the owner, or a stranger.
struct Seen {
    IpAddress address;
    MacAddress mac;
};

/// What a session has counted since it was made; `received` includes malformed and ignored.
struct SessionCounters {
    std::uint64_t received = 0;
    std::uint64_t sent = 0;             // frames handed out to be sent
    std::uint64_t malformed = 0;        // of our protocol, and breaking it
    std::uint64_t conflicts = 0;        // strangers' frames that claimed an address of ours
    std::uint64_t ignored = 0;          // well-formed, and asking nothing of us
    std::uint64_t replies_limited = 0;  // answers not given, above replies_per_second
};

using L2Action = std::variant<SendFrame, JoinGroup, LeaveGroup, Announced, ConflictDetected,
                              ConflictEnded, Seen>;
using L2Actions = std::vector<L2Action>;

inline void append_actions(L2Actions& to, L2Actions from) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

}  // namespace trivet::announce
