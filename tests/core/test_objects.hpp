#pragma once
#include <string>

#include "core/object_json.hpp"

/// Short ways to build values in tests: they parse JSON and stop the test program when it is wrong.
namespace trivet::test {

inline nlohmann::json json_of(std::string_view text) {
    auto parsed = parse_json(text);
    if (!parsed) throw std::runtime_error(parsed.error().message);
    return *parsed;
}

/// R"({"name": "lan", "addresses": ["192.0.2.0/30"]})" as an object of `kind`.
inline Object object(Kind kind, std::string_view text) {
    auto read = object_from_json(kind, json_of(text));
    if (!read) throw std::runtime_error(read.error().field + ": " + read.error().message);
    return *read;
}

inline IpAddress address(std::string_view text) { return IpAddress::parse(text).value(); }
inline AddressRange range(std::string_view text) { return AddressRange::parse(text).value(); }

}  // namespace trivet::test
