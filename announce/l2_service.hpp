#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "announce/l2_session.hpp"
#include "core/l2_plan.hpp"

namespace trivet::announce {

enum class L2Phase : std::uint8_t { no_interface, probing, announced, conflict };

/// How one address fares on this node.
struct L2Status {
    L2Phase phase = L2Phase::no_interface;
    std::vector<std::string> interfaces;     // where it is announced
    std::optional<MacAddress> conflict_mac;  // who else uses it
    std::string message;                     // why it is not announced, and what to do about it
    bool operator==(const L2Status&) const = default;
};

struct L2Counters {
    std::uint64_t arp_received = 0, arp_sent = 0, ndp_received = 0, ndp_sent = 0, malformed = 0,
                  conflicts = 0, send_errors = 0, kernel_drops = 0;
};

/// Announces addresses by ARP and NDP on this machine's interfaces, and puts `bind` addresses on
/// lo. Owns a thread of its own: netlink monitor, captures, timers and sessions live there, so that
/// neither the API nor the disk delays an answer. Public calls may come from any thread.
class L2Service {
public:
    struct Config {
        std::vector<std::string> interfaces;  // the only ones to use; empty: every suitable one
        std::string state_dir;  // remembers changed sysctls, to restore them after a crash
    };
    struct Callbacks {  // called on the service's thread
        std::function<void(IpAddress, L2Status)> on_status;
        std::function<void(std::string level, std::string message)>
            on_log;  // level: info, warning, error
    };

    /// Errors: not_allowed, lacks CAP_NET_RAW or CAP_NET_ADMIN; unavailable, netlink or capture
    /// failed.
    static Result<std::unique_ptr<L2Service>> start(Config config, Callbacks callbacks);
    virtual ~L2Service() = default;  // as stop()

    /// Replaces the whole plan; what does not change is left undisturbed.
    virtual void set_plan(std::map<IpAddress, L2Target> plan) = 0;
    /// Changes single addresses of the plan; nullopt withdraws.
    virtual void update(std::map<IpAddress, std::optional<L2Target>> changes) = 0;
    virtual void set_interfaces(std::vector<std::string> interfaces) = 0;  // on SIGHUP
    /// Withdraws everything (addresses off lo, sysctls restored, groups left), ends the thread.
    /// Idempotent.
    virtual void stop() = 0;
    virtual L2Counters counters() const = 0;
};

}  // namespace trivet::announce
