#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/ids.hpp"

/// Which node comes where in the lists of candidates (docs/internals/placement.md). Pure rules:
/// integers and ordered containers alone, so that every node comes to the same.
namespace trivet::placement {

/// How long a list may be. A VIP is lost only when all of them are; a list costs a wait per pair of
/// candidates in the state, so that it must not grow with the cluster.
inline constexpr std::size_t candidates_max = 8;

struct Host {
    std::string name;
    std::uint32_t weight = 1;
    bool is_fenced = false;
    bool is_damped = false;  // it flaps: no VIP is moved to it

    bool is_live() const { return !is_fenced; }
    bool is_calm() const { return !is_fenced && !is_damped; }
};
using Hosts = std::map<NodeId, Host>;

/// Addresses that stay together, so that they have one list.
struct Unit {
    std::vector<NodeId> list;       // of before, then of now
    std::vector<NodeId> eligible;   // by name; all of them are hosts
    std::vector<NodeId> preferred;  // among the eligible, the most wanted first
    NodeId owner;                   // of before; 0: nobody
    NodeId wanted;                  // moved there by hand; 0: no wish
};

/// How many units each node owns, and who would follow it. A value type, kept beside the lists so
/// that one list costs no look at all the others.
class Balance {
public:
    /// `live`: the candidates of a unit that are not fenced, in order.
    void add(const std::vector<NodeId>& live) { count(live, true); }
    void remove(const std::vector<NodeId>& live) { count(live, false); }

    std::uint32_t owned(NodeId node) const;
    /// Units of `owner` that `second` would own next.
    std::uint32_t follows(NodeId owner, NodeId second) const;
    /// Units that `third` would own next if both of the others, in whatever order, were gone.
    std::uint32_t follows(std::pair<NodeId, NodeId> first_two, NodeId third) const;
    /// Units in which the node stands in place 1 (owner), 2 or 3.
    std::uint32_t at_place(std::size_t place, NodeId node) const;

    friend bool operator==(const Balance&, const Balance&) = default;

private:
    using Counts = std::map<NodeId, std::uint32_t>;
    void count(const std::vector<NodeId>& live, bool more);

    static constexpr std::size_t places = 3;  // that are kept even
    Counts at_place_[places];
    std::map<NodeId, Counts> seconds_;
    std::map<std::pair<NodeId, NodeId>, Counts> thirds_;
};

struct Task {
    std::set<NodeId> joined;  // get their fair share
    bool rebalance = false;   // everybody does
};

std::vector<NodeId> live_of(const std::vector<NodeId>& list, const Hosts& hosts);

/// Gives each unit its new list. `balance` is that of all other units, and gets these.
void arrange(std::vector<Unit>& units, Balance& balance, const Hosts& hosts, const Task& task);

/// The second half of arrange(), for units that are in the balance: moves what the task asks for.
void share_out(std::vector<Unit>& units, Balance& balance, const Hosts& hosts, const Task& task);

/// Whether `to` would carry less with one more than `from` does now, each by its weight.
bool is_lighter(const Balance& balance, const Hosts& hosts, std::pair<NodeId, NodeId> to_from);

}  // namespace trivet::placement
