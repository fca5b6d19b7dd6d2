#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/command.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "core/token.hpp"

namespace trivet {

/// A part of the replicated state: the tokens that were made beside the administrator's first one.
/// Each call checks everything before it changes anything. A value type; no clock: a token is gone
/// from the command on whose time has come to its end.
class TokenTable {
public:
    // What a call over TCP brings along is compared with all of them.
    static constexpr std::size_t tokens_max = 256;
    static constexpr std::chrono::days life_max{3650};

    struct Token {
        std::string hash;  // hex SHA-256; the token itself is nowhere stored
        TokenRole role = TokenRole::cloud;
        TokenLimits limits = {};  // of the role cloud
        WallTime created{};
        std::optional<WallTime> expires = {};
        std::uint64_t revision = 0;  // log index of the command that made it
    };
    using Changed = std::set<std::string>;  // row keys

    /// Errors: invalid_argument; conflict, for the name or the hash; exhausted.
    Result<void> create(const CreateToken& token, WallTime now, std::uint64_t revision,
                        Changed& changed);
    /// False: there is none of this name.
    bool erase(const std::string& name, Changed& changed);
    /// Forgets those whose end has come, and gives their names.
    std::vector<std::string> expire(WallTime now, Changed& changed);
    std::optional<WallTime> next_expiry() const;

    const std::map<std::string, Token, std::less<>>& all() const { return all_; }  // by name
    const Token* find(std::string_view name) const;

    static constexpr std::string_view row_prefix = "token/";
    static bool has_row(std::string_view key) { return key.starts_with(row_prefix); }
    std::vector<std::string> row_keys() const;
    std::optional<std::string> row(std::string_view key) const;
    /// Errors: corrupt.
    Result<void> restore(std::string_view key, std::string_view row);

private:
    std::map<std::string, Token, std::less<>> all_;
};

}  // namespace trivet
