#pragma once
#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/label_selector.hpp"
#include "core/result.hpp"

namespace trivet {

/// Reads one JSON object field by field, strictly: finish() reports fields that nobody asked for,
/// else the first field that had the wrong type or range. Outputs of absent fields stay as they
/// are. Lives on the stack of the function that reads.
class FieldReader {
public:
    using ReadItem = std::function<Result<void>(const nlohmann::json& item, std::string path)>;

    /// `what` names the object in messages ("pool"); `path` leads to it ("" or "ports[0]").
    FieldReader(const nlohmann::json& object, std::string what, std::string path = {});

    /// The field, marked as known; null when absent.
    const nlohmann::json* take(std::string_view name);
    bool has(std::string_view name) const;
    void ignore(std::string_view name) { take(name); }
    /// Its absence is an error.
    void require(std::string_view name);

    void text(std::string_view name, std::string& out);
    void boolean(std::string_view name, bool& out);
    void labels(std::string_view name, Labels& out);
    void selectors(std::string_view name, std::vector<LabelSelector>& out);
    void texts(std::string_view name, std::vector<std::string>& out);
    void list(std::string_view name, const ReadItem& read_item);
    /// Seconds as an integer, or as text like "90s", "9m0s", "1h".
    void seconds(std::string_view name, std::chrono::seconds& out);

    template <std::unsigned_integral Int>
    void integer(std::string_view name, Int& out, Int min, Int max) {
        std::uint64_t value = out;
        if (read_unsigned(name, value, min, max)) out = static_cast<Int>(value);
    }

    /// One of the words of `table`, a sequence of (word, value).
    template <class Table, class Value>
    void choice(std::string_view name, Value& out, const Table& table) {
        const nlohmann::json* field = take(name);
        if (field == nullptr) return;
        std::vector<std::string> words;
        for (const auto& [word, value] : table) {
            if (field->is_string() && field->get_ref<const std::string&>() == word) {
                out = value;
                return;
            }
            words.emplace_back(word);
        }
        refuse_choice(name, *field, words);
    }

    /// Keeps `error` unless there is one already; the field's path is put in when it has none.
    void refuse(std::string_view name, Error error);
    std::string path_of(std::string_view name) const;
    Result<void> finish();

private:
    bool read_unsigned(std::string_view name, std::uint64_t& out, std::uint64_t min,
                       std::uint64_t max);
    void refuse_choice(std::string_view name, const nlohmann::json& field,
                       const std::vector<std::string>& words);
    void wrong_type(std::string_view name, std::string_view wanted, const nlohmann::json& field);

    const nlohmann::json& object_;
    std::string what_;
    std::string path_;
    std::vector<std::string> known_;
    std::optional<Error> error_;  // the first
};

/// "a string", "null", ...: the type of a value, for messages.
std::string_view type_of(const nlohmann::json& value);
Result<LabelSelector> read_selector(const nlohmann::json& value, const std::string& path);
/// "90s", "9m0s", "1h30m": whole seconds. Errors: invalid_argument.
Result<std::chrono::seconds> parse_seconds(std::string_view text);

}  // namespace trivet
