#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "core/bgp_plan.hpp"
#include "core/result.hpp"

/// BGP communities as people write and read them.
namespace trivet {

using CommunityValue = std::variant<Community, LargeCommunity>;

/// "no-export", "NO_EXPORT", "GRACEFUL_SHUTDOWN": the names of IANA's registry, in any case, with
/// '-' or '_'.
std::optional<Community> well_known_community(std::string_view name);
/// "65000:100" (RFC 1997) or "large:65000:1:2" (RFC 8092). Errors: invalid_argument.
Result<CommunityValue> parse_community_value(std::string_view text);
/// "rt:65000:1", "soo:192.0.2.1:1" (RFC 4360, RFC 5668), or all eight octets as "0x" and 16 digits.
/// Errors: invalid_argument.
Result<ExtendedCommunity> parse_extended_community(std::string_view text);
/// Whether the text can name a community: printable, without ':' and spaces.
bool is_community_alias(std::string_view text);

/// A well-known name where there is one; what is written, parses to the same.
std::string to_string(Community community);
std::string to_string(const LargeCommunity& community);
std::string to_string(ExtendedCommunity community);

}  // namespace trivet
