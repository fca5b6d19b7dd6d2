#include "cli/selector_text.hpp"

#include <fmt/format.h>

namespace trivet::cli {
namespace {

using nlohmann::json;

std::string_view trim(std::string_view text) {
    const auto first = text.find_first_not_of(' ');
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

/// Cuts the part before the next comma that is not inside parentheses.
std::string_view cut_requirement(std::string_view& rest) {
    int depth = 0;
    std::size_t end = 0;
    for (; end < rest.size(); ++end) {
        if (rest[end] == '(') ++depth;
        if (rest[end] == ')') --depth;
        if (rest[end] == ',' && depth == 0) break;
    }
    const auto part = trim(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return part;
}

json requirement(std::string_view key, std::string_view word, json values) {
    return {{"key", std::string(trim(key))}, {"operator", word}, {"values", std::move(values)}};
}

/// "in (a,b)" and "notin (a,b)": nullopt when `part` has no such form.
std::optional<json> set_requirement(std::string_view part) {
    const auto open = part.find('(');
    if (open == std::string_view::npos || !part.ends_with(')')) return std::nullopt;
    const auto before = trim(part.substr(0, open));
    const auto space = before.rfind(' ');
    if (space == std::string_view::npos) return std::nullopt;
    const auto word = before.substr(space + 1);
    if (word != "in" && word != "notin") return std::nullopt;
    auto inside = part.substr(open + 1, part.size() - open - 2);
    json values = json::array();
    while (!inside.empty()) {
        const auto comma = std::min(inside.find(','), inside.size());
        values.push_back(std::string(trim(inside.substr(0, comma))));
        inside.remove_prefix(std::min(comma + 1, inside.size()));
    }
    return requirement(before.substr(0, space), word == "in" ? "in" : "not_in", std::move(values));
}

bool is_key(std::string_view text) {
    return !text.empty() && text.find_first_of(" ()=!,") == std::string_view::npos;
}

std::string joined(const json& values) {
    std::string text;
    for (const auto& value : values) {
        if (!text.empty()) text += ",";
        text += value.is_string() ? value.get<std::string>() : value.dump();
    }
    return text;
}

std::string expression_to_text(const json& expression) {
    const auto key = expression.value("key", std::string());
    const auto word = expression.value("operator", std::string());
    const auto values = expression.value("values", json::array());
    if (word == "exists") return key;
    if (word == "does_not_exist") return "!" + key;
    if (word == "not_in" && values.size() == 1) return key + "!=" + joined(values);
    return fmt::format("{} {} ({})", key, word == "not_in" ? "notin" : "in", joined(values));
}

}  // namespace

Result<json> selector_from_text(std::string_view text) {
    json labels = json::object();
    json expressions = json::array();
    auto rest = trim(text);
    while (!rest.empty()) {
        const auto part = cut_requirement(rest);
        if (auto set = set_requirement(part)) {
            expressions.push_back(std::move(*set));
            continue;
        }
        if (part.starts_with('!') && is_key(trim(part.substr(1)))) {
            expressions.push_back(requirement(part.substr(1), "does_not_exist", json::array()));
            continue;
        }
        if (is_key(part)) {
            expressions.push_back(requirement(part, "exists", json::array()));
            continue;
        }
        const auto equals = part.find('=');
        const bool negated =
            equals != std::string_view::npos && equals > 0 && part[equals - 1] == '!';
        const auto key = trim(part.substr(0, negated ? equals - 1 : std::min(equals, part.size())));
        if (equals == std::string_view::npos || !is_key(key)) {
            return fail(ErrorCode::invalid_argument,
                        fmt::format("'{}' is no part of a label selector; write key=value, "
                                    "key!=value, key in (a,b), key notin (a,b), key or !key",
                                    part));
        }
        auto value = part.substr(equals + 1);
        if (value.starts_with('=')) value.remove_prefix(1);
        if (negated) {
            expressions.push_back(requirement(key, "not_in", json{std::string(trim(value))}));
        } else {
            labels[std::string(key)] = std::string(trim(value));
        }
    }
    return json{{"match_labels", std::move(labels)}, {"match_expressions", std::move(expressions)}};
}

std::string selector_to_text(const json& selector) {
    std::string text;
    const auto add = [&text](const std::string& part) {
        if (!text.empty()) text += ",";
        text += part;
    };
    const auto labels = selector.value("match_labels", json::object());
    for (const auto& [key, value] : labels.items()) {
        add(key + "=" + (value.is_string() ? value.get<std::string>() : value.dump()));
    }
    for (const auto& expression : selector.value("match_expressions", json::array())) {
        add(expression_to_text(expression));
    }
    return text.empty() ? "(everything)" : text;
}

}  // namespace trivet::cli
