#pragma once
#include <string>
#include <vector>

#include "core/cluster_state.hpp"

namespace trivet {

/// What is odd about a stored bgp-peer or bgp-advertisement, for people: what it names and does not
/// exist, and what of it therefore has no effect. Objects may come in any order, so none of this is
/// an error.
std::vector<std::string> bgp_remarks(const ClusterState& state, const ConfigObject& object);

/// Why no node announces `address` by BGP, although an advertisement selects its pool; empty when
/// one does (bgp_announcements()).
std::string why_not_by_bgp(const ClusterState& state, IpAddress address);

}  // namespace trivet
