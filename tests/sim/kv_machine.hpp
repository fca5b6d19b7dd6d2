#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/client_table.hpp"
#include "core/raft/types.hpp"

namespace trivet::sim {

/// A command of the simulated state machine: appends `token` to the list `key`, once.
struct AppendToken {
    std::string client;
    std::uint64_t sequence = 0;
    std::uint32_t key = 0;
    std::uint32_t token = 0;  // unique in the run

    std::string encode() const;
    static AppendToken decode(std::string_view bytes);
};

using TokenList = std::vector<std::uint32_t>;

/// Lists of tokens: whatever is lost, doubled or reordered shows in them.
class KvMachine {
public:
    /// Keys of the rows that changed. The position of the token in its list, from 1 on, for one
    /// that took effect now or earlier.
    std::vector<std::string> apply(const AppendToken& command, LogIndex index);
    const TokenList& list(std::uint32_t key) const;
    const std::map<std::uint32_t, TokenList>& lists() const { return lists_; }

    std::optional<std::string> row(const std::string& key) const;
    std::map<std::string, std::string> rows() const;
    static KvMachine restore(const std::map<std::string, std::string>& rows);
    std::string snapshot() const;
    static std::map<std::string, std::string> rows_of_snapshot(std::string_view bytes);

private:
    ClientTable clients_;
    std::map<std::uint32_t, TokenList> lists_;
};

}  // namespace trivet::sim
