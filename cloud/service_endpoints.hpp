#pragma once
#include <set>
#include <span>
#include <string>
#include <vector>

#include "cloud/kube_service.hpp"
#include "cloud/kube_slice.hpp"
#include "cloud/node_map.hpp"
#include "core/backend.hpp"

namespace trivet::cloud {

using Slices = std::span<const EndpointSlice* const>;  // of one Service

/// The name in a VIP's eligible_nodes that stands for "no node": an empty list means every node.
/// No machine has it.
inline constexpr const char* no_node = "no-node-has-a-ready-endpoint";

/// A VIP's eligible_nodes. Empty: every node. With externalTrafficPolicy Local the nodes that have
/// a ready endpoint (while there is none, those with one that still serves); without, all but the
/// excluded ones. Where no Kubernetes node runs Trivet, nothing can be said.
std::set<std::string> eligible_nodes(const Service& service, Slices slices, const NodeMap& nodes);

/// How many backends of either kind a VIP is given: a list that every node keeps must not grow with
/// the cluster. At least one node always is.
inline constexpr std::size_t backends_per_kind_max = 1000;
/// Nodes that pass traffic on are alike; some are enough (GKE's subsetting takes as many). Under
/// externalTrafficPolicy Local they are not.
inline constexpr std::size_t passing_nodes_max = 25;

/// A VIP's backends: both ways into the Service, sorted. Each node's address and nodePort (nodes
/// that are not excluded and, under Local, have an endpoint; whether they are ready is left to
/// who forwards, KEP-3458, so that no outage becomes a storm of writes), and each pod's address
/// and port. Where there are too many, those stay chosen that are.
std::vector<Backend> backends_of(const Service& service, Slices slices, const NodeMap& nodes);

}  // namespace trivet::cloud
