// The commands about who owns the VIPs: fences, admissions, moves by hand, rebalancing.
#include <algorithm>
#include <fmt/format.h>

#include "core/cluster_state.hpp"
#include "core/eligibility.hpp"
#include "core/vip_rules.hpp"

namespace trivet {

namespace {

constexpr std::size_t cause_bytes_max = 256;  // a sentence, which goes into events

std::string node_row(const std::string& name) {
    return ObjectKey{Kind::node, "", name}.to_string();
}

}  // namespace

/// Calls `act`, which changes what `node` may own, and keeps the balance true.
template <class Act>
auto ClusterState::rebalanced(NodeId node, Act act) {
    std::vector<const std::vector<IpAddress>*> concerned;
    for (const auto& [first, unit] : units_)
        if (const lease::Plan::Entry* entry = entry_of(unit);
            entry != nullptr &&
            std::ranges::count(entry->list, node, &lease::Plan::Candidate::node) != 0)
            concerned.push_back(&unit);
    for (const auto* unit : concerned) balance_.remove(live_list_of(*unit));
    const auto done = act();
    for (const auto* unit : concerned) balance_.add(live_list_of(*unit));
    return done;
}

Result<void> ClusterState::act(const RecordFence& fence, Change& change) {
    if (fence.cause.size() > cause_bytes_max)
        return fail(ErrorCode::invalid_argument,
                    fmt::format("a cause has at most {} bytes", cause_bytes_max), "cause");
    const std::map<IpAddress, NodeId> owners = owners_around(fence.node);
    const auto fenced = rebalanced(fence.node, [&] {
        return leases_.record_fence(fence.node, fence.epoch, time_, change.leases);
    });
    if (!fenced.took_effect) return {};
    const std::string name = node_name(fence.node);
    const std::string cause = fmt::format("{}, {} ms", fence.cause, fence.duration_ms);
    change.event("node_fenced", node_row(name),
                 fmt::format("node '{}' was fenced in epoch {} by node '{}': {}", name,
                             fence.epoch.value(), node_name(fence.by), cause));
    if (fenced.became_damped)
        change.event(
            "node_damped", node_row(name),
            fmt::format("node '{}' was fenced often lately: no VIP is moved to it until it "
                        "has been quiet for some minutes",
                        name));
    report_changes(owners, cause, change);
    return {};
}

Result<void> ClusterState::act(const AdmitNode& admission, Change& change) {
    const std::map<IpAddress, NodeId> owners = owners_around(admission.node);
    const bool admitted = rebalanced(admission.node, [&] {
        return leases_.admit(admission.node, admission.seen, LogIndex(change.index), change.leases);
    });
    if (!admitted) return {};
    const std::string name = node_name(admission.node);
    const bool damped = leases_.is_damped(admission.node, time_);
    change.event("node_admitted", node_row(name),
                 fmt::format("node '{}' takes part again, in epoch {}; it stands at the end of its "
                             "lists{}",
                             name, admission.seen.value() + 1,
                             damped ? ", and is damped because it was fenced often lately" : ""));
    report_changes(owners, "node '" + name + "' was admitted again", change);
    return {};
}

Result<void> ClusterState::act(const MoveVip& move, Change& change) {
    const auto found = vips_.find(move.vip);
    if (move.vip.kind != Kind::vip || found == vips_.end()) return fail(not_found(move.vip));
    const VipRecord& record = found->second;
    const std::string vip = vip_name(record.vip);
    if (record.pending())
        return fail(ErrorCode::conflict,
                    fmt::format("VIP '{}' has no address yet: {}", vip, why_pending(record)));
    if (!nodes_.contains(move.node)) return fail(not_found({Kind::node, "", move.node}));
    const auto refuse = [&](const std::string& why) {
        return fail(ErrorCode::conflict,
                    fmt::format("VIP '{}' cannot be moved to node '{}': {}", vip, move.node, why),
                    "node");
    };
    const NodeId id = node_id(move.node);
    if (id != NodeId{} && leases_.is_fenced(id))
        return refuse("it was fenced and was not admitted again yet");
    const PlacementUnit unit = placement_unit(record.assigned.front());
    const Eligibility eligibility(*this);
    if (const auto why = eligibility.why_not(unit, record.assigned.front(), move.node))
        return refuse(*why);
    change.wishes[move.vip] = id;
    change.touch(record.assigned);
    if (change.cause.empty()) change.cause = "moved by hand";
    return {};
}

Result<void> ClusterState::act(const Rebalance&, Change& change) {
    change.rebalance = true;
    change.touch_all("rebalancing");
    return {};
}

Result<void> ClusterState::act(const SetLeaseProfile& profile, Change& change) {
    const std::string before = leases_.profile();
    const auto set = leases_.set_profile(profile.name, change.leases);
    if (!set) return fail(set.error());
    if (*set)
        change.event(
            "lease_profile_changed", "cluster",
            fmt::format("the lease profile is '{}' now; it was '{}'", profile.name, before));
    return {};
}

NodeId ClusterState::node_id(const std::string& name) const {
    const auto boot = boots().find(name);
    if (boot == boots().end()) return {};
    const NodeId id(boot->second.raft_id);
    const auto known = node_names_.find(id);
    return known != node_names_.end() && known->second == name ? id : NodeId{};
}

std::string ClusterState::node_name(NodeId node) const {
    const auto known = node_names_.find(node);
    return known == node_names_.end() ? to_text(node) : known->second;
}

void ClusterState::build_names() {
    node_names_.clear();
    for (const auto& [name, boot] : boots()) {
        const auto [known, is_new] = node_names_.try_emplace(NodeId(boot.raft_id), name);
        // One data directory under two names: the name of its later start counts.
        if (!is_new && boot.number > boots().at(known->second).number) known->second = name;
    }
}

}  // namespace trivet
