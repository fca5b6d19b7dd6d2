#include "announce/bgp/bgp_attribute.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <string_view>

namespace trivet::announce::bgp {

namespace {

constexpr std::uint8_t well_known = attribute_flag::transitive;
constexpr std::uint8_t optional_transitive = attribute_flag::optional | attribute_flag::transitive;
constexpr std::uint8_t optional_non_transitive = attribute_flag::optional;

struct KnownAttribute {
    std::uint8_t type;
    std::uint8_t flags;
    std::string_view name;
};
constexpr auto known = std::to_array<KnownAttribute>({
    {attribute_type::origin, well_known, "ORIGIN"},
    {attribute_type::as_path, well_known, "AS_PATH"},
    {attribute_type::next_hop, well_known, "NEXT_HOP"},
    {attribute_type::multi_exit_disc, optional_non_transitive, "MULTI_EXIT_DISC"},
    {attribute_type::local_pref, well_known, "LOCAL_PREF"},
    {attribute_type::atomic_aggregate, well_known, "ATOMIC_AGGREGATE"},
    {attribute_type::aggregator, optional_transitive, "AGGREGATOR"},
    {attribute_type::communities, optional_transitive, "COMMUNITIES"},
    {attribute_type::originator_id, optional_non_transitive, "ORIGINATOR_ID"},
    {attribute_type::cluster_list, optional_non_transitive, "CLUSTER_LIST"},
    {attribute_type::mp_reach_nlri, optional_non_transitive, "MP_REACH_NLRI"},
    {attribute_type::mp_unreach_nlri, optional_non_transitive, "MP_UNREACH_NLRI"},
    {attribute_type::extended_communities, optional_transitive, "EXTENDED COMMUNITIES"},
    {attribute_type::as4_path, optional_transitive, "AS4_PATH"},
    {attribute_type::as4_aggregator, optional_transitive, "AS4_AGGREGATOR"},
    {attribute_type::ipv6_extended_communities, optional_transitive, "IPv6 EXTENDED COMMUNITIES"},
    {attribute_type::large_communities, optional_transitive, "LARGE_COMMUNITY"},
    {attribute_type::only_to_customer, optional_transitive, "ONLY_TO_CUSTOMER"},
});

const KnownAttribute* find(std::uint8_t type) {
    const auto found = std::ranges::find(known, type, &KnownAttribute::type);
    return found == known.end() ? nullptr : &*found;
}

}  // namespace

std::string attribute_name(std::uint8_t type) {
    const KnownAttribute* attribute = find(type);
    return attribute ? std::string(attribute->name) : fmt::format("attribute {}", type);
}

std::optional<std::uint8_t> attribute_flags(std::uint8_t type) {
    const KnownAttribute* attribute = find(type);
    if (!attribute) return std::nullopt;
    return attribute->flags;
}

}  // namespace trivet::announce::bgp
