#pragma once
#include <cstdint>
#include <string_view>

#include <nlohmann/json.hpp>

#include "core/field_reader.hpp"
#include "core/objects.hpp"

/// How the single fields of BGP and BFD objects are read; config_fields.cpp has the table of them.
namespace trivet {

enum class ConfigType : std::uint8_t {
    whole,    // an integer within min-max
    seconds,  // a duration within min-max seconds
    flag,
    text,  // printable, min-max characters
    name,  // of another object
    names,
    address,    // IPv4 or IPv6
    router_id,  // in the form of an IPv4 address, not 0.0.0.0
    prefix,
    interface,
    selectors,
    families,     // "ipv4", "ipv6"
    asn_choice,   // "internal" or "external"
    role,         // RFC 9234
    secret,       // {name, namespace} of a Kubernetes secret
    communities,  // values, well-known names or aliases
    extended_communities,
    aliases,  // [{name, value}]
};

struct ConfigField {
    Kind kind;
    std::string_view name;
    ConfigType type;
    std::uint64_t min = 0;
    std::uint64_t max = 0;
};

/// Reads a field that is there, normalised. Errors go to `reader`.
void read_config_value(FieldReader& reader, const ConfigField& field, nlohmann::json& out);

}  // namespace trivet
