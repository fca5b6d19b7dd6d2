#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "announce/bgp/bgp_connection.hpp"
#include "announce/bgp/bgp_message.hpp"
#include "announce/bgp/bgp_negotiation.hpp"
#include "announce/bgp/bgp_received_prefixes.hpp"
#include "announce/bgp/bgp_retry.hpp"
#include "announce/bgp/bgp_status.hpp"
#include "core/bgp_plan.hpp"
#include "core/time.hpp"

namespace trivet::announce::bgp {

/// A TCP connection to the peer; ends in on_connected or on_connect_failed.
struct StartConnect {};
/// The attempt is given up: neither of the two shall follow.
struct CancelConnect {};
struct SendBytes {
    ConnectionId connection;
    std::vector<std::byte> bytes;  // whole messages
};
enum class Closing : std::uint8_t {
    after_sending,  // when the kernel has all bytes, or after a few seconds; then end of stream,
                    //   so that unread bytes of the peer do not turn it into a reset
    at_once,        // the peer reads nothing any more: drop what waits
};
/// No SendBytes follows on this connection, and the session wants to hear no more of it.
struct CloseTransport {
    ConnectionId connection;
    Closing closing = Closing::after_sending;
};
struct SessionUp {
    ConnectionId connection;
    Negotiated negotiated;
};
/// The session left established, or an attempt failed; `reason` is for people.
struct SessionDown {
    bool was_established = false;
    std::optional<NotificationMessage> sent = {};
    std::optional<NotificationMessage> received = {};
    std::string reason = {};
};
/// The peer asks for all routes of a family anew (RFC 2918; with BoRR/EoRR when 7313 was agreed).
struct RefreshRequested {
    AfiSafi family;
};
using SessionAction = std::variant<StartConnect, CancelConnect, SendBytes, CloseTransport,
                                   SessionUp, SessionDown, RefreshRequested>;
using SessionActions = std::vector<SessionAction>;

/// `reason`, and the NOTIFICATION that was sent or received, in words.
std::string to_words(const SessionDown& down);

/// What BFD says of the path to the peer. admin_down is somebody's wish to do without BFD: it
/// neither closes a session nor, in strict mode, lets one begin (RFC 5882 section 3.2).
enum class BfdState : std::uint8_t { down, admin_down, up };

/// One BGP-4 session with one peer (RFC 4271 section 8) that announces and does not learn, without
/// sockets or timers. Received routes are counted and dropped.
///
/// The owner feeds events in and performs the actions in order; it calls on_timer() no later than
/// next_deadline(), and feeds in the bytes that wait before it does so: then a process that was
/// suspended does not take its own sleep for the peer's silence. It sends the UPDATEs itself,
/// whole, on the connection of SessionUp, until SessionDown. Not thread-safe: one strand owns a
/// session. Source: RFC 4271, 4486, 4724, 5492, 6286, 6608, 6793, 7313, 7607, 8538, 8654, 9003,
/// 9234, 9384, 9687.
class BgpSession {
public:
    struct Config {
        BgpPeerSettings settings;
        std::uint32_t bgp_identifier = 0;  // host order, not 0 (RFC 6286)
        bool restarting = false;           // RFC 4724: R bit, in the first session after a start
        std::map<AfiSafi, bool> forwarding_kept = {};  // F bits
        std::uint64_t random_seed = 0;                 // jitter (section 10)
    };
    /// Of one TCP connection attempt: enough for three lost SYNs.
    static constexpr std::chrono::seconds connect_attempt_time_max{10};
    /// After too many prefixes: a person has to look at the peer, and it shall not be every minute.
    static constexpr std::chrono::minutes prefixes_idle_hold{15};
    /// RFC 5492 section 3: a peering that ended for want of a capability "SHOULD NOT be
    /// re-established automatically"; we ask again slowly, so that nobody has to remember it.
    static constexpr std::chrono::seconds capability_idle_hold{120};

    explicit BgpSession(Config config);

    /// Ends an idle hold, too; nothing when it runs already.
    [[nodiscard]] SessionActions start(Instant now);
    /// CEASE with `cease_subcode` (RFC 4486) and text (RFC 9003), then idle until start(). It is
    /// wrapped into a hard reset when the routes shall go and the peer would keep them (RFC 8538).
    [[nodiscard]] SessionActions stop(std::uint8_t cease_subcode, std::string_view text,
                                      Instant now);
    /// This process ends and another takes over: with graceful restart the transport closes without
    /// a NOTIFICATION, so that the peer keeps our routes (RFC 4724 section 4.2).
    [[nodiscard]] SessionActions leave_for_restart(Instant now);
    [[nodiscard]] SessionActions on_connected(ConnectionId connection, Direction direction,
                                              Instant now);
    [[nodiscard]] SessionActions on_connect_failed(std::string_view reason, Instant now);
    [[nodiscard]] SessionActions on_bytes(ConnectionId connection, std::span<const std::byte> bytes,
                                          Instant now);
    /// The peer closed it, or the kernel gave it up. No CloseTransport answers.
    [[nodiscard]] SessionActions on_closed(ConnectionId connection, std::string_view reason,
                                           Instant now);
    /// To be called when the kernel has taken bytes, and when bytes had to wait.
    void on_write_progress(ConnectionId connection, const WriteProgress& progress, Instant now);
    /// So many UPDATEs were sent in between (RFC 4271 section 8.2.2: they restart the
    /// KeepaliveTimer, too).
    void on_updates_sent(ConnectionId connection, std::uint64_t messages, Instant now);
    [[nodiscard]] SessionActions on_bfd(BfdState bfd, Instant now);
    [[nodiscard]] SessionActions on_timer(Instant now);
    /// nullopt while only the outside can change anything: stopped; waiting for BFD; a passive peer
    /// that has not connected; established with a hold time of zero.
    std::optional<Instant> next_deadline() const;

    /// For the OPENs from now on.
    void set_forwarding_kept(std::map<AfiSafi, bool> forwarding_kept);

    SessionState state() const;
    SessionStatus status() const;
    /// Of the established session; nullopt: there is none.
    std::optional<ConnectionId> established_connection() const;

private:
    /// One event that is being handled: when, and what shall be done about it.
    struct Step {
        Instant now;
        SessionActions actions = {};
    };
    enum class Transport : std::uint8_t { close, abort, is_gone };
    /// How a connection ends. Neither sent nor received: the transport failed.
    struct Ending {
        std::optional<NotificationMessage> sent = {};
        std::optional<NotificationMessage> received = {};
        std::string reason = {};
        Transport transport = Transport::close;
        Duration idle_hold = Duration::zero();  // at least so long
    };
    struct Stopped {};
    struct IdleHold {
        Instant until;
    };
    struct AwaitingBfd {};
    /// Connects, waits for the peer to connect, or has connections.
    struct Running {
        std::optional<Instant> attempt_until = {};  // a connection attempt is under way
        std::optional<Instant> retry_at = {};       // the next one
    };
    using Phase = std::variant<Stopped, IdleHold, AwaitingBfd, Running>;

    // When to connect: bgp_session.cpp
    bool is_passive() const;
    bool may_run() const { return !config_.settings.bfd_strict || bfd_ == BfdState::up; }
    void run(Step& step);
    void connect(Running& running, Step& step);
    void cancel_attempt(Step& step);
    void schedule_retry(Step& step);
    void run_due(BgpConnection& connection, Step& step);
    SessionActions finish(Step& step);

    // How connections begin and end: bgp_session_connections.cpp
    bool has_connection() const { return connections_[0] || connections_[1]; }
    void admit(ConnectionId id, Direction direction, Step& step);
    void refuse(ConnectionId id, std::uint8_t cease_subcode, Step& step);
    void close_all(const Ending& ending, Step& step);
    void end(BgpConnection& connection, Ending ending, Step& step);
    void after_end(bool was_established, bool is_flap, Duration idle_hold, Step& step);
    void dump(BgpConnection& connection, Step& step);
    void report(SessionDown down, Step& step);

    // What is said and heard on them: bgp_session_messages.cpp
    OpenMessage next_open(Instant now) const;
    void send(ConnectionId connection, const NotificationMessage& notification, Step& step);
    void send_keepalive(BgpConnection& connection, Step& step);
    Duration keepalive_interval(const BgpConnection& connection);
    void on_message(BgpConnection& connection, const Message& message, Step& step);
    void handle(BgpConnection& connection, const OpenMessage& open, Step& step);
    void handle(BgpConnection& connection, const KeepaliveMessage& keepalive, Step& step);
    void handle(BgpConnection& connection, const UpdateMessage& update, Step& step);
    void handle(BgpConnection& connection, const RouteRefreshMessage& refresh, Step& step);
    void handle(BgpConnection& connection, const NotificationMessage& received, Step& step);
    bool survives_collision(BgpConnection& connection, const OpenMessage& open, Step& step);
    void establish(BgpConnection& connection, Step& step);

    std::optional<BgpConnection>& slot(Direction direction) {
        return connections_[static_cast<std::size_t>(direction)];
    }
    BgpConnection* find(ConnectionId id);
    const BgpConnection* established() const;

    Config config_;
    RetryTiming retry_;
    Phase phase_ = Stopped{};
    std::array<std::optional<BgpConnection>, 2> connections_;  // by direction
    BfdState bfd_ = BfdState::down;
    bool without_capabilities_ = false;     // the peer refused the parameter (RFC 5492 section 3)
    std::optional<Instant> restart_until_;  // the R bit may be set so long; set by the first start
    ReceivedPrefixes received_prefixes_;
    SessionStatus status_;  // what is counted and remembered of it; the rest is made in status()
};

}  // namespace trivet::announce::bgp
