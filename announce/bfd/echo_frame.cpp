#include "announce/bfd/echo_frame.hpp"

#include <algorithm>

#include "announce/ethernet.hpp"
#include "core/assert.hpp"

namespace trivet::announce::bfd {

namespace {

constexpr std::size_t ethernet_bytes = 14;
constexpr std::size_t mac_bytes = 6;
constexpr std::size_t ipv4_bytes = 20;
constexpr std::uint8_t ipv4_start = 0x45;     // RFC 791: version 4, a header without options
constexpr std::uint16_t fragmented = 0x3fff;  // RFC 791: more fragments, or not the first one
constexpr std::uint8_t protocol_udp = 17;
constexpr std::size_t udp_bytes = 8;
constexpr std::size_t ipv4_hop_limit_offset = ethernet_bytes + 8;
constexpr std::size_t ipv4_checksum_offset = ethernet_bytes + 10;
constexpr std::size_t ipv6_hop_limit_offset = ethernet_bytes + 7;

bool is_v4(std::span<const std::byte> frame) {
    return std::to_integer<std::uint8_t>(frame[ethernet_bytes]) >> 4 == 4;
}

std::optional<EchoFrame> read_ipv4(ByteReader& reader) {
    EchoFrame frame;
    const std::uint8_t start = reader.u8();
    reader.u8();  // type of service
    const std::uint16_t length = reader.u16();
    reader.u16();  // identification
    const std::uint16_t fragment = reader.u16();
    frame.hop_limit = reader.u8();
    const std::uint8_t protocol = reader.u8();
    reader.u16();  // the header's checksum; the kernel has looked at it
    frame.source = IpAddress::v4(reader.u32());
    frame.destination = IpAddress::v4(reader.u32());
    const bool is_udp =
        start == ipv4_start && protocol == protocol_udp && (fragment & fragmented) == 0;
    const bool is_whole = reader.ok() && length >= ipv4_bytes + udp_bytes &&
                          length - ipv4_bytes <= reader.rest().size();
    return is_udp && is_whole ? std::optional(frame) : std::nullopt;
}

std::optional<EchoFrame> read_ipv6(ByteReader& reader) {
    EchoFrame frame;
    const std::uint32_t start = reader.u32();
    const std::uint16_t length = reader.u16();
    const std::uint8_t next_header = reader.u8();
    frame.hop_limit = reader.u8();
    frame.source = IpAddress::v6(reader.array<16>());
    frame.destination = IpAddress::v6(reader.array<16>());
    const bool is_udp = start >> 28 == 6 && next_header == protocol_udp;
    const bool is_whole = reader.ok() && length >= udp_bytes && length <= reader.rest().size();
    return is_udp && is_whole ? std::optional(frame) : std::nullopt;
}

void renew_ipv4_checksum(std::span<std::byte> frame) {
    const auto header = frame.subspan(ethernet_bytes, ipv4_bytes);
    frame[ipv4_checksum_offset] = frame[ipv4_checksum_offset + 1] = std::byte{};
    ByteReader reader(header);
    std::uint32_t sum = 0;
    while (!reader.rest().empty()) sum += reader.u16();
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    frame[ipv4_checksum_offset] = static_cast<std::byte>(~sum >> 8 & 0xff);
    frame[ipv4_checksum_offset + 1] = static_cast<std::byte>(~sum & 0xff);
}

}  // namespace

std::optional<EchoFrame> read_echo_frame(std::span<const std::byte> frame, std::uint16_t port) {
    ByteReader reader(frame);
    const EthernetHeader ethernet = read_ethernet_header(reader);
    if (!reader.ok() || ethernet.destination.is_multicast()) return std::nullopt;
    std::optional<EchoFrame> read;
    if (ethernet.ethertype == ethertype_ipv4) read = read_ipv4(reader);
    if (ethernet.ethertype == ethertype_ipv6) read = read_ipv6(reader);
    if (!read) return std::nullopt;
    reader.u16();  // source port
    return reader.u16() == port ? read : std::nullopt;
}

void turn_around(std::span<std::byte> frame) {
    const auto mac_before = frame.first(mac_bytes);
    std::ranges::swap_ranges(mac_before, frame.subspan(mac_bytes, mac_bytes));
    std::byte& hop_limit = frame[is_v4(frame) ? ipv4_hop_limit_offset : ipv6_hop_limit_offset];
    TRIVET_ASSERT(hop_limit != std::byte{});
    hop_limit = static_cast<std::byte>(std::to_integer<unsigned>(hop_limit) - 1);
    if (is_v4(frame)) renew_ipv4_checksum(frame);
}

}  // namespace trivet::announce::bfd
