#pragma once
#include <cstdint>
#include <vector>

#include "announce/bgp/bgp_path_attributes.hpp"
#include "announce/bgp/bgp_route_slice.hpp"

namespace trivet::announce::bgp {

/// What lies between the routes of one family that a peer was told and those that it shall know:
/// places in either slice, so that a route costs four bytes. A value type.
struct RibDifference {
    std::vector<std::uint32_t> withdrawals;  // of `told`, by prefix
    /// Those that overlap with a prefix that is new to the peer, such as an aggregate in whose
    /// stead single addresses come: withdrawn last, so that no packet is lost in between.
    std::vector<std::uint32_t> late_withdrawals;
    /// Of `target`: routes that may share a message are neighbours, and sorted by prefix.
    std::vector<std::uint32_t> announcements;
    std::vector<std::uint32_t> group_ends;  // in `announcements`, ascending; the last is its end
    std::vector<bool> is_new;  // of each route of `target`: the peer has no such prefix

    bool empty() const {
        return withdrawals.empty() && late_withdrawals.empty() && announcements.empty();
    }
};

/// Routes whose attributes look alike to the peer do not differ. `stale` is empty, or says of each
/// route of `told` whether it is to be announced again though nothing changed.
RibDifference rib_difference(const RouteSlice& told, const std::vector<bool>& stale,
                             const RouteSlice& target, const UpdateSettings& settings);

}  // namespace trivet::announce::bgp
