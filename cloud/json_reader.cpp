#include "cloud/json_reader.hpp"

#include <fmt/format.h>

namespace trivet::cloud {

using nlohmann::json;

JsonReader::JsonReader(const json& object, std::string path)
    : object_(object), path_(std::move(path)) {
    if (!object_.is_object())
        error_ = Error{ErrorCode::invalid_argument,
                       fmt::format("'{}' is no JSON object", path_.empty() ? "." : path_), path_};
}

std::string JsonReader::path_of(std::string_view name) const {
    return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
}

const json* JsonReader::find(std::string_view name) const {
    if (!object_.is_object()) return nullptr;
    const auto found = object_.find(name);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
}

void JsonReader::refuse(std::string_view name, std::string message) {
    if (!error_) error_ = Error{ErrorCode::invalid_argument, std::move(message), path_of(name)};
}

void JsonReader::wrong_type(std::string_view name, std::string_view wanted) {
    refuse(name, fmt::format("'{}' must be {}", path_of(name), wanted));
}

bool JsonReader::within(std::string_view name, std::size_t size, std::size_t most) {
    if (size <= most) return true;
    refuse(name,
           fmt::format("'{}' has a size of {}; at most {} is read", path_of(name), size, most));
    return false;
}

void JsonReader::text(std::string_view name, std::string& out, std::size_t bytes_max) {
    const json* field = find(name);
    if (field == nullptr) return;
    if (!field->is_string()) return wrong_type(name, "a string");
    const auto& value = field->get_ref<const std::string&>();
    if (within(name, value.size(), bytes_max)) out = value;
}

void JsonReader::boolean(std::string_view name, bool& out) {
    const json* field = find(name);
    if (field == nullptr) return;
    if (!field->is_boolean()) return wrong_type(name, "true or false");
    out = field->get<bool>();
}

void JsonReader::texts(std::string_view name, std::vector<std::string>& out,
                       std::size_t items_max) {
    list(name, items_max, [&](const json& item, const std::string& path) -> Result<void> {
        if (!item.is_string() || item.get_ref<const std::string&>().size() > text_bytes_max)
            return fail(
                ErrorCode::invalid_argument,
                fmt::format("'{}' must be a string of at most {} bytes", path, text_bytes_max),
                path);
        out.push_back(item.get_ref<const std::string&>());
        return {};
    });
}

void JsonReader::map(std::string_view name, std::map<std::string, std::string>& out,
                     std::size_t items_max) {
    const json* field = find(name);
    if (field == nullptr) return;
    if (!field->is_object()) return wrong_type(name, "an object of strings");
    if (!within(name, field->size(), items_max)) return;
    for (const auto& [key, value] : field->items()) {
        if (!value.is_string()) return wrong_type(name, "an object of strings");
        out.emplace(key, value.get_ref<const std::string&>());
    }
}

void JsonReader::list(std::string_view name, std::size_t items_max, const ReadItem& read_item) {
    const json* field = find(name);
    if (field == nullptr) return;
    if (!field->is_array()) return wrong_type(name, "a list");
    if (!within(name, field->size(), items_max)) return;
    for (std::size_t i = 0; i < field->size(); ++i) {
        auto read = read_item((*field)[i], fmt::format("{}[{}]", path_of(name), i));
        if (read) continue;
        if (!error_) error_ = std::move(read.error());
        return;
    }
}

void JsonReader::object(std::string_view name, const std::function<void(JsonReader&)>& read) {
    const json* field = find(name);
    if (field == nullptr) return;
    JsonReader reader(*field, path_of(name));
    if (!reader.error_) read(reader);
    if (!error_) error_ = std::move(reader.error_);
}

bool JsonReader::read_unsigned(std::string_view name, std::uint64_t& out, std::uint64_t min,
                               std::uint64_t max) {
    const json* field = find(name);
    if (field == nullptr) return false;
    if (!field->is_number_unsigned()) {
        wrong_type(name, "a whole number that is not negative");
        return false;
    }
    const auto value = field->get<std::uint64_t>();
    if (value < min || value > max) {
        refuse(name, fmt::format("'{}' is {}, which is not within {}-{}", path_of(name), value, min,
                                 max));
        return false;
    }
    out = value;
    return true;
}

Result<void> JsonReader::finish() const {
    if (error_) return fail(*error_);
    return {};
}

}  // namespace trivet::cloud
