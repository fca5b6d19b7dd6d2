#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "daemon/wire/lease_packet.hpp"

namespace trivet::daemon {

/// What protects packets from one node to another. It comes from a TLS connection that the sender
/// dialled, so each direction has its own, and both ends lived when it was made: what was recorded
/// before either of them started cannot be replayed. A value type.
struct LeaseKey {
    std::array<std::uint8_t, 32> bytes{};
    LeaseKeyId id() const;
    friend bool operator==(const LeaseKey&, const LeaseKey&) = default;
};

enum class LeaseKeyUse : std::uint8_t { send, receive };

/// Numbers that were seen, as RFC 4303 section 3.4.3 does it: each passes once, and one that is far
/// behind the greatest not at all. A value type.
class ReplayWindow {
public:
    static constexpr std::uint64_t numbers_max = 1024;  // a second of the busiest sender and more
    /// True the first time.
    bool accept(LeasePacketNumber number);

private:
    std::uint64_t greatest_ = 0;
    std::array<std::uint64_t, numbers_max / 64> seen_{};
};

enum class LeaseVerdict : std::uint8_t {
    accepted,
    malformed,
    other_version,
    misdirected,  // to another node than this
    stranger,     // from none that this node was told of
    unknown_key,  // of a connection that this process has not seen, or has forgotten
    forged,
    older_boot,
    replayed,
};
constexpr std::size_t lease_verdicts = 9;

/// Keys and windows of all peers of one node: seals what it sends, opens what it receives. No I/O,
/// no allocation after construction. Not thread-safe: the lease thread owns it.
///
/// A sender uses the newest key that its peer has welcomed, which proves that the peer knows it. A
/// receiver keeps the newest two keys, and the last one that a packet came with: a connection that
/// broke before its welcome arrived pushes out none that is in use. Keys outlive their connection.
class LeaseGuard {
public:
    LeaseGuard(NodeId self, lease::Boot boot);

    /// From whom packets are taken. Keys of others are kept: a connection may be older than the
    /// news that a node belongs here.
    void set_peers(std::span<const NodeId> peers);
    void set_key(NodeId peer, LeaseKeyUse use, const LeaseKey& key);

    /// Bytes of the whole packet; 0: the message cannot be written (write_packet()).
    /// Precondition: can_send_to(to). `packet` has room for lease_packet_bytes_max.
    template <class Message>
    std::size_t seal(NodeId to, const Message& message, std::span<std::byte> packet);
    bool can_send_to(NodeId peer) const;

    /// `header` is as good as the verdict. An accepted packet is not accepted again.
    LeaseVerdict open(std::span<const std::byte> packet, LeaseHeader& header);

private:
    struct HeldKey {
        LeaseKey key;
        LeaseKeyId id;
    };
    struct Peer {
        bool is_named = false;
        lease::Boot boot;     // the newest that was seen
        ReplayWindow window;  // of that boot; numbers go on when the key changes
        std::uint64_t sent = 0;
        std::optional<HeldKey> send;
        std::optional<HeldKey> newest, previous, proven;  // for receiving
    };

    Peer* find(NodeId id);
    const Peer* find(NodeId id) const;
    Peer* enter(NodeId id);  // null: too many nodes
    static const HeldKey* key_of(const Peer& peer, LeaseKeyId id);

    NodeId self_;
    lease::Boot boot_;
    std::vector<NodeId> ids_;  // by place; NodeId{} is a free one
    std::vector<Peer> peers_;  // by the same place
};

}  // namespace trivet::daemon
