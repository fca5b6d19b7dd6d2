#include "core/client_table.hpp"

#include <fmt/format.h>

#include "core/field_reader.hpp"

namespace trivet {

using nlohmann::json;

namespace {

Result<Error> read_error(const json& value) {
    if (!value.is_object()) return fail(ErrorCode::corrupt, "its error is no object");
    unsigned code = 0;
    Error error{};
    FieldReader reader(value, "error");
    reader.integer("code", code, 0u, static_cast<unsigned>(ErrorCode::internal));
    reader.text("message", error.message);
    reader.text("field", error.field);
    if (auto finished = reader.finish(); !finished) return fail(finished.error());
    error.code = static_cast<ErrorCode>(code);
    return error;
}

}  // namespace

const ClientTable::Answer* ClientTable::find(const std::string& client,
                                             std::uint64_t sequence) const {
    const auto found = answers_.find(client);
    return found != answers_.end() && sequence <= found->second.sequence ? &found->second : nullptr;
}

std::vector<std::string> ClientTable::record(const std::string& client, Answer answer) {
    std::vector<std::string> changed{std::string(row_prefix) + client};
    if (const auto old = answers_.find(client); old != answers_.end())
        by_age_.erase({old->second.index, client});
    by_age_.insert({answer.index, client});
    answers_[client] = std::move(answer);
    if (answers_.size() > clients_max) forget_oldest(changed);
    return changed;
}

void ClientTable::forget_oldest(std::vector<std::string>& changed) {
    const auto oldest = by_age_.begin();
    changed.push_back(std::string(row_prefix) + oldest->second);
    answers_.erase(oldest->second);
    by_age_.erase(oldest);
}

std::vector<std::string> ClientTable::row_keys() const {
    std::vector<std::string> keys;
    for (const auto& [client, answer] : answers_) keys.push_back(std::string(row_prefix) + client);
    return keys;
}

std::optional<std::string> ClientTable::row(std::string_view key) const {
    if (!key.starts_with(row_prefix)) return std::nullopt;
    const auto found = answers_.find(key.substr(row_prefix.size()));
    if (found == answers_.end()) return std::nullopt;
    const Answer& answer = found->second;
    json row{{"sequence", answer.sequence},
             {"index", answer.index.value()},
             {"fingerprint", answer.fingerprint}};
    if (answer.error)
        row["error"] = {{"code", static_cast<unsigned>(answer.error->code)},
                        {"message", answer.error->message},
                        {"field", answer.error->field}};
    return row.dump();
}

Result<void> ClientTable::restore(std::string_view key, std::string_view row) {
    const auto corrupt = [&](const std::string& reason) {
        return fail(ErrorCode::corrupt, fmt::format("row '{}': {}", key, reason));
    };
    const json value = json::parse(row, nullptr, false);
    if (!key.starts_with(row_prefix) || !value.is_object()) return corrupt("is no client's answer");
    Answer answer;
    std::uint64_t index = 0;
    FieldReader reader(value, "row");
    reader.integer("sequence", answer.sequence, std::uint64_t{0}, UINT64_MAX);
    reader.integer("index", index, std::uint64_t{1}, UINT64_MAX);
    reader.integer("fingerprint", answer.fingerprint, std::uint64_t{0}, UINT64_MAX);
    if (const json* error = reader.take("error")) {
        auto read = read_error(*error);
        if (!read) return corrupt(read.error().message);
        answer.error = std::move(*read);
    }
    if (auto finished = reader.finish(); !finished) return corrupt(finished.error().message);
    answer.index = LogIndex(index);
    record(std::string(key.substr(row_prefix.size())), std::move(answer));
    return {};
}

}  // namespace trivet
