#include "announce/bgp/bgp_held_back.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <memory>
#include <vector>

namespace trivet::announce::bgp {

namespace {

/// Attribute sets that leave no room for a route in an UPDATE.
struct TooLargeSets {
    TooLargeSets(std::span<const BgpAttributes> sets, const UpdateEncoder& encoder) {
        for (std::size_t set = 0; set < sets.size(); ++set) {
            const std::size_t size = encoder.path_attributes(sets[set]).size();
            if (size <= encoder.path_attributes_size_max()) continue;
            is_too_large.resize(sets.size());
            is_too_large[set] = true;
            largest_bytes = std::max(largest_bytes, size);
        }
    }
    bool operator()(const BgpRoute& route) const {
        return !is_too_large.empty() && is_too_large.at(route.attributes);
    }

    std::vector<bool> is_too_large;  // empty: none is
    std::size_t largest_bytes = 0;
};

std::string no_next_hop(IpFamily family) {
    if (family == IpFamily::ipv6)
        return "no IPv6 address of this node can be the next hop: give one to the interface that "
               "the peer is reached by";
    return "no IPv4 address of this node can be the next hop: give one to the interface that the "
           "peer is reached by, or let the peer agree to IPv6 next hops for IPv4 routes (RFC 8950)";
}

}  // namespace

HeldBackCause held_back_cause(const BgpAttributes& attributes,
                              const std::optional<UpdateEncoder>& encoder) {
    if (!encoder) return HeldBackCause::family_not_negotiated;
    if (!encoder->can_announce()) return HeldBackCause::no_next_hop;
    return encoder->path_attributes(attributes).size() > encoder->path_attributes_size_max()
               ? HeldBackCause::attributes_too_large
               : HeldBackCause::none;
}

HeldBack held_back(const RouteSlice& routes, const std::optional<UpdateEncoder>& encoder) {
    if (routes.size() == 0) return {};
    const IpFamily family = routes.routes().front().prefix.family();
    if (!encoder)
        return {.routes = routes.size(),
                .cause = HeldBackCause::family_not_negotiated,
                .reason = fmt::format("{0} unicast was not agreed on with the peer: let both sides "
                                      "offer it, or announce no {0} addresses there",
                                      family == IpFamily::ipv4 ? "IPv4" : "IPv6")};
    if (!encoder->can_announce())
        return {.routes = routes.size(),
                .cause = HeldBackCause::no_next_hop,
                .reason = no_next_hop(family)};
    const TooLargeSets too_large(routes.sets(), *encoder);
    const auto count = std::ranges::count_if(routes.routes(), too_large);
    if (count == 0) return {};
    return {
        .routes = static_cast<std::size_t>(count),
        .cause = HeldBackCause::attributes_too_large,
        .reason = fmt::format(
            "path attributes of up to {} bytes do not fit into one UPDATE, which takes {} beside "
            "a route: give these routes fewer communities",
            too_large.largest_bytes, encoder->path_attributes_size_max())};
}

RouteSlice sendable_routes(const RouteSlice& routes, const std::optional<UpdateEncoder>& encoder) {
    if (!encoder || !encoder->can_announce()) return {};
    const TooLargeSets too_large(routes.sets(), *encoder);
    if (std::ranges::none_of(routes.routes(), too_large)) return routes;
    // RFC 4271 section 9.2: a route that does not fit into one message is not advertised.
    const auto table = std::make_shared<BgpRoutes>();
    table->attributes.assign(routes.sets().begin(), routes.sets().end());
    std::ranges::remove_copy_if(routes.routes(), std::back_inserter(table->routes), too_large);
    return RouteSlice(table);
}

}  // namespace trivet::announce::bgp
