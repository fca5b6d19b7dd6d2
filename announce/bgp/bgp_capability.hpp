#pragma once
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "announce/bgp/bgp_notification.hpp"
#include "core/bgp_plan.hpp"
#include "core/result.hpp"

namespace trivet::announce::bgp {

struct AfiSafi {  // RFC 4760
    std::uint16_t afi = 1;
    std::uint8_t safi = 1;
    friend auto operator<=>(const AfiSafi&, const AfiSafi&) = default;
};
inline constexpr AfiSafi ipv4_unicast{1, 1};
inline constexpr AfiSafi ipv6_unicast{2, 1};

/// "IPv4 unicast", "IPv6 unicast", else "AFI 25 SAFI 70".
std::string to_string(AfiSafi family);

struct GracefulRestart {                      // RFC 4724 section 3, RFC 8538 section 2
    bool restarting = false;                  // R
    bool notification = false;                // N
    std::uint16_t restart_time_s = 0;         // 12 bits
    std::map<AfiSafi, bool> forwarding = {};  // family -> F
    bool operator==(const GracefulRestart&) const = default;
};

/// RFC 5492, those we know; others in an OPEN are ignored.
struct Capabilities {
    std::set<AfiSafi> families = {};  // multiprotocol; empty: none was offered (IPv4 unicast alone)
    bool route_refresh = false;
    bool enhanced_route_refresh = false;
    bool extended_messages = false;
    std::optional<AsNumber> four_octet_as = {};
    std::set<AfiSafi> extended_next_hop = {};  // families whose next hop may be IPv6 (RFC 8950)
    std::optional<GracefulRestart> graceful_restart = {};
    std::optional<BgpRole> role = {};  // of a peer also a value that RFC 9234 does not know
    bool operator==(const Capabilities&) const = default;
};

/// One after the other, code, length and value: what an OPEN carries, and what a NOTIFICATION
/// "Unsupported Capability" lists (RFC 5492 section 5).
std::vector<std::byte> encode_capabilities(const Capabilities& capabilities);

/// All that follows the BGP Identifier in an OPEN: the octet of length, and the parameters, in the
/// form of RFC 9072 where they need it.
std::vector<std::byte> encode_optional_parameters(const Capabilities& capabilities);

/// Errors: OPEN Message Error with Unspecific, a length does not fit; Unsupported Optional
/// Parameter; Role Mismatch, several roles that differ; Bad Peer AS, the four-octet AS is 0.
Result<Capabilities, NotificationMessage> decode_optional_parameters(
    std::span<const std::byte> after_identifier);

/// "four-octet AS number", "capability 99" for those we do not know.
std::string capability_name(std::uint8_t code);

}  // namespace trivet::announce::bgp
