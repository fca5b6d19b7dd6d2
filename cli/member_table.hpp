#pragma once
#include <string>

#include <nlohmann/json.hpp>

#include "cli/table.hpp"

/// What GET /v1/cluster says, for people. Pure.
namespace trivet::cli {

/// "voter, leads", ...
std::string role_text(const nlohmann::json& member);
/// Cluster, leader, term, commit.
Table cluster_table(const nlohmann::json& cluster);
/// The members with what the leader knows of them.
Table health_table(const nlohmann::json& cluster);
/// The members with their addresses and ids.
Table member_table(const nlohmann::json& cluster);
/// The text at a key; empty when there is none.
std::string text_at(const nlohmann::json& object, const char* key);

}  // namespace trivet::cli
