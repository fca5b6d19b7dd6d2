#include "core/field_reader.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>

#include "core/object_json.hpp"

namespace trivet {

namespace {

using nlohmann::json;

constexpr std::int64_t seconds_max = std::int64_t{1} << 40;  // far from overflow, beyond any use

constexpr std::array operator_words = {
    std::pair{"in", LabelOperator::in},
    std::pair{"not_in", LabelOperator::not_in},
    std::pair{"exists", LabelOperator::exists},
    std::pair{"does_not_exist", LabelOperator::does_not_exist},
    // Kubernetes' spelling.
    std::pair{"In", LabelOperator::in},
    std::pair{"NotIn", LabelOperator::not_in},
    std::pair{"Exists", LabelOperator::exists},
    std::pair{"DoesNotExist", LabelOperator::does_not_exist},
};

Result<LabelRequirement> read_requirement(const json& value, const std::string& path) {
    LabelRequirement requirement;
    FieldReader reader(value, "match_expressions", path);
    reader.text("key", requirement.key);
    reader.choice("operator", requirement.op, operator_words);
    reader.texts("values", requirement.values);
    if (auto finished = reader.finish(); !finished) return fail(finished.error());
    for (const char* name : {"key", "operator"})
        if (!reader.has(name))
            return fail(ErrorCode::invalid_argument,
                        fmt::format("'{}' is missing in {}", name, path), reader.path_of(name));
    return requirement;
}

}  // namespace

std::string_view type_of(const json& value) {
    switch (value.type()) {
        case json::value_t::null:
            return "null";
        case json::value_t::object:
            return "an object";
        case json::value_t::array:
            return "a list";
        case json::value_t::string:
            return "a string";
        case json::value_t::boolean:
            return "true or false";
        case json::value_t::number_integer:
        case json::value_t::number_unsigned:
            return "a whole number";
        case json::value_t::number_float:
            return "a fraction";
        case json::value_t::binary:
        case json::value_t::discarded:
            break;
    }
    return "no JSON value";
}

FieldReader::FieldReader(const json& object, std::string what, std::string path)
    : object_(object), what_(std::move(what)), path_(std::move(path)) {
    if (!object_.is_object())
        error_ = Error{ErrorCode::invalid_argument,
                       fmt::format("{} must be an object, not {}",
                                   path_.empty() ? what_ : "'" + path_ + "'", type_of(object_)),
                       path_};
}

std::string FieldReader::path_of(std::string_view name) const {
    return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
}

bool FieldReader::has(std::string_view name) const {
    return object_.is_object() && object_.contains(name);
}

const json* FieldReader::take(std::string_view name) {
    known_.emplace_back(name);
    if (!object_.is_object()) return nullptr;
    const auto found = object_.find(name);
    return found == object_.end() ? nullptr : &*found;
}

void FieldReader::refuse(std::string_view name, Error error) {
    if (error_) return;
    if (error.field.empty()) error.field = path_of(name);
    error_ = std::move(error);
}

void FieldReader::require(std::string_view name) {
    if (!object_.is_object() || object_.contains(name)) return;
    refuse(name, {ErrorCode::invalid_argument,
                  fmt::format("'{}' is missing in {}", name, path_.empty() ? what_ : path_)});
}

void FieldReader::wrong_type(std::string_view name, std::string_view wanted, const json& field) {
    refuse(name, {ErrorCode::invalid_argument,
                  fmt::format("'{}' must be {}, not {}", path_of(name), wanted, type_of(field))});
}

void FieldReader::text(std::string_view name, std::string& out) {
    const json* field = take(name);
    if (field == nullptr) return;
    if (!field->is_string()) return wrong_type(name, "a string", *field);
    out = field->get_ref<const std::string&>();
}

void FieldReader::boolean(std::string_view name, bool& out) {
    const json* field = take(name);
    if (field == nullptr) return;
    if (!field->is_boolean()) return wrong_type(name, "true or false", *field);
    out = field->get<bool>();
}

void FieldReader::labels(std::string_view name, Labels& out) {
    const json* field = take(name);
    if (field == nullptr) return;
    if (!field->is_object()) return wrong_type(name, "an object of strings", *field);
    Labels labels;
    for (const auto& [key, value] : field->items()) {
        if (!value.is_string())
            return refuse(name, {ErrorCode::invalid_argument,
                                 fmt::format("'{}' of label '{}' must be a string, not {}",
                                             path_of(name), key, type_of(value)),
                                 path_of(name) + "." + key});
        labels.emplace(key, value.get_ref<const std::string&>());
    }
    if (auto checked = check_labels(labels); !checked) return refuse(name, checked.error());
    out = std::move(labels);
}

void FieldReader::list(std::string_view name, const ReadItem& read_item) {
    const json* field = take(name);
    if (field == nullptr) return;
    if (!field->is_array()) return wrong_type(name, "a list", *field);
    for (std::size_t i = 0; i < field->size(); ++i) {
        std::string path = fmt::format("{}[{}]", path_of(name), i);
        auto read = read_item((*field)[i], path);
        if (read) continue;
        if (read.error().field.empty()) read.error().field = std::move(path);
        return refuse(name, read.error());
    }
}

void FieldReader::texts(std::string_view name, std::vector<std::string>& out) {
    std::vector<std::string> texts;
    list(name, [&](const json& item, const std::string& path) -> Result<void> {
        if (!item.is_string())
            return fail(ErrorCode::invalid_argument,
                        fmt::format("'{}' must be a string, not {}", path, type_of(item)));
        texts.push_back(item.get_ref<const std::string&>());
        return {};
    });
    if (has(name)) out = std::move(texts);
}

void FieldReader::selectors(std::string_view name, std::vector<LabelSelector>& out) {
    std::vector<LabelSelector> selectors;
    list(name, [&](const json& item, const std::string& path) -> Result<void> {
        auto selector = read_selector(item, path);
        if (!selector) return fail(selector.error());
        selectors.push_back(std::move(*selector));
        return {};
    });
    if (has(name)) out = std::move(selectors);
}

void FieldReader::seconds(std::string_view name, std::chrono::seconds& out) {
    const json* field = take(name);
    if (field == nullptr) return;
    if (field->is_string()) {
        auto parsed = parse_seconds(field->get_ref<const std::string&>());
        if (!parsed) return refuse(name, parsed.error());
        out = *parsed;
        return;
    }
    if (!field->is_number_integer())
        return wrong_type(name, "whole seconds, or text like \"90s\"", *field);
    std::uint64_t value = 0;
    if (read_unsigned(name, value, 0, static_cast<std::uint64_t>(seconds_max)))
        out = std::chrono::seconds(value);
}

bool FieldReader::read_unsigned(std::string_view name, std::uint64_t& out, std::uint64_t min,
                                std::uint64_t max) {
    const json* field = take(name);
    if (field == nullptr) return false;
    if (!field->is_number_integer()) {
        wrong_type(name, "a whole number", *field);
        return false;
    }
    const bool negative = !field->is_number_unsigned() && field->get<std::int64_t>() < 0;
    const std::uint64_t value = negative ? 0 : field->get<std::uint64_t>();
    if (negative || value < min || value > max) {
        refuse(name,
               {ErrorCode::invalid_argument, fmt::format("'{}' is {}, which is not within {}-{}",
                                                         path_of(name), field->dump(), min, max)});
        return false;
    }
    out = value;
    return true;
}

void FieldReader::refuse_choice(std::string_view name, const json& field,
                                const std::vector<std::string>& words) {
    if (!field.is_string()) return wrong_type(name, "a string", field);
    const std::string& word = field.get_ref<const std::string&>();
    std::string message = fmt::format("'{}' is '{}'; it must be one of {}", path_of(name), word,
                                      fmt::join(words, ", "));
    if (const auto near = nearest(word, words)) message += "; did you mean '" + *near + "'?";
    refuse(name, {ErrorCode::invalid_argument, std::move(message)});
}

Result<void> FieldReader::finish() {
    if (object_.is_object())
        for (const auto& [key, value] : object_.items()) {
            if (std::ranges::find(known_, key) != known_.end()) continue;
            std::string message = fmt::format("unknown field '{}' in {}", key, what_);
            if (const auto near = nearest(key, known_))
                message += "; did you mean '" + *near + "'?";
            return fail(ErrorCode::invalid_argument, std::move(message), path_of(key));
        }
    if (error_) return fail(*error_);
    return {};
}

Result<LabelSelector> read_selector(const json& value, const std::string& path) {
    LabelSelector selector;
    FieldReader reader(value, "selector", path);
    reader.labels("match_labels", selector.match_labels);
    reader.list("match_expressions",
                [&](const json& item, const std::string& item_path) -> Result<void> {
                    auto requirement = read_requirement(item, item_path);
                    if (!requirement) return fail(requirement.error());
                    selector.match_expressions.push_back(std::move(*requirement));
                    return {};
                });
    if (auto finished = reader.finish(); !finished) return fail(finished.error());
    if (auto checked = check_selector(selector); !checked) {
        checked.error().field = path;
        return fail(checked.error());
    }
    return selector;
}

Result<std::chrono::seconds> parse_seconds(std::string_view text) {
    const auto bad = [&] {
        return fail(
            ErrorCode::invalid_argument,
            "'" + std::string(text) +
                "' is no duration in whole seconds; write a number, or text like \"90s\" or "
                "\"9m0s\"");
    };
    std::int64_t total = 0;
    std::string_view rest = text;
    std::int64_t last_unit = 3601;  // units come in falling order, each once
    if (rest.empty()) return bad();
    while (!rest.empty()) {
        std::int64_t count = 0;
        if (rest[0] == '-') return bad();
        const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), count);
        rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
        if (error != std::errc{} || rest.empty() || count > seconds_max / 3600) return bad();
        const std::int64_t unit =
            rest[0] == 'h' ? 3600 : (rest[0] == 'm' ? 60 : (rest[0] == 's' ? 1 : 0));
        rest.remove_prefix(1);
        if (unit == 0 || unit >= last_unit) return bad();
        last_unit = unit;
        total += count * unit;
    }
    return std::chrono::seconds(total);
}

}  // namespace trivet
