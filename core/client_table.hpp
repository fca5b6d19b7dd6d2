#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.hpp"
#include "core/result.hpp"

namespace trivet {

/// A part of the replicated state: which request of which client was answered how, so that one
/// that is sent again takes effect once (Raft paper, section 8). A client has one request on its
/// way at a time and numbers them upwards. A value type; no clock.
class ClientTable {
public:
    /// The client whose last answer is the oldest is forgotten first.
    static constexpr std::size_t clients_max = 10'000;

    struct Answer {
        std::uint64_t sequence = 0;
        LogIndex index;                   // of the command
        std::optional<Error> error = {};  // nullopt: it took effect
        std::uint64_t fingerprint = 0;    // of what was asked for
    };

    /// The newest answer when `sequence` is not above it, so that the request must not take effect
    /// again; null: it is new.
    const Answer* find(const std::string& client, std::uint64_t sequence) const;
    /// Keys of the rows that changed.
    std::vector<std::string> record(const std::string& client, Answer answer);

    static constexpr std::string_view row_prefix = "client/";
    /// All rows, and one by its key; nullopt: there is none.
    std::vector<std::string> row_keys() const;
    std::optional<std::string> row(std::string_view key) const;
    /// Errors: corrupt.
    Result<void> restore(std::string_view key, std::string_view row);

    std::size_t size() const { return answers_.size(); }

private:
    void forget_oldest(std::vector<std::string>& changed);

    std::map<std::string, Answer, std::less<>> answers_;
    std::set<std::pair<LogIndex, std::string>> by_age_;
};

}  // namespace trivet
