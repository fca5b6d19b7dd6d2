#include "api/model/yaml.hpp"

#include <charconv>
#include <fmt/format.h>

namespace trivet::model {
namespace {

bool is_integer(std::string_view text) {
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// `[-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
bool is_float(std::string_view text) {
    const auto digits = [&text] {
        const auto end = std::min(text.find_first_not_of("0123456789"), text.size());
        text.remove_prefix(end);
        return end > 0;
    };
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    const bool whole = digits();
    if (text.starts_with('.')) {
        text.remove_prefix(1);
        if (!digits() && !whole) return false;
    } else if (!whole) {
        return false;
    }
    if (text.empty()) return true;
    if (text.front() != 'e' && text.front() != 'E') return false;
    text.remove_prefix(1);
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    return digits() && text.empty();
}

template <class Number>
std::optional<Number> number(std::string_view text, int base) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

nlohmann::json floating(std::string_view text) {
    if (text.starts_with('+')) text.remove_prefix(1);
    double value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::string(text);
    return value;
}

nlohmann::json integer(std::string_view text) {
    if (text.starts_with('+')) text.remove_prefix(1);
    if (const auto value = number<std::int64_t>(text, 10)) return *value;
    if (const auto value = number<std::uint64_t>(text, 10)) return *value;
    return floating(text);  // beyond 64 bits; no field of ours is, so its codec will say so
}

struct PathStep {
    LocatedJson& out;

    nlohmann::json convert(const YamlNode& node, const std::string& path) {
        if (const auto* scalar = node.scalar()) return scalar_to_json(*scalar);
        if (const auto* list = node.list()) {
            nlohmann::json result = nlohmann::json::array();
            for (std::size_t i = 0; i < list->items.size(); ++i) {
                const auto inner = fmt::format("{}[{}]", path, i);
                out.fields.emplace(inner, list->items[i].at);
                result.push_back(convert(list->items[i], inner));
            }
            return result;
        }
        nlohmann::json result = nlohmann::json::object();
        for (const auto& entry : node.map()->entries) {
            const auto inner = path.empty() ? entry.key : path + "." + entry.key;
            out.fields.emplace(inner, entry.at);
            result[entry.key] = convert(entry.value, inner);
        }
        return result;
    }
};

}  // namespace

std::string YamlError::to_string(std::string_view file) const {
    if (at.line == 0) return fmt::format("{}: {}", file, message);
    return fmt::format("{}:{}:{}: {}", file, at.line, at.column, message);
}

bool YamlScalar::is_null() const {
    return style == YamlStyle::plain &&
           (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL");
}

const YamlEntry* YamlMap::find(std::string_view key) const {
    const auto found = std::find_if(entries.begin(), entries.end(),
                                    [key](const YamlEntry& entry) { return entry.key == key; });
    return found == entries.end() ? nullptr : &*found;
}

std::string_view YamlNode::type_name() const {
    if (list() != nullptr) return "a list";
    if (map() != nullptr) return "a mapping";
    const auto json = scalar_to_json(*scalar());
    if (json.is_null()) return "nothing";
    if (json.is_boolean()) return "a boolean";
    return json.is_number() ? "a number" : "a string";
}

nlohmann::json scalar_to_json(const YamlScalar& scalar) {
    const std::string_view text = scalar.text;
    if (scalar.style != YamlStyle::plain) return std::string(text);
    if (scalar.is_null()) return nullptr;
    if (text == "true" || text == "True" || text == "TRUE") return true;
    if (text == "false" || text == "False" || text == "FALSE") return false;
    if (is_integer(text)) return integer(text);
    if (text.starts_with("0o") || text.starts_with("0x")) {
        const int base = text[1] == 'o' ? 8 : 16;
        if (const auto value = number<std::uint64_t>(text.substr(2), base)) return *value;
        return std::string(text);
    }
    if (is_float(text)) return floating(text);
    return std::string(text);
}

Position LocatedJson::locate(std::string_view field) const {
    while (!field.empty()) {
        if (const auto found = fields.find(field); found != fields.end()) return found->second;
        const auto cut = field.find_last_of(".[");
        field = field.substr(0, cut == std::string_view::npos ? 0 : cut);
    }
    return at;
}

LocatedJson to_json(const YamlNode& node) {
    LocatedJson result;
    result.at = node.at;
    result.value = PathStep{result}.convert(node, "");
    return result;
}

std::vector<YamlError> check_keys(const YamlNode& node, const std::vector<std::string>& known,
                                  std::string_view path) {
    std::vector<YamlError> errors;
    if (node.map() == nullptr) return errors;
    for (const auto& entry : node.map()->entries) {
        if (std::find(known.begin(), known.end(), entry.key) != known.end()) continue;
        auto message = fmt::format("unknown key '{}'", entry.key);
        if (!path.empty()) message += fmt::format(" in '{}'", path);
        if (const auto near = nearest(entry.key, known)) {
            message += fmt::format("; did you mean '{}'?", *near);
        } else {
            message += fmt::format("; known are {}", fmt::join(known, ", "));
        }
        errors.push_back({entry.at, std::move(message)});
    }
    return errors;
}

}  // namespace trivet::model
