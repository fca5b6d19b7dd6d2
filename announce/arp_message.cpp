#include "announce/arp_message.hpp"

#include "announce/ethernet.hpp"
#include "core/assert.hpp"

namespace trivet::announce {

namespace {

constexpr std::uint16_t hardware_type_ethernet = 1;  // RFC 826 "ares_hrd$Ethernet"
constexpr std::uint8_t ethernet_address_bytes = 6;
constexpr std::uint8_t ipv4_address_bytes = 4;

}  // namespace

Result<ArpMessage, ArpError> decode_arp(std::span<const std::byte> ethernet_frame) {
    ByteReader reader(ethernet_frame);
    const EthernetHeader ethernet = read_ethernet_header(reader);
    if (!reader.ok()) return tl::unexpected(ArpError::truncated);
    if (ethernet.is_tagged()) return tl::unexpected(ArpError::vlan_tagged);
    if (ethernet.ethertype != ethertype_arp) return tl::unexpected(ArpError::not_arp);

    // RFC 826 "Packet Reception": hardware type, protocol and their lengths are checked first, for
    // the rest of the format depends on them.
    const std::uint16_t hardware_type = reader.u16();
    const std::uint16_t protocol_type = reader.u16();
    const std::uint8_t hardware_length = reader.u8();
    const std::uint8_t protocol_length = reader.u8();
    const std::uint16_t operation = reader.u16();
    if (!reader.ok()) return tl::unexpected(ArpError::truncated);
    if (hardware_type != hardware_type_ethernet) return tl::unexpected(ArpError::hardware_type);
    if (protocol_type != ethertype_ipv4) return tl::unexpected(ArpError::protocol_type);
    if (hardware_length != ethernet_address_bytes) return tl::unexpected(ArpError::hardware_length);
    if (protocol_length != ipv4_address_bytes) return tl::unexpected(ArpError::protocol_length);

    ArpMessage message;
    message.ethernet_destination = ethernet.destination;
    message.ethernet_source = ethernet.source;
    message.sender_hardware_address = {reader.array<6>()};
    message.sender_protocol_address = IpAddress::v4(reader.u32());
    message.target_hardware_address = {reader.array<6>()};
    message.target_protocol_address = IpAddress::v4(reader.u32());
    if (!reader.ok()) return tl::unexpected(ArpError::truncated);
    if (operation != static_cast<std::uint16_t>(ArpOperation::request) &&
        operation != static_cast<std::uint16_t>(ArpOperation::reply))
        return tl::unexpected(ArpError::operation);
    message.operation = static_cast<ArpOperation>(operation);
    return message;
}

std::vector<std::byte> encode(const ArpMessage& message) {
    TRIVET_ASSERT(message.sender_protocol_address.is_v4());
    TRIVET_ASSERT(message.target_protocol_address.is_v4());
    ByteWriter writer(ethernet_frame_bytes_min);
    write_ethernet_header(writer, {.destination = message.ethernet_destination,
                                   .source = message.ethernet_source,
                                   .ethertype = ethertype_arp});
    writer.u16(hardware_type_ethernet);
    writer.u16(ethertype_ipv4);
    writer.u8(ethernet_address_bytes);
    writer.u8(ipv4_address_bytes);
    writer.u16(static_cast<std::uint16_t>(message.operation));
    writer.array(message.sender_hardware_address.bytes);
    writer.u32(message.sender_protocol_address.v4_value());
    writer.array(message.target_hardware_address.bytes);
    writer.u32(message.target_protocol_address.v4_value());
    // Virtual interfaces do not pad, and drivers have been known to pad with whatever lay there.
    writer.pad_to(ethernet_frame_bytes_min);
    return writer.take();
}

}  // namespace trivet::announce
