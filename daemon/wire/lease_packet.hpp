#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/lease/message.hpp"

/// What travels on UDP port 7482: one message of the leases in a datagram. Numbers are in network
/// order.
///
///     offset  bytes  field
///          0      3  "TVL"
///          3      1  version, 1
///          4      8  sender
///         12      8  receiver
///         20      8  boot of the sender
///         28      8  number of the packet: from 1, per boot and receiver
///         36      8  key id
///         44      1  kind
///         45         body
///       last     16  MAC over all before it
///
/// Nothing here allocates, but for lists of LeaseMessages that were never reserved.
namespace trivet::daemon {

/// The first bytes of a key's hash.
using LeaseKeyId = Strong<struct LeaseKeyIdTag, std::uint64_t>;
using LeasePacketNumber = Strong<struct LeasePacketNumberTag, std::uint64_t>;

enum class LeaseKind : std::uint8_t { renew = 1, ack = 2, refuse = 3, release = 4 };

constexpr std::uint8_t lease_packet_version = 1;
constexpr std::size_t lease_header_bytes = 45;
constexpr std::size_t lease_mac_bytes = 16;
constexpr std::size_t lease_key_bytes = 16;                    // an epoch and a generation
constexpr std::size_t lease_node_bytes = 8 + lease_key_bytes;  // a want, or what is confirmed
/// The largest is a RENEW that wants both of every node there may be. Such a datagram travels in
/// fragments; a cluster of seven stays below 1,200 bytes, which pass everywhere in one piece.
constexpr std::size_t lease_packet_bytes_max = lease_header_bytes + 8 + lease_key_bytes + 8 + 1 +
                                               2 + 2 + 2 * lease::nodes_max * lease_node_bytes +
                                               lease_mac_bytes;

struct LeaseHeader {
    NodeId from, to;
    lease::Boot boot;
    LeasePacketNumber number;
    LeaseKeyId key;
    LeaseKind kind = LeaseKind::renew;
    friend bool operator==(const LeaseHeader&, const LeaseHeader&) = default;
};

/// Where bodies are decoded to, again and again.
struct LeaseMessages {
    LeaseMessages();
    lease::Renew renew;
    lease::Ack ack;
    lease::Refuse refuse;
    lease::Release release;
};

/// Bytes written, without the MAC; `packet` has room for lease_packet_bytes_max. Lists are written
/// sorted, whatever their order. 0: a list is too long, or names a node twice.
std::size_t write_packet(LeaseHeader header, const lease::Renew& renew,
                         std::span<std::byte> packet);
std::size_t write_packet(LeaseHeader header, const lease::Ack& ack, std::span<std::byte> packet);
std::size_t write_packet(LeaseHeader header, const lease::Refuse& refuse,
                         std::span<std::byte> packet);
std::size_t write_packet(LeaseHeader header, const lease::Release& release,
                         std::span<std::byte> packet);

enum class LeaseForm : std::uint8_t { good, malformed, other_version };

/// `packet` as received, MAC included.
LeaseForm read_header(std::span<const std::byte> packet, LeaseHeader& header);
/// Into the member of `messages` that `kind` names. False: not what write_packet() writes.
bool read_body(std::span<const std::byte> packet, LeaseKind kind, LeaseMessages& messages);

}  // namespace trivet::daemon
