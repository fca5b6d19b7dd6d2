// Moving units that exist: the share of a node that joined, and rebalancing.
#include <algorithm>
#include <tuple>

#include "core/placement.hpp"

namespace trivet::placement {

namespace {

constexpr NodeId nobody{};

NodeId first_of(const std::vector<NodeId>& live, std::size_t place) {
    return live.size() > place ? live[place] : nobody;
}

bool is_in(const std::vector<NodeId>& list, NodeId node) {
    return std::ranges::find(list, node) != list.end();
}

/// The units of each owner, in classes that are alike in where they may go.
class Shares {
public:
    Shares(std::vector<Unit>& units, Balance& balance, const Hosts& hosts)
        : units_(units), balance_(balance), hosts_(hosts) {
        std::map<std::pair<std::vector<NodeId>, std::vector<NodeId>>, std::size_t> known;
        for (std::size_t i = 0; i < units_.size(); ++i) {
            const auto key = std::pair(units_[i].eligible, units_[i].preferred);
            const auto [at, is_new] = known.try_emplace(key, classes_.size());
            if (is_new) classes_.push_back({&units_[i].eligible, &units_[i].preferred});
            class_of_.push_back(at->second);
            ++classes_[at->second].units;
            note(i, true);
        }
    }

    /// Gives each of `nodes` units of those who carry more, until nobody does, or it has its share.
    void fill(const std::set<NodeId>& nodes, bool up_to_fair_share) {
        std::map<NodeId, std::uint64_t> room;
        for (const NodeId node : nodes)
            if (const auto host = hosts_.find(node); host != hosts_.end() && host->second.is_calm())
                room[node] = up_to_fair_share ? fair_share(node) : UINT64_MAX;
        while (true) {
            std::vector<NodeId> poorest_first;
            for (const auto& [node, limit] : room)
                if (balance_.owned(node) < limit) poorest_first.push_back(node);
            sort_by_load(poorest_first);
            const bool moved =
                std::ranges::any_of(poorest_first, [&](NodeId node) { return take_one(node); });
            if (!moved) return;
        }
    }

    /// Makes each of `nodes` the second of its fair part of every other node's units, so that these
    /// spread when their owner dies. No owner changes.
    void spread_seconds(const std::set<NodeId>& nodes) {
        for (const auto& [owner, buckets] : owned_)
            for (const NodeId node : nodes)
                if (node != owner && hosts_.contains(node) && hosts_.at(node).is_calm())
                    second_its_part(owner, node);
    }

private:
    struct Class {
        const std::vector<NodeId>* eligible;
        const std::vector<NodeId>* preferred;
        std::uint64_t units = 0;
    };
    using Bucket = std::pair<std::size_t, NodeId>;  // class, and who comes second

    std::vector<NodeId> live(std::size_t i) const { return live_of(units_[i].list, hosts_); }

    void note(std::size_t i, bool is_there) {
        const auto candidates = live(i);
        const NodeId owner = first_of(candidates, 0);
        if (owner == nobody) return;
        const Bucket bucket{class_of_[i], first_of(candidates, 1)};
        if (is_there) {
            owned_[owner][bucket].insert(i);
            return;
        }
        const auto found = owned_[owner].find(bucket);
        found->second.erase(i);
        if (found->second.empty()) owned_[owner].erase(found);
    }

    void sort_by_load(std::vector<NodeId>& nodes) const {
        std::ranges::sort(nodes, [&](NodeId a, NodeId b) {
            const Host& left = hosts_.at(a);
            const Host& right = hosts_.at(b);
            const std::uint64_t left_load = std::uint64_t{balance_.owned(a)} * right.weight;
            const std::uint64_t right_load = std::uint64_t{balance_.owned(b)} * left.weight;
            return std::tie(left_load, left.name) < std::tie(right_load, right.name);
        });
    }

    /// What a node would own if every unit that it may carry were shared by weight; rounded up.
    std::uint64_t fair_share(NodeId node) const {
        constexpr std::uint64_t parts = 1'000'000;  // of a unit: classes may each give a fraction
        std::uint64_t sum = 0;
        for (const Class& units : classes_) {
            if (!is_in(*units.eligible, node)) continue;
            std::uint64_t weights = 0;
            for (const NodeId other : *units.eligible)
                if (hosts_.at(other).is_calm()) weights += hosts_.at(other).weight;
            sum += units.units * parts * hosts_.at(node).weight / weights;
        }
        return (sum + parts - 1) / parts;
    }

    bool take_one(NodeId to) {
        std::vector<NodeId> richest_first;
        for (const auto& [owner, buckets] : owned_)
            if (owner != to) richest_first.push_back(owner);
        sort_by_load(richest_first);
        std::ranges::reverse(richest_first);
        for (const NodeId from : richest_first) {
            if (!is_lighter(balance_, hosts_, {to, from})) return false;
            if (const auto* members = movable(from, to)) {
                move(*members->begin(), to);
                return true;
            }
        }
        return false;
    }

    /// The units of `from` that may go to `to`: those that want to first, then those of the most
    /// frequent second, so that the seconds of what stays remain even.
    const std::set<std::size_t>* movable(NodeId from, NodeId to) const {
        const std::set<std::size_t>* best = nullptr;
        int best_wish = 0;
        for (const auto& [bucket, members] : owned_.at(from)) {
            const Class& units = classes_[bucket.first];
            if (!is_in(*units.eligible, to)) continue;
            const auto rank = [&](NodeId node) {
                return std::ranges::find(*units.preferred, node) - units.preferred->begin();
            };
            if (rank(to) > rank(from)) continue;  // it is where its user wants it
            const int wish = rank(to) < rank(from) ? 1 : 0;
            if (best == nullptr ||
                std::tuple(wish, members.size()) > std::tuple(best_wish, best->size())) {
                best = &members;
                best_wish = wish;
            }
        }
        return best;
    }

    void move(std::size_t i, NodeId to) {
        relist(i, [&](std::vector<NodeId>& list) { list.insert(list.begin(), to); }, to);
    }

    template <class Insert>
    void relist(std::size_t i, Insert insert, NodeId node) {
        note(i, false);
        balance_.remove(live(i));
        std::vector<NodeId>& list = units_[i].list;
        std::erase(list, node);
        insert(list);
        if (list.size() > candidates_max) list.pop_back();
        balance_.add(live(i));
        note(i, true);
    }

    void second_its_part(NodeId owner, NodeId node) {
        const std::uint64_t weight = hosts_.at(node).weight;
        std::map<NodeId, std::vector<std::size_t>> by_second;
        for (const auto& [bucket, members] : owned_.at(owner))
            if (const Class& units = classes_[bucket.first];
                units.preferred->empty() && bucket.second != nobody && is_in(*units.eligible, node))
                by_second[bucket.second].insert(by_second[bucket.second].end(), members.begin(),
                                                members.end());
        while (true) {
            NodeId richest = nobody;
            std::uint64_t richest_load = 0;
            std::uint64_t richest_weight = 1;
            for (const auto& [second, members] : by_second) {
                if (second == node || members.empty()) continue;
                const std::uint64_t load = balance_.follows(owner, second);
                const std::uint64_t second_weight = hosts_.at(second).weight;
                if (load * richest_weight <= richest_load * second_weight) continue;
                richest = second;
                richest_load = load;
                richest_weight = second_weight;
            }
            const std::uint64_t with_one_more = std::uint64_t{balance_.follows(owner, node)} + 1;
            if (richest == nobody || with_one_more * richest_weight >= richest_load * weight)
                return;
            const std::size_t i = by_second[richest].back();
            by_second[richest].pop_back();
            relist(
                i,
                [&](std::vector<NodeId>& list) {
                    list.insert(std::ranges::find(list, owner) + 1, node);
                },
                node);
        }
    }

    std::vector<Unit>& units_;
    Balance& balance_;
    const Hosts& hosts_;
    std::vector<Class> classes_;
    std::vector<std::size_t> class_of_;
    std::map<NodeId, std::map<Bucket, std::set<std::size_t>>> owned_;
};

}  // namespace

void share_out(std::vector<Unit>& units, Balance& balance, const Hosts& hosts, const Task& task) {
    Shares shares(units, balance, hosts);
    std::set<NodeId> all;
    for (const auto& [node, host] : hosts) all.insert(node);
    if (!task.joined.empty()) {
        shares.fill(task.joined, true);
        shares.spread_seconds(task.joined);
    }
    if (!task.rebalance) return;
    shares.fill(all, false);
    shares.spread_seconds(all);
}

}  // namespace trivet::placement
