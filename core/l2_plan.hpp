#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/cluster_state.hpp"
#include "core/l2_rules.hpp"

namespace trivet {

/// What one node has to do for one address on layer 2 while the lease lets it.
struct L2Target {
    bool operator==(const L2Target&) const = default;
    std::vector<std::string> interfaces;  // empty: those whose subnet holds the address
    Delivery delivery = Delivery::none;
};

struct Placement {
    std::string owner;                  // empty: no node may announce it; `reason` says why
    std::vector<std::string> standbys;  // in order; fenced nodes are none
    std::string reason;
    bool by_bgp_alone = false;  // there is no owner, and need be none
};

/// Who announces which address, by the committed state alone. Made once for many addresses: the
/// rules of a pool are read once. Lives while the state does not change.
class Placer {
public:
    explicit Placer(const ClusterState& state) : state_(state) {}
    Placement place(IpAddress address);

private:
    const std::string& why_by_bgp_alone(const Pool& pool);

    const ClusterState& state_;
    std::map<std::string, std::string> by_bgp_alone_;  // by pool: why; empty: it is not
};

/// The same for one address.
Placement place(const ClusterState& state, IpAddress address);

/// The target of `node` for `address`; nullopt when the node is no candidate.
std::optional<L2Target> l2_target(const ClusterState& state, const std::string& node,
                                  IpAddress address);

/// The whole plan of `node`: its target for every address that it is a candidate of.
std::map<IpAddress, L2Target> l2_plan(const ClusterState& state, const std::string& node);

/// What is wrong with an address, and who says so.
struct ReportedTrouble {
    std::string node;
    Trouble trouble;
};

/// By what its owner says, or else a node that sees a stranger use it. What a fenced node
/// said last does not count: it may have changed since.
std::optional<ReportedTrouble> trouble_of(const ClusterState& state, IpAddress address);

/// How a node stands to an address.
struct Standing {
    std::string node;
    std::optional<std::size_t> place;  // in the list, 1 is the first; nullopt: no candidate
    bool is_owner = false;
    std::string reason;  // why it is no candidate, or cannot own although it is one
};

/// Every registered node, candidates first.
std::vector<Standing> explain(const ClusterState& state, IpAddress address);

}  // namespace trivet
