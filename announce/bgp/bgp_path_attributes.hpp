#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <tuple>
#include <vector>

#include "announce/bgp/bgp_message.hpp"
#include "core/bgp_plan.hpp"

namespace trivet::announce::bgp {

/// What a session, and not the route, decides about the UPDATEs that it sends.
struct UpdateSettings {
    AsNumber local_as = {};  // as the peer knows us
    bool is_external = true;
    bool four_octet_as = true;      // RFC 6793
    bool only_to_customer = false;  // OTC goes with every route (RFC 9234 section 5)
    std::size_t message_size_max = bgp::message_size_max;
    bool operator==(const UpdateSettings&) const = default;
};

/// What of a route's attributes reaches the peer: two sets that compare equal make the same bytes.
/// LOCAL_PREF, MED, how often our AS stands in AS_PATH, then the communities, which are referred
/// to.
using SentAttributes =
    std::tuple<std::optional<std::uint32_t>, std::optional<std::uint32_t>, std::size_t,
               const std::set<Community>&, const std::set<ExtendedCommunity>&,
               const std::set<LargeCommunity>&>;
SentAttributes sent_attributes(const BgpAttributes& attributes, const UpdateSettings& settings);

/// The path attributes of an UPDATE (RFC 4271 section 4.3) but for MP_REACH_NLRI, in ascending
/// order of their types. `ipv4_next_hop` has 4 bytes, or none where MP_REACH_NLRI has the next hop.
std::vector<std::byte> encode_path_attributes(const BgpAttributes& attributes,
                                              const UpdateSettings& settings,
                                              std::span<const std::byte> ipv4_next_hop);

}  // namespace trivet::announce::bgp
