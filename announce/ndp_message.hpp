#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "core/ip_address.hpp"
#include "core/link_address.hpp"
#include "core/result.hpp"

namespace trivet::announce {

/// What marks a solicitation as one's own (RFC 3971 section 5.3.2): 6 bytes, or 8 more, and so on.
using Nonce = std::vector<std::uint8_t>;

struct NeighborSolicitation {  // RFC 4861 section 4.3
    IpAddress target;
    std::optional<MacAddress> source_link_layer_address;
    std::optional<Nonce> nonce;
    bool operator==(const NeighborSolicitation&) const = default;
};

struct NeighborAdvertisement {  // RFC 4861 section 4.4
    IpAddress target;
    bool router = false;          // R
    bool solicited = false;       // S
    bool override_entry = false;  // O
    std::optional<MacAddress> target_link_layer_address;
    bool operator==(const NeighborAdvertisement&) const = default;
};

/// One neighbour solicitation or advertisement, with the IPv6 and Ethernet headers that carry it.
/// A value type.
struct NdpMessage {
    MacAddress ethernet_destination;
    MacAddress ethernet_source;
    IpAddress source;
    IpAddress destination;
    std::variant<NeighborSolicitation, NeighborAdvertisement> body;
    bool operator==(const NdpMessage&) const = default;
};

/// Why a frame is no valid message. The first two are well-formed, and of no interest to us.
enum class NdpError : std::uint8_t {
    not_ndp,  // also: behind an extension header, which neighbour discovery has no use for
    vlan_tagged,
    truncated,
    ip_version,
    hop_limit,
    checksum,
    code,
    multicast_source,
    mapped_address,
    multicast_target,
    option_length,
    unspecified_source_destination,
    unspecified_source_with_link_layer_address,
    solicited_to_multicast,
};

/// Checks every rule of RFC 4861 sections 7.1.1 and 7.1.2. Bytes after the IPv6 payload are
/// padding.
Result<NdpMessage, NdpError> decode_ndp(std::span<const std::byte> ethernet_frame);

/// The whole frame, with hop limit 255 and the checksum. The addresses must be IPv6, and a nonce of
/// a length that an option can have.
std::vector<std::byte> encode(const NdpMessage& message);

/// The checksum of an ICMPv6 message whose checksum field is zero (RFC 4443 section 2.3); 0 for a
/// message that carries the right one.
std::uint16_t icmpv6_checksum(IpAddress source, IpAddress destination,
                              std::span<const std::byte> message);

/// ff02::1:ffXX:XXXX (RFC 4291 section 2.7.1).
IpAddress solicited_node_group(IpAddress address);
bool is_solicited_node_group(IpAddress address);
/// ff02::1
IpAddress all_nodes_group();
/// 33:33 and the last four bytes of the group (RFC 2464 section 7).
MacAddress multicast_mac(IpAddress group);

}  // namespace trivet::announce
