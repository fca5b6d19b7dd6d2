#pragma once
#include <compare>
#include <cstdint>
#include <string_view>

#include <nlohmann/json.hpp>

#include "core/result.hpp"

namespace trivet {

class FieldReader;

enum class Protocol : std::uint8_t { tcp, udp, sctp };

struct Port {
    std::uint16_t port = 0;
    Protocol protocol = Protocol::tcp;
    friend auto operator<=>(const Port&, const Port&) = default;
};

std::string_view to_string(Protocol);

/// "80/tcp" or "80" (tcp). Errors: invalid_argument.
Result<Port> parse_port(std::string_view text);

/// The fields `port`, which must be there, and `protocol` of an object that may have others.
void read_port_fields(FieldReader& reader, Port& port);
/// The text or the object. Errors: invalid_argument, with field.
Result<Port> read_port(const nlohmann::json& value, const std::string& path);

}  // namespace trivet
