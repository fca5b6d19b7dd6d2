// Which lists a command touches, and what becomes of them (core/placement.hpp has the rules).
#include <algorithm>
#include <fmt/format.h>

#include "core/assert.hpp"
#include "core/cluster_state.hpp"
#include "core/eligibility.hpp"
#include "core/vip_rules.hpp"

namespace trivet {

namespace {

// Beyond that many, a command's moves are one event: nobody reads more, and they would push all
// others out of the log of events.
constexpr std::size_t moves_told_max = 100;

bool contains(const std::vector<IpAddress>& addresses, IpAddress address) {
    return std::ranges::find(addresses, address) != addresses.end();
}

/// The wishes of all holders, the oldest one's first, as far as these nodes may own the unit.
std::vector<NodeId> preferred_of(const ClusterState& state, const PlacementUnit& unit,
                                 const std::vector<NodeId>& eligible) {
    std::vector<NodeId> preferred;
    for (const VipRecord* holder : unit.holders)
        for (const std::string& name : holder->vip.preferred_nodes) {
            const NodeId node = state.node_id(name);
            if (std::ranges::find(eligible, node) != eligible.end() &&
                std::ranges::find(preferred, node) == preferred.end())
                preferred.push_back(node);
        }
    return preferred;
}

/// The address whose list the unit goes on with: when units are joined, that of the oldest VIP.
std::optional<IpAddress> listed_of(const ClusterState& state, const PlacementUnit& unit) {
    for (const VipRecord* holder : unit.holders)
        for (const IpAddress address : holder->assigned)
            if (state.lease_plan().find(address) != nullptr) return address;
    return std::nullopt;
}

}  // namespace

PlacementUnit ClusterState::placement_unit(IpAddress address) const {
    PlacementUnit unit;
    std::set<IpAddress> addresses{address};
    std::map<VipId, const VipRecord*> holders;
    std::vector<IpAddress> open{address};
    while (!open.empty()) {
        const IpAddress next = open.back();
        open.pop_back();
        for (const VipRecord* holder : this->holders(next)) {
            if (!holders.emplace(holder->created, holder).second) continue;
            for (const IpAddress other : holder->assigned)
                if (addresses.insert(other).second) open.push_back(other);
        }
    }
    unit.addresses.assign(addresses.begin(), addresses.end());
    for (const auto& [id, holder] : holders) unit.holders.push_back(holder);
    return unit;
}

void ClusterState::settle_lists(Change& change) {
    if (lists_are_due_) change.touch_all("an older version kept no lists");
    lists_are_due_ = false;
    if (change.touched_all) {
        for (const auto& [key, record] : vips_) change.touch(record.assigned);
        for (const auto& [address, entry] : lease_plan().entries()) change.touched.insert(address);
    }
    if (change.touched.empty()) return;
    arrange(regroup(change.touched), change);
    for (const IpAddress address : change.touched)
        if (allocator_.holders(address) == nullptr) {
            leases_.set_list(address, {}, LogIndex(change.index), change.leases);
            troubles_.forget(address, change.rows);
        }
}

/// Takes the units around `open` apart and gives those that the VIPs make of them now. They are not
/// in the balance.
std::vector<PlacementUnit> ClusterState::regroup(std::set<IpAddress> open) {
    std::vector<PlacementUnit> units;
    std::set<IpAddress> done;
    const auto dissolve = [&](IpAddress address) {
        const auto found = unit_of_.find(address);
        if (found == unit_of_.end()) return;
        const auto unit = units_.find(found->second);
        balance_.remove(live_list_of(unit->second));
        for (const IpAddress member : unit->second) {
            unit_of_.erase(member);
            open.insert(member);
        }
        units_.erase(unit);
    };
    while (!open.empty()) {
        const IpAddress address = *open.begin();
        open.erase(open.begin());
        if (done.contains(address)) continue;
        dissolve(address);
        done.insert(address);
        if (allocator_.holders(address) == nullptr) continue;
        PlacementUnit unit = placement_unit(address);
        for (const IpAddress member : unit.addresses) {
            dissolve(member);
            done.insert(member);
        }
        for (const IpAddress member : unit.addresses) unit_of_[member] = unit.addresses.front();
        units_[unit.addresses.front()] = unit.addresses;
        units.push_back(std::move(unit));
    }
    return units;
}

void ClusterState::arrange(const std::vector<PlacementUnit>& units, Change& change) {
    const placement::Hosts hosts = placement_hosts();
    const Eligibility eligibility(*this);
    std::vector<placement::Unit> arranged;
    std::vector<std::vector<IpAddress>> placed;
    std::set<NodeId> eligible;  // for any unit
    for (const PlacementUnit& unit : units) {
        Eligibility::Verdict verdict = eligibility.judge(unit);
        placement::Unit item;
        if (const auto listed = listed_of(*this, unit)) {
            item.list = lease_plan().find(*listed)->nodes();
            item.owner = lease_plan().owner(*listed);
        }
        item.preferred = preferred_of(*this, unit, verdict.nodes);
        item.eligible = std::move(verdict.nodes);
        eligible.insert(item.eligible.begin(), item.eligible.end());
        for (const VipRecord* holder : unit.holders) {
            const auto wish = change.wishes.find(key_of(holder->vip));
            if (wish != change.wishes.end() &&
                std::ranges::find(item.eligible, wish->second) != item.eligible.end())
                item.wanted = wish->second;
        }
        arranged.push_back(std::move(item));
        placed.push_back(std::move(verdict.placed));
    }
    placement::Task task{.joined = {}, .rebalance = change.rebalance};
    if (change.touched_all) {
        task.joined = change.joined;
        for (const NodeId node : eligible)
            if (lease_plan().find(node) == nullptr) task.joined.insert(node);
    }
    for (const NodeId node : eligible) leases_.introduce(node, change.leases);
    placement::arrange(arranged, balance_, hosts, task);
    std::vector<Move> moves;
    for (std::size_t i = 0; i < units.size(); ++i) {
        const auto live = placement::live_of(arranged[i].list, hosts);
        const NodeId owner = live.empty() ? NodeId{} : live.front();
        for (const VipRecord* holder : units[i].holders) note_move(*holder, owner, moves);
        for (const IpAddress address : units[i].addresses)
            leases_.set_list(
                address, contains(placed[i], address) ? arranged[i].list : std::vector<NodeId>{},
                LogIndex(change.index), change.leases);
    }
    report(moves, change.cause.empty() ? "it changed" : change.cause, change);
}

placement::Hosts ClusterState::placement_hosts() const {
    placement::Hosts hosts;
    for (const auto& [name, stored] : nodes_) {
        const NodeId id = node_id(name);
        if (id == NodeId{} || stored.object.drained || stored.object.facts.witness) continue;
        hosts[id] = {.name = name,
                     .weight = stored.object.facts.weight,
                     .is_fenced = leases_.is_fenced(id),
                     .is_damped = leases_.is_damped(id, time_)};
    }
    return hosts;
}

// ---- units and their balance --------------------------------------------------------------------

/// All of a unit's addresses that have a list have this one; null: nobody may own the unit.
const lease::Plan::Entry* ClusterState::entry_of(const std::vector<IpAddress>& unit) const {
    for (const IpAddress address : unit)
        if (const lease::Plan::Entry* entry = lease_plan().find(address)) return entry;
    return nullptr;
}

std::vector<NodeId> ClusterState::live_list_of(const std::vector<IpAddress>& unit) const {
    std::vector<NodeId> live;
    if (const lease::Plan::Entry* entry = entry_of(unit))
        for (const lease::Plan::Candidate& candidate : entry->list)
            if (!leases_.is_fenced(candidate.node)) live.push_back(candidate.node);
    return live;
}

NodeId ClusterState::owner_of(const std::vector<IpAddress>& unit) const {
    if (const lease::Plan::Entry* entry = entry_of(unit))
        for (const lease::Plan::Candidate& candidate : entry->list)
            if (!leases_.is_fenced(candidate.node)) return candidate.node;
    return {};
}

void ClusterState::build_units() {
    std::set<IpAddress> held;
    for (const auto& [key, record] : vips_)
        held.insert(record.assigned.begin(), record.assigned.end());
    units_.clear();
    unit_of_.clear();
    regroup(std::move(held));
}

void ClusterState::build_balance() {
    balance_ = {};
    for (const auto& [first, unit] : units_) balance_.add(live_list_of(unit));
}

// ---- moves --------------------------------------------------------------------------------------

void ClusterState::note_move(const VipRecord& vip, NodeId to, std::vector<Move>& moves) const {
    for (const IpAddress address : vip.assigned) {
        if (lease_plan().find(address) == nullptr) continue;  // no owner before: it is new
        const NodeId from = lease_plan().owner(address);
        if (from != to) moves.push_back({key_of(vip.vip), from, to});
        return;
    }
}

std::map<IpAddress, NodeId> ClusterState::owners_around(NodeId node) const {
    std::map<IpAddress, NodeId> owners;
    for (const auto& [first, unit] : units_)
        if (const NodeId owner = owner_of(unit); owner == node || owner == NodeId{})
            owners[first] = owner;
    return owners;
}

void ClusterState::report_changes(const std::map<IpAddress, NodeId>& owners_before,
                                  const std::string& cause, Change& change) {
    std::vector<Move> moves;
    for (const auto& [first, from] : owners_before) {
        const std::vector<IpAddress>& unit = units_.at(first);
        const NodeId to = owner_of(unit);
        if (to == NodeId{}) change.touch(unit);  // there may be a node that is in no list
        if (from == to) continue;
        for (const VipRecord* holder : placement_unit(first).holders)
            moves.push_back({key_of(holder->vip), from, to});
    }
    if (change.cause.empty()) change.cause = cause;
    report(moves, cause, change);
}

void ClusterState::report(const std::vector<Move>& moves, const std::string& cause,
                          Change& change) const {
    if (moves.size() > moves_told_max) {
        change.event("vips_moved", "cluster",
                     fmt::format("{} VIPs have another owner: {}", moves.size(), cause));
        return;
    }
    for (const Move& move : moves) {
        const std::string vip = move.vip.name_space + "/" + move.vip.name;
        const std::string text =
            move.to == NodeId{}
                ? fmt::format("VIP '{}' lost its owner, node '{}'", vip, node_name(move.from))
            : move.from == NodeId{}
                ? fmt::format("VIP '{}' is owned by node '{}' now", vip, node_name(move.to))
                : fmt::format("VIP '{}' moved from node '{}' to node '{}'", vip,
                              node_name(move.from), node_name(move.to));
        change.event("vip_moved", move.vip.to_string(), fmt::format("{}: {}", text, cause));
    }
}

}  // namespace trivet
