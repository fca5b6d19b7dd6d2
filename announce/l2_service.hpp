#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "announce/l2_session.hpp"
#include "announce/lease_groups.hpp"
#include "core/l2_plan.hpp"

namespace trivet::announce {

enum class L2Phase : std::uint8_t {
    no_interface,
    standby,  // its lease is not held here: watched, and neither answered nor announced
    probing,
    announced,
    conflict,
};

/// How one address fares on this node.
struct L2Status {
    L2Phase phase = L2Phase::no_interface;
    std::vector<std::string> interfaces;     // where it is announced, or would be
    std::optional<MacAddress> conflict_mac;  // who else uses it
    std::string message;                     // why it is not announced, and what to do about it
    bool operator==(const L2Status&) const = default;
};

struct L2Counters {
    std::uint64_t arp_received = 0, arp_sent = 0, ndp_received = 0, ndp_sent = 0, malformed = 0,
                  conflicts = 0, send_errors = 0, kernel_drops = 0;
};

/// An address for which this node is a candidate, and the lease that says when it may answer for
/// it.
struct LeasedTarget {
    L2Target target = {};
    LeaseGroup group = 0;
    /// Of the first opening; every later one takes over at once. `planned` is for an address that
    /// nobody has announced yet: it costs 0.3 to 0.4 s before the first answer.
    ClaimKind first_claim = ClaimKind::planned;
    bool operator==(const LeasedTarget&) const = default;
};

struct GroupState {
    LeaseGroup group = 0;
    bool open = false;
};

/// Announces addresses by ARP and NDP on this machine's interfaces while their leases are held
/// here, puts `bind` addresses on lo, and watches who claims the addresses whose leases are not.
/// Owns a thread of its own: netlink monitor, captures, timers and sessions live there, so that
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
        /// Somebody claims an address that stands by here: when it is another one than last
        /// reported, and else each 10 s (OwnerWatch has the limits).
        std::function<void(IpAddress, MacAddress, Instant)> on_seen = {};
        /// An interface is about to be used, before anything is sent or answered on it; and each
        /// ten seconds as long as it is. Errors: it is not used, and tried again.
        std::function<Result<void>(std::uint32_t index, const std::string& name)> on_uplink = {};
        /// The interfaces that can be used now (suitable, up, not refused by on_uplink), by name:
        /// once they are known, and whenever they change.
        std::function<void(std::vector<NodeInterface>)> on_interfaces = {};
    };

    /// Errors: not_allowed, lacks CAP_NET_RAW or CAP_NET_ADMIN; unavailable, netlink or capture
    /// failed.
    static Result<std::unique_ptr<L2Service>> start(Config config, Callbacks callbacks);
    virtual ~L2Service() = default;  // as stop()

    // These three take effect in the order of the calls, and none of them waits for anything but
    // the queue's lock, which is held for moments.

    /// Replaces the whole plan; what does not change is left undisturbed.
    virtual void set_plan(std::map<IpAddress, LeasedTarget> plan) = 0;
    /// Changes single addresses of the plan; nullopt withdraws. An address that goes from one open
    /// group to another is not disturbed: tell of the new group's opening first, of the old one's
    /// closing last.
    virtual void update(std::map<IpAddress, std::optional<LeasedTarget>> changes) = 0;
    /// Groups opened or closed; all others stay as they are. All are closed at first. What is not
    /// open any more falls silent at once, and stays on lo for BindDelivery::linger. A group may be
    /// told of before the plan names it.
    virtual void on_lease(std::vector<GroupState> states) = 0;
    /// Addresses that belong on lo whatever the leases say, because routers send their traffic
    /// here: delivery `bind` of what is announced by BGP. Replaces the set; one that leaves it
    /// stays on lo for BindDelivery::linger.
    virtual void set_bound(std::set<IpAddress> addresses) = 0;
    virtual void set_interfaces(std::vector<std::string> interfaces) = 0;  // on SIGHUP
    /// Withdraws everything (addresses off lo, sysctls restored, groups left), ends the thread.
    /// Idempotent.
    virtual void stop() = 0;
    virtual L2Counters counters() const = 0;
};

}  // namespace trivet::announce
