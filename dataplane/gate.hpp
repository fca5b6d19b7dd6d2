#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/ip_address.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "dataplane/gate_layout.h"

namespace trivet::dataplane {

/// VIPs whose deadlines are always equal share a group, so that a renewal costs one write a group.
using GateGroup = std::uint32_t;
constexpr GateGroup closed_group = 0;  // for VIPs of others: closed for ever
constexpr GateGroup groups_max = TRIVET_GATE_GROUPS_MAX;
constexpr std::size_t addresses_max = TRIVET_GATE_ADDRESSES_MAX;

/// The two rights of leases.md, each until an instant that is not part of it; the default is
/// closed. announce_until may not be later than accept_until: who announces must accept.
struct GateDeadlines {
    Instant announce_until{};
    Instant accept_until{};
    bool operator==(const GateDeadlines&) const = default;
};

struct GroupDeadlines {
    GateGroup group = closed_group;
    GateDeadlines deadlines;
};

enum class GateKind : std::uint8_t { bpf, nftables };
std::string_view to_string(GateKind kind);

/// What the gate is and does at the moment, for `lbctl doctor`.
struct GateStatus {
    struct Interface {
        std::uint32_t index = 0;
        std::string name;
        bool in_place = false;  // false: somebody took it away; attach() puts it back
    };
    GateKind kind = GateKind::bpf;
    std::string why_not_bpf;  // empty when it is
    std::vector<Interface> interfaces;
    std::vector<std::uint32_t> program_ids;  // ingress, egress; none of nftables
    std::uint64_t late_renewals = 0;  // that were closed again, because the kernel got them late
    std::size_t earlier_gates = 0;    // left by an earlier process, not yet replaced
    std::string warning;              // what does not work as it should; empty when all does
};

/// Packets that the gate has dropped, since it was opened.
struct GateCounters {
    struct Drops {
        std::uint64_t arp = 0, ndp = 0, ipv4 = 0, ipv6 = 0, stacked_tags = 0;
        bool operator==(const Drops&) const = default;
    };
    Drops ingress, egress;
    bool operator==(const GateCounters&) const = default;
};

/// The kernel's own switch for VIP traffic on the uplinks: it checks two deadlines for every packet
/// and closes by itself when they pass, also while this process is stopped, swapped out or dead
/// (leases.md, H1 to H8; docs/internals/gate.md says what is dropped when).
/// Thread rule: one thread, the lease thread, calls everything that is not const; the const
/// functions may be called from any thread.
class Gate {
public:
    enum class Choice : std::uint8_t { automatic, bpf, nftables };
    struct Options {
        Choice choice = Choice::automatic;
    };
    struct Callbacks {
        std::function<void(std::string level, std::string message)>
            on_log;  // level: info, warning, error
    };

    /// Closes what an earlier process left open in this network namespace (H1), then makes a gate
    /// that is closed. The one left behind stays in place, closed, until replace_earlier().
    /// Errors: not_allowed, lacks a capability; unavailable, the kernel has no such gate.
    static Result<std::unique_ptr<Gate>> open(Options options, Callbacks callbacks);
    /// Takes every gate of this network namespace away, of whichever process: for uninstalling.
    static Result<void> remove_all();

    Gate() = default;
    Gate(const Gate&) = delete;
    Gate& operator=(const Gate&) = delete;
    virtual ~Gate() = default;  // closes all groups and leaves the gate in place

    /// Gates an interface, both ways. Repeated, it puts back what somebody took away. An interface
    /// that has vanished is no error. Errors: invalid_argument, not Ethernet; conflict, somebody
    /// else's filter or qdisc has our place; not_allowed; unavailable.
    virtual Result<void> attach(std::uint32_t ifindex) = 0;
    virtual Result<void> detach(std::uint32_t ifindex) = 0;
    /// Once set_vips() has been told all VIPs and attach() all interfaces: takes away what an
    /// earlier process left. Until then a packet passes only if both gates let it.
    virtual Result<void> replace_earlier() = 0;

    using VipGroup = std::pair<IpAddress, GateGroup>;
    /// Adds VIPs or moves them to another group. After an error some may have been set.
    /// Errors: invalid_argument, no such group; exhausted, more than addresses_max; unavailable.
    virtual Result<void> set_vips(std::span<const VipGroup> vips) = 0;
    /// Makes addresses ordinary again: they are no longer gated at all. Unknown ones are no error.
    virtual Result<void> erase_vips(std::span<const IpAddress> addresses) = 0;

    /// Renews or ends rights; in force when it returns. Never allocates, locks or logs, and with
    /// BPF makes no system call. False: the kernel did not take all of it (nftables only); what was
    /// open closes by its earlier deadline, and describe() has the reason.
    [[nodiscard]] virtual bool set_deadlines(std::span<const GroupDeadlines> groups) noexcept = 0;
    [[nodiscard]] bool set_deadlines(GateGroup group, GateDeadlines deadlines) noexcept {
        const GroupDeadlines one{.group = group, .deadlines = deadlines};
        return set_deadlines(std::span(&one, 1));
    }

    virtual GateStatus describe() const = 0;
    virtual GateCounters counters() const = 0;
    /// Takes this gate away, and those that earlier processes left, with the qdiscs that were made
    /// for it and that nobody else uses. Nothing but the destructor may be called after it.
    virtual Result<void> remove() = 0;
};

/// Aborts on deadlines that no caller may ask for: of the closed group, of no group, or to
/// announce longer than to accept.
void check_deadlines(const GroupDeadlines& group) noexcept;

/// How an address stands in the maps: network order, IPv4 as ::ffff:a.b.c.d.
trivet_gate_address map_key(const IpAddress& address);

}  // namespace trivet::dataplane
