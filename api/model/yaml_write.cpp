#include "api/model/yaml_write.hpp"

#include <fmt/format.h>
#include <set>

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

/// JSON may hold characters as they are that YAML 1.2 does not print (section 5.1), or that
/// YAML 1.1 took for line breaks. The escapes of both languages are alike, except above U+FFFF,
/// where all characters are printed.
std::string escaped(const std::string& text) {
    std::string result;
    for (std::size_t at = 0; at < text.size();) {
        const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[at + i]); };
        std::size_t length = 1;
        unsigned code = byte(0);
        if (byte(0) >= 0xf0) {
            length = 4;
        } else if (byte(0) >= 0xe0) {
            length = 3;
            code = (byte(0) & 0x0fU) << 12U | (byte(1) & 0x3fU) << 6U | (byte(2) & 0x3fU);
        } else if (byte(0) >= 0xc0) {
            length = 2;
            code = (byte(0) & 0x1fU) << 6U | (byte(1) & 0x3fU);
        }
        const bool hidden = (code >= 0x7f && code <= 0x9f) || code == 0x2028 || code == 0x2029 ||
                            code == 0xfeff || code == 0xfffe || code == 0xffff;
        if (length < 4 && hidden) {
            result += fmt::format("\\u{:04x}", code);
        } else {
            result.append(text, at, length);
        }
        at += length;
    }
    return result;
}

std::string scalar(const json& value) {
    if (value.is_string()) {
        const auto& text = value.get_ref<const std::string&>();
        if (is_plain(text) || is_v4_range(text)) return text;
    }
    return escaped(value.dump(-1, ' ', false, json::error_handler_t::replace));
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
