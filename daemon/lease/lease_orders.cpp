#include "daemon/lease/lease_orders.hpp"

#include "core/assert.hpp"

namespace trivet::daemon {

void LeaseOrderQueue::add_plan(std::shared_ptr<const lease::View> view,
                               const lease::GroupTable::Changes& changes) {
    TRIVET_ASSERT(view->index >= newest_);
    newest_ = view->index;
    if (waiting_.empty() || !std::holds_alternative<WaitingPlan>(waiting_.back()))
        waiting_.emplace_back(WaitingPlan{});
    auto& plan = std::get<WaitingPlan>(waiting_.back());
    plan.view = std::move(view);
    for (const auto& [address, group] : changes.set) plan.groups[address] = group;
    for (const IpAddress address : changes.erased) plan.groups[address] = std::nullopt;
    pump();
}

void LeaseOrderQueue::add_peers(std::unique_ptr<LeasePeers> peers) {
    if (!waiting_.empty())
        if (auto* last = std::get_if<std::unique_ptr<LeasePeers>>(&waiting_.back())) {
            *last = std::move(peers);
            return pump();
        }
    waiting_.emplace_back(std::move(peers));
    pump();
}

Result<void> LeaseOrderQueue::add_key(const KeyOrder& order) {
    if (waiting_.size() >= waiting_max)
        return fail(ErrorCode::exhausted,
                    "the lease thread takes no orders: a key of a connection is lost, and leases "
                    "with that node wait for its next connection");
    waiting_.emplace_back(order);
    pump();
    return {};
}

void LeaseOrderQueue::add_release() {
    waiting_.emplace_back(ReleaseOrder{});
    pump();
}

void LeaseOrderQueue::pump() {
    while (channel_.returns.pop()) --packages_;
    while (!waiting_.empty() && hand_over(waiting_.front())) waiting_.pop_front();
    if (channel_.orders.publish()) channel_.signal.raise();
}

/// False: there is no room.
bool LeaseOrderQueue::hand_over(Waiting& waiting) {
    if (channel_.orders.is_full()) return false;
    LeaseOrder order;
    if (auto* key = std::get_if<KeyOrder>(&waiting)) {
        order = *key;
    } else if (std::holds_alternative<ReleaseOrder>(waiting)) {
        order = ReleaseOrder{};
    } else {
        if (packages_ == LeaseOrderChannel::packages_max) return false;
        ++packages_;
        if (auto* plan = std::get_if<WaitingPlan>(&waiting))
            order = package(std::move(*plan));
        else
            order = std::move(std::get<std::unique_ptr<LeasePeers>>(waiting));
    }
    TRIVET_ASSERT(channel_.orders.push(std::move(order)));
    return true;
}

std::unique_ptr<LeasePlan> LeaseOrderQueue::package(WaitingPlan waiting) {
    auto plan = std::make_unique<LeasePlan>();
    plan->view = std::move(waiting.view);
    plan->moves.reserve(waiting.groups.size());
    for (const auto& [address, group] : waiting.groups) {
        const auto known = told_.find(address);
        const bool is_known = known != told_.end();
        if (!group && !is_known) continue;
        if (group && is_known && *group == known->second) continue;
        const GateGroup before = is_known ? known->second : 0;
        plan->moves.push_back({.address = address,
                               .before = before,
                               .after = group.value_or(0),
                               .is_erased = !group});
        if (before != 0) plan->spare[address];
        if (group)
            told_[address] = *group;
        else
            told_.erase(known);
    }
    return plan;
}

}  // namespace trivet::daemon
