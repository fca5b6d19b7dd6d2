#include "daemon/lease/lease_effects.hpp"

#include <algorithm>

#include "core/assert.hpp"

namespace trivet::daemon {

namespace {

// A proposal to Raft takes longer than a RENEW's interval; told again when it may have been lost.
constexpr Duration repeat_after = std::chrono::milliseconds{100};

}  // namespace

void LeaseEffects::begin_plan(LeasePlan& plan, Instant now) {
    begin(now);
    plan_ = &plan;
    parts_.keeper.remember_open();
}

void LeaseEffects::finish() {
    plan_ = nullptr;
    const Instant deadline = holder_->lease_deadline();
    if (deadline != lease_deadline_) {
        lease_deadline_ = deadline;
        parts_.board.set_lease(deadline);
        parts_.keeper.extend_linger(deadline, now_);
    }
    parts_.keeper.flush(now_);
    parts_.board.set_counter(LeaseCounter::gate_refusals, parts_.keeper.refusals());
    // Behind the gate: who hears that a group is open may send for it at once.
    for (const auto& pipe : parts_.pipes) pipe->publish();
}

void LeaseEffects::swap_peers(LeasePeers& peers) {
    parts_.guard.set_peers(peers.ids);
    std::swap(peers_, peers);
}

void LeaseEffects::tell(const LeaseEvent& event) noexcept {
    for (const auto& pipe : parts_.pipes) pipe->push(event);
}

// ---- the gate -----------------------------------------------------------------------------------

void LeaseEffects::set_deadline(lease::Group group, Instant until) noexcept {
    parts_.keeper.set_deadline(group, until, now_);
}

void LeaseEffects::adopt(const lease::View& view) noexcept {
    TRIVET_ASSERT(plan_ != nullptr && plan_->view.get() == &view);
    parts_.keeper.adopt(plan_->moves, plan_->spare, holder_->lease_deadline(), now_);
    // Between the groups that opened and those that close, so that whoever moves addresses with
    // this event sees what stays open as open all the while.
    tell(PlanApplied{view.index});
}

void LeaseEffects::close_all(bool keep_accepting) noexcept {
    parts_.keeper.close_all(keep_accepting, now_);
}

// ---- packets ------------------------------------------------------------------------------------

void LeaseEffects::send(NodeId to, const lease::Renew& renew) noexcept {
    if (is_in_force()) send_packet(to, renew);  // H5
}

void LeaseEffects::send(NodeId to, const lease::Release& release) noexcept {
    if (is_in_force()) send_packet(to, release);  // H6, H7
}

void LeaseEffects::send(NodeId to, const lease::Ack& ack) noexcept { send_packet(to, ack); }

void LeaseEffects::send(NodeId to, const lease::Refuse& refuse) noexcept {
    send_packet(to, refuse);
}

bool LeaseEffects::is_in_force() noexcept {
    parts_.keeper.flush(now_);
    if (parts_.keeper.unsure_until() <= now_) return true;
    parts_.board.count(LeaseCounter::unsent_unsure);
    return false;
}

template <class Message>
void LeaseEffects::send_packet(NodeId to, const Message& message) noexcept {
    const auto found = std::ranges::lower_bound(peers_.ids, to);
    if (found == peers_.ids.end() || *found != to)
        return parts_.board.count(LeaseCounter::unsent_no_address);
    if (!parts_.guard.can_send_to(to)) return parts_.board.count(LeaseCounter::unsent_no_key);
    const std::size_t size = parts_.guard.seal(to, message, packet_);
    if (size == 0) return parts_.board.count(LeaseCounter::unsent_too_large);
    const LeaseAddress& address =
        peers_.addresses[static_cast<std::size_t>(found - peers_.ids.begin())];
    const bool is_sent = parts_.socket.send(std::span(packet_).first(size), address);
    parts_.board.count(is_sent ? LeaseCounter::packets_sent : LeaseCounter::unsent_refused);
}

// ---- events -------------------------------------------------------------------------------------

void LeaseEffects::on_open(lease::Group group, Instant claimed) noexcept {
    parts_.board.set_open(group, true);
    tell(GroupOpened{.group = group, .claimed = claimed, .opened = now_});
}

void LeaseEffects::on_close(lease::Group group) noexcept {
    parts_.board.set_open(group, false);
    if (plan_ == nullptr) parts_.board.count(LeaseCounter::closed_unplanned);
    tell(GroupClosed{group});
}

void LeaseEffects::on_fenced(NodeId node, Epoch epoch, Duration silent) noexcept {
    if (is_news(node, epoch)) tell(NodeFenced{.node = node, .epoch = epoch, .silent = silent});
}

void LeaseEffects::on_admission_wanted(Epoch seen) noexcept {
    if (is_news(NodeId{}, seen)) tell(AdmissionWanted{seen});  // nobody: this node itself
}

bool LeaseEffects::is_news(NodeId node, Epoch epoch) noexcept {
    const auto known = std::ranges::find_if(told_, [&](const Told& told) {
        return told.node == node && told.epoch == epoch && told.at != Instant{};
    });
    if (known != told_.end()) {
        if (now_ - known->at < repeat_after) return false;
        known->at = now_;
        return true;
    }
    told_[next_told_++ % told_.size()] = {.node = node, .epoch = epoch, .at = now_};
    return true;
}

}  // namespace trivet::daemon
