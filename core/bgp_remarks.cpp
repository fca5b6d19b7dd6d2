#include "core/bgp_remarks.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "core/bgp_conflicts.hpp"
#include "core/bgp_objects.hpp"
#include "core/bgp_policy.hpp"
#include "core/interval_set.hpp"
#include "core/object_json.hpp"

namespace trivet {

namespace {

using Remarks = std::vector<std::string>;

/// "there is no pool 'lam'; did you mean 'lan'?"
std::string missing(std::string_view what, const std::string& name, const Remarks& known) {
    const auto near = nearest(name, known);
    return fmt::format("there is no {} '{}'{}", what, name,
                       near ? "; did you mean '" + *near + "'?" : "");
}

Remarks names_of(const ClusterState& state, Kind kind) {
    Remarks names;
    if (kind == Kind::pool)
        for (const auto& [name, stored] : state.pools()) names.push_back(name);
    else
        for (const ConfigObject* object : state.config_objects(kind)) names.push_back(object->name);
    return names;
}

void look_for(const ClusterState& state, Kind kind, const std::vector<std::string>& names,
              Remarks& remarks) {
    if (names.empty()) return;
    const Remarks known = names_of(state, kind);
    for (const std::string& name : names)
        if (std::ranges::find(known, name) == known.end())
            remarks.push_back(missing(to_string(kind), name, known));
}

template <class Spec>
void look_for_nodes(const ClusterState& state, const Spec& spec, Remarks& remarks) {
    if (std::ranges::any_of(state.nodes(), [&](const auto& entry) {
            return spec.is_for_node(entry.second.object.labels);
        }))
        return;
    remarks.emplace_back(spec.node_selectors.empty() ? "no node has joined the cluster yet"
                                                     : "its node_selectors match no node");
}

void look_for_communities(const ClusterState& state, const BgpAdvertisementSpec& spec,
                          Remarks& remarks) {
    CommunityAliases aliases;
    for (const ConfigObject* community : state.config_objects(Kind::community))
        aliases.merge(community_aliases_of(*community));
    Remarks known;
    for (const auto& [alias, value] : aliases) known.push_back(alias);
    for (const std::string& text : spec.communities)
        if (!resolve_community(text, aliases))
            remarks.push_back("it announces nothing: " +
                              missing("community with the alias", text, known));
}

/// A prefix at the edge of the pool's ranges that reaches beyond them.
std::optional<Prefix> block_beyond(const IntervalSet& own, const Pool& pool,
                                   const BgpAdvertisementSpec& spec) {
    for (const AddressRange& range : pool.addresses)
        for (const IpAddress edge : {range.first, range.last}) {
            const Prefix block = Prefix::containing(edge, spec.length_for(range.family()));
            if (own.first_gap({block.address(), block.last()})) return block;
        }
    return std::nullopt;
}

/// Traffic for all of a prefix comes here, also for the addresses in it that no VIP can have.
void look_beyond_pools(const ClusterState& state, const BgpAdvertisementSpec& spec,
                       Remarks& remarks) {
    for (const auto& [name, stored] : state.pools()) {
        if (!spec.is_for(stored.object)) continue;
        IntervalSet own;
        for (const AddressRange& range : stored.object.addresses) own.add(range);
        if (const auto block = block_beyond(own, stored.object, spec))
            remarks.push_back(
                fmt::format("it may announce {} for pool '{}', which has only a part of it",
                            block->to_string(), name));
    }
}

Remarks remarks_on_advertisement(const ClusterState& state, const ConfigObject& object) {
    const BgpAdvertisementSpec spec = bgp_advertisement_of(object);
    Remarks remarks;
    look_for(state, Kind::pool, spec.pools, remarks);
    look_for(state, Kind::bgp_peer, spec.peers, remarks);
    if (spec.peers.empty() && state.config_objects(Kind::bgp_peer).empty())
        remarks.emplace_back("there is no bgp-peer yet");
    look_for_communities(state, spec, remarks);
    look_for_nodes(state, spec, remarks);
    look_beyond_pools(state, spec, remarks);
    return remarks;
}

Remarks remarks_on_peer(const ClusterState& state, const ConfigObject& object) {
    const BgpPeerSpec spec = bgp_peer_of(object);
    Remarks remarks;
    if (spec.lacks_password)
        remarks.emplace_back(
            "password_secret is of Kubernetes and cannot be read here: no session is tried until "
            "the password stands in 'password' instead");
    if (!spec.bfd_profile.empty() &&
        !state.config_objects().contains(ObjectKey{Kind::bfd_profile, "", spec.bfd_profile}))
        remarks.push_back(
            "BFD has the default timers: " +
            missing("bfd-profile", spec.bfd_profile, names_of(state, Kind::bfd_profile)));
    look_for_nodes(state, spec, remarks);
    return remarks;
}

}  // namespace

std::vector<std::string> bgp_remarks(const ClusterState& state, const ConfigObject& object) {
    if (object.kind != Kind::bgp_advertisement && object.kind != Kind::bgp_peer) return {};
    Remarks remarks = object.kind == Kind::bgp_peer ? remarks_on_peer(state, object)
                                                    : remarks_on_advertisement(state, object);
    // Refused when it is made; labels of nodes and VIPs that come later may still lead to it.
    if (const auto checked = check_bgp_conflicts(state, object); !checked)
        remarks.push_back(checked.error().message);
    return remarks;
}

std::string why_not_by_bgp(const ClusterState& state, IpAddress address) {
    const Pool* pool = state.pool_of(address);
    if (pool == nullptr || !bgp_announcements(state, address).empty()) return {};
    std::vector<BgpAdvertisementSpec> specs;
    for (const ConfigObject* object : state.config_objects(Kind::bgp_advertisement))
        if (auto spec = bgp_advertisement_of(*object); spec.is_for(*pool))
            specs.push_back(std::move(spec));
    if (specs.empty()) return fmt::format("no bgp-advertisement selects pool '{}'", pool->name);
    if (state.config_objects(Kind::bgp_peer).empty()) return "there is no bgp-peer";
    const auto holders = state.holders(address);
    const bool is_selected = std::ranges::any_of(specs, [&](const BgpAdvertisementSpec& spec) {
        return std::ranges::any_of(
            holders, [&](const VipRecord* holder) { return spec.is_for_vip(holder->vip.labels); });
    });
    if (!is_selected) return "the vip_selectors of no bgp-advertisement match its labels";
    for (const BgpAdvertisementSpec& spec : specs) {
        Remarks remarks;
        look_for_communities(state, spec, remarks);
        look_for(state, Kind::bgp_peer, spec.peers, remarks);
        if (!remarks.empty())
            return fmt::format("bgp-advertisement '{}': {}", spec.name, remarks.front());
    }
    return "no node is in service that the advertisement, its bgp-peers and the VIP's "
           "eligible_nodes all allow";
}

}  // namespace trivet
