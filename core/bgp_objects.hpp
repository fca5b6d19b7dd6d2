#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/bgp_community.hpp"
#include "core/bgp_plan.hpp"
#include "core/objects.hpp"

/// The BGP and BFD objects with types. They are made of stored ConfigObjects, whose fields
/// config_fields.cpp has checked: reading them cannot fail.
namespace trivet {

struct BgpPeerSpec {
    std::string name;
    BgpPeerSettings settings;                   // without `bfd`, which the profile says
    std::string bfd_profile;                    // empty: no BFD
    std::vector<LabelSelector> node_selectors;  // empty: every node
    bool graceful_shutdown = false;
    bool lacks_password = false;  // it is in a Kubernetes secret, which nobody can read here

    bool is_for_node(const Labels& labels) const {
        return node_selectors.empty() || any_matches(node_selectors, labels);
    }
};

struct BgpAdvertisementSpec {
    std::string name;
    std::vector<std::string> pools;
    std::vector<LabelSelector> pool_selectors;  // pools and pool_selectors both empty: every pool
    std::vector<LabelSelector> vip_selectors;   // empty: every VIP
    std::vector<LabelSelector> node_selectors;  // empty: every node
    std::vector<std::string> peers;             // empty: every bgp-peer
    int aggregation_length = 32;
    int aggregation_length_v6 = 128;
    std::optional<std::uint32_t> local_pref;
    std::optional<std::uint32_t> med;
    std::optional<std::uint8_t> prepend;
    std::vector<std::string> communities;  // values, well-known names, aliases
    std::set<ExtendedCommunity> extended_communities;
    bool graceful_shutdown = false;

    int length_for(IpFamily family) const {
        return family == IpFamily::ipv4 ? aggregation_length : aggregation_length_v6;
    }
    bool is_for(const Pool& pool) const { return selects_pool(pools, pool_selectors, pool); }
    bool is_for_vip(const Labels& labels) const {
        return vip_selectors.empty() || any_matches(vip_selectors, labels);
    }
    bool is_for_node(const Labels& labels) const {
        return node_selectors.empty() || any_matches(node_selectors, labels);
    }
    bool is_for_peer(const std::string& peer) const;
};

/// What the names in community objects stand for.
using CommunityAliases = std::map<std::string, CommunityValue, std::less<>>;

BgpPeerSpec bgp_peer_of(const ConfigObject& peer);
BgpAdvertisementSpec bgp_advertisement_of(const ConfigObject& advertisement);
BfdSettings bfd_settings_of(const ConfigObject& profile);
/// The aliases of one community object.
CommunityAliases community_aliases_of(const ConfigObject& community);

/// Whether both lead to the same neighbour: sessions with it would only collide (RFC 4271 section
/// 6.8).
bool is_same_neighbour(const BgpPeerSettings& a, const BgpPeerSettings& b);

/// A value, a well-known name or an alias; nullopt: an alias that nobody defines.
std::optional<CommunityValue> resolve_community(const std::string& text,
                                                const CommunityAliases& aliases);

}  // namespace trivet
