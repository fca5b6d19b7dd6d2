#pragma once
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/bgp_runtime.hpp"

/// BGP on the node that answers, as REST shows it. Pure.
namespace trivet::api {

nlohmann::json bgp_session_json(const BgpSessionRuntime& session);
/// Of one bgp-peer on the node that answers: `sessions`, and the worst `state` of them.
nlohmann::json bgp_peer_status(const std::string& node, const std::string& peer,
                               const std::vector<BgpSessionRuntime>& sessions);
nlohmann::json bgp_route_json(const BgpRouteRuntime& route);

}  // namespace trivet::api
