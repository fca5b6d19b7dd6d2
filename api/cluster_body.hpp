#pragma once
#include <chrono>
#include <string>

#include <nlohmann/json.hpp>

#include "api/cluster_view.hpp"
#include "core/result.hpp"

/// The bodies of the calls about the cluster itself. Strict: an unknown field is an error. No
/// message holds a token. Pure. Errors of all: invalid_argument, with field.
namespace trivet::api {

constexpr std::chrono::seconds invite_life_default{3600};
constexpr std::chrono::seconds invite_life_max{604'800};  // a week: beyond, invite again

/// "valid_for_s".
Result<std::chrono::seconds> read_invite(const nlohmann::json& body);
Result<JoinRequest> read_join(const nlohmann::json& body);
Result<AdmitRequest> read_admit(const nlohmann::json& body);
/// The node that is to lead; empty: the best one.
Result<std::string> read_transfer(const nlohmann::json& body);
/// Refuses unless the body says "yes", and tells then what it would do.
Result<void> read_recover(const nlohmann::json& body);
/// The path of a snapshot on this machine.
Result<std::string> read_restore(const nlohmann::json& body);

}  // namespace trivet::api
