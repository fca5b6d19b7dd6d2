#pragma once
#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <variant>

#include <boost/container/static_vector.hpp>

#include "announce/bfd/bfd_authentication.hpp"
#include "announce/bfd/bfd_echo.hpp"
#include "announce/bfd/bfd_message.hpp"
#include "announce/bfd/echo_sender.hpp"
#include "core/bgp_plan.hpp"
#include "core/time.hpp"

namespace trivet::announce::bfd {

struct SendControl {
    ControlBytes packet = {};
};
struct SendEcho {
    EchoBytes packet = {};
    EchoForm form = EchoForm::to_peer;
};
/// The session's own state, and why it is in it.
struct StateChanged {
    State state = State::down;
    Diagnostic diagnostic = Diagnostic::none;
};
using BfdAction = std::variant<SendControl, SendEcho, StateChanged>;
/// No event causes more: sending allocates nothing.
inline constexpr std::size_t actions_max = 8;
using BfdActions = boost::container::static_vector<BfdAction, actions_max>;

struct BfdCounters {
    std::uint64_t control_sent = 0, control_received = 0, echo_sent = 0, echo_received = 0,
                  echo_returned = 0,  // the peer's, by us
        echo_limited = 0,             // the peer's, not returned: more than we said we take
        echo_unanswered = 0,          // attempts to begin that the peer did not return
        polls = 0,                    // sequences begun
        discriminator_changes = 0,    // of the peer, while the session lived
        up_transitions = 0, down_transitions = 0;
    std::array<std::uint64_t, discards> discarded{};  // by Discard
};

/// How a session is, for people.
struct BfdStatus {
    State state = State::down;
    Diagnostic diagnostic = Diagnostic::none;
    State remote_state = State::down;
    Diagnostic remote_diagnostic = Diagnostic::none;
    std::uint32_t local_discriminator = 0;
    std::uint32_t remote_discriminator = 0;
    std::uint8_t remote_multiplier = 0;
    bool remote_demand = false;
    bool remote_control_plane_independent = false;
    bool is_polling = false;
    std::chrono::microseconds transmit_interval{0};
    std::chrono::microseconds detection_time{0};  // 0: not known yet
    EchoPhase echo = EchoPhase::off;
    std::chrono::microseconds echo_interval{0};
    std::optional<Instant> changed_at;  // the state
    BfdCounters counters;
};

/// One BFD session in asynchronous mode (RFC 5880 section 6.8; RFC 5881 and 5883 as far as they
/// tell what a session does), without sockets or timers. A peer in demand mode is obeyed; we never
/// ask for it.
///
/// The owner feeds events in and performs the returned actions in order. It must call on_timer() no
/// later than next_deadline(), and hand over before that call every packet that has arrived: on a
/// thread that was held up, packets that tell of a living peer lie in the socket, and on_timer()
/// would declare it dead. Nothing here allocates after construction (the digests of an
/// Authenticator apart). Not thread-safe: one thread owns a session. Deviations are in
/// docs/internals/bfd.md.
class BfdSession {
public:
    struct Config {
        BfdSettings settings = {};
        bool multihop = false;
        std::uint32_t local_discriminator = 0;  // random, not 0, unique (section 6.8.1)
        std::optional<Authenticator> authenticator = {};
        std::uint64_t random_seed = 0;  // of the jitter
        EchoKey echo_key = {};          // random
    };
    struct Received {
        ControlPacket packet = {};         // what decode_control() made of the bytes
        std::span<const std::byte> bytes;  // as long as its Length field says
        std::uint8_t hop_limit = 0;        // TTL or hop limit on arrival
    };

    explicit BfdSession(Config config);

    /// Enables the session, at first or after stop() (section 6.8.16).
    [[nodiscard]] BfdActions start(Instant now);
    /// To AdminDown, of which the peer is told until start(). Idempotent.
    [[nodiscard]] BfdActions stop(Diagnostic diagnostic, Instant now);
    /// Other settings, which the peer learns by a poll sequence while the session stays as it is.
    [[nodiscard]] BfdActions configure(const BfdSettings& settings, Instant now);
    [[nodiscard]] BfdActions on_packet(const Received& received, Instant now);
    /// An echo packet that names this session.
    [[nodiscard]] BfdActions on_echo(std::span<const std::byte> payload, Instant now);
    [[nodiscard]] BfdActions on_timer(Instant now);
    std::optional<Instant> next_deadline() const;

    /// Whether an echo packet of the peer that has just arrived is to be returned to it.
    bool may_return_echo(std::uint8_t hop_limit, Instant now);
    /// Since stop(): when the peer has been told long enough. Before stop(): nullopt.
    std::optional<Instant> farewell_ends() const { return farewell_ends_; }

    State state() const { return state_; }
    State remote_state() const { return remote_.state; }
    Diagnostic diagnostic() const { return diagnostic_; }
    Diagnostic remote_diagnostic() const { return remote_.diagnostic; }
    std::uint32_t local_discriminator() const { return config_.local_discriminator; }
    BfdStatus status() const;

private:
    using Microseconds = std::chrono::microseconds;
    /// What our packets say of timing.
    struct Parameters {
        Microseconds desired_min_tx{0};
        Microseconds required_min_rx{0};
        Microseconds required_min_echo_rx{0};
        std::uint8_t detect_multiplier = 1;
        bool operator==(const Parameters&) const = default;
    };
    /// What the peer's packets say, with the initial values of section 6.8.1.
    struct Remote {
        std::uint32_t discriminator = 0;
        State state = State::down;
        Diagnostic diagnostic = Diagnostic::none;
        bool demand = false;
        bool control_plane_independent = false;
        std::uint8_t detect_multiplier = 0;
        Microseconds desired_min_tx{0};
        Microseconds required_min_rx{1};
        Microseconds required_min_echo_rx{0};
    };
    /// Section 6.8.3: another poll begins only after a packet without Final came after the last.
    enum class Poll : std::uint8_t { none, active, settling };
    enum class Cause : std::uint8_t { settings, state_change };

    std::optional<Discard> objection(const Received& received);
    bool is_proven(const ControlPacket& packet) const;
    void learn(const ControlPacket& packet, Instant now);
    void advance(State received, BfdActions& actions, Instant now);
    void settle_poll(const ControlPacket& packet, Instant now);
    void change_state(State state, Diagnostic diagnostic, BfdActions& actions, Instant now);
    void detection_expired(BfdActions& actions, Instant now);

    Parameters wanted() const;
    void apply_parameters(Cause cause, Instant now);
    void begin_poll();
    void update_echo(Instant now);
    std::optional<Microseconds> own_echo_interval() const;

    bool is_demand_active() const;
    bool may_send() const;
    bool may_send_periodically() const;
    Microseconds transmit_interval() const;
    Microseconds detection_time() const;
    void reschedule(Instant now);
    void restart_detection();
    ControlPacket contents() const;
    void send(ControlPacket packet, BfdActions& actions);
    void send_scheduled(BfdActions& actions, Instant now);

    Config config_;
    std::minstd_rand random_;
    State state_ = State::down;                 // bfd.SessionState
    Diagnostic diagnostic_ = Diagnostic::none;  // bfd.LocalDiag
    bool is_started_ = false;
    Remote remote_;
    Parameters parameters_;          // as our packets have them
    Microseconds min_tx_in_use_{0};  // behind parameters_ until a poll is answered
    Microseconds min_rx_in_use_{0};  //
    Poll poll_ = Poll::none;
    EchoSender echo_;
    std::optional<ControlPacket> contents_sent_;  // last, without Poll and Final
    std::optional<Instant> sent_at_;              // last, answers to polls apart
    std::optional<Instant> send_at_;
    Microseconds scheduled_interval_{0};  // from which send_at_ was computed
    std::optional<Instant> received_at_;  // last, while within the detection time
    std::optional<Instant> detection_ends_;
    std::optional<Instant> sequence_forgotten_at_;
    std::optional<Instant> farewell_ends_;
    std::optional<Instant> changed_at_;
    Instant echo_return_at_{};  // from when one more of the peer's is returned
    BfdCounters counters_;
};

}  // namespace trivet::announce::bfd
