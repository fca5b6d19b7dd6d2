#include "cli/fields.hpp"

#include <charconv>
#include <fmt/format.h>
#include <fstream>

#include "cli/backend_text.hpp"
#include "cli/selector_text.hpp"

namespace trivet::cli {
namespace {

using nlohmann::json;
using Shape = FieldShape;

std::vector<std::string> split(const std::vector<std::string>& given) {
    std::vector<std::string> parts;
    for (std::string_view text : given) {
        while (true) {
            const auto comma = std::min(text.find(','), text.size());
            parts.emplace_back(text.substr(0, comma));
            if (comma == text.size()) break;
            text.remove_prefix(comma + 1);
        }
    }
    return parts;
}

struct Pair {
    std::string key;
    std::string value;
};

Outcome<std::vector<Pair>> pairs(const Field& field, const std::vector<std::string>& given) {
    std::vector<Pair> result;
    for (const auto& part : split(given)) {
        const auto equals = part.find('=');
        if (equals == std::string::npos || equals == 0) {
            return usage_error(fmt::format("{}: '{}' is not key=value", field.flag_name(), part));
        }
        result.push_back({part.substr(0, equals), part.substr(equals + 1)});
    }
    return result;
}

Outcome<json> read_password(const Field& field, const std::string& given) {
    if (!given.starts_with('@')) return given;
    std::ifstream file(given.substr(1));
    std::string password;
    if (!std::getline(file, password)) {
        return usage_error(fmt::format("{}: file '{}' cannot be read or is empty",
                                       field.flag_name(), given.substr(1)));
    }
    return password;
}

Outcome<json> read_number(const Field& field, const std::string& given) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), number);
    if (error == std::errc{} && end == given.data() + given.size()) return number;
    return usage_error(fmt::format("{}: '{}' is no whole number", field.flag_name(), given));
}

Outcome<json> read_ports(const Field& field, const std::vector<std::string>& given) {
    json ports = json::array();
    for (const auto& part : split(given)) {
        const auto port = parse_port(part);
        if (!port) {
            return usage_error(fmt::format("{}: {}", field.flag_name(), port.error().message));
        }
        ports.push_back({{"port", port->port}, {"protocol", to_string(port->protocol)}});
    }
    return ports;
}

Outcome<json> read_backends(const Field& field, const std::vector<std::string>& given) {
    json backends = json::array();
    for (const auto& part : split(given)) {
        auto backend = backend_from_text(part);
        if (!backend) {
            return usage_error(fmt::format("{}: {}", field.flag_name(), backend.error().message));
        }
        backends.push_back(std::move(*backend));
    }
    return backends;
}

Outcome<json> read_selectors(const Field& field, const std::vector<std::string>& given) {
    json selectors = json::array();
    for (const auto& text : given) {
        auto selector = selector_from_text(text);
        if (!selector) {
            return usage_error(fmt::format("{}: {}", field.flag_name(), selector.error().message));
        }
        selectors.push_back(std::move(*selector));
    }
    return selectors;
}

Outcome<json> read_pairs(const Field& field, const std::vector<std::string>& given) {
    auto read = pairs(field, given);
    if (!read) return tl::unexpected(read.error());
    json result = field.shape == Shape::labels ? json::object() : json::array();
    for (auto& [key, value] : *read) {
        if (field.shape == Shape::labels) {
            result[key] = value;
        } else {
            result.push_back({{"name", key}, {"value", value}});
        }
    }
    return result;
}

json read_secret(const std::string& given) {
    const auto slash = given.find('/');
    if (slash == std::string::npos) return {{"name", given}};
    return {{"namespace", given.substr(0, slash)}, {"name", given.substr(slash + 1)}};
}

Outcome<json> read_field(const Field& field, const std::vector<std::string>& given) {
    const auto& last = given.back();
    switch (field.shape) {
        case Shape::text:
            return last;
        case Shape::texts:
            return split(given);
        case Shape::boolean:
            if (last == "true") return true;
            if (last == "false") return false;
            return usage_error(
                fmt::format("{}: '{}' is neither true nor false", field.flag_name(), last));
        case Shape::number:
            return read_number(field, last);
        case Shape::seconds: {
            const bool digits = last.find_first_not_of("0123456789") == std::string::npos;
            if (digits) return read_number(field, last);
            return last;
        }
        case Shape::ports:
            return read_ports(field, given);
        case Shape::backends:
            return read_backends(field, given);
        case Shape::labels:
        case Shape::aliases:
            return read_pairs(field, given);
        case Shape::selectors:
            return read_selectors(field, given);
        case Shape::secret:
            return read_secret(last);
        case Shape::password:
            return read_password(field, last);
    }
    return last;
}

}  // namespace

Outcome<json> fields_to_json(Kind kind, const GivenFields& given) {
    json result = json::object();
    for (const auto& field : fields_of(kind)) {
        const auto found = given.find(std::string(field.json));
        if (found == given.end() || found->second.empty()) continue;
        auto value = read_field(field, found->second);
        if (!value) return tl::unexpected(value.error());
        result[std::string(field.json)] = std::move(*value);
    }
    return result;
}

}  // namespace trivet::cli
