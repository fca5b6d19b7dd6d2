#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/ip_address.hpp"
#include "core/link_address.hpp"
#include "core/result.hpp"

namespace trivet::announce {

enum class ArpOperation : std::uint8_t { request = 1, reply = 2 };  // RFC 826 "ares_op$REQUEST"

/// One ARP packet for IPv4 over Ethernet, with the frame that carries it (RFC 826). A value type.
struct ArpMessage {
    MacAddress ethernet_destination;
    MacAddress ethernet_source;
    ArpOperation operation = ArpOperation::request;
    MacAddress sender_hardware_address;
    IpAddress sender_protocol_address;
    MacAddress target_hardware_address;
    IpAddress target_protocol_address;
    bool operator==(const ArpMessage&) const = default;
};

/// Why a frame is not such a packet. The first three are well-formed, and of no interest to us.
enum class ArpError : std::uint8_t {
    not_arp,
    vlan_tagged,
    operation,  // neither request nor reply: RARP, InARP and others share the format
    truncated,
    hardware_type,
    protocol_type,
    hardware_length,
    protocol_length,
};

/// Bytes after the packet are padding, and are not looked at.
Result<ArpMessage, ArpError> decode_arp(std::span<const std::byte> ethernet_frame);

/// A frame of the least size that Ethernet allows, padded with zeros.
std::vector<std::byte> encode(const ArpMessage& message);

}  // namespace trivet::announce
