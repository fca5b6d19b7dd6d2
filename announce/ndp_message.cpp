#include "announce/ndp_message.hpp"

#include <algorithm>

#include "announce/ethernet.hpp"
#include "core/assert.hpp"

namespace trivet::announce {

namespace {

constexpr std::uint8_t ip_version = 6;
constexpr std::uint8_t next_header_icmpv6 = 58;            // RFC 4443 section 1
constexpr std::uint8_t hop_limit_required = 255;           // RFC 4861 sections 7.1.1, 7.1.2
constexpr std::uint8_t type_neighbor_solicitation = 135;   // RFC 4861 section 4.3
constexpr std::uint8_t type_neighbor_advertisement = 136;  // RFC 4861 section 4.4
constexpr std::size_t message_bytes_min = 24;              // both, without options
constexpr std::size_t checksum_offset = 2;                 // RFC 4443 section 2.1
constexpr std::uint32_t flag_router = 0x8000'0000;         // RFC 4861 section 4.4
constexpr std::uint32_t flag_solicited = 0x4000'0000;
constexpr std::uint32_t flag_override = 0x2000'0000;
constexpr std::uint8_t option_source_link_layer_address = 1;  // RFC 4861 section 4.6.1
constexpr std::uint8_t option_target_link_layer_address = 2;
constexpr std::uint8_t option_nonce = 14;     // RFC 3971 section 5.3.2
constexpr std::size_t option_unit_bytes = 8;  // RFC 4861 section 4.6: of the length
constexpr std::size_t option_header_bytes = 2;
constexpr std::size_t ethernet_option_units = 1;  // RFC 2464 section 6
constexpr std::size_t frame_bytes_usual = 86;     // with one option

struct Ipv6Packet {
    std::uint8_t next_header = 0;
    std::uint8_t hop_limit = 0;
    IpAddress::V6Bytes source{};
    IpAddress::V6Bytes destination{};
    std::span<const std::byte> payload;
};

struct Options {
    std::optional<MacAddress> source_link_layer_address;
    std::optional<MacAddress> target_link_layer_address;
    std::optional<Nonce> nonce;
};

/// ::ffff:0:0/96 stands for IPv4 inside a host and is never on the wire (RFC 4291 section 2.5.5.2).
bool is_mapped(const IpAddress::V6Bytes& bytes) { return IpAddress::v6(bytes).is_v4(); }

Result<Ipv6Packet, NdpError> read_ipv6(ByteReader& reader) {
    Ipv6Packet packet;
    const std::uint32_t version_class_flow = reader.u32();
    const std::uint16_t payload_length = reader.u16();
    packet.next_header = reader.u8();
    packet.hop_limit = reader.u8();
    packet.source = reader.array<16>();
    packet.destination = reader.array<16>();
    if (!reader.ok()) return tl::unexpected(NdpError::truncated);
    if (version_class_flow >> 28 != ip_version) return tl::unexpected(NdpError::ip_version);
    packet.payload = reader.take(payload_length);  // what follows is padding
    if (!reader.ok()) return tl::unexpected(NdpError::truncated);
    return packet;
}

Result<MacAddress, NdpError> read_link_layer_address(std::span<const std::byte> body) {
    if (body.size() != ethernet_option_units * option_unit_bytes - option_header_bytes)
        return tl::unexpected(NdpError::option_length);
    return MacAddress{ByteReader(body).array<6>()};
}

Result<Options, NdpError> read_options(ByteReader& reader) {
    Options options;
    while (!reader.rest().empty()) {
        const std::uint8_t type = reader.u8();
        const std::size_t units = reader.u8();
        if (!reader.ok()) return tl::unexpected(NdpError::truncated);
        // RFC 4861 sections 4.6, 7.1.1 and 7.1.2: the whole packet is discarded.
        if (units == 0) return tl::unexpected(NdpError::option_length);
        const auto body = reader.take(units * option_unit_bytes - option_header_bytes);
        if (!reader.ok()) return tl::unexpected(NdpError::truncated);
        if (type == option_nonce && !options.nonce) {
            options.nonce.emplace(body.size());
            std::ranges::transform(body, options.nonce->begin(), std::to_integer<std::uint8_t>);
        }
        // RFC 4861 section 4.6: options that are not recognised are ignored.
        if (type != option_source_link_layer_address && type != option_target_link_layer_address)
            continue;
        const auto mac = read_link_layer_address(body);
        if (!mac) return tl::unexpected(mac.error());
        auto& wanted = type == option_source_link_layer_address ? options.source_link_layer_address
                                                                : options.target_link_layer_address;
        if (!wanted) wanted = *mac;
    }
    return options;
}

/// RFC 4861 section 7.1.1, what is special to solicitations.
Result<NeighborSolicitation, NdpError> check_solicitation(const NdpMessage& message,
                                                          IpAddress target, Options options) {
    if (message.source.is_unspecified()) {
        // "If the IP source address is the unspecified address, the IP destination address is a
        // solicited-node multicast address", and there is no source link-layer address option.
        if (!is_solicited_node_group(message.destination))
            return tl::unexpected(NdpError::unspecified_source_destination);
        if (options.source_link_layer_address)
            return tl::unexpected(NdpError::unspecified_source_with_link_layer_address);
    }
    return NeighborSolicitation{.target = target,
                                .source_link_layer_address = options.source_link_layer_address,
                                .nonce = std::move(options.nonce)};
}

/// RFC 4861 section 7.1.2, what is special to advertisements.
Result<NeighborAdvertisement, NdpError> check_advertisement(const NdpMessage& message,
                                                            IpAddress target, std::uint32_t flags,
                                                            const Options& options) {
    // "If the IP Destination Address is a multicast address the Solicited flag is zero."
    if (message.destination.is_multicast() && (flags & flag_solicited) != 0)
        return tl::unexpected(NdpError::solicited_to_multicast);
    return NeighborAdvertisement{.target = target,
                                 .router = (flags & flag_router) != 0,
                                 .solicited = (flags & flag_solicited) != 0,
                                 .override_entry = (flags & flag_override) != 0,
                                 .target_link_layer_address = options.target_link_layer_address};
}

void write_option(ByteWriter& writer, std::uint8_t type, std::span<const std::uint8_t> body) {
    TRIVET_ASSERT((body.size() + option_header_bytes) % option_unit_bytes == 0);
    writer.u8(type);
    writer.u8(static_cast<std::uint8_t>((body.size() + option_header_bytes) / option_unit_bytes));
    writer.array(body);
}

std::vector<std::byte> write_icmpv6(const NdpMessage& message) {
    ByteWriter writer(message_bytes_min + option_unit_bytes);
    const auto* solicitation = std::get_if<NeighborSolicitation>(&message.body);
    const auto* advertisement = std::get_if<NeighborAdvertisement>(&message.body);
    writer.u8(solicitation ? type_neighbor_solicitation : type_neighbor_advertisement);
    writer.u8(0);   // code
    writer.u16(0);  // checksum, for now
    if (solicitation) {
        writer.u32(0);
        writer.array(solicitation->target.bytes());
        if (solicitation->source_link_layer_address)
            write_option(writer, option_source_link_layer_address,
                         solicitation->source_link_layer_address->bytes);
        if (solicitation->nonce) write_option(writer, option_nonce, *solicitation->nonce);
    } else {
        writer.u32((advertisement->router ? flag_router : 0) |
                   (advertisement->solicited ? flag_solicited : 0) |
                   (advertisement->override_entry ? flag_override : 0));
        writer.array(advertisement->target.bytes());
        if (advertisement->target_link_layer_address)
            write_option(writer, option_target_link_layer_address,
                         advertisement->target_link_layer_address->bytes);
    }
    std::vector<std::byte> bytes = writer.take();
    const std::uint16_t checksum = icmpv6_checksum(message.source, message.destination, bytes);
    bytes[checksum_offset] = static_cast<std::byte>(checksum >> 8);
    bytes[checksum_offset + 1] = static_cast<std::byte>(checksum & 0xff);
    return bytes;
}

}  // namespace

Result<NdpMessage, NdpError> decode_ndp(std::span<const std::byte> ethernet_frame) {
    ByteReader frame(ethernet_frame);
    const EthernetHeader ethernet = read_ethernet_header(frame);
    if (!frame.ok()) return tl::unexpected(NdpError::truncated);
    if (ethernet.is_tagged()) return tl::unexpected(NdpError::vlan_tagged);
    if (ethernet.ethertype != ethertype_ipv6) return tl::unexpected(NdpError::not_ndp);
    const auto packet = read_ipv6(frame);
    if (!packet) return tl::unexpected(packet.error());
    if (packet->next_header != next_header_icmpv6) return tl::unexpected(NdpError::not_ndp);

    ByteReader reader(packet->payload);
    const std::uint8_t type = reader.u8();
    const std::uint8_t code = reader.u8();
    reader.u16();  // the checksum, which is checked over the whole
    const std::uint32_t flags = reader.u32();
    const auto target = reader.array<16>();
    if (!packet->payload.empty() && type != type_neighbor_solicitation &&
        type != type_neighbor_advertisement)
        return tl::unexpected(NdpError::not_ndp);
    if (!reader.ok()) return tl::unexpected(NdpError::truncated);  // ICMP length is 24 or more

    // RFC 4861 sections 7.1.1 and 7.1.2; 255 proves that no router has forwarded the packet.
    if (packet->hop_limit != hop_limit_required) return tl::unexpected(NdpError::hop_limit);
    if (is_mapped(packet->source) || is_mapped(packet->destination) || is_mapped(target))
        return tl::unexpected(NdpError::mapped_address);
    NdpMessage message{.ethernet_destination = ethernet.destination,
                       .ethernet_source = ethernet.source,
                       .source = IpAddress::v6(packet->source),
                       .destination = IpAddress::v6(packet->destination),
                       .body = {}};
    const IpAddress target_address = IpAddress::v6(target);
    if (icmpv6_checksum(message.source, message.destination, packet->payload) != 0)
        return tl::unexpected(NdpError::checksum);
    if (code != 0) return tl::unexpected(NdpError::code);
    // RFC 4291 section 2.7: multicast addresses must not be used as source addresses.
    if (message.source.is_multicast()) return tl::unexpected(NdpError::multicast_source);
    if (target_address.is_multicast()) return tl::unexpected(NdpError::multicast_target);
    auto options = read_options(reader);
    if (!options) return tl::unexpected(options.error());

    if (type == type_neighbor_solicitation) {
        auto body = check_solicitation(message, target_address, std::move(*options));
        if (!body) return tl::unexpected(body.error());
        message.body = std::move(*body);
    } else {
        const auto body = check_advertisement(message, target_address, flags, *options);
        if (!body) return tl::unexpected(body.error());
        message.body = *body;
    }
    return message;
}

std::vector<std::byte> encode(const NdpMessage& message) {
    TRIVET_ASSERT(!message.source.is_v4());
    TRIVET_ASSERT(!message.destination.is_v4());
    const std::vector<std::byte> icmpv6 = write_icmpv6(message);
    ByteWriter writer(frame_bytes_usual);
    write_ethernet_header(writer, {.destination = message.ethernet_destination,
                                   .source = message.ethernet_source,
                                   .ethertype = ethertype_ipv6});
    writer.u32(std::uint32_t{ip_version} << 28);  // traffic class 0, flow label 0
    writer.u16(static_cast<std::uint16_t>(icmpv6.size()));
    writer.u8(next_header_icmpv6);
    writer.u8(hop_limit_required);
    writer.array(message.source.bytes());
    writer.array(message.destination.bytes());
    writer.append(icmpv6);
    return writer.take();
}

std::uint16_t icmpv6_checksum(IpAddress source, IpAddress destination,
                              std::span<const std::byte> message) {
    // RFC 8200 section 8.1: addresses, upper-layer length and next header come first. All its
    // words are summed, so their order does not matter.
    std::uint64_t sum = message.size() + next_header_icmpv6;
    for (const IpAddress& address : {source, destination})
        for (std::size_t i = 0; i < address.bytes().size(); i += 2)
            sum += static_cast<std::uint64_t>(address.bytes()[i] << 8 | address.bytes()[i + 1]);
    ByteReader reader(message);
    while (reader.rest().size() >= 2) sum += reader.u16();
    if (!reader.rest().empty()) sum += std::uint64_t{reader.u8()} << 8;
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum & 0xffff);
}

namespace {

constexpr std::size_t group_bytes = 13;  // ff02::1:ff00:0/104, RFC 4291 section 2.7.1
constexpr IpAddress::V6Bytes solicited_node_prefix = {0xff, 0x02, 0, 0, 0,    0, 0, 0,
                                                      0,    0,    0, 1, 0xff, 0, 0, 0};

}  // namespace

bool is_solicited_node_group(IpAddress address) {
    return !address.is_v4() &&
           std::ranges::equal(std::span(address.bytes()).first(group_bytes),
                              std::span(solicited_node_prefix).first(group_bytes));
}

IpAddress solicited_node_group(IpAddress address) {
    IpAddress::V6Bytes bytes = solicited_node_prefix;
    std::ranges::copy(std::span(address.bytes()).subspan(group_bytes), bytes.begin() + group_bytes);
    return IpAddress::v6(bytes);
}

IpAddress all_nodes_group() {
    return IpAddress::v6({0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
}

MacAddress multicast_mac(IpAddress group) {
    const auto& bytes = group.bytes();
    return {{0x33, 0x33, bytes[12], bytes[13], bytes[14], bytes[15]}};
}

}  // namespace trivet::announce
