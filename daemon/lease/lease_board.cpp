#include "daemon/lease/lease_board.hpp"

#include <algorithm>

namespace trivet::daemon {

namespace {

constexpr std::array<std::string_view, lease_counters> counter_names{"packets_received",
                                                                     "packets_sent",
                                                                     "renews_received",
                                                                     "acks_received",
                                                                     "refuses_received",
                                                                     "releases_received",
                                                                     "dropped_malformed",
                                                                     "dropped_other_version",
                                                                     "dropped_misdirected",
                                                                     "dropped_stranger",
                                                                     "dropped_unknown_key",
                                                                     "dropped_forged",
                                                                     "dropped_older_boot",
                                                                     "dropped_replayed",
                                                                     "unsent_no_key",
                                                                     "unsent_no_address",
                                                                     "unsent_refused",
                                                                     "unsent_too_large",
                                                                     "unsent_unsure",
                                                                     "receive_errors",
                                                                     "gate_refusals",
                                                                     "timer_late",
                                                                     "stalls",
                                                                     "closed_unplanned"};
static_assert(static_cast<std::size_t>(LeaseCounter::closed_unplanned) + 1 == lease_counters);

std::optional<Instant> instant_of(std::int64_t ticks) {
    return ticks == 0 ? std::nullopt : std::optional(Instant{Duration{ticks}});
}

}  // namespace

std::string_view to_string(LeaseCounter counter) {
    return counter_names[static_cast<std::size_t>(counter)];
}

void LeaseBoard::count(LeaseCounter counter) noexcept {
    counters_[static_cast<std::size_t>(counter)].fetch_add(1, std::memory_order_relaxed);
}

void LeaseBoard::set_counter(LeaseCounter counter, std::uint64_t value) noexcept {
    counters_[static_cast<std::size_t>(counter)].store(value, std::memory_order_relaxed);
}

LeaseBoard::Peer* LeaseBoard::enter(NodeId node) noexcept {
    const auto place = std::ranges::find_if(peers_, [node](const Peer& peer) {
        const std::uint64_t id = peer.node.load(std::memory_order_relaxed);
        return id == node.value() || id == 0;
    });
    if (place != peers_.end()) {
        place->node.store(node.value(), std::memory_order_relaxed);
        return &*place;
    }
    // Full of nodes that left: the one that was silent for longest makes room.
    auto& oldest = *std::ranges::min_element(
        peers_, {}, [](const Peer& peer) { return peer.last_packet.load(); });
    oldest.node.store(node.value());
    oldest.last_ack.store(0);
    return &oldest;
}

void LeaseBoard::note_packet(NodeId node, Instant at, bool is_ack) noexcept {
    Peer* peer = enter(node);
    peer->last_packet.store(ticks(at), std::memory_order_relaxed);
    if (is_ack) peer->last_ack.store(ticks(at), std::memory_order_relaxed);
}

void LeaseBoard::set_open(lease::Group group, bool is_open) noexcept {
    if (open_[group].exchange(is_open) == is_open) return;
    if (is_open)
        ++open_groups_;
    else
        --open_groups_;
}

bool LeaseBoard::is_open(lease::Group group) const noexcept {
    return group < open_.size() && open_[group].load();
}

void LeaseBoard::note_stall(Duration duration) noexcept {
    count(LeaseCounter::stalls);
    longest_stall_.store(std::max(longest_stall_.load(), duration.count()));
}

LeaseStatus LeaseBoard::read() const {
    LeaseStatus status;
    status.lease_deadline = instant_of(lease_deadline_.load());
    if (const std::uint64_t index = plan_.load(); index != 0) status.plan = LogIndex(index);
    status.open_groups = open_groups_.load();
    status.longest_stall = Duration{longest_stall_.load()};
    for (const Peer& peer : peers_) {
        const std::uint64_t node = peer.node.load();
        if (node == 0) break;
        status.peers.push_back({.node = NodeId(node),
                                .last_packet = instant_of(peer.last_packet.load()),
                                .last_ack = instant_of(peer.last_ack.load())});
    }
    for (std::size_t i = 0; i < lease_counters; ++i)
        status.counters[i] = counters_[i].load(std::memory_order_relaxed);
    return status;
}

}  // namespace trivet::daemon
