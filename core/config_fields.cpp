#include "core/config_fields.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>

#include "core/object_json.hpp"
#include "core/vip_rules.hpp"

namespace trivet {

namespace {

using nlohmann::json;

enum class Type : std::uint8_t {
    whole,    // an integer within min-max
    seconds,  // a duration within min-max seconds
    flag,
    text,  // printable, min-max characters
    name,  // of another object
    names,
    address,  // IPv4 or IPv6
    address_v4,
    interface,
    selectors,
    asn_choice,        // "internal" or "external"
    secret,            // {name, namespace} of a Kubernetes secret
    community_names,   // values or aliases
    community_values,  // [{name, value}]
};

struct Field {
    Kind kind;
    std::string_view name;
    Type type;
    std::uint64_t min = 0;
    std::uint64_t max = 0;
};

constexpr std::uint64_t asn_max = 4294967295;  // RFC 6793 section 3
constexpr std::uint64_t u16_max = 65535;
constexpr std::uint64_t echo_ms_max = 60000;  // as MetalLB bounds BFD intervals
constexpr std::uint64_t password_max = 80;    // RFC 2385 section 4.5
constexpr std::uint64_t text_max = 253;

constexpr std::array fields = {
    Field{Kind::bgp_peer, "my_asn", Type::whole, 1, asn_max},
    Field{Kind::bgp_peer, "peer_asn", Type::whole, 1, asn_max},
    Field{Kind::bgp_peer, "local_asn", Type::whole, 1, asn_max},
    Field{Kind::bgp_peer, "dynamic_asn", Type::asn_choice},
    Field{Kind::bgp_peer, "peer_address", Type::address},
    Field{Kind::bgp_peer, "interface", Type::interface},
    Field{Kind::bgp_peer, "source_address", Type::address},
    Field{Kind::bgp_peer, "peer_port", Type::whole, 1, u16_max},
    Field{Kind::bgp_peer, "hold_time", Type::seconds, 0, u16_max},
    Field{Kind::bgp_peer, "keepalive_time", Type::seconds, 0, u16_max},
    Field{Kind::bgp_peer, "connect_time", Type::seconds, 1, u16_max},
    Field{Kind::bgp_peer, "router_id", Type::address_v4},
    Field{Kind::bgp_peer, "node_selectors", Type::selectors},
    Field{Kind::bgp_peer, "password", Type::text, 1, password_max},
    Field{Kind::bgp_peer, "password_secret", Type::secret},
    Field{Kind::bgp_peer, "bfd_profile", Type::name},
    Field{Kind::bgp_peer, "enable_graceful_restart", Type::flag},
    Field{Kind::bgp_peer, "ebgp_multi_hop", Type::flag},
    Field{Kind::bgp_peer, "vrf", Type::interface},
    Field{Kind::bgp_peer, "disable_mp", Type::flag},
    Field{Kind::bgp_peer, "dual_stack_address_family", Type::flag},
    Field{Kind::bgp_advertisement, "aggregation_length", Type::whole, 0, 32},
    Field{Kind::bgp_advertisement, "aggregation_length_v6", Type::whole, 0, 128},
    Field{Kind::bgp_advertisement, "local_pref", Type::whole, 0, asn_max},
    Field{Kind::bgp_advertisement, "communities", Type::community_names},
    Field{Kind::bgp_advertisement, "pools", Type::names},
    Field{Kind::bgp_advertisement, "pool_selectors", Type::selectors},
    Field{Kind::bgp_advertisement, "node_selectors", Type::selectors},
    Field{Kind::bgp_advertisement, "peers", Type::names},
    Field{Kind::bgp_advertisement, "vip_selectors", Type::selectors},
    Field{Kind::bfd_profile, "receive_interval", Type::whole, 10, echo_ms_max},
    Field{Kind::bfd_profile, "transmit_interval", Type::whole, 10, echo_ms_max},
    Field{Kind::bfd_profile, "detect_multiplier", Type::whole, 2, 255},
    Field{Kind::bfd_profile, "echo_interval", Type::whole, 10, echo_ms_max},
    Field{Kind::bfd_profile, "echo_mode", Type::flag},
    Field{Kind::bfd_profile, "passive_mode", Type::flag},
    Field{Kind::bfd_profile, "minimum_ttl", Type::whole, 1, 254},
    Field{Kind::community, "communities", Type::community_values},
};

Error invalid(std::string message, std::string field = {}) {
    return {ErrorCode::invalid_argument, std::move(message), std::move(field)};
}

bool is_printable(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

/// `count` numbers, each at most `max`, with ':' between them.
bool is_numbers(std::string_view text, int count, std::uint64_t max) {
    for (int i = 0; i < count; ++i) {
        const std::size_t colon = text.find(':');
        if ((colon == std::string_view::npos) != (i == count - 1)) return false;
        const std::string_view part = text.substr(0, colon);
        std::uint64_t value = 0;
        const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
        if (error != std::errc{} || end != part.data() + part.size() || value > max) return false;
        if (colon != std::string_view::npos) text.remove_prefix(colon + 1);
    }
    return true;
}

/// RFC 1997: "65000:100"; RFC 8092: "large:65000:1:2".
bool is_community_value(std::string_view text) {
    if (text.starts_with("large:")) return is_numbers(text.substr(6), 3, asn_max);
    return is_numbers(text, 2, u16_max);
}

bool is_alias(std::string_view text) {
    return !text.empty() && text.size() <= text_max && is_printable(text) &&
           text.find_first_of(": ") == std::string_view::npos;
}

void read_text(FieldReader& reader, const Field& field, json& out) {
    std::string text;
    reader.text(field.name, text);
    if (text.size() < field.min || text.size() > field.max || !is_printable(text))
        return reader.refuse(
            field.name, invalid(fmt::format("'{}' must have {}-{} printable characters", field.name,
                                            field.min, field.max)));
    out = text;
}

void read_checked_text(FieldReader& reader, const Field& field, json& out) {
    std::string text;
    reader.text(field.name, text);
    if (field.type == Type::name) {
        if (auto checked = check_name(field.name, text); !checked)
            return reader.refuse(field.name, checked.error());
        out = text;
    } else if (field.type == Type::interface) {
        if (auto checked = check_interface_name(text); !checked)
            return reader.refuse(field.name, checked.error());
        out = text;
    } else {
        auto address = IpAddress::parse(text);
        if (!address) return reader.refuse(field.name, address.error());
        if (field.type == Type::address_v4 && !address->is_v4())
            return reader.refuse(field.name, invalid(fmt::format("'{}' must have the form of an "
                                                                 "IPv4 address",
                                                                 field.name)));
        out = address->to_string();
    }
}

void read_names(FieldReader& reader, const Field& field, json& out) {
    std::vector<std::string> names;
    reader.texts(field.name, names);
    for (std::size_t i = 0; i < names.size(); ++i) {
        Result<void> checked;
        if (field.type == Type::names)
            checked = check_name(field.name, names[i]);
        else if (!is_community_value(names[i]) && !is_alias(names[i]))
            checked = fail(invalid("'" + names[i] +
                                   "' is no community: write 65000:100, large:65000:1:2 or the "
                                   "alias of one"));
        if (!checked) {
            checked.error().field = fmt::format("{}[{}]", field.name, i);
            return reader.refuse(field.name, checked.error());
        }
    }
    out = names;
}

void read_selectors(FieldReader& reader, const Field& field, json& out) {
    std::vector<LabelSelector> selectors;
    reader.selectors(field.name, selectors);
    out = json::array();
    for (const LabelSelector& selector : selectors) out.push_back(to_json(selector));
}

void read_secret(FieldReader& reader, const Field& field, json& out) {
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

void read_community_values(FieldReader& reader, const Field& field, json& out) {
    out = json::array();
    reader.list(field.name, [&](const json& item, const std::string& path) -> Result<void> {
        std::string name;
        std::string value;
        FieldReader entry(item, "community", path);
        entry.text("name", name);
        entry.text("value", value);
        if (auto finished = entry.finish(); !finished) return finished;
        if (!is_alias(name))
            return fail(
                invalid("'name' must be an alias without ':' and spaces", entry.path_of("name")));
        if (!is_community_value(value))
            return fail(invalid("'" + value +
                                    "' is no community value: write 65000:100 or "
                                    "large:65000:1:2",
                                entry.path_of("value")));
        out.push_back({{"name", name}, {"value", value}});
        return {};
    });
}

void read_seconds(FieldReader& reader, const Field& field, json& out) {
    std::chrono::seconds value{static_cast<std::int64_t>(field.min)};
    reader.seconds(field.name, value);
    const auto count = static_cast<std::uint64_t>(value.count());
    if (count < field.min || count > field.max)
        return reader.refuse(
            field.name, invalid(fmt::format("'{}' is {} s, which is not within {}-{} s", field.name,
                                            count, field.min, field.max)));
    out = count;
}

void read_field(FieldReader& reader, const Field& field, json& out) {
    switch (field.type) {
        case Type::whole: {
            std::uint64_t value = 0;
            reader.integer(field.name, value, field.min, field.max);
            out = value;
            return;
        }
        case Type::seconds:
            return read_seconds(reader, field, out);
        case Type::flag: {
            bool value = false;
            reader.boolean(field.name, value);
            out = value;
            return;
        }
        case Type::text:
            return read_text(reader, field, out);
        case Type::name:
        case Type::address:
        case Type::address_v4:
        case Type::interface:
            return read_checked_text(reader, field, out);
        case Type::names:
        case Type::community_names:
            return read_names(reader, field, out);
        case Type::selectors:
            return read_selectors(reader, field, out);
        case Type::asn_choice: {
            constexpr std::array words = {std::pair{"internal", 0}, std::pair{"external", 1}};
            int choice = 0;
            reader.choice(field.name, choice, words);
            out = words[static_cast<std::size_t>(choice)].first;
            return;
        }
        case Type::secret:
            return read_secret(reader, field, out);
        case Type::community_values:
            return read_community_values(reader, field, out);
    }
}

/// What fields of a peer say about each other.
void check_peer(FieldReader& reader, const json& peer) {
    const auto seconds = [&](const char* name, std::uint64_t fallback) {
        return peer.contains(name) ? peer[name].get<std::uint64_t>() : fallback;
    };
    if (!reader.has("my_asn")) reader.refuse("my_asn", invalid("'my_asn' is missing in bgp-peer"));
    if (reader.has("peer_asn") == reader.has("dynamic_asn"))
        reader.refuse("peer_asn", invalid("a bgp-peer has either 'peer_asn' or 'dynamic_asn'"));
    if (reader.has("peer_address") == reader.has("interface"))
        reader.refuse("peer_address",
                      invalid("a bgp-peer has either 'peer_address' or 'interface'"));
    if (reader.has("password") && reader.has("password_secret"))
        reader.refuse("password_secret",
                      invalid("a bgp-peer has either 'password' or 'password_secret'"));
    const std::uint64_t hold_time = seconds("hold_time", 90);
    if (hold_time == 1 || hold_time == 2)  // RFC 4271 section 4.2
        reader.refuse("hold_time", invalid("'hold_time' must be 0 or at least 3 s"));
    if (hold_time != 0 && seconds("keepalive_time", 0) > hold_time)
        reader.refuse("keepalive_time",
                      invalid("'keepalive_time' must not be longer than 'hold_time'"));
}

}  // namespace

void read_config_fields(FieldReader& reader, Kind kind, json& out) {
    out = json::object();
    for (const Field& field : fields) {
        if (field.kind != kind) continue;
        if (!reader.has(field.name)) {
            reader.ignore(field.name);  // known, not given
            continue;
        }
        json value;
        read_field(reader, field, value);
        if (!value.is_null()) out[std::string(field.name)] = std::move(value);
    }
    if (kind == Kind::bgp_peer) check_peer(reader, out);
}

std::vector<std::string_view> config_field_names(Kind kind) {
    std::vector<std::string_view> names;
    for (const Field& field : fields) {
        if (field.kind == kind) names.push_back(field.name);
    }
    return names;
}

}  // namespace trivet
