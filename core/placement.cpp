#include "core/placement.hpp"

#include <algorithm>
#include <tuple>

#include "core/assert.hpp"

namespace trivet::placement {

namespace {

constexpr NodeId nobody{};

bool contains(const std::vector<NodeId>& list, NodeId node) {
    return std::ranges::find(list, node) != list.end();
}

std::pair<NodeId, NodeId> unordered(NodeId a, NodeId b) { return std::minmax(a, b); }

std::uint32_t count_in(const std::map<NodeId, std::uint32_t>& counts, NodeId node) {
    const auto found = counts.find(node);
    return found == counts.end() ? 0 : found->second;
}

template <class Map>
std::uint32_t count_in(const Map& map, const typename Map::key_type& key, NodeId node) {
    const auto found = map.find(key);
    return found == map.end() ? 0 : count_in(found->second, node);
}

void change(std::map<NodeId, std::uint32_t>& counts, NodeId node, bool more) {
    if (more) {
        ++counts[node];
        return;
    }
    const auto found = counts.find(node);
    TRIVET_ASSERT(found != counts.end());
    if (--found->second == 0) counts.erase(found);
}

void put_first(std::vector<NodeId>& list, NodeId node) {
    std::erase(list, node);
    list.insert(list.begin(), node);
    if (list.size() > candidates_max) list.pop_back();
}

/// Makes and completes lists against a balance that the unit at hand is not in.
class Arranger {
public:
    Arranger(const Balance& balance, const Hosts& hosts) : balance_(balance), hosts_(hosts) {}

    /// Appends those who are eligible and not in the list: the calm ones where they even things
    /// out, then those that flap, then the fenced ones, which would have to be admitted first.
    void extend(Unit& unit) const {
        if (unit.list.size() >= candidates_max) return;
        std::vector<NodeId> calm;
        std::vector<NodeId> damped;
        std::vector<NodeId> fenced;
        for (const NodeId node : unit.eligible) {
            if (contains(unit.list, node)) continue;
            const Host& host = hosts_.at(node);
            (host.is_calm() ? calm : host.is_live() ? damped : fenced).push_back(node);
        }
        const auto append = [&](NodeId node) {
            if (unit.list.size() < candidates_max) unit.list.push_back(node);
        };
        if (unit.list.empty())
            for (const NodeId node : unit.preferred)
                if (std::erase(calm, node) != 0) append(node);
        std::vector<NodeId> live = live_of(unit.list, hosts_);
        while (!calm.empty() && unit.list.size() < candidates_max) {
            const NodeId node = next_after(live, calm);
            std::erase(calm, node);
            append(node);
            live.push_back(node);
        }
        std::ranges::for_each(damped, append);
        std::ranges::for_each(fenced, append);
    }

    /// A new first one for a unit that has lost its owner, or that nobody in its list can own.
    void choose_owner(Unit& unit) const {
        for (const NodeId node : unit.preferred)
            if (hosts_.at(node).is_calm()) return put_first(unit.list, node);
        std::vector<NodeId> fit;
        for (const NodeId node : unit.eligible)
            if (hosts_.at(node).is_calm()) fit.push_back(node);
        if (fit.empty())
            for (const NodeId node : unit.eligible)
                if (hosts_.at(node).is_live()) fit.push_back(node);
        if (!fit.empty()) put_first(unit.list, next_after({}, fit));
    }

private:
    /// Who of `fit`, which is by name, evens out best what follows `live`.
    NodeId next_after(const std::vector<NodeId>& live, const std::vector<NodeId>& fit) const {
        if (live.size() >= 3) {  // further losses at once are rare: simply in turn
            const std::string& last = hosts_.at(live.back()).name;
            const auto next =
                std::ranges::find_if(fit, [&](NodeId node) { return hosts_.at(node).name > last; });
            return next == fit.end() ? fit.front() : *next;
        }
        NodeId best = nobody;
        for (const NodeId node : fit)
            if (best == nobody || is_better(live, node, best)) best = node;
        return best;
    }

    bool is_better(const std::vector<NodeId>& live, NodeId node, NodeId best) const {
        // By weight, with this one added: a / w < b / v as a * v < b * w.
        const std::uint64_t node_load = std::uint64_t{load(live, node)} + 1;
        const std::uint64_t best_load = std::uint64_t{load(live, best)} + 1;
        const std::uint64_t left = node_load * hosts_.at(best).weight;
        const std::uint64_t right = best_load * hosts_.at(node).weight;
        const std::size_t place = live.size() + 1;
        return std::tuple(left, balance_.at_place(place, node)) <
               std::tuple(right, balance_.at_place(place, best));
    }

    std::uint32_t load(const std::vector<NodeId>& live, NodeId node) const {
        if (live.empty()) return balance_.owned(node);
        if (live.size() == 1) return balance_.follows(live[0], node);
        return balance_.follows({live[0], live[1]}, node);
    }

    const Balance& balance_;
    const Hosts& hosts_;
};

}  // namespace

std::uint32_t Balance::owned(NodeId node) const { return count_in(at_place_[0], node); }

std::uint32_t Balance::follows(NodeId owner, NodeId second) const {
    return count_in(seconds_, owner, second);
}

std::uint32_t Balance::follows(std::pair<NodeId, NodeId> first_two, NodeId third) const {
    return count_in(thirds_, unordered(first_two.first, first_two.second), third);
}

std::uint32_t Balance::at_place(std::size_t place, NodeId node) const {
    TRIVET_ASSERT(place >= 1 && place <= places);
    return count_in(at_place_[place - 1], node);
}

void Balance::count(const std::vector<NodeId>& live, bool more) {
    for (std::size_t i = 0; i < std::min(live.size(), places); ++i)
        change(at_place_[i], live[i], more);
    if (live.size() >= 2) {
        change(seconds_[live[0]], live[1], more);
        if (seconds_[live[0]].empty()) seconds_.erase(live[0]);
    }
    if (live.size() >= 3) {
        const auto first_two = unordered(live[0], live[1]);
        change(thirds_[first_two], live[2], more);
        if (thirds_[first_two].empty()) thirds_.erase(first_two);
    }
}

std::vector<NodeId> live_of(const std::vector<NodeId>& list, const Hosts& hosts) {
    std::vector<NodeId> live;
    for (const NodeId node : list)
        if (hosts.at(node).is_live()) live.push_back(node);
    return live;
}

void arrange(std::vector<Unit>& units, Balance& balance, const Hosts& hosts, const Task& task) {
    const Arranger arranger(balance, hosts);
    std::vector<Unit*> ownerless;  // served last, when it is known what everybody else carries
    for (Unit& unit : units) {
        std::erase_if(unit.list, [&](NodeId node) { return !contains(unit.eligible, node); });
        const bool lost_owner = unit.owner != nobody && !contains(unit.list, unit.owner);
        if (unit.wanted != nobody)
            put_first(unit.list, unit.wanted);
        else if (lost_owner || live_of(unit.list, hosts).empty()) {
            ownerless.push_back(&unit);
            continue;
        }
        arranger.extend(unit);
        balance.add(live_of(unit.list, hosts));
    }
    for (Unit* unit : ownerless) {
        // A list that is made anew is extend()'s; one with members has a new one put first.
        if (!unit->list.empty()) arranger.choose_owner(*unit);
        arranger.extend(*unit);
        balance.add(live_of(unit->list, hosts));
    }
    if (!task.joined.empty() || task.rebalance) share_out(units, balance, hosts, task);
}

bool is_lighter(const Balance& balance, const Hosts& hosts, std::pair<NodeId, NodeId> to_from) {
    const auto [to, from] = to_from;
    return (std::uint64_t{balance.owned(to)} + 1) * hosts.at(from).weight <
           std::uint64_t{balance.owned(from)} * hosts.at(to).weight;
}

}  // namespace trivet::placement
