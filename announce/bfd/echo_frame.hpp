#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "core/ip_address.hpp"

namespace trivet::announce::bfd {

/// An echo packet in its Ethernet frame, as a neighbour sends it that follows RFC 5881 section 4:
/// "The destination address MUST be chosen in such a way as to cause the remote system to forward
/// the packet back to the local system". It is addressed to the neighbour itself.
struct EchoFrame {
    IpAddress source = {};
    IpAddress destination = {};
    std::uint8_t hop_limit = 0;
    bool operator==(const EchoFrame&) const = default;
};

/// nullopt: it is no whole UDP packet to this port, or has options or extension headers.
std::optional<EchoFrame> read_echo_frame(std::span<const std::byte> frame, std::uint16_t port);

/// What forwarding makes of it: back to where it came from, one hop older. Precondition:
/// read_echo_frame() has read it, and its hop limit is not 0.
void turn_around(std::span<std::byte> frame);

}  // namespace trivet::announce::bfd
