#include "announce/bfd/bfd_session.hpp"

#include <algorithm>

#include "announce/bfd/jitter.hpp"
#include "core/assert.hpp"

namespace trivet::announce::bfd {

namespace {

using std::chrono::microseconds;

// RFC 5880 section 6.8.3: not less than this "when bfd.SessionState is not Up", for
// bfd.DesiredMinTxInterval; and "when the Echo function is active", for bfd.RequiredMinRxInterval.
constexpr microseconds slow_interval = std::chrono::seconds{1};
// RFC 5881 section 5 (GTSM): what a packet has that no router has forwarded.
constexpr std::uint8_t hop_limit_of_a_neighbour = 255;
// Of the peer's echo packets that arrive at once, as after a stall of ours.
constexpr int echo_burst = 4;

constexpr std::uint32_t on_the_wire(microseconds interval) {
    return static_cast<std::uint32_t>(interval.count());
}

}  // namespace

BfdSession::BfdSession(Config config)
    : config_(std::move(config)),
      random_(static_cast<std::minstd_rand::result_type>(config_.random_seed)) {
    TRIVET_ASSERT(config_.local_discriminator != 0);
    TRIVET_ASSERT(config_.settings.detect_multiplier != 0);
    parameters_ = wanted();
    min_tx_in_use_ = parameters_.desired_min_tx;
    min_rx_in_use_ = parameters_.required_min_rx;
}

// ---- what the owner wants -----------------------------------------------------------------------

BfdActions BfdSession::start(Instant now) {
    BfdActions actions;
    is_started_ = true;
    farewell_ends_.reset();
    if (state_ == State::admin_down)
        change_state(State::down, diagnostic_, actions, now);
    else
        reschedule(now);
    return actions;
}

BfdActions BfdSession::stop(Diagnostic diagnostic, Instant now) {
    BfdActions actions;
    if (state_ == State::admin_down) return actions;
    // Section 6.8.16: packets "SHOULD be transmitted for at least a Detection Time", which is the
    // peer's; and at least so long that a second one goes out at the slow rate.
    const microseconds of_peer = parameters_.detect_multiplier * transmit_interval();
    const bool peer_may_be_up = state_ == State::up || state_ == State::init;
    farewell_ends_ = peer_may_be_up ? now + std::max(of_peer, slow_interval) : now;
    change_state(State::admin_down, diagnostic, actions, now);
    return actions;
}

BfdActions BfdSession::configure(const BfdSettings& settings, Instant now) {
    TRIVET_ASSERT(settings.detect_multiplier != 0);
    config_.settings = settings;
    update_echo(now);
    apply_parameters(Cause::settings, now);
    reschedule(now);  // the role may have changed
    return {};
}

// ---- packets ------------------------------------------------------------------------------------

BfdActions BfdSession::on_packet(const Received& received, Instant now) {
    BfdActions actions;
    if (const auto reason = objection(received)) {
        ++counters_.discarded[static_cast<std::size_t>(*reason)];
        return actions;
    }
    const ControlPacket& packet = received.packet;
    learn(packet, now);
    // Section 6.8.6, in its order from here to the end.
    if (state_ == State::admin_down) {
        ++counters_.discarded[static_cast<std::size_t>(Discard::admin_down)];
        return actions;
    }
    ++counters_.control_received;
    advance(packet.state, actions, now);
    update_echo(now);
    settle_poll(packet, now);
    apply_parameters(Cause::settings, now);
    // Section 6.6: with demand mode active "a Poll Sequence MUST be initiated whenever the contents
    // of the next BFD Control packet to be sent would be different".
    if (is_demand_active() && poll_ != Poll::active && contents_sent_ != contents()) begin_poll();
    reschedule(now);
    if (packet.poll) {
        // "Without respect to the transmission timer or any other transmission limitations"
        // (section 6.8.7); the schedule stays, or who polls often would keep our own polls waiting.
        ControlPacket answer = contents();
        answer.final = true;
        send(answer, actions);
    }
    return actions;
}

/// Why the packet is not for this session, after what decode_control() has checked.
std::optional<Discard> BfdSession::objection(const Received& received) {
    const ControlPacket& packet = received.packet;
    if (packet.your_discriminator != 0 && packet.your_discriminator != config_.local_discriminator)
        return Discard::no_session;
    // RFC 5881 section 5: before the authentication, which costs more. RFC 5883 leaves it open.
    const std::uint8_t least =
        config_.multihop ? config_.settings.minimum_ttl : hop_limit_of_a_neighbour;
    if (received.hop_limit < least) return Discard::hop_limit;
    if (packet.has_authentication && !config_.authenticator)
        return Discard::authentication_unexpected;
    if (!packet.has_authentication && config_.authenticator) return Discard::authentication_missing;
    if (config_.authenticator) return config_.authenticator->verify(received.bytes);
    if (!is_proven(packet)) return Discard::unproven;
    return std::nullopt;
}

/// Without authentication, whoever can send from the peer's address could end a session by one
/// packet without our discriminator. A session that lives believes only who knows one of the two
/// discriminators; a peer that has begun anew is believed when the detection time has passed.
bool BfdSession::is_proven(const ControlPacket& packet) const {
    if (state_ != State::up && state_ != State::init) return true;
    return packet.your_discriminator != 0 || packet.my_discriminator == remote_.discriminator;
}

void BfdSession::learn(const ControlPacket& packet, Instant now) {
    if (remote_.discriminator != 0 && remote_.discriminator != packet.my_discriminator)
        ++counters_.discriminator_changes;  // section 6.3: "permissible", so it is no fault
    remote_.discriminator = packet.my_discriminator;
    remote_.state = packet.state;
    remote_.diagnostic = packet.diagnostic;
    remote_.demand = packet.demand;
    remote_.control_plane_independent = packet.control_plane_independent;
    remote_.detect_multiplier = packet.detect_multiplier;
    remote_.desired_min_tx = microseconds{packet.desired_min_tx_us};
    remote_.required_min_rx = microseconds{packet.required_min_rx_us};
    remote_.required_min_echo_rx = microseconds{packet.required_min_echo_rx_us};
    if (poll_ == Poll::active && packet.final) {
        poll_ = Poll::settling;
        min_tx_in_use_ = parameters_.desired_min_tx;
        min_rx_in_use_ = parameters_.required_min_rx;
    }
    received_at_ = now;
    restart_detection();
}

/// The state machine of section 6.2.
void BfdSession::advance(State received, BfdActions& actions, Instant now) {
    const auto down = [&] {
        change_state(State::down, Diagnostic::neighbor_signaled_session_down, actions, now);
    };
    if (received == State::admin_down) {
        if (state_ != State::down) down();
        return;
    }
    switch (state_) {
        case State::admin_down:
            return;
        case State::down:
            // Why the session failed is still told, until it is up again (section 4.1).
            if (received == State::down) change_state(State::init, diagnostic_, actions, now);
            if (received == State::init) change_state(State::up, Diagnostic::none, actions, now);
            return;
        case State::init:
            if (received == State::init || received == State::up)
                change_state(State::up, Diagnostic::none, actions, now);
            return;
        case State::up:
            if (received == State::down) down();
            return;
    }
}

/// Section 6.8.3, third choice: "an additional BFD Control packet with the Final (F) bit *clear*
/// MUST be received after the Poll Sequence has completed".
void BfdSession::settle_poll(const ControlPacket& packet, Instant now) {
    if (poll_ != Poll::settling || packet.final) return;
    poll_ = Poll::none;
    apply_parameters(Cause::settings, now);
}

// ---- time ---------------------------------------------------------------------------------------

BfdActions BfdSession::on_timer(Instant now) {
    BfdActions actions;
    if (detection_ends_ && now >= *detection_ends_) detection_expired(actions, now);
    if (sequence_forgotten_at_ && now >= *sequence_forgotten_at_) {
        sequence_forgotten_at_.reset();
        config_.authenticator->forget_sequence();
    }
    switch (echo_.on_timer(now)) {
        case EchoSender::Verdict::none:
        case EchoSender::Verdict::began:
            break;
        case EchoSender::Verdict::failed:  // section 6.8.5
            change_state(State::down, Diagnostic::echo_function_failed, actions, now);
            break;
        case EchoSender::Verdict::unanswered:
            ++counters_.echo_unanswered;
            break;
    }
    if (send_at_ && now >= *send_at_) send_scheduled(actions, now);
    if (echo_.is_due(now)) {
        ++counters_.echo_sent;
        const EchoSender::Next next = echo_.send(now, random_);
        const EchoPacket packet{.discriminator = config_.local_discriminator,
                                .sequence = next.sequence};
        actions.emplace_back(
            SendEcho{.packet = encode(packet, config_.echo_key), .form = next.form});
    }
    return actions;
}

std::optional<Instant> BfdSession::next_deadline() const {
    std::optional<Instant> next;
    for (const auto& each :
         {detection_ends_, sequence_forgotten_at_, send_at_, echo_.next_deadline()})
        if (each && (!next || *each < *next)) next = each;
    return next;
}

/// Section 6.8.4; whatever the state is, what was known of the peer is so no longer.
void BfdSession::detection_expired(BfdActions& actions, Instant now) {
    detection_ends_.reset();
    received_at_.reset();
    // Section 6.8.1: bfd.RemoteDiscr "MUST be set to zero"; section 6.8.18: bfd.RemoteMinRxInterval
    // "to its initial value of 1".
    remote_ = Remote{.diagnostic = remote_.diagnostic};
    if (state_ == State::init || state_ == State::up)
        change_state(State::down, Diagnostic::control_detection_time_expired, actions, now);
    else
        reschedule(now);
}

void BfdSession::change_state(State state, Diagnostic diagnostic, BfdActions& actions,
                              Instant now) {
    if (state == State::up) ++counters_.up_transitions;
    if (state_ == State::up) ++counters_.down_transitions;
    state_ = state;
    diagnostic_ = diagnostic;
    changed_at_ = now;
    actions.emplace_back(StateChanged{.state = state, .diagnostic = diagnostic});
    update_echo(now);
    apply_parameters(Cause::state_change, now);
    // Section 6.8.7: between periodic ones, "in order to more rapidly communicate a change in
    // state".
    if (may_send())
        send_scheduled(actions, now);
    else
        reschedule(now);
}

// ---- parameters ---------------------------------------------------------------------------------

BfdSession::Parameters BfdSession::wanted() const {
    const BfdSettings& settings = config_.settings;
    const auto at_least_slow = [](microseconds interval, bool is_slow) {
        return is_slow ? std::max(interval, slow_interval) : interval;
    };
    return {.desired_min_tx = at_least_slow(settings.transmit_interval, state_ != State::up),
            .required_min_rx =
                at_least_slow(settings.receive_interval, echo_.phase() == EchoPhase::active),
            .required_min_echo_rx = own_echo_interval().value_or(microseconds{0}),
            .detect_multiplier = settings.detect_multiplier};
}

/// Section 6.8.3.
void BfdSession::apply_parameters(Cause cause, Instant now) {
    const Parameters next = wanted();
    const bool is_change = next != parameters_;
    const bool stays_up = state_ == State::up && cause == Cause::settings;
    // "If multiple changes are made ..., there are three choices": this one waits for its turn. A
    // change of state does not: nothing that it changes depends on the answer.
    if (stays_up && (!is_change || poll_ != Poll::none)) return;
    parameters_ = next;
    if (stays_up) {
        // More time between our packets, or less between the peer's: not before it knows.
        min_tx_in_use_ = std::min(min_tx_in_use_, next.desired_min_tx);
        min_rx_in_use_ = std::max(min_rx_in_use_, next.required_min_rx);
    } else {
        min_tx_in_use_ = next.desired_min_tx;
        min_rx_in_use_ = next.required_min_rx;
    }
    if (is_change) begin_poll();
    restart_detection();
    reschedule(now);
}

void BfdSession::begin_poll() {
    if (poll_ != Poll::active) ++counters_.polls;
    poll_ = Poll::active;
}

void BfdSession::update_echo(Instant now) {
    const auto own = own_echo_interval();
    // Section 6.8.9: not when the session is not up, nor when the peer does not take them.
    const bool can = state_ == State::up && own && remote_.required_min_echo_rx.count() != 0;
    echo_.set_interval(
        can ? std::optional<Duration>(std::max(*own, remote_.required_min_echo_rx)) : std::nullopt,
        config_.settings.detect_multiplier, now);
}

/// RFC 5883: over several hops nobody knows where an echo packet would be returned.
std::optional<microseconds> BfdSession::own_echo_interval() const {
    if (config_.multihop || !config_.settings.echo_interval) return std::nullopt;
    return microseconds(*config_.settings.echo_interval);
}

// ---- echo ---------------------------------------------------------------------------------------

BfdActions BfdSession::on_echo(std::span<const std::byte> payload, Instant now) {
    const auto packet = decode_echo(payload, config_.echo_key);
    if (!packet || packet->discriminator != config_.local_discriminator) return {};
    const auto verdict = echo_.on_returned(packet->sequence);
    if (!verdict) return {};
    ++counters_.echo_received;
    if (*verdict == EchoSender::Verdict::began) apply_parameters(Cause::settings, now);
    return {};
}

bool BfdSession::may_return_echo(std::uint8_t hop_limit, Instant now) {
    const microseconds least = parameters_.required_min_echo_rx;
    // A packet that a router has forwarded is no neighbour's, nor are those we have returned.
    if (least.count() == 0 || hop_limit != hop_limit_of_a_neighbour) return false;
    if (state_ == State::admin_down) return false;
    // Twice as many as we said we take, a few at once: more is no echo function.
    const Duration spacing = least / 2;
    if (echo_return_at_ > now + echo_burst * spacing) {
        ++counters_.echo_limited;
        return false;
    }
    echo_return_at_ = std::max(echo_return_at_, now) + spacing;
    ++counters_.echo_returned;
    return true;
}

// ---- sending ------------------------------------------------------------------------------------

bool BfdSession::is_demand_active() const {  // on the remote system; section 6.6
    return remote_.demand && state_ == State::up && remote_.state == State::up;
}

/// Section 6.8.7, where it says when a system "MUST NOT transmit".
bool BfdSession::may_send() const {
    return is_started_ && !(config_.settings.passive && remote_.discriminator == 0);
}

bool BfdSession::may_send_periodically() const {
    if (!may_send() || remote_.required_min_rx.count() == 0) return false;
    return !is_demand_active() || poll_ == Poll::active;
}

microseconds BfdSession::transmit_interval() const {  // section 6.8.7
    return std::max(min_tx_in_use_, remote_.required_min_rx);
}

microseconds BfdSession::detection_time() const {  // section 6.8.4
    return remote_.detect_multiplier * std::max(min_rx_in_use_, remote_.desired_min_tx);
}

/// Whenever something has changed that section 6.8.7 computes the interval from: "the local system
/// cannot wait longer than the new interval between the previous packet transmission and the next"
/// (section 6.8.3).
void BfdSession::reschedule(Instant now) {
    if (!may_send_periodically()) {
        send_at_.reset();
        return;
    }
    const microseconds interval = transmit_interval();
    if (send_at_ && interval == scheduled_interval_) return;
    scheduled_interval_ = interval;
    send_at_ =
        sent_at_ ? *sent_at_ + jittered(interval, parameters_.detect_multiplier, random_) : now;
}

void BfdSession::restart_detection() {
    if (!received_at_) return;
    const microseconds time = detection_time();
    detection_ends_ = *received_at_ + time;
    if (config_.authenticator) sequence_forgotten_at_ = *received_at_ + 2 * time;
}

/// Of the next packet, without Poll and Final.
ControlPacket BfdSession::contents() const {
    return {.state = state_,
            .diagnostic = diagnostic_,
            // This thread and the control protocols live and die in one process.
            .control_plane_independent = false,
            .demand = false,
            .detect_multiplier = parameters_.detect_multiplier,
            .my_discriminator = config_.local_discriminator,
            .your_discriminator = remote_.discriminator,
            .desired_min_tx_us = on_the_wire(parameters_.desired_min_tx),
            .required_min_rx_us = on_the_wire(parameters_.required_min_rx),
            .required_min_echo_rx_us = on_the_wire(parameters_.required_min_echo_rx)};
}

void BfdSession::send(ControlPacket packet, BfdActions& actions) {
    ++counters_.control_sent;
    SendControl action{encode(packet)};
    if (config_.authenticator) config_.authenticator->sign(action.packet);
    actions.emplace_back(action);
    packet.poll = packet.final = false;
    contents_sent_ = packet;
}

void BfdSession::send_scheduled(BfdActions& actions, Instant now) {
    ControlPacket packet = contents();
    packet.poll = poll_ == Poll::active;
    send(packet, actions);
    sent_at_ = now;
    send_at_.reset();
    reschedule(now);
}

BfdStatus BfdSession::status() const {
    return {.state = state_,
            .diagnostic = diagnostic_,
            .remote_state = remote_.state,
            .remote_diagnostic = remote_.diagnostic,
            .local_discriminator = config_.local_discriminator,
            .remote_discriminator = remote_.discriminator,
            .remote_multiplier = remote_.detect_multiplier,
            .remote_demand = remote_.demand,
            .remote_control_plane_independent = remote_.control_plane_independent,
            .is_polling = poll_ == Poll::active,
            .transmit_interval = transmit_interval(),
            .detection_time = detection_time(),
            .echo = echo_.phase(),
            .echo_interval =
                std::chrono::duration_cast<microseconds>(echo_.interval().value_or(Duration{})),
            .changed_at = changed_at_,
            .counters = counters_};
}

}  // namespace trivet::announce::bfd
