#include "announce/bfd/bfd_config.hpp"

#include <fmt/format.h>
#include <set>
#include <tuple>

#include <net/if.h>

namespace trivet::announce::bfd {

namespace {

Result<void> refuse(const std::string& name, std::string_view field, std::string_view problem) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("BFD session '{}': {} {}", name, field, problem), std::string(field));
}

Result<void> check_interval(const std::string& name, std::string_view field,
                            std::chrono::milliseconds interval) {
    if (interval >= interval_min && interval <= interval_max) return {};
    return refuse(name, field,
                  fmt::format("is {} ms; it can be {} to {} ms", interval.count(),
                              interval_min.count(), interval_max.count()));
}

Result<void> check_addresses(const std::string& name, const SessionConfig& session) {
    if (session.remote.is_unspecified() || session.remote.is_multicast())
        return refuse(name, "remote", session.remote.to_string() + " is no host's address");
    if (session.remote.is_link_local() && !session.remote.is_v4() && session.interface.empty())
        return refuse(name, "interface",
                      "is missing: the link-local address " + session.remote.to_string() +
                          " means a host only together with one");
    if (session.local && session.local->family() != session.remote.family())
        return refuse(name, "local",
                      session.local->to_string() + " is not of the family of the remote address");
    if (session.local && (session.local->is_unspecified() || session.local->is_multicast()))
        return refuse(name, "local", session.local->to_string() + " is no host's address");
    if (session.interface.size() >= IF_NAMESIZE)
        return refuse(
            name, "interface",
            fmt::format("'{}' is longer than {} characters", session.interface, IF_NAMESIZE - 1));
    return {};
}

Result<void> check(const std::string& name, const SessionConfig& session) {
    const BfdSettings& settings = session.settings;
    if (auto checked = check_addresses(name, session); !checked) return checked;
    if (auto checked = check_interval(name, "receive_interval", settings.receive_interval);
        !checked)
        return checked;
    if (auto checked = check_interval(name, "transmit_interval", settings.transmit_interval);
        !checked)
        return checked;
    if (settings.echo_interval) {
        if (auto checked = check_interval(name, "echo_interval", *settings.echo_interval); !checked)
            return checked;
    }
    if (settings.detect_multiplier == 0)
        return refuse(name, "detect_multiplier", "is 0; it can be 1 to 255");
    if (!session.authentication) return {};
    auto authenticator = Authenticator::make(*session.authentication, 0);
    if (!authenticator)
        return fail(authenticator.error().code,
                    fmt::format("BFD session '{}': {}", name, authenticator.error().message),
                    "authentication");
    return {};
}

}  // namespace

bool SessionConfig::is_same_session(const SessionConfig& other) const {
    return local == other.local && remote == other.remote && interface == other.interface &&
           multihop == other.multihop && authentication == other.authentication;
}

Result<void> check(const SessionConfigs& sessions) {
    if (sessions.size() > sessions_max)
        return fail(ErrorCode::exhausted, fmt::format("{} BFD sessions; a node can have {}",
                                                      sessions.size(), sessions_max));
    using Place = std::tuple<IpAddress, std::optional<IpAddress>, std::string, bool>;
    std::map<Place, std::string> taken;
    for (const auto& [name, session] : sessions) {
        if (auto checked = check(name, session); !checked) return checked;
        const auto [place, is_new] = taken.emplace(
            Place{session.remote, session.local, session.interface, session.multihop}, name);
        if (!is_new)
            return fail(ErrorCode::conflict,
                        fmt::format("BFD sessions '{}' and '{}' are both to {}; one serves both",
                                    place->second, name, session.remote.to_string()),
                        "remote");
    }
    return {};
}

}  // namespace trivet::announce::bfd
