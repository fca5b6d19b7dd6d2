#pragma once
#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "announce/bfd/bfd_authentication.hpp"
#include "core/bgp_plan.hpp"
#include "core/ip_address.hpp"
#include "core/result.hpp"

namespace trivet::announce::bfd {

/// One peer that is to be watched.
struct SessionConfig {
    std::optional<IpAddress> local = {};  // nullopt: as the kernel routes
    IpAddress remote = {};
    std::string interface = {};  // packets go out and come in here alone; link-local peers need it
    bool multihop = false;       // RFC 5883, else RFC 5881
    BfdSettings settings = {};
    std::optional<AuthenticationKey> authentication = {};
    bool admin_down = false;  // held administratively down, and the peer told so: a drain
    bool operator==(const SessionConfig&) const = default;

    /// Whether `other` can take this one's place without a new session: settings travel by poll
    /// sequence.
    bool is_same_session(const SessionConfig& other) const;
};

using SessionConfigs = std::map<std::string, SessionConfig>;

/// A thread's turn looks at all of them; and at 10 ms each 256 of them send 26,000 packets a
/// second.
inline constexpr std::size_t sessions_max = 256;
inline constexpr std::chrono::milliseconds interval_min{10};
inline constexpr std::chrono::milliseconds interval_max{60'000};

/// Errors: invalid_argument, naming session and field; exhausted, more than sessions_max; conflict,
/// two sessions that packets without our discriminator could not tell apart.
Result<void> check(const SessionConfigs& sessions);

}  // namespace trivet::announce::bfd
