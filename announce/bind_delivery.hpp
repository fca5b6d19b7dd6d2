#pragma once
#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "announce/arp_sysctls.hpp"
#include "announce/bound_addresses.hpp"
#include "announce/log_limit.hpp"
#include "core/time.hpp"

namespace trivet::announce {

/// Delivery `bind` as a whole: which addresses belong on lo and until when, and the kernel settings
/// that keep it from answering ARP for them. Calls change what is wanted; what takes the kernel
/// long is done some at a time. Not thread-safe; the engine owns it.
class BindDelivery {
public:
    /// So long an address stays on lo that has moved to another node, so that packets still arrive
    /// somewhere which were under way or whose sender has not heard of the new owner yet (leases,
    /// "Notes for building it": accepting ends 1 s later).
    static constexpr std::chrono::seconds linger{1};
    /// Addresses put on lo, or taken off, in one go. An address takes the kernel the longer the
    /// more there are (40 us in the first thousand; among 10,000: 0.2 to 0.4 ms to add, up to
    /// 1.4 ms to remove), and everything else waits meanwhile.
    static constexpr std::size_t per_turn = 32;

    enum class Ending {
        at_once,
        lingering,  // it has moved to another node
    };

    /// Errors: unavailable, netlink or lo is missing.
    static Result<BindDelivery> open(ArpSysctls::Paths paths, Log log);

    void want(IpAddress address);
    void give_up(IpAddress address, Ending ending, Instant now);
    /// Why a wanted address is not on lo; empty: it is, or its turn has not come.
    std::string problem(IpAddress address) const;

    std::size_t additions() const { return to_add_.size(); }
    bool has_work() const { return !to_add_.empty() || !to_remove_.empty(); }
    /// Does a turn's worth of it, additions first. Returns those whose problem() changed.
    [[nodiscard]] std::set<IpAddress> work();
    /// From now on what an earlier run left on lo is stale, unless it was wanted meanwhile.
    void settle() { is_settled_ = true; }
    /// Ends lingering, at or after next_deadline(); has_work() afterwards.
    void on_timer(Instant now);
    std::optional<Instant> next_deadline() const;
    /// About once a second: mends what somebody else did to lo and to the settings, tries again
    /// what failed.
    void check();
    /// Takes everything off and gives the settings back.
    void withdraw();

private:
    BindDelivery(BoundAddresses bound, ArpSysctls sysctls, Log log)
        : log_(std::move(log)), bound_(std::move(bound)), sysctls_(std::move(sysctls)) {}
    /// Whether the kernel must be kept quiet for an address that is on lo, or about to be.
    bool needs_quiet() const;
    void make_quiet();
    std::set<IpAddress> add_some();
    void remove_some();
    /// True: no address is left on lo that does not belong there.
    bool reconcile();

    Log log_;
    BoundAddresses bound_;
    ArpSysctls sysctls_;
    std::string sysctl_problem_;
    std::set<IpAddress> wanted_;
    std::map<IpAddress, Instant> lingering_;
    std::deque<std::pair<Instant, IpAddress>> lingering_ends_;  // some do not hold any more
    std::set<IpAddress> to_add_;                 // wanted, and not tried yet or to be tried again
    std::set<IpAddress> to_remove_;              // neither wanted nor lingering
    std::map<IpAddress, std::string> problems_;  // of wanted addresses
    bool is_settled_ = false;
};

}  // namespace trivet::announce
