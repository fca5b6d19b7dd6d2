#pragma once
#include <set>

#include "core/cluster_state.hpp"

/// BGP objects that cannot hold at the same time (docs/adr/0009-bgp-policy.md):
/// - two bgp-advertisements that give one prefix to one peer with different local_pref, med or
///   prepend;
/// - two bgp-peers with the same neighbour on one node;
/// - two communities that give one alias different values.
/// What is known of nodes and VIPs counts; what they become later is settled by bgp_policy.
namespace trivet {

/// Whether `candidate` may become part of the state, in the place of what it replaces.
/// Errors: conflict, naming both objects and the field.
Result<void> check_bgp_conflicts(const ClusterState& state, const Object& candidate);
/// The same for objects that are part of it already; those that do not exist are passed over.
Result<void> check_bgp_conflicts(const ClusterState& state, const std::set<ObjectKey>& changed);

}  // namespace trivet
