#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "announce/bgp/bgp_message.hpp"
#include "announce/bgp/bgp_path_attributes.hpp"
#include "core/bgp_plan.hpp"

namespace trivet::announce::bgp {

/// Next hops that go with a session's routes: of each family, or an IPv6 one for IPv4 (RFC 8950).
struct NextHops {
    std::optional<IpAddress> ipv4 = {};
    std::optional<IpAddress> ipv6 = {};             // global
    std::optional<IpAddress> ipv6_link_local = {};  // the peer is on the link (RFC 2545 section 3)
    bool operator==(const NextHops&) const = default;
};

/// How the routes of one family travel in one session.
struct RouteForm {
    AfiSafi family;
    bool is_multiprotocol = false;         // in MP_REACH_NLRI and MP_UNREACH_NLRI (RFC 4760)
    std::vector<std::byte> next_hop = {};  // as on the wire; empty: there is none to be used
    bool operator==(const RouteForm&) const = default;
};
RouteForm route_form(AfiSafi family, const NextHops& next_hops, const CodecOptions& codec);

/// Some routes of a table, in the order in which they are sent.
struct RouteList {
    std::span<const BgpRoute> routes;
    std::span<const std::uint32_t> indices;
};

/// Writes UPDATE messages (RFC 4271 section 4.3) for the routes of one family of one session, as
/// many routes in each as fit. A value type.
class UpdateEncoder {
public:
    UpdateEncoder(const UpdateSettings& settings, RouteForm form);

    const RouteForm& form() const { return form_; }
    bool can_announce() const { return !form_.next_hop.empty(); }

    /// All but MP_REACH_NLRI.
    std::vector<std::byte> path_attributes(const BgpAttributes& attributes) const;
    /// The most bytes of path_attributes() that leave room for any one route.
    std::size_t path_attributes_size_max() const;

    /// Appends one message, and tells how many from the front of the list it announces: one at
    /// least. The attributes must not be longer than path_attributes_size_max().
    std::size_t announce(std::vector<std::byte>& out, std::span<const std::byte> path_attributes,
                         const RouteList& list) const;
    /// Appends one message, and tells how many from the front of the list it withdraws.
    std::size_t withdraw(std::vector<std::byte>& out, const RouteList& list) const;

private:
    /// Bytes of a message that announces, beside path attributes and NLRI.
    std::size_t announcement_overhead() const;

    UpdateSettings settings_;
    RouteForm form_;
};

/// RFC 4724 section 2
void append_end_of_rib(std::vector<std::byte>& out, AfiSafi family);

}  // namespace trivet::announce::bgp
