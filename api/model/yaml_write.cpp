#include "api/model/yaml_write.hpp"

namespace trivet::model {
namespace {

using nlohmann::json;

constexpr int indent_step = 2;

/// Whether `text` may stand without quotes: only what no reader can take for anything else.
bool is_plain(std::string_view text) {
    constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    constexpr std::string_view inside =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./";
    if (text.empty() || letters.find(text.front()) == std::string_view::npos) return false;
    if (text.find_first_not_of(inside) != std::string_view::npos) return false;
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    static const std::set<std::string> taken{"true", "false", "yes", "no",  "on",
                                             "off",  "y",     "n",   "null"};
    return !taken.contains(lower);
}

/// A string of addresses, as 192.0.2.1-192.0.2.9 or 192.0.2.0/24, is readable without quotes and is
/// no number to anybody because of its third dot.
bool is_v4_range(std::string_view text) {
    return text.find_first_not_of("0123456789./-") == std::string_view::npos &&
           std::count(text.begin(), text.end(), '.') >= 3 && text.front() >= '0' &&
           text.front() <= '9' && text.back() >= '0' && text.back() <= '9';
}

std::string scalar(const json& value) {
    if (value.is_string()) {
        const auto& text = value.get_ref<const std::string&>();
        if (is_plain(text) || is_v4_range(text)) return text;
    }
    auto written = value.dump(-1, ' ', false, json::error_handler_t::replace);
    // JSON may hold this character as it is, YAML 1.2 section 5.1 does not print it.
    for (std::size_t at = 0; (at = written.find('\x7f', at)) != std::string::npos;) {
        written.replace(at, 1, "\\x7f");
    }
    return written;
}

class Writer {
public:
    explicit Writer(const std::vector<std::string_view>& first) : first_(first) {}

    void block(const json& value, int indent) {
        if (value.is_array()) return list(value, indent);
        for (const auto& key : ordered_keys(value)) {
            const auto& inner = value.at(key);
            pad(indent);
            text_ += scalar(key) + ":";
            if (!inner.is_structured() || inner.empty()) {
                text_ += " " + scalar(inner) + "\n";
            } else {
                text_ += "\n";
                block(inner, inner.is_object() ? indent + indent_step : indent);
            }
        }
    }

    void list(const json& items, int indent) {
        for (const auto& item : items) {
            const auto start = text_.size();
            if (!item.is_structured() || item.empty()) {
                pad(indent + indent_step);
                text_ += scalar(item) + "\n";
            } else {
                block(item, indent + indent_step);
            }
            text_[start + static_cast<std::size_t>(indent)] = '-';  // into the item's indentation
        }
    }

    std::string take() { return std::move(text_); }

private:
    void pad(int indent) { text_.append(static_cast<std::size_t>(indent), ' '); }

    std::vector<std::string> ordered_keys(const json& object) const {
        std::vector<std::string> keys;
        for (const auto key : first_) {
            if (object.contains(key)) keys.emplace_back(key);
        }
        for (const auto& [key, value] : object.items()) {
            if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
        }
        return keys;
    }

    const std::vector<std::string_view>& first_;
    std::string text_;
};

}  // namespace

std::string to_yaml(const json& value, const std::vector<std::string_view>& first) {
    if (!value.is_structured() || value.empty()) return scalar(value) + "\n";
    Writer writer(first);
    writer.block(value, 0);
    return writer.take();
}

}  // namespace trivet::model
