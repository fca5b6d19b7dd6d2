// VIPs in ClusterState: giving them addresses, and serving those that wait.
#include <algorithm>
#include <fmt/format.h>

#include "core/assert.hpp"
#include "core/cluster_state.hpp"
#include "core/vip_rules.hpp"

namespace trivet {

namespace {

std::string list_of(const std::vector<IpAddress>& addresses) {
    std::string list;
    for (const IpAddress address : addresses) {
        if (!list.empty()) list += ", ";
        list += address.to_string();
    }
    return list;
}

/// "10.0.0.1, fd00::1 from pool 'lan'", or with the pool behind each address.
std::string origin_of(const std::vector<IpAddress>& addresses, const Allocator& allocator) {
    std::string text;
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        const std::string& pool = *allocator.pool_of(addresses[i]);
        const bool last = i + 1 == addresses.size();
        text += addresses[i].to_string();
        if (last || *allocator.pool_of(addresses[i + 1]) != pool)
            text += " from pool '" + pool + "'";
        if (!last) text += ", ";
    }
    return text;
}

}  // namespace

VipPlanner ClusterState::planner() const {
    return VipPlanner({.pools = pools_,
                       .pools_in_order = pool_order_,
                       .namespaces = namespaces_,
                       .allocator = allocator_,
                       .vips = vip_by_id_});
}

VipRecord& ClusterState::record_of(VipId id) { return vips_.at(vip_by_id_.at(id)); }

Result<void> ClusterState::put(const Vip& vip, bool, Change& change) {
    const ObjectKey key = key_of(vip);
    const auto found = vips_.find(key);
    VipRecord* before = found == vips_.end() ? nullptr : &found->second;
    if (before != nullptr && before->vip == vip) return {};

    const VipId id = before != nullptr ? before->created : change.order();
    const VipPlanner planner = this->planner();
    if (auto checked = planner.check_wishes(vip, id, before); !checked) return checked;
    std::vector<IpAddress> kept;
    if (before != nullptr) kept = planner.fitting(vip, before->assigned);
    for (const IpAddress address : kept)
        if (const auto obstacle = allocator_.obstacle(address, vip, id))
            return fail(
                ErrorCode::conflict,
                fmt::format("VIP '{}' shares {} with {}: {}", vip_name(vip), address.to_string(),
                            planner.name_of(obstacle->holder), obstacle->reason));
    const VipPlanner::Plan plan = planner.plan(vip, id, kept);
    std::vector<IpAddress> released;
    if (before != nullptr)
        for (const IpAddress address : before->assigned)
            if (std::ranges::find(kept, address) == kept.end()) released.push_back(address);
    // A VIP gives up an address only for one that serves it as well.
    const bool enough =
        plan.lacking.empty() || (effective_policy(vip) == IpFamilyPolicy::prefer_dual &&
                                 !(kept.empty() && plan.chosen.empty()));
    if (!released.empty() && !enough)
        return fail(ErrorCode::conflict,
                    fmt::format("VIP '{}' keeps {}, because what it asks for now cannot be had: {}",
                                vip_name(vip), list_of(released), plan.lacking));

    for (const IpAddress address : released)
        allocator_.release(address, before->vip, id, {change.order(), time_});
    for (const IpAddress address : kept) allocator_.restate(address, before->vip, vip, id);
    if (before != nullptr) change.touch(before->assigned);
    VipRecord& record = vips_[key];
    record.vip = vip;
    record.created = id;
    record.assigned = kept;
    vip_by_id_.emplace(id, key);
    change.event(
        before != nullptr ? "vip_changed" : "vip_created", key.to_string(),
        fmt::format("VIP '{}' {}", vip_name(vip), before != nullptr ? "changed" : "created"));
    if (!released.empty())
        change.event("vip_released", key.to_string(),
                     fmt::format("VIP '{}' gave back {}", vip_name(vip), list_of(released)));
    assign(record, plan, change);
    return {};
}

/// Carries out the plan for a record whose spec and kept addresses are in place.
void ClusterState::assign(VipRecord& record, const VipPlanner::Plan& plan, Change& change) {
    for (const IpAddress address : plan.chosen) {
        allocator_.take(address, record.vip, record.created);
        record.assigned.push_back(address);
    }
    VipPlanner::sort(record.vip, record.assigned);
    change.touch(record.assigned);
    record.revision = change.index;
    record.pending_reason = plan.lacking;
    const std::string row = key_of(record.vip).to_string();
    change.rows.insert(row);
    if (!plan.chosen.empty())
        change.event("vip_assigned", row,
                     fmt::format("VIP '{}' got {}", vip_name(record.vip),
                                 origin_of(plan.chosen, allocator_)));
    if (plan.lacking.empty()) {
        line_.leave(record.created);
        return;
    }
    stand_in_line(record);
    change.event(
        "vip_pending", row,
        fmt::format("VIP '{}' waits for an address: {}", vip_name(record.vip), plan.lacking));
}

Result<void> ClusterState::delete_vip(const ObjectKey& key, Change& change) {
    const auto found = vips_.find(key);
    const VipRecord& record = found->second;
    change.touch(record.assigned);
    for (const IpAddress address : record.assigned)
        allocator_.release(address, record.vip, record.created, {change.order(), time_});
    change.rows.insert(key.to_string());
    change.event(
        "vip_deleted", key.to_string(),
        fmt::format("VIP '{}' deleted{}", vip_name(record.vip),
                    record.assigned.empty() ? "" : "; it gave back " + list_of(record.assigned)));
    line_.leave(record.created);
    vip_by_id_.erase(record.created);
    vips_.erase(found);
    return {};
}

std::string ClusterState::why_pending(const VipRecord& record) const {
    if (record.pending_reason.empty()) return {};
    return planner().plan(record.vip, record.created, record.assigned).lacking;
}

void ClusterState::stand_in_line(const VipRecord& record) {
    line_.enter(record.created, planner().wait_of(record.vip, record.created, record.assigned));
}

std::optional<std::string> ClusterState::try_to_serve(VipId id, Change& change) {
    VipRecord& record = record_of(id);
    const VipPlanner::Plan plan = planner().plan(record.vip, id, record.assigned);
    if (plan.chosen.empty()) return plan.lacking;
    assign(record, plan, change);
    return std::nullopt;
}

void ClusterState::settle(Change& change) {
    WaitingLine::Round round;
    const auto note_gains = [&] {
        const Allocator::Gains gains = allocator_.take_gains();
        for (const IpAddress address : gains.records)
            change.rows.insert("released/" + address.to_string());
        for (const std::string& key : gains.sharing_keys)
            if (allocator_.has_shared(key))
                for (const VipId id : line_.without_share(key)) stand_in_line(record_of(id));
        line_.add(round, gains);
    };
    note_gains();
    while (const auto id = line_.next(round)) {
        // Which members of a class are tried must not show in the state, or a node that restored it
        // would differ: hence no reason is updated here.
        if (try_to_serve(*id, change)) line_.give_up(round, *id);
        note_gains();
    }
}

void ClusterState::settle_all(Change& change) {
    line_is_stale_ = false;
    for (const VipId id : line_.all()) {
        const auto lacking = try_to_serve(id, change);
        if (!lacking) continue;
        VipRecord& record = record_of(id);
        if (*lacking != record.pending_reason) {
            record.pending_reason = *lacking;
            change.rows.insert(key_of(record.vip).to_string());
        }
        if (lacking->empty())
            line_.leave(id);
        else
            stand_in_line(record);
    }
    settle(change);
}

}  // namespace trivet
