#pragma once
#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "core/bgp_plan.hpp"

namespace trivet::announce::bgp {

/// The routes of one family in a table that is shared and does not change. A value type.
class RouteSlice {
public:
    RouteSlice() = default;
    /// All of a table that has one family alone.
    explicit RouteSlice(std::shared_ptr<const BgpRoutes> table)
        : table_(std::move(table)), routes_(table_->routes) {}
    RouteSlice(std::shared_ptr<const BgpRoutes> table, IpFamily family) : table_(std::move(table)) {
        // IPv4 sorts before IPv6.
        const auto ipv6 = std::ranges::partition_point(table_->routes, [](const BgpRoute& route) {
            return route.prefix.family() == IpFamily::ipv4;
        });
        routes_ = family == IpFamily::ipv4 ? std::span(table_->routes.begin(), ipv6)
                                           : std::span(ipv6, table_->routes.end());
    }

    std::span<const BgpRoute> routes() const { return routes_; }
    std::size_t size() const { return routes_.size(); }
    /// All attribute sets of the table, also those that the other family alone uses.
    std::span<const BgpAttributes> sets() const {
        return table_ ? std::span<const BgpAttributes>(table_->attributes)
                      : std::span<const BgpAttributes>();
    }
    const BgpAttributes& attributes_of(const BgpRoute& route) const {
        return table_->attributes.at(route.attributes);
    }
    std::optional<std::size_t> find(const Prefix& prefix) const {
        const auto found = std::ranges::lower_bound(routes_, prefix, {}, &BgpRoute::prefix);
        if (found == routes_.end() || found->prefix != prefix) return std::nullopt;
        return static_cast<std::size_t>(found - routes_.begin());
    }

private:
    std::shared_ptr<const BgpRoutes> table_;  // null: no routes
    std::span<const BgpRoute> routes_;
};

}  // namespace trivet::announce::bgp
