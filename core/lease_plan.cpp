#include "core/lease_plan.hpp"

#include <algorithm>
#include <set>

#include "core/assert.hpp"

namespace trivet::lease {

namespace {

constexpr NodeId nobody{};

/// Where a node stands in a list; the list's length when it does not.
std::size_t place_of(NodeId node, const std::vector<Plan::Candidate>& list) {
    const auto found = std::ranges::find(list, node, &Plan::Candidate::node);
    return static_cast<std::size_t>(found - list.begin());
}

}  // namespace

std::vector<NodeId> Plan::Entry::nodes() const {
    std::vector<NodeId> nodes;
    for (const Candidate& candidate : list) nodes.push_back(candidate.node);
    return nodes;
}

bool Plan::set_list(IpAddress address, const std::vector<NodeId>& list, LogIndex index) {
    return change_list(address, list, index, nobody);
}

bool Plan::change_list(IpAddress address, const std::vector<NodeId>& list, LogIndex index,
                       NodeId admitted) {
    const auto found = entries_.find(address);
    const Entry old = found == entries_.end() ? Entry{} : found->second;
    if (old.nodes() == list && admitted == nobody) return false;

    // P2: what is in neither list any more was gathered here, also across a deletion.
    Keys past = old.past;
    if (found == entries_.end())
        for (const auto& [id, node] : nodes_)
            if (node.past != Key{}) past[id] = node.past;

    Entry entry;
    for (const NodeId id : list) {
        TRIVET_ASSERT(std::ranges::count(list, id) == 1);
        Candidate candidate{.node = id, .after = past};
        const std::size_t place = place_of(id, old.list);
        const bool was_there = place < old.list.size() && id != admitted;  // with the same epoch
        if (was_there) candidate.after = old.list[place].after;
        candidate.after.erase(id);
        for (std::size_t i = 0; i < old.list.size(); ++i) {
            const NodeId other = old.list[i].node;
            const bool stood_ahead = was_there && place < i;
            if (other != id && !stood_ahead)
                candidate.after[other] = before(other, index, admitted);  // P2
        }
        entry.list.push_back(std::move(candidate));
    }
    for (const Candidate& candidate : old.list)
        past[candidate.node] = before(candidate.node, index, admitted);  // P2
    entry.past = std::move(past);

    for (const Candidate& candidate : old.list) nodes_[candidate.node].generation = index;  // P2
    for (const NodeId id : list) nodes_.try_emplace(id);
    if (!list.empty()) {
        entries_[address] = std::move(entry);
        return true;
    }
    // P2: `past` outlives the deletion. It is kept with the nodes, for every address alike: then a
    // new list may wait for more than it must, but the state does not grow with each address.
    for (const auto& [id, key] : entry.past) nodes_[id].past = std::max(nodes_[id].past, key);
    if (found != entries_.end()) entries_.erase(found);
    return true;
}

Key Plan::before(NodeId node, LogIndex index, NodeId admitted) const {
    const Epoch now = nodes_.at(node).epoch;
    return {node == admitted ? Epoch(now.value() - 1) : now, index};
}

bool Plan::record_fence(NodeId node, Epoch epoch) {
    const auto found = nodes_.find(node);
    if (found == nodes_.end() || epoch > found->second.epoch || epoch <= found->second.fence)
        return false;
    found->second.fence = epoch;
    return true;
}

bool Plan::admit(NodeId node, Epoch seen, LogIndex index, std::vector<IpAddress>& changed) {
    const auto found = nodes_.find(node);
    if (found == nodes_.end() || found->second.epoch != seen) return false;  // P3
    found->second.epoch = Epoch(seen.value() + 1);
    for (const auto& [address, entry] : entries_)
        if (place_of(node, entry.list) < entry.list.size()) changed.push_back(address);
    for (const IpAddress address : changed) {
        std::vector<NodeId> list = entries_.at(address).nodes();
        std::erase(list, node);
        list.push_back(node);  // P3: at the end; it does not fail back by itself
        change_list(address, list, index, node);
    }
    return true;
}

const Plan::Node* Plan::find(NodeId node) const {
    const auto found = nodes_.find(node);
    return found == nodes_.end() ? nullptr : &found->second;
}

const Plan::Entry* Plan::find(IpAddress address) const {
    const auto found = entries_.find(address);
    return found == entries_.end() ? nullptr : &found->second;
}

NodeId Plan::owner(IpAddress address) const {
    const Entry* entry = find(address);
    if (entry == nullptr) return nobody;
    for (const Candidate& candidate : entry->list)
        if (!nodes_.at(candidate.node).is_fenced()) return candidate.node;
    return nobody;
}

}  // namespace trivet::lease
