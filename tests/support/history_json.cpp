#include "tests/support/history_json.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace trivet::test {
namespace {

using nlohmann::json;

constexpr std::array kinds{OperationKind::read, OperationKind::write,
                           OperationKind::compare_and_set, OperationKind::create,
                           OperationKind::remove};
constexpr std::array field_names{"process", "key",     "kind",     "expected", "value",
                                 "output",  "invoked", "returned", "succeeded"};

/// Reads the fields of one line; the first mistake is kept.
class LineReader {
public:
    explicit LineReader(const json& line) : line_(line) {}

    Result<Operation> operation() {
        Operation operation;
        check_names();
        operation.process = required_number("process");
        operation.key = required_text("key");
        operation.kind = kind();
        operation.expected = text("expected");
        operation.value = text("value");
        operation.output = text("output");
        operation.invoked = required_number("invoked");
        operation.returned = number("returned");
        if (line_.contains("succeeded")) operation.succeeded = truth("succeeded");
        check_presence(operation);
        if (operation.returned && *operation.returned < operation.invoked)
            mistake("\"returned\" is before \"invoked\"");
        if (!mistake_.empty()) return fail(ErrorCode::invalid_argument, mistake_);
        return operation;
    }

private:
    void mistake(std::string text) {
        if (mistake_.empty()) mistake_ = std::move(text);
    }

    /// A misspelt field would otherwise be a default, and the verdict worth nothing.
    void check_names() {
        for (const auto& item : line_.items())
            if (std::ranges::find(field_names, item.key()) == field_names.end())
                mistake(fmt::format("no field is named \"{}\"", item.key()));
    }

    void check_presence(const Operation& operation) {
        const bool sets = operation.kind == OperationKind::compare_and_set;
        if (sets) require("expected");
        if (sets || operation.kind == OperationKind::write) require("value");
        if (operation.kind == OperationKind::read && operation.returned && operation.succeeded)
            require("output");
    }

    void require(const char* name) {
        if (!line_.contains(name)) mistake(fmt::format("\"{}\" is missing", name));
    }

    /// nullopt: null.
    std::optional<std::int64_t> number(const char* name) {
        require(name);
        const auto field = line_.find(name);
        if (field == line_.end() || field->is_null()) return std::nullopt;
        const bool is_too_large =
            field->is_number_unsigned() && field->get<std::uint64_t>() > std::uint64_t{INT64_MAX};
        if (field->is_number_integer() && !is_too_large) return field->get<std::int64_t>();
        mistake(fmt::format("\"{}\" is not a whole number of 64 bits", name));
        return std::nullopt;
    }

    std::int64_t required_number(const char* name) {
        const auto found = number(name);
        if (!found) mistake(fmt::format("\"{}\" is null", name));
        return found.value_or(0);
    }

    std::optional<std::string> text(const char* name) {
        const auto field = line_.find(name);
        if (field == line_.end() || field->is_null()) return std::nullopt;
        if (field->is_string()) return field->get<std::string>();
        mistake(fmt::format("\"{}\" is neither a string nor null", name));
        return std::nullopt;
    }

    std::string required_text(const char* name) {
        const auto found = text(name);
        if (!found) mistake(fmt::format("\"{}\" is missing", name));
        return found.value_or("");
    }

    bool truth(const char* name) {
        if (line_[name].is_boolean()) return line_[name].get<bool>();
        mistake(fmt::format("\"{}\" is neither true nor false", name));
        return false;
    }

    OperationKind kind() {
        const std::string name = required_text("kind");
        for (const OperationKind kind : kinds)
            if (to_string(kind) == name) return kind;
        mistake(fmt::format(
            "\"kind\" is \"{}\"; it is read, write, compare_and_set, create or remove", name));
        return OperationKind::read;
    }

    const json& line_;
    std::string mistake_;
};

Result<Operation> parse_line(std::string_view text) {
    const json line = json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!line.is_object()) return fail(ErrorCode::invalid_argument, "not a JSON object");
    return LineReader(line).operation();
}

json to_json(const std::optional<std::string>& value) { return value ? json(*value) : json(); }

}  // namespace

std::string to_json_line(const Operation& operation) {
    nlohmann::ordered_json line{{"process", operation.process},
                                {"key", operation.key},
                                {"kind", to_string(operation.kind)}};
    if (operation.kind == OperationKind::compare_and_set)
        line["expected"] = to_json(operation.expected);
    if (operation.kind != OperationKind::read && operation.kind != OperationKind::remove)
        line["value"] = to_json(operation.value);
    if (operation.kind == OperationKind::read || operation.output)
        line["output"] = to_json(operation.output);
    line["invoked"] = operation.invoked;
    line["returned"] = operation.returned ? json(*operation.returned) : json();
    if (!operation.succeeded) line["succeeded"] = false;
    return line.dump();
}

Result<History> parse_history(std::string_view lines) {
    History history;
    for (std::size_t number = 1; !lines.empty(); ++number) {
        const std::string_view line = lines.substr(0, lines.find('\n'));
        lines.remove_prefix(std::min(lines.size(), line.size() + 1));
        if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
        auto operation = parse_line(line);
        if (!operation)
            return fail(operation.error().code,
                        fmt::format("line {}: {}", number, operation.error().message));
        if (history.size() == operations_max)
            return fail(ErrorCode::too_large,
                        fmt::format("line {}: more than {} operations", number, operations_max));
        history.push_back(std::move(*operation));
    }
    return history;
}

}  // namespace trivet::test
