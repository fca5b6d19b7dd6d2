#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/outcome.hpp"

namespace trivet::cli {

/// How a field is written as a flag's value.
enum class FieldShape : std::uint8_t {
    text,
    texts,      // a,b,c, or the flag several times
    boolean,    // --flag, --flag=false, --no-flag
    number,     //
    seconds,    // 90 or 90s, 5m, 1h
    ports,      // 80/tcp,53/udp
    backends,   // 80/tcp=192.0.2.5:8080@n1,53/udp=192.0.2.6
    labels,     // key=value,key=value
    selectors,  // one selector each time the flag is given: "rack=a,zone in (b,c)"
    aliases,    // name=65000:1,name=65000:2
    secret,     // namespace/name
    password,   // also from a file: what stands on a command line, other users can read
};

/// One spec field of an object. The table in field_table.cpp is the only place where a field must
/// be added to lbctl.
struct Field {
    std::string_view json;  // "ip_families"
    FieldShape shape;
    std::string_view about;      // for --help
    std::string_view flag = {};  // where it is not the field's name in kebab-case

    std::string flag_name() const;  // "--ip-families"
};

std::span<const Field> fields_of(Kind kind);

/// The values given on the command line, by JSON field.
using GivenFields = std::map<std::string, std::vector<std::string>>;

/// The JSON of the given fields, no other. Errors: usage, naming flag and remedy.
Outcome<nlohmann::json> fields_to_json(Kind kind, const GivenFields& given);

/// "--addresses" of a codec's error path as "addresses[1]"; empty when no flag has it.
std::string flag_of_path(Kind kind, std::string_view path);

}  // namespace trivet::cli
