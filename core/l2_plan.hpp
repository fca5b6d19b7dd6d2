#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/cluster_state.hpp"

namespace trivet {

/// What one node has to do for one address on layer 2.
struct L2Target {
    bool operator==(const L2Target&) const = default;
    std::vector<std::string> interfaces;  // empty: those whose subnet holds the address
    Delivery delivery = Delivery::none;
};

struct Placement {
    std::string owner;                  // empty: no node may announce it; `reason` says why
    std::vector<std::string> standbys;  // in order
    std::string reason;
};

/// Who announces `address`, by the committed state alone.
Placement place(const ClusterState& state, IpAddress address);

/// The target of `node` for `address`; nullopt when the node does not own it.
std::optional<L2Target> l2_target(const ClusterState& state, const std::string& node,
                                  IpAddress address);

/// The whole plan of `node`.
std::map<IpAddress, L2Target> l2_plan(const ClusterState& state, const std::string& node);

/// How a pool is announced: the l2 and bgp advertisements that select it, by name. Both empty:
/// layer 2 on every suitable interface (design section 6).
struct PoolAdvertisements {
    std::vector<std::string> l2;
    std::vector<std::string> bgp;
    bool announced_by_l2() const { return !l2.empty() || bgp.empty(); }
};
PoolAdvertisements advertisements_of(const ClusterState& state, const Pool& pool);

}  // namespace trivet
