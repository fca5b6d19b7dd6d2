#include "announce/bgp/bgp_session.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "announce/bgp/bgp_notification.hpp"
#include "core/assert.hpp"

namespace trivet::announce::bgp {

using namespace std::chrono_literals;

namespace {

void keep_sooner(std::optional<Instant>& next, const std::optional<Instant>& other) {
    if (other && (!next || *other < *next)) next = other;
}

}  // namespace

BgpSession::BgpSession(Config config)
    : config_(std::move(config)),
      retry_(config_.settings.connect_time, config_.random_seed),
      received_prefixes_(config_.settings.prefixes_max) {
    TRIVET_ASSERT(config_.bgp_identifier != 0);  // RFC 6286 section 2.1
}

SessionActions BgpSession::start(Instant now) {
    Step step{now};
    if (std::holds_alternative<Running>(phase_) || std::holds_alternative<AwaitingBfd>(phase_))
        return {};
    if (config_.restarting && !restart_until_) restart_until_ = now + config_.settings.restart_time;
    retry_.reset();
    run(step);
    return finish(step);
}

SessionActions BgpSession::stop(std::uint8_t cease_subcode, std::string_view text, Instant now) {
    Step step{now};
    cancel_attempt(step);
    phase_ = Stopped{};
    close_all({.sent = cease_notification(cease_subcode, text), .reason = "stopped"}, step);
    without_capabilities_ = false;
    config_.restarting = false;  // what starts again now is no restart of the process
    return finish(step);
}

SessionActions BgpSession::leave_for_restart(Instant now) {
    Step step{now};
    cancel_attempt(step);
    phase_ = Stopped{};
    const BgpConnection* current = established();
    // RFC 4724 section 4: after a NOTIFICATION the peer would follow the normal procedures.
    if (current != nullptr && current->negotiated()->peer_graceful_restart)
        close_all({.reason = "restarting; the peer keeps our routes"}, step);
    else
        close_all({.sent = cease_notification(cease_reason::administrative_reset, "restarting"),
                   .reason = "restarting"},
                  step);
    return finish(step);
}

SessionActions BgpSession::on_connected(ConnectionId id, Direction direction, Instant now) {
    Step step{now};
    TRIVET_ASSERT(find(id) == nullptr);
    const auto* running = std::get_if<Running>(&phase_);
    const bool is_wanted = direction == Direction::incoming ||
                           (running != nullptr && running->attempt_until.has_value());
    // RFC 4486 section 4: "to disallow a BGP connection ... after the speaker accepts a transport
    // protocol connection". Idle refuses all (RFC 4271 section 8.2.2).
    if (running == nullptr || !is_wanted)
        refuse(id, cease_reason::connection_rejected, step);
    else
        admit(id, direction, step);
    return finish(step);
}

SessionActions BgpSession::on_connect_failed(std::string_view reason, Instant now) {
    Step step{now};
    auto* running = std::get_if<Running>(&phase_);
    if (running == nullptr || !running->attempt_until) return {};
    running->attempt_until.reset();
    report({.reason = fmt::format("cannot connect to the peer: {}", reason)}, step);
    schedule_retry(step);
    return finish(step);
}

SessionActions BgpSession::on_closed(ConnectionId id, std::string_view reason, Instant now) {
    Step step{now};
    BgpConnection* connection = find(id);
    if (connection == nullptr) return {};
    end(*connection,
        {.reason = fmt::format("the connection closed: {}", reason),
         .transport = Transport::is_gone},
        step);
    return finish(step);
}

SessionActions BgpSession::on_bfd(BfdState bfd, Instant now) {
    Step step{now};
    const BfdState before = std::exchange(bfd_, bfd);
    if (bfd == BfdState::up) {
        auto* running = std::get_if<Running>(&phase_);
        if (std::holds_alternative<AwaitingBfd>(phase_))
            run(step);
        else if (running != nullptr && running->retry_at)
            connect(*running, step);  // there is a path again: no need to wait for the timer
    } else if (bfd == BfdState::down && before == BfdState::up) {
        close_all({.sent = cease_notification(cease_reason::bfd_down),
                   .reason = "BFD lost the path to the peer"},
                  step);
        if (std::holds_alternative<Running>(phase_) && !may_run()) {
            cancel_attempt(step);
            phase_ = AwaitingBfd{};
        }
    }
    return finish(step);
}

SessionActions BgpSession::on_timer(Instant now) {
    Step step{now};
    if (const auto* hold = std::get_if<IdleHold>(&phase_); hold != nullptr && hold->until <= now)
        run(step);  // IdleHoldTimer_Expires
    if (auto* running = std::get_if<Running>(&phase_)) {
        if (running->attempt_until && *running->attempt_until <= now) {
            cancel_attempt(step);
            report({.reason = "cannot connect to the peer: no answer"}, step);
            schedule_retry(step);
        } else if (running->retry_at && *running->retry_at <= now) {
            connect(*running, step);  // ConnectRetryTimer_Expires
        }
    }
    for (auto& connection : connections_)
        if (connection) run_due(*connection, step);
    return finish(step);
}

void BgpSession::run_due(BgpConnection& connection, Step& step) {
    const auto timer = connection.due(step.now);
    if (!timer) return;
    switch (*timer) {
        case BgpConnection::Timer::send_hold:
            // RFC 9687 section 4.3. A NOTIFICATION would stand behind what the peer does not read.
            end(connection,
                {.reason = "Send Hold Timer Expired (8/0): the peer reads nothing any more",
                 .transport = Transport::abort},
                step);
            break;
        case BgpConnection::Timer::hold:  // RFC 4271 section 6.5
            end(connection,
                {.sent = hold_timer_notification(), .reason = "the peer has fallen silent"}, step);
            break;
        case BgpConnection::Timer::keepalive:
            send_keepalive(connection, step);
            break;
    }
}

std::optional<Instant> BgpSession::next_deadline() const {
    std::optional<Instant> next;
    if (const auto* hold = std::get_if<IdleHold>(&phase_)) next = hold->until;
    if (const auto* running = std::get_if<Running>(&phase_)) {
        keep_sooner(next, running->attempt_until);
        keep_sooner(next, running->retry_at);
    }
    for (const auto& connection : connections_)
        if (connection) keep_sooner(next, connection->next_deadline());
    return next;
}

bool BgpSession::is_passive() const {
    return config_.settings.passive || config_.settings.peer_prefix.has_value();
}

void BgpSession::run(Step& step) {
    if (may_run())
        connect(phase_.emplace<Running>(), step);
    else
        phase_ = AwaitingBfd{};
}

void BgpSession::connect(Running& running, Step& step) {
    running.retry_at.reset();
    if (is_passive()) return;
    TRIVET_ASSERT(!slot(Direction::outgoing));
    running.attempt_until =
        step.now + std::clamp<Duration>(config_.settings.connect_time, RetryTiming::first_retry,
                                        connect_attempt_time_max);
    step.actions.emplace_back(StartConnect{});
}

void BgpSession::cancel_attempt(Step& step) {
    auto* running = std::get_if<Running>(&phase_);
    if (running == nullptr || !running->attempt_until) return;
    running->attempt_until.reset();
    step.actions.emplace_back(CancelConnect{});
}

void BgpSession::schedule_retry(Step& step) {
    auto& running = std::get<Running>(phase_);
    if (is_passive() || running.attempt_until || running.retry_at || slot(Direction::outgoing))
        return;
    const auto& incoming = slot(Direction::incoming);
    if (incoming && incoming->state() != SessionState::open_sent) return;
    running.retry_at = step.now + retry_.next_connect_retry();
}

SessionActions BgpSession::finish(Step& step) {
    if (const SessionState now = state(); now != status_.state) {
        status_.state = now;
        status_.since = step.now;
    }
    return std::move(step.actions);
}

}  // namespace trivet::announce::bgp
