#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "dataplane/gate_layout.h"
#include "dataplane/netlink.hpp"

namespace trivet::dataplane {

/// Which of our filters on an interface one is. The gate of each process has a slot of its own, so
/// that the next one can stand beside it before it is taken away.
struct FilterMark {
    std::uint32_t slot = 0;
    bool made_qdisc = false;  // the clsact qdisc was made for us: kept here, in the kernel, because
                              // it must outlive the process that made it
    bool operator==(const FilterMark&) const = default;
};
constexpr std::uint32_t filter_slots_max = 16;  // gates left by processes that died while replacing

/// The handle of a filter carries its mark. Nullopt: not a handle of ours.
std::uint32_t filter_handle(FilterMark mark);
std::optional<FilterMark> filter_mark(std::uint32_t handle);

/// One of our filters, as the kernel has it.
struct GateFilter {
    std::uint32_t ifindex = 0;
    trivet_gate_direction direction = TRIVET_GATE_INGRESS;
    FilterMark mark;
    std::uint32_t program_id = 0;
};

/// The gate's filters and their clsact qdisc on the interfaces of this network namespace. Filters
/// of others are never touched: ours have handles of their own. Not thread-safe.
class TcFilters {
public:
    /// Errors: unavailable.
    static Result<TcFilters> open();

    /// Ours on one interface, or on all. An interface that has vanished has none.
    Result<std::vector<GateFilter>> list(std::uint32_t ifindex);
    Result<std::vector<GateFilter>> list_all();

    /// Makes the clsact qdisc where it is missing; true: it did.
    /// Errors: not_found, no such interface; as netlink_error.
    Result<bool> ensure_qdisc(std::uint32_t ifindex);
    struct NewFilter {
        std::uint32_t ifindex = 0;
        trivet_gate_direction direction = TRIVET_GATE_INGRESS;
        FilterMark mark;
        int program_fd = -1;
    };
    Result<void> add(const NewFilter& filter);
    /// One that is gone already is no error.
    Result<void> remove(const GateFilter& filter);
    /// Takes the qdisc away if it has no filter left, of anybody.
    Result<void> remove_unused_qdisc(std::uint32_t ifindex);

private:
    struct Found {
        std::vector<GateFilter> ours;
        std::size_t others = 0;
    };
    explicit TcFilters(NetlinkSocket socket) : socket_(std::move(socket)) {}
    Result<Found> find(std::uint32_t ifindex, trivet_gate_direction direction);

    NetlinkSocket socket_;
};

}  // namespace trivet::dataplane
