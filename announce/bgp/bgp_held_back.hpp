#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "announce/bgp/bgp_route_slice.hpp"
#include "announce/bgp/bgp_update_encode.hpp"

namespace trivet::announce::bgp {

/// Why a route that the peer shall know is not sent to it.
enum class HeldBackCause : std::uint8_t {
    none,
    family_not_negotiated,
    no_next_hop,
    attributes_too_large,  // for one UPDATE (RFC 4271 section 9.2)
};

/// Routes of one family that are not sent; it is always one cause.
struct HeldBack {
    std::size_t routes = 0;
    HeldBackCause cause = HeldBackCause::none;
    std::string reason = {};  // for people: what is wrong and what to do about it; empty when none
    bool operator==(const HeldBack&) const = default;
};

// Of one family in one session; without an encoder the family was not negotiated.

HeldBackCause held_back_cause(const BgpAttributes& attributes,
                              const std::optional<UpdateEncoder>& encoder);
HeldBack held_back(const RouteSlice& routes, const std::optional<UpdateEncoder>& encoder);
/// The other routes: the same slice if there are none that are held back.
RouteSlice sendable_routes(const RouteSlice& routes, const std::optional<UpdateEncoder>& encoder);

}  // namespace trivet::announce::bgp
