#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "announce/bgp/bgp_session.hpp"

/// A peer for sessions under test: what it says, and what the session does about that, in words.
namespace trivet::announce::bgp::script {

using Bytes = std::vector<std::byte>;

inline Instant at(Duration since_start) { return Instant{since_start}; }
Prefix prefix(std::string_view text);

/// We are AS 64512; an external peer of AS 64513 at 192.0.2.2, everything else by default.
BgpPeerSettings external_peer();
BgpPeerSettings internal_peer();  // of AS 64512, else the same
BgpPeerSettings ipv6_peer();      // external, at 2001:db8::2
/// With identifier 10.0.0.1 and a fixed seed.
BgpSession::Config config_of(BgpPeerSettings settings);

/// What the external peer says: hold time 90 s, identifier 10.0.0.2, IPv4 and IPv6, everything that
/// we can agree on but graceful restart and a role.
OpenMessage peer_open();
OpenMessage internal_open();     // of AS 64512
GracefulRestart peer_restart();  // N bit, both families

struct UpdateParts {
    std::vector<std::string> announced = {};  // of both families
    std::vector<std::string> withdrawn = {};
    std::uint32_t next_hop = 0xc0000202;  // 192.0.2.2
};
/// An UPDATE as an external peer with four-octet AS numbers sends it.
Bytes update(const UpdateParts& parts);
Bytes end_of_rib(AfiSafi family);
/// Its ORIGIN has a value that does not exist: treat-as-withdraw (RFC 7606 section 7.1).
Bytes update_with_wrong_origin(std::string_view announced);
/// The attributes do not fit: a session reset (RFC 7606 section 4 does not save the lengths).
Bytes malformed_update();
Bytes message_of(MessageType type, const Bytes& body);  // with its header

/// A line for each action: "send 1 KEEPALIVE", "close 1", "down established: ...".
std::vector<std::string> describe(const SessionActions& actions);
std::string describe(const OpenMessage& open);

/// The NOTIFICATION among the bytes sent; nullopt: none.
std::optional<NotificationMessage> sent_notification(const SessionActions& actions);
/// "6/2", with the data in hexadecimal behind it if there is any; "none".
std::string sent_codes(const SessionActions& actions);
std::optional<OpenMessage> sent_open(const SessionActions& actions);
std::size_t sent_keepalives(const SessionActions& actions);

template <class Action>
const Action* find_action(const SessionActions& actions) {
    for (const SessionAction& action : actions)
        if (const auto* found = std::get_if<Action>(&action)) return found;
    return nullptr;
}

/// A session, the time, and a peer that does what the test says.
class Talk {
public:
    explicit Talk(BgpSession::Config config) : session(std::move(config)) {}
    explicit Talk(BgpPeerSettings settings = external_peer())
        : session(config_of(std::move(settings))) {}

    SessionActions start() { return session.start(now); }
    SessionActions connect(ConnectionId id, Direction direction = Direction::outgoing) {
        return session.on_connected(id, direction, now);
    }
    SessionActions hear(ConnectionId id, const Bytes& bytes) {
        return session.on_bytes(id, bytes, now);
    }
    template <class Said>
    SessionActions hear(ConnectionId id, const Said& message) {
        return session.on_bytes(id, encode(message), now);
    }
    /// Lets the time go by; what the timers do meanwhile.
    SessionActions wait(Duration duration);
    /// Lets the time go by until the session connects, and an hour at most.
    std::optional<Duration> wait_for_connect();

    /// From idle or from a session that was lost to established, on connection `id`.
    SessionActions establish(ConnectionId id, const OpenMessage& open = peer_open(),
                             Direction direction = Direction::outgoing);
    /// To a connection in this state, from idle: open_sent, open_confirm or established.
    void reach(SessionState state, ConnectionId id);

    BgpSession session;
    Instant now{};
};

}  // namespace trivet::announce::bgp::script
