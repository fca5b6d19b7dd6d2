#include "core/l2_plan.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "core/eligibility.hpp"
#include "core/placement.hpp"

namespace trivet {

namespace {

Placement nobody(std::string reason) { return {{}, {}, std::move(reason)}; }

bool is_candidate(const ClusterState& state, NodeId node, IpAddress address) {
    const lease::Plan::Entry* entry = state.lease_plan().find(address);
    return entry != nullptr && std::ranges::count(entry->list, node, &lease::Plan::Candidate::node);
}

L2Target target_of(const L2Rules& rules, const Node& node,
                   const std::vector<const VipRecord*>& holders) {
    L2Target target;
    const std::set<std::string> interfaces = rules.interfaces(node);
    target.interfaces.assign(interfaces.begin(), interfaces.end());
    for (const VipRecord* holder : holders)
        if (holder->vip.delivery == Delivery::bind) target.delivery = Delivery::bind;
    return target;
}

constexpr const char* fenced_reason = "it was fenced and was not admitted again yet";
constexpr const char* damped_reason =
    "it was fenced often lately: no VIP is moved to it until it has been quiet for some minutes";

std::string why_not_owner(const ClusterState& state, NodeId id) {
    if (state.leases().is_fenced(id)) return fenced_reason;
    return state.leases().is_damped(id, state.time()) ? damped_reason : "";
}

Placement placement_of(const ClusterState& state, IpAddress address,
                       const lease::Plan::Entry& entry) {
    Placement placement;
    const NodeId owner = state.lease_plan().owner(address);
    std::vector<std::string> fenced;
    for (const lease::Plan::Candidate& candidate : entry.list) {
        std::string name = state.node_name(candidate.node);
        if (candidate.node == owner)
            placement.owner = std::move(name);
        else if (state.leases().is_fenced(candidate.node))
            fenced.push_back(std::move(name));
        else
            placement.standbys.push_back(std::move(name));
    }
    if (owner == NodeId{})
        placement.reason = fmt::format(
            "every candidate ('{}') was fenced; the first that reaches the leader is admitted "
            "again",
            fmt::join(fenced, "', '"));
    return placement;
}

}  // namespace

const std::string& Placer::why_by_bgp_alone(const Pool& pool) {
    const auto [found, is_new] = by_bgp_alone_.try_emplace(pool.name);
    if (is_new) {
        const L2Rules rules(state_, pool);
        if (!rules.only_bgp().empty()) found->second = rules.only_bgp_reason();
    }
    return found->second;
}

Placement Placer::place(IpAddress address) {
    const Pool* pool = state_.pool_of(address);
    if (pool == nullptr) return nobody(address.to_string() + " is in no pool");
    if (state_.holders(address).empty()) return nobody("no VIP holds " + address.to_string());
    const lease::Plan::Entry* entry = state_.lease_plan().find(address);
    if (entry != nullptr) return placement_of(state_, address, *entry);
    if (const std::string& why = why_by_bgp_alone(*pool); !why.empty()) {
        Placement placement = nobody(why);
        placement.by_bgp_alone = true;
        return placement;
    }
    return nobody(Eligibility(state_).why_nobody(state_.placement_unit(address), address));
}

Placement place(const ClusterState& state, IpAddress address) {
    return Placer(state).place(address);
}

std::optional<L2Target> l2_target(const ClusterState& state, const std::string& node,
                                  IpAddress address) {
    const NodeId id = state.node_id(node);
    if (id == NodeId{} || !is_candidate(state, id, address)) return std::nullopt;
    return target_of(L2Rules(state, *state.pool_of(address)), state.nodes().at(node).object,
                     state.holders(address));
}

std::map<IpAddress, L2Target> l2_plan(const ClusterState& state, const std::string& node) {
    std::map<IpAddress, L2Target> plan;
    const NodeId id = state.node_id(node);
    if (id == NodeId{}) return plan;
    const Node& self = state.nodes().at(node).object;
    std::map<std::string, L2Rules> rules_of_pool;  // looked up once: there may be many VIPs
    for (const auto& [address, entry] : state.lease_plan().entries()) {
        if (!is_candidate(state, id, address)) continue;
        const Pool& pool = *state.pool_of(address);
        auto rules = rules_of_pool.find(pool.name);
        if (rules == rules_of_pool.end())
            rules = rules_of_pool.emplace(pool.name, L2Rules(state, pool)).first;
        plan.emplace(address, target_of(rules->second, self, state.holders(address)));
    }
    return plan;
}

std::optional<ReportedTrouble> trouble_of(const ClusterState& state, IpAddress address) {
    const TroubleTable::Reports* reports = state.troubles().find(address);
    if (reports == nullptr) return std::nullopt;
    const NodeId owner = state.lease_plan().owner(address);
    if (owner != NodeId{})
        if (const auto said = reports->find(state.node_name(owner)); said != reports->end())
            return ReportedTrouble{said->first, said->second};
    for (const auto& [node, trouble] : *reports)
        if (trouble.kind == TroubleKind::conflict && !state.leases().is_fenced(state.node_id(node)))
            return ReportedTrouble{node, trouble};
    return std::nullopt;
}

std::vector<Standing> explain(const ClusterState& state, IpAddress address) {
    std::vector<Standing> standings;
    if (state.pool_of(address) == nullptr || state.holders(address).empty()) return standings;
    const NodeId owner = state.lease_plan().owner(address);
    std::set<NodeId> listed;
    if (const lease::Plan::Entry* entry = state.lease_plan().find(address))
        for (const NodeId id : entry->nodes()) {
            listed.insert(id);
            standings.push_back({.node = state.node_name(id),
                                 .place = listed.size(),
                                 .is_owner = id == owner,
                                 .reason = why_not_owner(state, id)});
        }
    const Eligibility eligibility(state);
    const Eligibility::Unit unit = state.placement_unit(address);
    for (const auto& [name, stored] : state.nodes()) {
        const NodeId id = state.node_id(name);
        if (id != NodeId{} && listed.contains(id)) continue;
        const auto why = eligibility.why_not(unit, address, name);
        standings.push_back(
            {.node = name,
             .place = {},
             .is_owner = false,
             .reason = why.value_or(fmt::format("the list has {} candidates already, which is as "
                                                "many as there may be",
                                                placement::candidates_max))});
    }
    return standings;
}

}  // namespace trivet
