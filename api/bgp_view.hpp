#pragma once
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/bgp_policy.hpp"

/// How BGP routes are shown.
namespace trivet::api {

/// {"local_pref", "med", "prepend", "communities", ...}: what a route carries beyond the session's
/// own; fields that it does not have are left out.
nlohmann::json attributes_json(const BgpAttributes& attributes);
/// Who gives the address to whom: [{"node", "peer", "prefix", "announced", ...attributes}];
/// "announced": by what the node says of its session.
nlohmann::json announcements_json(const ClusterState& state, IpAddress address);
/// The same in sentences, node by node; or why nobody does.
std::vector<std::string> announcement_sentences(const ClusterState& state, IpAddress address);

}  // namespace trivet::api
