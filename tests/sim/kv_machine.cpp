#include "tests/sim/kv_machine.hpp"

#include "core/assert.hpp"
#include "core/raft/bytes.hpp"

namespace trivet::sim {

using raft::ByteReader;
using raft::ByteWriter;

namespace {

constexpr std::string_view list_prefix = "list/";

}  // namespace

std::string AppendToken::encode() const {
    ByteWriter writer;
    writer.text(client).number(sequence).number(key).number(token);
    return writer.take();
}

AppendToken AppendToken::decode(std::string_view bytes) {
    ByteReader reader(bytes);
    AppendToken command;
    command.client = reader.text();
    command.sequence = reader.number<std::uint64_t>();
    command.key = reader.number<std::uint32_t>();
    command.token = reader.number<std::uint32_t>();
    TRIVET_ASSERT(reader.complete());
    return command;
}

std::vector<std::string> KvMachine::apply(const AppendToken& command, LogIndex index) {
    if (clients_.find(command.client, command.sequence) != nullptr) return {};
    lists_[command.key].push_back(command.token);
    auto changed = clients_.record(command.client, {command.sequence, index, std::nullopt});
    changed.push_back(std::string(list_prefix) + std::to_string(command.key));
    return changed;
}

const TokenList& KvMachine::list(std::uint32_t key) const {
    static const TokenList empty;
    const auto found = lists_.find(key);
    return found == lists_.end() ? empty : found->second;
}

std::optional<std::string> KvMachine::row(const std::string& key) const {
    if (!key.starts_with(list_prefix)) return clients_.row(key);
    ByteWriter writer;
    for (const std::uint32_t token :
         list(static_cast<std::uint32_t>(std::stoul(key.substr(list_prefix.size())))))
        writer.number(token);
    return writer.take();
}

std::map<std::string, std::string> KvMachine::rows() const {
    std::map<std::string, std::string> rows;
    for (const std::string& key : clients_.row_keys()) rows[key] = clients_.row(key).value();
    for (const auto& [key, tokens] : lists_) {
        const std::string name = std::string(list_prefix) + std::to_string(key);
        rows[name] = row(name).value();
    }
    return rows;
}

KvMachine KvMachine::restore(const std::map<std::string, std::string>& rows) {
    KvMachine machine;
    for (const auto& [key, value] : rows) {
        if (!key.starts_with(list_prefix)) {
            TRIVET_ASSERT(machine.clients_.restore(key, value));
            continue;
        }
        TokenList& list =
            machine.lists_[static_cast<std::uint32_t>(std::stoul(key.substr(list_prefix.size())))];
        ByteReader reader(value);
        while (!reader.at_end()) list.push_back(reader.number<std::uint32_t>());
        TRIVET_ASSERT(reader.ok());
    }
    return machine;
}

std::string KvMachine::snapshot() const {
    ByteWriter writer;
    for (const auto& [key, value] : rows()) writer.text(key).text(value);
    return writer.take();
}

std::map<std::string, std::string> KvMachine::rows_of_snapshot(std::string_view bytes) {
    std::map<std::string, std::string> rows;
    ByteReader reader(bytes);
    while (!reader.at_end()) {
        const std::string key(reader.text());
        rows[key] = reader.text();
    }
    TRIVET_ASSERT(reader.ok());
    return rows;
}

}  // namespace trivet::sim
