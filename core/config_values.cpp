#include "core/config_values.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <set>

#include "core/bgp_community.hpp"
#include "core/object_json.hpp"
#include "core/vip_rules.hpp"

namespace trivet {

namespace {

using nlohmann::json;

/// Of each kind of community in one advertisement: all together fit well into one UPDATE of 4,096
/// octets (RFC 4271 section 4).
constexpr std::size_t communities_max = 64;

Error invalid(std::string message, std::string field = {}) {
    return {ErrorCode::invalid_argument, std::move(message), std::move(field)};
}

void read_text(FieldReader& reader, const ConfigField& field, json& out) {
    std::string text;
    reader.text(field.name, text);
    const bool printable = std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
    if (text.size() < field.min || text.size() > field.max || !printable)
        return reader.refuse(
            field.name, invalid(fmt::format("'{}' must have {}-{} printable characters", field.name,
                                            field.min, field.max)));
    out = text;
}

Result<void> check_router_id(std::string_view field, IpAddress address) {
    if (address.is_v4() && !address.is_unspecified()) return {};  // RFC 6286 section 2.1
    return fail(invalid(
        fmt::format("'{}' must have the form of an IPv4 address and not be 0.0.0.0", field)));
}

void read_checked_text(FieldReader& reader, const ConfigField& field, json& out) {
    std::string text;
    reader.text(field.name, text);
    Result<void> checked;
    if (field.type == ConfigType::name) {
        checked = check_name(field.name, text);
    } else if (field.type == ConfigType::interface) {
        checked = check_interface_name(text);
    } else if (field.type == ConfigType::prefix) {
        const auto prefix = Prefix::parse(text);
        if (!prefix) return reader.refuse(field.name, prefix.error());
        text = prefix->to_string();
    } else {
        const auto address = IpAddress::parse(text);
        if (!address) return reader.refuse(field.name, address.error());
        if (field.type == ConfigType::router_id) checked = check_router_id(field.name, *address);
        text = address->to_string();
    }
    if (!checked) return reader.refuse(field.name, checked.error());
    out = text;
}

Result<void> check_community(const std::string& text) {
    if (parse_community_value(text) || is_community_alias(text)) return {};
    return fail(invalid("'" + text +
                        "' is no community: write 65000:100, large:65000:1:2, a well-known name "
                        "as no-export, or the alias of one"));
}

/// Texts that each have a rule; what `check` makes of a text is what is kept.
template <class Check>
void read_texts(FieldReader& reader, const ConfigField& field, json& out, Check check) {
    std::vector<std::string> texts;
    reader.texts(field.name, texts);
    for (std::size_t i = 0; i < texts.size(); ++i) {
        auto checked = check(texts[i]);
        if (checked) continue;
        checked.error().field = fmt::format("{}[{}]", field.name, i);
        return reader.refuse(field.name, checked.error());
    }
    if (field.max != 0 && texts.size() > field.max)
        return reader.refuse(field.name, invalid(fmt::format("'{}' has {} entries; at most {} are "
                                                             "allowed",
                                                             field.name, texts.size(), field.max)));
    out = texts;
}

void read_communities(FieldReader& reader, ConfigField field, json& out) {
    field.max = communities_max;
    if (field.type == ConfigType::communities)
        return read_texts(reader, field, out, check_community);
    read_texts(reader, field, out, [](std::string& text) -> Result<void> {
        const auto community = parse_extended_community(text);
        if (!community) return fail(community.error());
        text = to_string(*community);
        return {};
    });
}

void read_families(FieldReader& reader, const ConfigField& field, json& out) {
    std::set<std::string> seen;
    read_texts(reader, field, out, [&](const std::string& text) -> Result<void> {
        if (text != "ipv4" && text != "ipv6")
            return fail(invalid("'" + text + "' is no family: write ipv4 or ipv6"));
        if (!seen.insert(text).second) return fail(invalid("'" + text + "' is named twice"));
        return {};
    });
    if (reader.has(field.name) && seen.empty())
        reader.refuse(field.name, invalid("'families' names ipv4, ipv6 or both; leave it out for "
                                          "both"));
}

void read_selectors(FieldReader& reader, const ConfigField& field, json& out) {
    std::vector<LabelSelector> selectors;
    reader.selectors(field.name, selectors);
    out = json::array();
    for (const LabelSelector& selector : selectors) out.push_back(to_json(selector));
}

void read_secret(FieldReader& reader, const ConfigField& field, json& out) {
    std::string name;
    std::string name_space;
    FieldReader secret(*reader.take(field.name), std::string(field.name), std::string(field.name));
    secret.text("name", name);
    secret.text("namespace", name_space);
    if (auto finished = secret.finish(); !finished)
        return reader.refuse(field.name, finished.error());
    if (auto checked = check_name("secret name", name); !checked)
        return reader.refuse(field.name, checked.error());
    out = json{{"name", name}};
    if (!name_space.empty()) out["namespace"] = name_space;
}

/// Two meanings of one word in one object cannot both hold, and nobody looks a well-known name up.
Result<void> check_alias(const json& before, const std::string& name, const std::string& value) {
    if (!is_community_alias(name))
        return fail(invalid("'name' must be an alias without ':' and spaces"));
    const auto known = well_known_community(name);
    if (known && *parse_community_value(value) != CommunityValue(*known))
        return fail(invalid(fmt::format(
            "'{}' is the name of the well-known community {}:{}; take another name for {}", name,
            known->value() >> 16, known->value() & 0xFFFF, value)));
    for (const json& other : before)
        if (other["name"] == name && other["value"] != value)
            return fail(invalid(fmt::format("alias '{}' is given two values, {} and {}", name,
                                            other["value"].get<std::string>(), value)));
    return {};
}

void read_aliases(FieldReader& reader, const ConfigField& field, json& out) {
    out = json::array();
    reader.list(field.name, [&](const json& item, const std::string& path) -> Result<void> {
        std::string name;
        std::string value;
        FieldReader entry(item, "community", path);
        entry.text("name", name);
        entry.text("value", value);
        if (auto finished = entry.finish(); !finished) return finished;
        if (const auto parsed = parse_community_value(value); !parsed)
            return fail(invalid(parsed.error().message, entry.path_of("value")));
        if (const auto checked = check_alias(out, name, value); !checked)
            return fail(invalid(checked.error().message, entry.path_of("name")));
        out.push_back({{"name", name}, {"value", value}});
        return {};
    });
}

void read_seconds(FieldReader& reader, const ConfigField& field, json& out) {
    std::chrono::seconds value{static_cast<std::int64_t>(field.min)};
    reader.seconds(field.name, value);
    const auto count = static_cast<std::uint64_t>(value.count());
    if (count < field.min || count > field.max)
        return reader.refuse(
            field.name, invalid(fmt::format("'{}' is {} s, which is not within {}-{} s", field.name,
                                            count, field.min, field.max)));
    out = count;
}

template <std::size_t count>
void read_word(FieldReader& reader, const ConfigField& field, json& out,
               const std::array<const char*, count>& words) {
    std::array<std::pair<const char*, std::size_t>, count> table;
    for (std::size_t i = 0; i < count; ++i) table[i] = {words[i], i};
    std::size_t choice = 0;
    reader.choice(field.name, choice, table);
    out = words[choice];
}

}  // namespace

void read_config_value(FieldReader& reader, const ConfigField& field, json& out) {
    switch (field.type) {
        case ConfigType::whole: {
            std::uint64_t value = 0;
            reader.integer(field.name, value, field.min, field.max);
            out = value;
            return;
        }
        case ConfigType::seconds:
            return read_seconds(reader, field, out);
        case ConfigType::flag: {
            bool value = false;
            reader.boolean(field.name, value);
            out = value;
            return;
        }
        case ConfigType::text:
            return read_text(reader, field, out);
        case ConfigType::name:
        case ConfigType::address:
        case ConfigType::router_id:
        case ConfigType::prefix:
        case ConfigType::interface:
            return read_checked_text(reader, field, out);
        case ConfigType::names:
            return read_texts(reader, field, out, [&](const std::string& name) {
                return check_name(field.name, name);
            });
        case ConfigType::communities:
        case ConfigType::extended_communities:
            return read_communities(reader, field, out);
        case ConfigType::selectors:
            return read_selectors(reader, field, out);
        case ConfigType::families:
            return read_families(reader, field, out);
        case ConfigType::asn_choice:
            return read_word(reader, field, out, std::array{"internal", "external"});
        case ConfigType::role:
            return read_word(
                reader, field, out,
                std::array{"provider", "route_server", "route_server_client", "customer", "peer"});
        case ConfigType::secret:
            return read_secret(reader, field, out);
        case ConfigType::aliases:
            return read_aliases(reader, field, out);
    }
}

}  // namespace trivet
