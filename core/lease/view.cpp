#include "core/lease/view.hpp"

#include <algorithm>

namespace trivet::lease {

const View::Node* View::find(NodeId id) const {
    const auto found = std::ranges::lower_bound(nodes, id, {}, &Node::id);
    return found != nodes.end() && found->id == id ? &*found : nullptr;
}

bool View::means_the_same(const View& other) const {
    return self == other.self && profile == other.profile && nodes == other.nodes &&
           configuration == other.configuration &&
           configuration_before == other.configuration_before && voters == other.voters &&
           rights == other.rights;
}

std::optional<Right> GroupTable::right_of(const Plan& plan, NodeId self, IpAddress address) {
    const Plan::Entry* entry = plan.find(address);
    if (entry == nullptr) return std::nullopt;
    Right right;
    for (const Plan::Candidate& candidate : entry->list) {
        if (candidate.node != self) {
            // H2: every candidate before it, fenced.
            const Epoch epoch = plan.find(candidate.node)->epoch;
            right.needs.push_back({.node = candidate.node,
                                   .key = {Epoch(epoch.value() + 1), LogIndex{}},
                                   .is_fence = true});
            continue;
        }
        for (const auto& [node, key] : candidate.after) {  // H2
            const auto same = std::ranges::find(right.needs, node, &Need::node);
            if (same == right.needs.end())
                right.needs.push_back({.node = node, .key = key, .is_fence = false});
            else
                same->key = std::max(same->key, key);
        }
        std::ranges::sort(right.needs);
        return right;
    }
    return std::nullopt;  // not a candidate
}

void GroupTable::settle(const Plan& plan) {
    for (const auto& [id, node] : plan.nodes()) settled_[id] = {node.epoch, node.generation};
}

void GroupTable::round_up(Right& right) const {
    for (Need& need : right.needs) {
        if (need.is_fence) continue;
        const auto settled = settled_.find(need.node);
        if (settled != settled_.end()) need.key = std::max(need.key, settled->second);
    }
}

GroupTable::Changes GroupTable::update(const Plan& plan,
                                       const std::optional<std::vector<IpAddress>>& touched,
                                       const Hold& hold, View& view) {
    Changes changes;
    const auto bring_in_step = [&](IpAddress address) {
        auto right = right_of(plan, self_, address);
        const auto known = group_of_.find(address);
        // Not a candidate: it is nobody's here, and its traffic stays out.
        if (right) {
            right->hold = hold(address);
            round_up(*right);
        }
        const bool is_planned = plan.find(address) != nullptr;
        const Group before = known == group_of_.end() ? 0 : known->second;
        const Group group = right ? enter(std::move(*right)) : 0;
        if (right && group == 0) changes.without_group.push_back(address);
        if (before != 0) leave(before);
        if (!is_planned) {
            if (known == group_of_.end()) return;
            group_of_.erase(known);
            changes.erased.push_back(address);
        } else if (known == group_of_.end() || before != group) {
            group_of_[address] = group;
            changes.set.emplace_back(address, group);
        }
    };
    if (touched) {
        for (const IpAddress address : *touched) bring_in_step(address);
    } else {
        std::vector<IpAddress> gone;
        for (const auto& [address, group] : group_of_)
            if (plan.find(address) == nullptr) gone.push_back(address);
        for (const IpAddress address : gone) bring_in_step(address);
        for (const auto& [address, entry] : plan.entries()) bring_in_step(address);
    }
    view.self = self_;
    view.nodes.clear();
    for (const auto& [id, node] : plan.nodes())
        view.nodes.push_back({id, node.epoch, node.generation, node.fence});
    view.rights.clear();
    for (const auto& [group, use] : by_group_) view.rights.push_back({group, use->first});
    return changes;
}

Group GroupTable::enter(Right right) {
    const auto [it, is_new] = rights_.try_emplace(std::move(right));
    ++it->second.addresses;
    if (!is_new) return it->second.group;
    if (next_ <= groups_max) {
        it->second.group = next_++;
    } else if (free_.empty()) {
        rights_.erase(it);
        return 0;
    } else {
        it->second.group = free_.front();
        free_.pop_front();
    }
    by_group_[it->second.group] = it;
    return it->second.group;
}

void GroupTable::leave(Group group) {
    const auto found = by_group_.find(group);
    if (--found->second->second.addresses != 0) return;
    rights_.erase(found->second);
    by_group_.erase(found);
    free_.push_back(group);
}

}  // namespace trivet::lease
