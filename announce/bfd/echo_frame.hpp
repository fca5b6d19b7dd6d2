#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "announce/bfd/bfd_echo.hpp"
#include "core/ip_address.hpp"
#include "core/link_address.hpp"

namespace trivet::announce::bfd {

/// An echo packet in its Ethernet frame, as RFC 5881 section 4 has it: "The destination address
/// MUST be chosen in such a way as to cause the remote system to forward the packet back to the
/// local system". It is addressed to who has sent it.
struct EchoFrame {
    IpAddress source = {};
    IpAddress destination = {};
    std::uint8_t hop_limit = 0;
    std::span<const std::byte> payload = {};  // lies in the frame
};

/// nullopt: it is no whole UDP packet to this port, or has options or extension headers.
std::optional<EchoFrame> read_echo_frame(std::span<const std::byte> frame, std::uint16_t port);

/// What forwarding makes of it: back to where it came from, one hop older. Precondition:
/// read_echo_frame() has read it, and its hop limit is not 0.
void turn_around(std::span<std::byte> frame);

/// The way of an echo packet of ours.
struct EchoFrameWay {
    MacAddress from = {};
    MacAddress to = {};      // the neighbour's
    IpAddress address = {};  // ours: of source and destination
    std::uint16_t port = 0;  // likewise
};
inline constexpr std::size_t echo_frame_bytes_max = 14 + 40 + 8 + EchoBytes{}.size();
struct EchoFrameBytes {
    std::array<std::byte, echo_frame_bytes_max> bytes{};
    std::size_t size = 0;
    std::span<const std::byte> view() const { return std::span(bytes).first(size); }
};
EchoFrameBytes make_echo_frame(const EchoFrameWay& way, const EchoBytes& payload);

}  // namespace trivet::announce::bfd
