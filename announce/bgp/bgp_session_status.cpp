#include <algorithm>
#include <fmt/format.h>

#include "announce/bgp/bgp_notification.hpp"
#include "announce/bgp/bgp_session.hpp"

namespace trivet::announce::bgp {

std::string_view to_string(SessionState state) {
    switch (state) {
        case SessionState::idle:
            return "idle";
        case SessionState::connect:
            return "connect";
        case SessionState::active:
            return "active";
        case SessionState::open_sent:
            return "open_sent";
        case SessionState::open_confirm:
            return "open_confirm";
        case SessionState::established:
            return "established";
    }
    return "unknown";
}

std::string to_words(const SessionDown& down) {
    std::string words = down.reason;
    if (down.sent) words += fmt::format("; sent {}", to_words(*down.sent));
    if (down.received) words += fmt::format("; received {}", to_words(*down.received));
    return words;
}

SessionState BgpSession::state() const {
    SessionState furthest = SessionState::idle;
    if (const auto* running = std::get_if<Running>(&phase_))
        furthest = running->attempt_until ? SessionState::connect : SessionState::active;
    for (const auto& connection : connections_)
        if (connection) furthest = std::max(furthest, connection->state());
    return furthest;
}

SessionStatus BgpSession::status() const {
    SessionStatus status = status_;
    status.waiting = Waiting::no;
    if (std::holds_alternative<Stopped>(phase_)) status.waiting = Waiting::stopped;
    if (std::holds_alternative<AwaitingBfd>(phase_)) status.waiting = Waiting::bfd;
    if (const auto* hold = std::get_if<IdleHold>(&phase_)) {
        status.waiting = Waiting::idle_hold;
        status.retry_at = hold->until;
    }
    if (const auto* running = std::get_if<Running>(&phase_)) status.retry_at = running->retry_at;

    SessionState furthest = SessionState::open_sent;  // of those that have agreed on something
    for (const auto& connection : connections_) {
        if (!connection) continue;
        status.buffered_bytes += connection->buffered_bytes();
        if (connection->state() > furthest) {
            furthest = connection->state();
            status.negotiated = connection->negotiated();
        }
    }
    if (auto family = status.families.find(ipv4_unicast); family != status.families.end())
        family->second.received_prefixes = received_prefixes_.count(IpFamily::ipv4);
    if (auto family = status.families.find(ipv6_unicast); family != status.families.end())
        family->second.received_prefixes = received_prefixes_.count(IpFamily::ipv6);
    return status;
}

std::optional<ConnectionId> BgpSession::established_connection() const {
    const BgpConnection* connection = established();
    if (connection == nullptr) return std::nullopt;
    return connection->id();
}

}  // namespace trivet::announce::bgp
