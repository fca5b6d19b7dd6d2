#include "core/object_json.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "core/config_fields.hpp"
#include "core/field_reader.hpp"
#include "core/vip_rules.hpp"

namespace trivet {

namespace {

using nlohmann::json;

constexpr std::array policy_words = {std::pair{"single", IpFamilyPolicy::single},
                                     std::pair{"prefer_dual", IpFamilyPolicy::prefer_dual},
                                     std::pair{"require_dual", IpFamilyPolicy::require_dual}};
constexpr std::array traffic_words = {std::pair{"cluster", TrafficPolicy::cluster},
                                      std::pair{"local", TrafficPolicy::local}};
constexpr std::array delivery_words = {std::pair{"none", Delivery::none},
                                       std::pair{"bind", Delivery::bind}};
constexpr std::array quorum_words = {std::pair{"withdraw", OnQuorumLoss::withdraw},
                                     std::pair{"hold", OnQuorumLoss::hold}};
constexpr std::array family_words = {std::pair{"ipv4", IpFamily::ipv4},
                                     std::pair{"ipv6", IpFamily::ipv6}};

template <class Table, class Value>
std::string_view word_of(const Table& table, Value value) {
    for (const auto& [word, known] : table)
        if (known == value) return word;
    return table.front().first;
}

Result<void> must_be_text(const json& item, const std::string& path, std::string_view wanted) {
    if (item.is_string()) return {};
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' must be {}, not {}", path, wanted, type_of(item)));
}

void read_ranges(FieldReader& reader, std::vector<AddressRange>& out) {
    reader.list("addresses", [&](const json& item, const std::string& path) -> Result<void> {
        if (auto text = must_be_text(item, path, "a string like \"192.0.2.0/24\""); !text)
            return text;
        auto range = AddressRange::parse(item.get_ref<const std::string&>());
        if (!range) return fail(range.error());
        out.push_back(*range);
        return {};
    });
}

void read_wanted(FieldReader& reader, std::vector<IpAddress>& out) {
    reader.list("addresses", [&](const json& item, const std::string& path) -> Result<void> {
        if (auto text = must_be_text(item, path, "a string like \"192.0.2.10\""); !text)
            return text;
        auto address = IpAddress::parse(item.get_ref<const std::string&>());
        if (!address) return fail(address.error());
        out.push_back(*address);
        return {};
    });
}

void read_families(FieldReader& reader, std::vector<IpFamily>& out) {
    reader.list("ip_families", [&](const json& item, const std::string& path) -> Result<void> {
        for (const auto& [word, family] : family_words)
            if (item.is_string() && item.get_ref<const std::string&>() == word) {
                out.push_back(family);
                return {};
            }
        return fail(ErrorCode::invalid_argument,
                    fmt::format("'{}' must be \"ipv4\" or \"ipv6\"", path));
    });
}

void read_ports(FieldReader& reader, std::vector<Port>& out) {
    reader.list("ports", [&](const json& item, const std::string& path) -> Result<void> {
        auto port = read_port(item, path);
        if (!port) return fail(port.error());
        out.push_back(*port);
        return {};
    });
}

void read_spec(FieldReader& reader, Pool& pool) {
    read_ranges(reader, pool.addresses);
    reader.boolean("auto_assign", pool.auto_assign);
    reader.boolean("avoid_buggy_ips", pool.avoid_buggy_ips);
    reader.integer("priority", pool.priority, std::uint32_t{0}, UINT32_MAX);
    reader.texts("namespaces", pool.namespaces);
    reader.selectors("namespace_selectors", pool.namespace_selectors);
    reader.selectors("vip_selectors", pool.vip_selectors);
    reader.seconds("reuse_cooldown", pool.reuse_cooldown);
    reader.choice("on_quorum_loss", pool.on_quorum_loss, quorum_words);
}

void read_spec(FieldReader& reader, Vip& vip) {
    reader.text("namespace", vip.name_space);
    reader.text("pool", vip.pool);
    read_wanted(reader, vip.addresses);
    read_families(reader, vip.ip_families);
    if (const json* policy = reader.take("ip_family_policy");
        policy != nullptr && !policy->is_null()) {  // null: as to_json() writes "not given"
        vip.ip_family_policy.emplace();
        reader.choice("ip_family_policy", *vip.ip_family_policy, policy_words);
    }
    reader.text("sharing_key", vip.sharing_key);
    read_ports(reader, vip.ports);
    reader.choice("traffic_policy", vip.traffic_policy, traffic_words);
    std::vector<std::string> nodes;
    reader.texts("eligible_nodes", nodes);
    vip.eligible_nodes = {nodes.begin(), nodes.end()};
    reader.texts("preferred_nodes", vip.preferred_nodes);
    reader.choice("delivery", vip.delivery, delivery_words);
    read_backends(reader, vip.backends);
}

void read_spec(FieldReader& reader, L2Advertisement& l2) {
    reader.texts("pools", l2.pools);
    reader.selectors("pool_selectors", l2.pool_selectors);
    reader.selectors("node_selectors", l2.node_selectors);
    reader.texts("interfaces", l2.interfaces);
}

void read_spec(FieldReader&, Namespace&) {}

void read_spec(FieldReader& reader, ConfigObject& config) {
    read_config_fields(reader, config.kind, config.fields);
}

template <class T>
Result<Object> read(Kind kind, const json& fields, T object) {
    const std::string noun(to_string(kind));
    FieldReader reader(fields, noun);
    std::string own_kind = noun;
    reader.text("kind", own_kind);
    reader.text("name", object.name);
    reader.require("name");
    reader.labels("labels", object.labels);
    reader.ignore("status");
    reader.ignore("revision");
    read_spec(reader, object);
    if (own_kind != noun)
        reader.refuse("kind",
                      {ErrorCode::invalid_argument,
                       fmt::format("'kind' is '{}', but a {} is expected here", own_kind, noun)});
    if (auto finished = reader.finish(); !finished) return fail(finished.error());
    Object read{std::move(object)};
    if (auto checked = check_object(read); !checked) return fail(checked.error());
    return read;
}

template <class List>
json texts_of(const List& list) {
    json texts = json::array();
    for (const auto& item : list) texts.push_back(item.to_string());
    return texts;
}

json to_json(const std::vector<LabelSelector>& selectors) {
    json list = json::array();
    for (const LabelSelector& selector : selectors) list.push_back(trivet::to_json(selector));
    return list;
}

void write_spec(json& out, const Pool& pool) {
    out["addresses"] = texts_of(pool.addresses);
    out["auto_assign"] = pool.auto_assign;
    out["avoid_buggy_ips"] = pool.avoid_buggy_ips;
    out["priority"] = pool.priority;
    out["namespaces"] = pool.namespaces;
    out["namespace_selectors"] = to_json(pool.namespace_selectors);
    out["vip_selectors"] = to_json(pool.vip_selectors);
    out["reuse_cooldown"] = pool.reuse_cooldown.count();
    out["on_quorum_loss"] = to_string(pool.on_quorum_loss);
}

void write_spec(json& out, const Vip& vip) {
    out["namespace"] = vip.name_space;
    out["pool"] = vip.pool;
    out["addresses"] = texts_of(vip.addresses);
    json& families = out["ip_families"] = json::array();
    for (const IpFamily family : vip.ip_families) families.push_back(to_string(family));
    if (vip.ip_family_policy)
        out["ip_family_policy"] = to_string(*vip.ip_family_policy);
    else
        out["ip_family_policy"] = nullptr;
    out["sharing_key"] = vip.sharing_key;
    json& ports = out["ports"] = json::array();
    for (const Port& port : vip.ports)
        ports.push_back({{"port", port.port}, {"protocol", to_string(port.protocol)}});
    out["traffic_policy"] = to_string(vip.traffic_policy);
    out["eligible_nodes"] = vip.eligible_nodes;
    out["preferred_nodes"] = vip.preferred_nodes;
    out["delivery"] = to_string(vip.delivery);
    out["backends"] = to_json(vip.backends);
}

void write_spec(json& out, const L2Advertisement& l2) {
    out["pools"] = l2.pools;
    out["pool_selectors"] = to_json(l2.pool_selectors);
    out["node_selectors"] = to_json(l2.node_selectors);
    out["interfaces"] = l2.interfaces;
}

void write_spec(json&, const Namespace&) {}

void write_spec(json& out, const ConfigObject& config) {
    for (const auto& [name, value] : config.fields.items()) out[name] = value;
}

}  // namespace

Result<Object> object_from_json(Kind kind, const json& fields) {
    switch (kind) {
        case Kind::pool:
            return read(kind, fields, Pool{});
        case Kind::vip:
            return read(kind, fields, Vip{});
        case Kind::l2_advertisement:
            return read(kind, fields, L2Advertisement{});
        case Kind::name_space:
            return read(kind, fields, Namespace{});
        case Kind::bgp_advertisement:
        case Kind::bgp_peer:
        case Kind::bfd_profile:
        case Kind::community: {
            ConfigObject config;
            config.kind = kind;
            return read(kind, fields, std::move(config));
        }
        case Kind::node:
            return fail(ErrorCode::invalid_argument,
                        "a node registers itself; change its labels in its lbd.yaml");
    }
    return fail(ErrorCode::not_found, "no such kind");
}

json to_json(const Object& object) {
    return std::visit(
        [](const auto& value) {
            json out = json::object();
            out["name"] = value.name;
            out["labels"] = value.labels;
            write_spec(out, value);
            return out;
        },
        object);
}

json to_json(const Node& node) {
    json out{{"name", node.name}, {"labels", node.labels}, {"drained", node.drained}};
    write_node_facts(out, node.facts);
    return out;
}

void write_node_facts(json& out, const NodeFacts& facts) {
    out["weight"] = facts.weight;
    out["witness"] = facts.witness;
    if (!facts.interfaces) return;
    json& interfaces = out["interfaces"] = json::array();
    for (const NodeInterface& interface : *facts.interfaces) {
        json item{{"name", interface.name}, {"prefixes", texts_of(interface.prefixes)}};
        if (interface.mac) item["mac"] = interface.mac->to_string();
        interfaces.push_back(std::move(item));
    }
}

void read_node_facts(FieldReader& reader, NodeFacts& facts) {
    reader.integer("weight", facts.weight, std::uint32_t{0}, UINT32_MAX);
    reader.boolean("witness", facts.witness);
    if (!reader.has("interfaces")) return;
    facts.interfaces.emplace();
    reader.list("interfaces", [&](const json& item, const std::string& path) -> Result<void> {
        NodeInterface interface;
        FieldReader fields(item, "interface", path);
        fields.text("name", interface.name);
        std::string mac;
        fields.text("mac", mac);
        if (!mac.empty()) {
            auto parsed = MacAddress::parse(mac);
            if (!parsed) return fail(parsed.error());
            interface.mac = *parsed;
        }
        fields.list("prefixes", [&](const json& text, const std::string& at) -> Result<void> {
            if (auto checked = must_be_text(text, at, "a string like \"192.0.2.0/24\""); !checked)
                return checked;
            auto prefix = Prefix::parse(text.get_ref<const std::string&>());
            if (!prefix) return fail(prefix.error());
            interface.prefixes.push_back(*prefix);
            return {};
        });
        if (auto finished = fields.finish(); !finished) return finished;
        facts.interfaces->push_back(std::move(interface));
        return {};
    });
}

json to_json(const LabelSelector& selector) {
    json expressions = json::array();
    for (const LabelRequirement& requirement : selector.match_expressions)
        expressions.push_back({{"key", requirement.key},
                               {"operator", to_string(requirement.op)},
                               {"values", requirement.values}});
    return {{"match_labels", selector.match_labels}, {"match_expressions", expressions}};
}

std::optional<Kind> kind_from_string(std::string_view noun) {
    for (const Kind kind :
         {Kind::pool, Kind::vip, Kind::l2_advertisement, Kind::bgp_advertisement, Kind::bgp_peer,
          Kind::bfd_profile, Kind::community, Kind::name_space, Kind::node})
        if (to_string(kind) == noun) return kind;
    return std::nullopt;
}

std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& known) {
    constexpr std::size_t word_bytes_max = 64;  // beyond that nobody meant any of ours
    if (word.empty() || word.size() > word_bytes_max) return std::nullopt;
    std::optional<std::string> best;
    std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
    for (const std::string& candidate : known) {
        // Edit distance by rows (Wagner and Fischer), with swapped neighbours as one edit.
        std::vector<std::size_t> before(candidate.size() + 1), above = before, row = before;
        for (std::size_t j = 0; j <= candidate.size(); ++j) above[j] = j;
        for (std::size_t i = 1; i <= word.size(); ++i) {
            row[0] = i;
            for (std::size_t j = 1; j <= candidate.size(); ++j) {
                const std::size_t differs = word[i - 1] == candidate[j - 1] ? 0 : 1;
                row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + differs});
                if (i > 1 && j > 1 && word[i - 1] == candidate[j - 2] &&
                    word[i - 2] == candidate[j - 1])
                    row[j] = std::min(row[j], before[j - 2] + 1);
            }
            std::swap(before, above);
            std::swap(above, row);
        }
        if (above.back() < best_distance) {
            best_distance = above.back();
            best = candidate;
        }
    }
    return best;
}

std::string_view to_string(IpFamilyPolicy policy) { return word_of(policy_words, policy); }
std::string_view to_string(TrafficPolicy policy) { return word_of(traffic_words, policy); }
std::string_view to_string(Delivery delivery) { return word_of(delivery_words, delivery); }
std::string_view to_string(OnQuorumLoss choice) { return word_of(quorum_words, choice); }

}  // namespace trivet
