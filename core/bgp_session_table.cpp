#include "core/bgp_session_table.hpp"

#include <utility>

#include <nlohmann/json.hpp>

#include "core/field_reader.hpp"
#include "core/object_json.hpp"

namespace trivet {

using nlohmann::json;

namespace {

constexpr std::string_view prefix = "bgp-sessions/";

std::string row_key(const std::string& node) { return std::string(prefix) + node; }

}  // namespace

void BgpSessionTable::report(const std::string& node, BgpSessions sessions, Changed& changed) {
    if (of(node) == sessions) return;
    changed.insert(row_key(node));
    if (sessions.empty())
        all_.erase(node);
    else
        all_[node] = std::move(sessions);
}

void BgpSessionTable::forget(const std::string& node, Changed& changed) {
    report(node, {}, changed);
}

const BgpSessions& BgpSessionTable::of(const std::string& node) const {
    static const BgpSessions none;
    const auto found = all_.find(node);
    return found == all_.end() ? none : found->second;
}

std::optional<std::string> BgpSessionTable::row(const std::string& key) const {
    const auto found = all_.find(key.substr(prefix.size()));
    if (found == all_.end()) return std::nullopt;
    return json{{"established", found->second.established}, {"withdrawn", found->second.withdrawn}}
        .dump();
}

std::vector<std::string> BgpSessionTable::row_keys() const {
    std::vector<std::string> keys;
    for (const auto& [node, sessions] : all_) keys.push_back(row_key(node));
    return keys;
}

Result<void> BgpSessionTable::restore(const std::string& key, std::string_view row) {
    auto value = parse_json(row);
    if (!value) return fail(ErrorCode::corrupt, value.error().message);
    BgpSessions sessions;
    FieldReader reader(*value, "row");
    std::vector<std::string> established;
    reader.texts("established", established);
    reader.boolean("withdrawn", sessions.withdrawn);
    if (auto finished = reader.finish(); !finished)
        return fail(ErrorCode::corrupt, finished.error().message);
    sessions.established.insert(established.begin(), established.end());
    const std::string node = key.substr(prefix.size());
    if (node.empty()) return fail(ErrorCode::corrupt, "its key names no node");
    all_[node] = std::move(sessions);
    return {};
}

}  // namespace trivet
