#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.hpp"

/// What a token of the API lets its bearer do. Plain values.
namespace trivet {

enum class TokenRole : std::uint8_t {
    admin,  // everything, as the administrator's own token
    cloud,  // VIPs within TokenLimits, and to look around
};
inline constexpr std::array token_role_words = {std::pair{"admin", TokenRole::admin},
                                                std::pair{"cloud", TokenRole::cloud}};
std::string_view to_string(TokenRole role);

/// Where a token of the role cloud may have VIPs.
struct TokenLimits {
    static constexpr std::size_t entries_max = 64;  // of either list

    std::vector<std::string> namespaces;  // patterns, as matches_namespace() reads them
    std::vector<std::string> pools;       // none: every pool, and the choice of one

    bool covers_namespace(std::string_view name_space) const;
    /// "" stands for a VIP that names no pool: Trivet might choose any for it.
    bool covers_pool(std::string_view pool) const;

    friend bool operator==(const TokenLimits&, const TokenLimits&) = default;
};

/// "prod" is that namespace alone, "prod.*" every one below it ("prod.web", not "prod" itself), "*"
/// every one there is.
bool matches_namespace(std::string_view pattern, std::string_view name_space);
/// Errors: invalid_argument, saying how patterns look.
Result<void> check_namespace_pattern(std::string_view pattern);

}  // namespace trivet
