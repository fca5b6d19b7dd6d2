#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "bench/packet_socket.hpp"

namespace trivet::bench {

constexpr std::uint16_t ethertype_arp = 0x0806, ethertype_ipv6 = 0x86dd;

using V4 = std::array<std::uint8_t, 4>;
using V6 = std::array<std::uint8_t, 16>;

/// Asks and claims of addresses on the wire, read and written from the RFCs apart from the
/// product's own codec, so that a mistake of that one does not hide itself here. Pure functions.

/// "Who has `target`?" (RFC 826), to everybody.
std::vector<std::uint8_t> arp_request(const Mac& mac, const V4& sender, const V4& target);
/// The same for IPv6: a neighbour solicitation (RFC 4861 section 4.3) to the solicited-node group.
std::vector<std::uint8_t> neighbour_solicitation(const Mac& mac, const V6& sender,
                                                 const V6& target);

/// A frame from which a neighbour learns that `address` is at `mac`.
template <class Address>
struct Claim {
    Address address;
    Mac mac;
    bool announcement = false;  // nobody asked for it
};

/// Any ARP packet tells where its sender is: answers, announcements, and questions as well.
std::optional<Claim<V4>> arp_claim(FrameBytes frame);
/// An advertisement of the target, or a solicitation from the address, each with its link-layer
/// option.
std::optional<Claim<V6>> ndp_claim(FrameBytes frame);

}  // namespace trivet::bench
