#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "announce/bgp/bgp_message.hpp"
#include "announce/bgp/bgp_negotiation.hpp"
#include "announce/bgp/bgp_notification.hpp"
#include "announce/bgp/bgp_status.hpp"
#include "core/time.hpp"

namespace trivet::announce::bgp {

/// One TCP connection of a session: two exist while a collision is not resolved (section 6.8).
using ConnectionId = std::uint64_t;  // given by the driver, never used twice
enum class Direction : std::uint8_t { outgoing, incoming };

/// What the driver's queue towards the peer looks like.
struct WriteProgress {
    std::size_t taken = 0;    // bytes that the kernel took since the report before
    std::size_t waiting = 0;  // bytes that it has not taken yet
};

/// What one TCP connection knows: bytes that are no whole message yet, how far the OPENs have got,
/// and its timers (RFC 4271 section 8; RFC 9687). It decides which messages its state allows;
/// everything else is its session's, which owns it.
class BgpConnection {
public:
    /// RFC 4271 section 8.2.2: "a large value", until the hold time is negotiated.
    static constexpr std::chrono::minutes initial_hold_time{4};
    static constexpr std::chrono::minutes send_hold_time_min{8};  // RFC 9687 section 6

    /// `open` has been sent on it.
    BgpConnection(ConnectionId id, Direction direction, OpenMessage open, Instant now);

    ConnectionId id() const { return id_; }
    Direction direction() const { return direction_; }
    SessionState state() const { return state_; }
    const OpenMessage& our_open() const { return our_open_; }
    /// nullopt while the peer's OPEN has not been accepted.
    const std::optional<Negotiated>& negotiated() const { return negotiated_; }

    void receive(std::span<const std::byte> bytes);
    /// The next whole message, if this state allows its type. nullopt: more bytes are needed.
    /// Errors: the NOTIFICATION that the message calls for; the connection must then be closed.
    Result<std::optional<Message>, DecodeError> next_message();
    /// To be called when next_message() has nothing more: what it has given is forgotten.
    void forget_taken();
    std::size_t buffered_bytes() const { return received_.size(); }

    void accept(Negotiated negotiated, Instant now);  // the peer's OPEN: to open_confirm
    void establish(Instant now);
    void restart_hold_timer(Instant now);
    /// A KEEPALIVE or an UPDATE was sent; the next KEEPALIVE is due after `interval`.
    void on_sent(Instant now, Duration interval);
    bool may_send_keepalive(Instant now) const;  // RFC 4271 section 4.4: at most one a second
    void on_write_progress(const WriteProgress& progress, Instant now);

    enum class Timer : std::uint8_t { send_hold, hold, keepalive };
    std::optional<Timer> due(Instant now) const;
    std::optional<Instant> next_deadline() const;

private:
    Duration send_hold_time() const;

    ConnectionId id_;
    Direction direction_;
    SessionState state_ = SessionState::open_sent;
    OpenMessage our_open_;
    std::optional<Negotiated> negotiated_;
    CodecOptions receiving_;           // how received messages are to be read
    std::vector<std::byte> received_;  // at most one message that is not whole, between events
    std::size_t taken_ = 0;            // of these bytes
    std::optional<Instant> hold_deadline_;
    std::optional<Instant> keepalive_deadline_;
    std::optional<Instant> send_hold_deadline_;
    std::optional<Instant> last_sent_;
};

}  // namespace trivet::announce::bgp
