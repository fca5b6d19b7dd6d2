#include "cli/backend_text.hpp"

#include <charconv>
#include <fmt/format.h>

#include "core/ip_address.hpp"
#include "core/port.hpp"

namespace trivet::cli {
namespace {

using nlohmann::json;

struct Place {
    std::string_view address;
    std::string_view target;  // empty: not given
};

/// "[ADDRESS]:TARGET", "[ADDRESS]", "ADDRESS:TARGET" or "ADDRESS"; one of IPv6 without brackets has
/// no target. nullopt: brackets that are not closed, or followed by something else.
std::optional<Place> split_place(std::string_view text) {
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        if (close == std::string_view::npos) return std::nullopt;
        const auto rest = text.substr(close + 1);
        if (!rest.empty() && (rest.front() != ':' || rest.size() == 1)) return std::nullopt;
        return Place{text.substr(1, close - 1), rest.empty() ? rest : rest.substr(1)};
    }
    const auto colon = text.find(':');
    if (colon == std::string_view::npos || colon != text.rfind(':')) return Place{text, {}};
    if (colon + 1 == text.size()) return std::nullopt;
    return Place{text.substr(0, colon), text.substr(colon + 1)};
}

std::optional<std::uint16_t> read_target(std::string_view text) {
    std::uint16_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || number == 0)
        return std::nullopt;
    return number;
}

}  // namespace

Result<json> backend_from_text(std::string_view text) {
    const auto refuse = [text](std::string_view why) {
        return fail(ErrorCode::invalid_argument,
                    fmt::format("'{}': {}; write PORT[/PROTOCOL]=ADDRESS[:TARGET][@NODE], as "
                                "80/tcp=192.0.2.5:8080@n1 or 443=[2001:db8::5]:8443",
                                text, why));
    };
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) return refuse("it names no port of the VIP");
    const auto port = parse_port(text.substr(0, equals));
    if (!port) return refuse(port.error().message);
    auto rest = text.substr(equals + 1);
    json backend{{"port", port->port}, {"protocol", to_string(port->protocol)}};
    if (const auto sign = rest.rfind('@'); sign != std::string_view::npos) {
        backend["node"] = std::string(rest.substr(sign + 1));
        rest = rest.substr(0, sign);
    }
    const auto place = split_place(rest);
    if (!place) return refuse(fmt::format("'{}' is no address and port", rest));
    const auto address = IpAddress::parse(place->address);
    if (!address) return refuse(address.error().message);
    backend["address"] = address->to_string();
    if (!place->target.empty()) {
        const auto target = read_target(place->target);
        if (!target) return refuse(fmt::format("'{}' is no port from 1 to 65535", place->target));
        backend["target_port"] = *target;
    }
    return backend;
}

std::string backend_to_text(const json& backend) {
    const auto address = backend.value("address", std::string());
    const bool is_v6 = address.find(':') != std::string::npos;
    auto text = fmt::format("{}/{}={}{}{}:{}", backend.value("port", 0),
                            backend.value("protocol", std::string()), is_v6 ? "[" : "", address,
                            is_v6 ? "]" : "", backend.value("target_port", 0));
    if (const auto node = backend.value("node", std::string()); !node.empty()) text += "@" + node;
    const auto kind = backend.value("kind", std::string("server"));
    if (kind != "server") text += " (" + kind + ")";
    return text;
}

}  // namespace trivet::cli
