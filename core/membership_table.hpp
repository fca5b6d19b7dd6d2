#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/command.hpp"
#include "core/result.hpp"
#include "core/time.hpp"

namespace trivet {

/// The newest start of a node that the cluster has seen: an older copy of its data lacks it.
struct BootRecord {
    std::uint64_t raft_id = 0;
    std::uint64_t number = 0;
    std::uint64_t nonce = 0;

    friend bool operator==(const BootRecord&, const BootRecord&) = default;
};

/// A part of the replicated state: the tokens that let nodes in, and which start of which data
/// directory stands behind a node's name. Each call checks everything before it changes anything.
/// A value type; no clock.
class MembershipTable {
public:
    // One is enough for a node; a script that invites in a loop ends here.
    static constexpr std::size_t tokens_max = 1000;
    // Whoever finds an old invitation shall find it useless.
    static constexpr std::chrono::days token_life_max{7};
    static constexpr std::size_t boots_max = 10'000;  // as many as there may be nodes

    struct Used {
        std::uint64_t raft_id = 0;
        std::string node;
    };
    struct Token {
        WallTime expires{};
        std::optional<Used> used = {};
    };
    /// What a call did: the keys of the rows that changed, and whether the token let a node in that
    /// was not in before.
    struct Change {
        std::vector<std::string> rows;
        bool is_first_use = false;
    };

    /// Forgets expired tokens as well. Errors: invalid_argument; conflict, for the hash of another
    /// token; exhausted.
    Result<Change> make_token(const MakeJoinToken& token, WallTime now);
    /// `is_registered`: there is a node of this name. Errors: unauthenticated, always in the same
    /// words; invalid_argument; conflict, for the name.
    Result<Change> use_token(const UseJoinToken& use, bool is_registered, WallTime now);
    /// Errors: invalid_argument; conflict, for a start that is not newer; exhausted.
    Result<Change> record_boot(const RecordBoot& boot);
    /// Its boot, and the token that let it in, which would let it in again.
    Change forget(const std::string& node);

    const std::map<std::string, Token, std::less<>>& tokens() const { return tokens_; }
    const std::map<std::string, BootRecord>& boots() const { return boots_; }  // by node name

    static constexpr std::string_view token_prefix = "join/";
    static constexpr std::string_view boot_prefix = "boot/";
    static bool has_row(std::string_view key) {
        return key.starts_with(token_prefix) || key.starts_with(boot_prefix);
    }
    /// All rows, and one by its key; nullopt: there is none.
    std::vector<std::string> row_keys() const;
    std::optional<std::string> row(std::string_view key) const;
    /// Errors: corrupt.
    Result<void> restore(std::string_view key, std::string_view row);

private:
    Result<void> restore_token(std::string_view hash, const nlohmann::json& row);
    Result<void> restore_boot(std::string_view node, const nlohmann::json& row);

    std::map<std::string, Token, std::less<>> tokens_;  // by hash
    std::map<std::string, BootRecord> boots_;
};

}  // namespace trivet
