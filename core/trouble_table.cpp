#include "core/trouble_table.hpp"

#include <utility>

#include <nlohmann/json.hpp>

#include "core/field_reader.hpp"
#include "core/object_json.hpp"

namespace trivet {

using nlohmann::json;

namespace {

std::string row_key(IpAddress address, const std::string& node) {
    return "trouble/" + address.to_string() + "/" + node;
}

struct RowName {
    IpAddress address;
    std::string node;
};

std::optional<RowName> parse_key(const std::string& key) {
    if (!TroubleTable::has_row(key)) return std::nullopt;
    const std::size_t first = key.find('/');
    const std::size_t second = key.find('/', first + 1);
    if (second == std::string::npos || second + 1 == key.size()) return std::nullopt;
    const auto address = IpAddress::parse(key.substr(first + 1, second - first - 1));
    if (!address) return std::nullopt;
    return RowName{*address, key.substr(second + 1)};
}

}  // namespace

std::string_view to_string(TroubleKind kind) {
    for (const auto& [word, value] : trouble_words)
        if (value == kind) return word;
    return "conflict";
}

std::optional<Trouble> TroubleTable::report(IpAddress address, const std::string& node,
                                            std::optional<Trouble> trouble, Changed& changed) {
    Reports& reports = all_[address];
    std::optional<Trouble> before;
    if (const auto found = reports.find(node); found != reports.end()) before = found->second;
    const bool is_same = before && trouble && before->tells_as(*trouble);
    if (!is_same && (before || trouble)) changed.insert(row_key(address, node));
    if (trouble && !is_same) {
        if (before && before->kind == trouble->kind) trouble->since = before->since;
        reports[node] = std::move(*trouble);
    }
    if (!trouble) reports.erase(node);
    if (reports.empty()) all_.erase(address);
    return before;
}

void TroubleTable::forget(IpAddress address, Changed& changed) {
    const auto found = all_.find(address);
    if (found == all_.end()) return;
    for (const auto& [node, trouble] : found->second) changed.insert(row_key(address, node));
    all_.erase(found);
}

void TroubleTable::forget_node(const std::string& node, Changed& changed) {
    for (auto entry = all_.begin(); entry != all_.end();) {
        if (entry->second.erase(node) != 0) changed.insert(row_key(entry->first, node));
        entry = entry->second.empty() ? all_.erase(entry) : std::next(entry);
    }
}

const TroubleTable::Reports* TroubleTable::find(IpAddress address) const {
    const auto found = all_.find(address);
    return found == all_.end() ? nullptr : &found->second;
}

std::optional<std::string> TroubleTable::row(const std::string& key) const {
    const auto name = parse_key(key);
    const Reports* reports = name ? find(name->address) : nullptr;
    if (reports == nullptr) return std::nullopt;
    const auto found = reports->find(name->node);
    if (found == reports->end()) return std::nullopt;
    const Trouble& trouble = found->second;
    json row{{"kind", to_string(trouble.kind)},
             {"message", trouble.message},
             {"since", trouble.since.time_since_epoch().count()}};
    if (trouble.mac) row["mac"] = trouble.mac->to_string();
    return row.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::vector<std::string> TroubleTable::row_keys() const {
    std::vector<std::string> keys;
    for (const auto& [address, reports] : all_)
        for (const auto& [node, trouble] : reports) keys.push_back(row_key(address, node));
    return keys;
}

Result<void> TroubleTable::restore(const std::string& key, std::string_view row) {
    const auto name = parse_key(key);
    if (!name) return fail(ErrorCode::corrupt, "its key names no address and node");
    auto value = parse_json(row);
    if (!value) return fail(ErrorCode::corrupt, value.error().message);
    Trouble trouble;
    std::uint64_t since = 0;
    std::string mac;
    FieldReader reader(*value, "row");
    reader.choice("kind", trouble.kind, trouble_words);
    reader.text("message", trouble.message);
    reader.text("mac", mac);
    reader.integer("since", since, std::uint64_t{0},
                   static_cast<std::uint64_t>(wall_time_max.time_since_epoch().count()));
    if (auto finished = reader.finish(); !finished)
        return fail(ErrorCode::corrupt, finished.error().message);
    if (!mac.empty()) {
        auto parsed = MacAddress::parse(mac);
        if (!parsed) return fail(ErrorCode::corrupt, parsed.error().message);
        trouble.mac = *parsed;
    }
    trouble.since = WallTime(std::chrono::milliseconds(since));
    all_[name->address][name->node] = std::move(trouble);
    return {};
}

}  // namespace trivet
