#include "cli/member_table.hpp"

#include <fmt/format.h>

#include "cli/nouns.hpp"

namespace trivet::cli {
namespace {

using nlohmann::json;

// A leader hears from every member many times a second; one that is silent for so long is away.
constexpr std::uint64_t away_after_ms = 1000;

std::optional<std::uint64_t> number_at(const json& object, const char* key) {
    const auto value = at_path(object, key);
    if (!value.is_number_unsigned()) return std::nullopt;
    return value.get<std::uint64_t>();
}

std::string ago_text(std::uint64_t milliseconds) {
    if (milliseconds < away_after_ms) return fmt::format("{} ms ago", milliseconds);
    if (milliseconds < 60'000) return fmt::format("{} s ago", milliseconds / 1000);
    return fmt::format("{} min ago", milliseconds / 60'000);
}

Cell reachable_cell(const json& cluster, const json& member) {
    if (text_at(member, "node") == text_at(cluster, "node")) return {"answers", Tone::good};
    const auto heard = number_at(member, "last_heard_ms");
    if (!heard) return {"-"};
    const bool away = *heard >= away_after_ms;
    return {(away ? "no, " : "yes, ") + ago_text(*heard), away ? Tone::bad : Tone::good};
}

/// How many entries it still lacks.
Cell lag_cell(const json& cluster, const json& member) {
    const auto commit = number_at(cluster, "commit_index");
    const auto match = number_at(member, "match_index");
    if (at_path(member, "lost_data") == true) return {"lost data", Tone::bad};
    if (!commit || !match) return {"-"};
    return {std::to_string(*commit > *match ? *commit - *match : 0)};
}

}  // namespace

std::string text_at(const json& object, const char* key) {
    const auto value = at_path(object, key);
    return value.is_string() ? value.get<std::string>() : std::string();
}

std::string role_text(const json& member) {
    return text_at(member, "role") + (at_path(member, "leader") == true ? ", leads" : "");
}

Table cluster_table(const json& cluster) {
    const auto text = [&](const char* key) { return brief(at_path(cluster, key)); };
    Table table({});
    table.add({{"cluster"},
               {at_path(cluster, "initialised") == false
                    ? "none yet; 'lbctl init' makes one, 'lbctl join' joins one"
                    : fmt::format("{}, revision {}", text("cluster_id"), text("revision"))}});
    if (at_path(cluster, "members").empty()) return table;
    const auto leader = text_at(cluster, "leader");
    const auto api = text_at(cluster, "leader_api");
    if (leader.empty()) {
        table.add({{"leader"}, {"none is known", Tone::bad}});
    } else {
        table.add({{"leader"}, {leader + (api.empty() ? "" : " (" + api + ")")}});
    }
    table.add({{"term"}, {text("term")}});
    table.add({{"commit"},
               {fmt::format("{}; {} has applied {}", text("commit_index"), text("node"),
                            text("applied_index"))}});
    return table;
}

Table health_table(const json& cluster) {
    Table table({"NODE", "ROLE", "REACHABLE", "LAG"});
    for (const auto& member : at_path(cluster, "members")) {
        table.add({{brief(at_path(member, "node"))},
                   {role_text(member)},
                   reachable_cell(cluster, member),
                   lag_cell(cluster, member)});
    }
    return table;
}

Table member_table(const json& cluster) {
    Table table({"NODE", "ROLE", "ADDRESS", "ID"});
    for (const auto& member : at_path(cluster, "members")) {
        table.add({{brief(at_path(member, "node"))},
                   {role_text(member)},
                   {brief(at_path(member, "address"))},
                   {brief(at_path(member, "id"))}});
    }
    return table;
}

}  // namespace trivet::cli
