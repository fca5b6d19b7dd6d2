#include "core/port.hpp"

#include <array>
#include <charconv>

#include "core/field_reader.hpp"

namespace trivet {

namespace {

constexpr std::array protocol_words = {std::pair{"tcp", Protocol::tcp},
                                       std::pair{"udp", Protocol::udp},
                                       std::pair{"sctp", Protocol::sctp}};

}  // namespace

std::string_view to_string(Protocol protocol) {
    for (const auto& [word, known] : protocol_words)
        if (known == protocol) return word;
    return protocol_words.front().first;
}

Result<Port> parse_port(std::string_view text) {
    const std::size_t slash = text.find('/');
    const std::string_view digits = text.substr(0, slash);
    Port port;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), port.port);
    bool valid = error == std::errc{} && end == digits.data() + digits.size() && port.port != 0;
    if (valid && slash != std::string_view::npos) {
        valid = false;
        for (const auto& [word, protocol] : protocol_words)
            if (text.substr(slash + 1) == word) {
                port.protocol = protocol;
                valid = true;
            }
    }
    if (valid) return port;
    return fail(ErrorCode::invalid_argument,
                "'" + std::string(text) +
                    "' is no port: write 1-65535 with /tcp, /udp or /sctp, as 80/tcp");
}

void read_port_fields(FieldReader& reader, Port& port) {
    reader.integer("port", port.port, std::uint16_t{1}, std::uint16_t{65535});
    reader.choice("protocol", port.protocol, protocol_words);
    reader.require("port");
}

Result<Port> read_port(const nlohmann::json& value, const std::string& path) {
    if (value.is_string()) return parse_port(value.get_ref<const std::string&>());
    Port port;
    FieldReader reader(value, "port", path);
    read_port_fields(reader, port);
    if (auto finished = reader.finish(); !finished) return fail(finished.error());
    return port;
}

}  // namespace trivet
