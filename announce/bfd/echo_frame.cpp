#include "announce/bfd/echo_frame.hpp"

#include <algorithm>

#include "announce/ethernet.hpp"
#include "core/assert.hpp"

namespace trivet::announce::bfd {

namespace {

constexpr std::size_t mac_bytes = 6;
constexpr std::size_t ipv4_bytes = 20;
constexpr std::size_t ipv6_bytes = 40;
constexpr std::size_t udp_bytes = 8;
constexpr std::uint8_t ipv4_start = 0x45;       // RFC 791: version 4, a header without options
constexpr std::uint16_t fragmented = 0x3fff;    // RFC 791: more fragments, or not the first one
constexpr std::uint8_t network_control = 0xc0;  // RFC 4594 section 3.1: CS6
constexpr std::uint8_t protocol_udp = 17;
constexpr std::uint8_t hop_limit_sent = 255;  // RFC 5881 section 5
constexpr std::size_t ipv4_hop_limit_offset = ethernet_header_bytes + 8;
constexpr std::size_t ipv4_checksum_offset = ethernet_header_bytes + 10;
constexpr std::size_t ipv6_hop_limit_offset = ethernet_header_bytes + 7;
constexpr std::size_t udp_checksum_offset = 6;

bool is_v4(std::span<const std::byte> frame) {
    return std::to_integer<std::uint8_t>(frame[ethernet_header_bytes]) >> 4 == 4;
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
    reader.u16();  // the header's checksum
    frame.source = IpAddress::v4(reader.u32());
    frame.destination = IpAddress::v4(reader.u32());
    const bool is_udp =
        start == ipv4_start && protocol == protocol_udp && (fragment & fragmented) == 0;
    if (!reader.ok() || !is_udp || length < ipv4_bytes) return std::nullopt;
    frame.payload = reader.take(length - ipv4_bytes);
    return reader.ok() ? std::optional(frame) : std::nullopt;
}

std::optional<EchoFrame> read_ipv6(ByteReader& reader) {
    EchoFrame frame;
    const std::uint32_t start = reader.u32();
    const std::uint16_t length = reader.u16();
    const std::uint8_t next_header = reader.u8();
    frame.hop_limit = reader.u8();
    frame.source = IpAddress::v6(reader.array<16>());
    frame.destination = IpAddress::v6(reader.array<16>());
    if (!reader.ok() || start >> 28 != 6 || next_header != protocol_udp) return std::nullopt;
    frame.payload = reader.take(length);
    return reader.ok() ? std::optional(frame) : std::nullopt;
}

/// RFC 1071: the sum of 16-bit words, not yet complemented.
std::uint32_t sum_of(std::span<const std::byte> bytes) {
    ByteReader reader(bytes);
    std::uint32_t sum = 0;
    while (!reader.rest().empty()) sum += reader.u16();
    return sum;
}

std::uint16_t checksum_of(std::uint32_t sum) {
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum & 0xffff);
}

void put(std::span<std::byte> at, std::initializer_list<unsigned> values) {
    std::ranges::transform(values, at.begin(),
                           [](unsigned value) { return static_cast<std::byte>(value & 0xff); });
}

void put_address(std::span<std::byte> at, const IpAddress& address) {
    const std::size_t size = address.is_v4() ? 4 : 16;
    const auto bytes = std::span(address.bytes()).last(size);
    std::ranges::transform(bytes, at.begin(), [](std::uint8_t value) { return std::byte{value}; });
}

void renew_ipv4_checksum(std::span<std::byte> frame) {
    put(frame.subspan(ipv4_checksum_offset), {0, 0});
    const unsigned sum = checksum_of(sum_of(frame.subspan(ethernet_header_bytes, ipv4_bytes)));
    put(frame.subspan(ipv4_checksum_offset), {sum >> 8, sum});
}

}  // namespace

std::optional<EchoFrame> read_echo_frame(std::span<const std::byte> frame, std::uint16_t port) {
    ByteReader reader(frame);
    const EthernetHeader ethernet = read_ethernet_header(reader);
    if (!reader.ok() || ethernet.destination.is_multicast()) return std::nullopt;
    // Nobody has such an address; turned around, the frame would go to everybody.
    if (ethernet.source.is_multicast()) return std::nullopt;
    std::optional<EchoFrame> read;
    if (ethernet.ethertype == ethertype_ipv4) read = read_ipv4(reader);
    if (ethernet.ethertype == ethertype_ipv6) read = read_ipv6(reader);
    if (!read) return std::nullopt;
    ByteReader udp(read->payload);
    udp.u16();  // source port
    const std::uint16_t destination_port = udp.u16();
    const std::uint16_t length = udp.u16();
    udp.u16();  // checksum: our own packets have a tag, and the peer's are the peer's
    if (!udp.ok() || destination_port != port || length != read->payload.size())
        return std::nullopt;
    read->payload = udp.rest();
    return read;
}

void turn_around(std::span<std::byte> frame) {
    std::ranges::swap_ranges(frame.first(mac_bytes), frame.subspan(mac_bytes, mac_bytes));
    std::byte& hop_limit = frame[is_v4(frame) ? ipv4_hop_limit_offset : ipv6_hop_limit_offset];
    TRIVET_ASSERT(hop_limit != std::byte{});
    hop_limit = static_cast<std::byte>(std::to_integer<unsigned>(hop_limit) - 1);
    if (is_v4(frame)) renew_ipv4_checksum(frame);
}

EchoFrameBytes make_echo_frame(const EchoFrameWay& way, const EchoBytes& payload) {
    EchoFrameBytes made;
    const bool is_v4_way = way.address.is_v4();
    const std::size_t ip_bytes = is_v4_way ? ipv4_bytes : ipv6_bytes;
    constexpr std::size_t datagram_bytes = udp_bytes + EchoBytes{}.size();
    made.size = ethernet_header_bytes + ip_bytes + datagram_bytes;
    const std::span<std::byte> frame(made.bytes);
    const auto to_byte = [](std::uint8_t value) { return std::byte{value}; };
    std::ranges::transform(way.to.bytes, frame.begin(), to_byte);
    std::ranges::transform(way.from.bytes, frame.subspan(mac_bytes).begin(), to_byte);
    const unsigned ethertype = is_v4_way ? ethertype_ipv4 : ethertype_ipv6;
    put(frame.subspan(2 * mac_bytes), {ethertype >> 8, ethertype});

    const auto ip = frame.subspan(ethernet_header_bytes, ip_bytes);
    if (is_v4_way) {
        put(ip, {ipv4_start, network_control, 0, ipv4_bytes + datagram_bytes, 0, 0, 0, 0,
                 hop_limit_sent, protocol_udp});
        put_address(ip.subspan(12), way.address);
        put_address(ip.subspan(16), way.address);
        renew_ipv4_checksum(frame);
    } else {
        // RFC 8200 section 3: version 6 and the traffic class, across two bytes.
        put(ip, {0x60 | network_control >> 4, (network_control << 4) & 0xff, 0, 0, 0,
                 datagram_bytes, protocol_udp, hop_limit_sent});
        put_address(ip.subspan(8), way.address);
        put_address(ip.subspan(24), way.address);
    }

    const auto udp = frame.subspan(ethernet_header_bytes + ip_bytes, datagram_bytes);
    const unsigned port = way.port;
    put(udp, {port >> 8, port, port >> 8, port, 0, datagram_bytes, 0, 0});
    std::ranges::copy(payload, udp.subspan(udp_bytes).begin());
    // RFC 768 and RFC 8200 section 8.1: with both addresses, protocol and length before it.
    const std::size_t address_bytes = is_v4_way ? 4 : 16;
    const std::uint32_t sum = sum_of(ip.last(2 * address_bytes)) + protocol_udp +
                              static_cast<std::uint32_t>(datagram_bytes) + sum_of(udp);
    const unsigned checksum = checksum_of(sum);
    const unsigned written = checksum == 0 ? 0xffff : checksum;  // 0 would mean none
    put(udp.subspan(udp_checksum_offset), {written >> 8, written});
    return made;
}

}  // namespace trivet::announce::bfd
