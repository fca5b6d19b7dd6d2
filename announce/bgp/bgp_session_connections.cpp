#include <algorithm>
#include <array>
#include <utility>

#include "announce/bgp/bgp_notification.hpp"
#include "announce/bgp/bgp_session.hpp"

namespace trivet::announce::bgp {

namespace {

constexpr std::array both_directions = {Direction::outgoing, Direction::incoming};

/// Whether the routes shall go with the session, also where both sides keep them over a
/// NOTIFICATION: a reset or another configuration brings the session back at once, these do not
/// (RFC 8538 section 5.1; RFC 9384 section 4).
bool ends_for_good(const NotificationMessage& message) {
    constexpr std::array subcodes = {cease_reason::maximum_number_of_prefixes_reached,
                                     cease_reason::administrative_shutdown,
                                     cease_reason::peer_deconfigured, cease_reason::bfd_down};
    return message.error_code == error_code::cease &&
           std::ranges::find(subcodes, message.error_subcode) != subcodes.end();
}

}  // namespace

void BgpSession::admit(ConnectionId id, Direction direction, Step& step) {
    if (direction == Direction::outgoing) std::get<Running>(phase_).attempt_until.reset();
    if (const BgpConnection* current = established()) {
        auto& old = *slot(current->direction());
        const auto& restart = old.negotiated()->peer_graceful_restart;
        if (!restart || restart->forwarding.empty()) {
            // RFC 4271 section 6.8: a collision with an established connection "causes closing of
            // the newly created connection". If the peer has forgotten the old one, the answer to a
            // KEEPALIVE says so at once.
            refuse(id, cease_reason::connection_collision_resolution, step);
            if (old.may_send_keepalive(step.now)) send_keepalive(old, step);
            return;
        }
        // RFC 4724 sections 4.2 and 5: "the previous TCP session MUST be closed, and the new one
        // retained"; "no NOTIFICATION message is sent".
        end(old, {.reason = "the peer has restarted and connects anew"}, step);
        if (!std::holds_alternative<Running>(phase_))
            return refuse(id, cease_reason::connection_rejected, step);
    }
    auto& connection = slot(direction);
    if (connection) dump(*connection, step);  // who connects anew has given the former one up
    connection.emplace(id, direction, next_open(step.now), step.now);
    ++status_.sent.open;
    step.actions.emplace_back(SendBytes{id, encode(connection->our_open())});
}

void BgpSession::refuse(ConnectionId id, std::uint8_t cease_subcode, Step& step) {
    send(id, cease_notification(cease_subcode), step);
    step.actions.emplace_back(CloseTransport{id});
}

void BgpSession::close_all(const Ending& ending, Step& step) {
    for (const Direction direction : both_directions)
        if (auto& connection = slot(direction)) end(*connection, ending, step);
}

void BgpSession::end(BgpConnection& connection, Ending ending, Step& step) {
    const bool was_established = connection.state() == SessionState::established;
    const ConnectionId id = connection.id();
    if (ending.sent) {
        // RFC 8538 section 3.1: with both N bits anything else would keep the routes.
        if (was_established && connection.negotiated()->graceful_notification &&
            ends_for_good(*ending.sent))
            ending.sent = hard_reset_notification(*ending.sent);
        send(id, *ending.sent, step);
    }
    if (ending.transport == Transport::close) step.actions.emplace_back(CloseTransport{id});
    if (ending.transport == Transport::abort)
        step.actions.emplace_back(CloseTransport{id, Closing::at_once});
    slot(connection.direction()).reset();  // `connection` is no more

    const bool is_flap = was_established || ending.sent.has_value();
    report({.was_established = was_established,
            .sent = std::move(ending.sent),
            .received = std::move(ending.received),
            .reason = std::move(ending.reason)},
           step);
    after_end(was_established, is_flap, ending.idle_hold, step);
}

void BgpSession::after_end(bool was_established, bool is_flap, Duration idle_hold, Step& step) {
    if (was_established) {
        ++status_.flaps;
        received_prefixes_.clear();
        status_.families.clear();
        without_capabilities_ = false;  // it may be another peer by now: one attempt shows
    }
    if (!std::holds_alternative<Running>(phase_)) return;
    if (is_flap) idle_hold = std::max(idle_hold, retry_.on_flap(step.now));
    if (has_connection() || (idle_hold == Duration::zero() && may_run()))
        return schedule_retry(step);
    cancel_attempt(step);
    if (idle_hold > Duration::zero())
        phase_ = IdleHold{step.now + idle_hold};
    else
        phase_ = AwaitingBfd{};
}

/// The loser of a collision (RFC 4271 section 6.8, OpenCollisionDump); the session goes on.
void BgpSession::dump(BgpConnection& connection, Step& step) {
    refuse(connection.id(), cease_reason::connection_collision_resolution, step);
    slot(connection.direction()).reset();
}

BgpConnection* BgpSession::find(ConnectionId id) {
    for (auto& connection : connections_)
        if (connection && connection->id() == id) return &*connection;
    return nullptr;
}

const BgpConnection* BgpSession::established() const {
    for (const auto& connection : connections_)
        if (connection && connection->state() == SessionState::established) return &*connection;
    return nullptr;
}

void BgpSession::report(SessionDown down, Step& step) {
    status_.last_error = to_words(down);
    status_.last_error_at = step.now;
    step.actions.emplace_back(std::move(down));
}

}  // namespace trivet::announce::bgp
