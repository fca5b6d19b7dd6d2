#pragma once
#include <string_view>

#include <nlohmann/json.hpp>

#include "api/cluster_view.hpp"
#include "core/result.hpp"

/// The consensus group as the API shows it. Pure.
namespace trivet::api {

/// What is not known is left out.
nlohmann::json member_json(const MemberView& member);
/// Of the node that answers: "voter", "agent", or "none" before init and join.
std::string_view role_of_answerer(const ClusterView& view);
/// Why a node without the cluster's state cannot answer: conflict, it belongs to no cluster;
/// unavailable, it has joined one and waits for the state.
Error why_without_state(const ClusterView& view);

}  // namespace trivet::api
