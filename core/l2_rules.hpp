#pragma once
#include <set>
#include <string>
#include <vector>

#include "core/cluster_state.hpp"

/// Which advertisements select a pool, and what they ask of a node (design section 6).
namespace trivet {

/// How a pool is announced: the l2 and bgp advertisements that select it, by name. Both empty:
/// layer 2 on every suitable interface (design section 6).
struct PoolAdvertisements {
    std::vector<std::string> l2;
    std::vector<std::string> bgp;
    bool announced_by_l2() const { return !l2.empty() || bgp.empty(); }
};
PoolAdvertisements advertisements_of(const ClusterState& state, const Pool& pool);

/// The layer 2 advertisements of a pool, of one moment of the state.
class L2Rules {
public:
    L2Rules(const ClusterState& state, const Pool& pool);

    const Pool& pool() const { return *pool_; }
    /// The name of an advertisement, when BGP alone announces the pool; else empty.
    const std::string& only_bgp() const { return only_bgp_; }
    std::string only_bgp_reason() const;
    bool allow(const Node& node) const;
    /// On which interfaces; empty: on those whose subnet holds the address.
    std::set<std::string> interfaces(const Node& node) const;
    /// Whether the node can announce `address` on one of the interfaces that it told of.
    bool reach(const Node& node, IpAddress address) const;
    std::vector<std::string> names() const;

private:
    const Pool* pool_;
    std::vector<const L2Advertisement*> advertisements_;
    bool everywhere_ = false;  // there is no advertisement of any kind
    std::string only_bgp_;
};

}  // namespace trivet
