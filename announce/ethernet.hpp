#pragma once
#include <cstddef>
#include <cstdint>

#include "announce/wire_bytes.hpp"
#include "core/link_address.hpp"

namespace trivet::announce {

constexpr std::size_t ethernet_header_bytes = 14;     // IEEE 802.3 clause 3.1.1
constexpr std::size_t ethernet_frame_bytes_min = 60;  // 64 with the checksum, which is the NIC's

// IEEE 802 numbers, "EtherType"
constexpr std::uint16_t ethertype_arp = 0x0806;
constexpr std::uint16_t ethertype_vlan = 0x8100;          // IEEE 802.1Q customer tag
constexpr std::uint16_t ethertype_service_vlan = 0x88a8;  // IEEE 802.1ad service tag
constexpr std::uint16_t ethertype_ipv4 = 0x0800;
constexpr std::uint16_t ethertype_ipv6 = 0x86dd;

struct EthernetHeader {
    MacAddress destination;
    MacAddress source;
    std::uint16_t ethertype = 0;

    /// A frame with a tag belongs to another network: the interface of that VLAN has its own
    /// session.
    bool is_tagged() const {
        return ethertype == ethertype_vlan || ethertype == ethertype_service_vlan;
    }
};

inline EthernetHeader read_ethernet_header(ByteReader& reader) {
    EthernetHeader header;
    header.destination = {reader.array<6>()};
    header.source = {reader.array<6>()};
    header.ethertype = reader.u16();
    return header;
}

inline void write_ethernet_header(ByteWriter& writer, const EthernetHeader& header) {
    writer.array(header.destination.bytes);
    writer.array(header.source.bytes);
    writer.u16(header.ethertype);
}

}  // namespace trivet::announce
