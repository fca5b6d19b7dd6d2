#pragma once
#include <cstdint>
#include <span>
#include <utility>

#include "core/ip_address.hpp"
#include "core/lease/view.hpp"
#include "core/time.hpp"

/// What the lease thread asks of the kernel's gate.
namespace trivet::daemon {

/// Groups of the leases keep their number; those of addresses that linger follow. 0 is never open.
using GateGroup = std::uint32_t;

constexpr GateGroup linger_group_first = lease::GroupTable::groups_max + 1;
constexpr std::size_t linger_groups_max = 64;
/// Numbers that a gate must have: 0 to here, without it.
constexpr GateGroup gate_groups_max = linger_group_first + linger_groups_max;

/// Each until an instant that is not part of it; the default is closed. Who announces accepts.
struct GateDeadlines {
    Instant announce_until{};
    Instant accept_until{};
    friend bool operator==(const GateDeadlines&, const GateDeadlines&) = default;
};

struct GateGroupDeadlines {
    GateGroup group = 0;
    GateDeadlines deadlines;
    friend bool operator==(const GateGroupDeadlines&, const GateGroupDeadlines&) = default;
};

/// The gate, as a seam: the daemon adapts the real one to it, and a test records. All addresses
/// and groups are closed when it is handed over. Called on the lease thread only: no allocation,
/// lock or log in an implementation. Spans live as long as the call.
class LeaseGate {
public:
    using VipGroup = std::pair<IpAddress, GateGroup>;

    virtual ~LeaseGate() = default;
    /// In force when it returns. False: perhaps only in part; what was open closes by its earlier
    /// deadline.
    [[nodiscard]] virtual bool set_deadlines(
        std::span<const GateGroupDeadlines> groups) noexcept = 0;
    /// Adds addresses, or moves them to another group. False: perhaps only in part.
    [[nodiscard]] virtual bool set_vips(std::span<const VipGroup> vips) noexcept = 0;
    /// The addresses are ordinary ones again.
    [[nodiscard]] virtual bool erase_vips(std::span<const IpAddress> addresses) noexcept = 0;
};

}  // namespace trivet::daemon
