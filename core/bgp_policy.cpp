#include "core/bgp_policy.hpp"

#include <algorithm>

#include "core/bgp_routes.hpp"

namespace trivet {

namespace {

bool is_in_service(const ClusterState& state, const Node& node) {
    return !node.facts.witness && state.node_id(node.name) != NodeId{};
}

std::vector<std::string> hosts_of(const ClusterState& state) {
    std::vector<std::string> hosts;
    for (const auto& [name, stored] : state.nodes())
        if (is_in_service(state, stored.object)) hosts.push_back(name);
    return hosts;
}

/// What an advertisement gives its routes; nullopt: it names a community that nobody defines. To
/// announce without it, say without no-export, would be worse than not to.
std::optional<BgpAttributes> attributes_of(const BgpAdvertisementSpec& spec,
                                           const CommunityAliases& aliases) {
    BgpAttributes attributes;
    attributes.local_pref = spec.local_pref;
    attributes.med = spec.med;
    attributes.prepend = spec.prepend.value_or(0);
    attributes.extended_communities = spec.extended_communities;
    for (const std::string& text : spec.communities) {
        const auto community = resolve_community(text, aliases);
        if (!community) return std::nullopt;
        if (const auto* plain = std::get_if<Community>(&*community))
            attributes.communities.insert(*plain);
        else
            attributes.large_communities.insert(std::get<LargeCommunity>(*community));
    }
    if (spec.graceful_shutdown) add_graceful_shutdown(attributes);
    return attributes;
}

std::vector<BgpRule> rules_of(const ClusterState& state, const Node& node) {
    CommunityAliases aliases;
    for (const ConfigObject* community : state.config_objects(Kind::community))
        aliases.merge(community_aliases_of(*community));
    std::vector<BgpRule> rules;
    for (const ConfigObject* object : state.config_objects(Kind::bgp_advertisement)) {
        BgpAdvertisementSpec spec = bgp_advertisement_of(*object);
        if (!spec.is_for_node(node.labels)) continue;
        if (auto attributes = attributes_of(spec, aliases))
            rules.push_back({std::move(spec), std::move(*attributes)});
    }
    return rules;
}

/// Without its profile the timers are the defaults: BFD was asked for.
std::optional<BfdSettings> bfd_of(const ClusterState& state, const std::string& profile) {
    if (profile.empty()) return std::nullopt;
    const auto found = state.config_objects().find(ObjectKey{Kind::bfd_profile, "", profile});
    if (found == state.config_objects().end()) return BfdSettings{};
    return bfd_settings_of(found->second.object);
}

/// The peers that a node has sessions with, by name. Of several that are the same neighbour the
/// first is left; a session without its password is not tried.
std::vector<BgpPeerSpec> peers_of(const ClusterState& state, const Node& node) {
    std::vector<BgpPeerSpec> peers;
    for (const ConfigObject* object : state.config_objects(Kind::bgp_peer)) {
        BgpPeerSpec peer = bgp_peer_of(*object);
        const bool is_known = std::ranges::any_of(peers, [&](const BgpPeerSpec& other) {
            return is_same_neighbour(other.settings, peer.settings);
        });
        if (is_known || peer.lacks_password || !peer.is_for_node(node.labels)) continue;
        peer.settings.bfd = bfd_of(state, peer.bfd_profile);
        peers.push_back(std::move(peer));
    }
    return peers;
}

BgpAudience audience_of(const BgpPeerSpec& peer, const std::vector<BgpRule>& rules,
                        DrainStage drain) {
    BgpAudience audience;
    for (std::uint32_t i = 0; i < rules.size(); ++i)
        if (rules[i].spec.is_for_peer(peer.name)) audience.rules.push_back(i);
    audience.graceful_shutdown = peer.graceful_shutdown || drain != DrainStage::none;
    return audience;
}

DrainStage stage_of(const Node& node, DrainStage wanted) {
    return std::max(wanted, node.drained ? DrainStage::graceful_shutdown : DrainStage::none);
}

/// The route sets of one plan: those that are equal are one, also with those of the plan before.
class SharedRoutes {
public:
    explicit SharedRoutes(const BgpPlan* before) {
        if (before == nullptr) return;
        for (const auto& [name, peer] : *before)
            if (std::ranges::find(known_, peer.routes) == known_.end())
                known_.push_back(peer.routes);
    }

    std::shared_ptr<const BgpRoutes> share(BgpRoutes routes) {
        for (const auto& known : known_)
            if (*known == routes) return known;
        return known_.emplace_back(std::make_shared<const BgpRoutes>(std::move(routes)));
    }

private:
    std::vector<std::shared_ptr<const BgpRoutes>> known_;
};

/// Null: the node is not in service.
const Node* served(const ClusterState& state, const std::string& name) {
    const auto found = state.nodes().find(name);
    if (found == state.nodes().end() || !is_in_service(state, found->second.object)) return nullptr;
    return &found->second.object;
}

}  // namespace

BgpDuty bgp_duty(const ClusterState& state, const std::string& node,
                 const BgpPolicyOptions& options) {
    BgpDuty duty;
    const Node* self = served(state, node);
    if (self == nullptr) return duty;
    std::vector<BgpPeerSpec> peers = peers_of(state, *self);
    if (peers.empty()) return duty;

    const DrainStage drain = stage_of(*self, options.drain);
    BgpRouteMaker maker(state, node, hosts_of(state), rules_of(state, *self));
    maker.file_all();
    SharedRoutes shared(options.before);
    std::map<BgpAudience, std::shared_ptr<const BgpRoutes>> heard;
    std::vector<BgpAudience> audiences;
    for (BgpPeerSpec& peer : peers) {
        audiences.push_back(audience_of(peer, maker.rules(), drain));
        auto& routes = heard[audiences.back()];
        if (!routes)
            routes = shared.share(drain == DrainStage::withdrawn ? BgpRoutes{}
                                                                 : maker.routes(audiences.back()));
        duty.plan.emplace(peer.name, BgpPeerPlan{std::move(peer.settings), routes});
    }
    duty.bound = maker.bound(audiences);
    return duty;
}

BgpPlan bgp_plan(const ClusterState& state, const std::string& node,
                 const BgpPolicyOptions& options) {
    return bgp_duty(state, node, options).plan;
}

std::vector<IpAddress> bgp_bound(const ClusterState& state, const std::string& node) {
    return bgp_duty(state, node).bound;
}

std::vector<BgpAnnouncement> bgp_announcements(const ClusterState& state, IpAddress address) {
    std::vector<BgpAnnouncement> announcements;
    const std::vector<std::string> hosts = hosts_of(state);
    for (const std::string& host : hosts) {
        const Node& node = state.nodes().at(host).object;
        BgpRouteMaker maker(state, host, hosts, rules_of(state, node));
        maker.file(address);
        for (const BgpPeerSpec& peer : peers_of(state, node)) {
            const BgpRoutes routes =
                maker.routes(audience_of(peer, maker.rules(), stage_of(node, DrainStage::none)));
            for (const BgpRoute& route : routes.routes)
                announcements.push_back(
                    {host, peer.name, route.prefix, routes.attributes[route.attributes]});
        }
    }
    return announcements;
}

struct BgpReach::Host {
    BgpRouteMaker maker;
    std::vector<BgpAudience> audiences;  // of peers with an established session
};

BgpReach::BgpReach(const ClusterState& state) {
    const std::vector<std::string> hosts = hosts_of(state);
    for (const std::string& name : hosts) {
        const BgpSessions& sessions = state.bgp_sessions().of(name);
        if (sessions.established.empty() || sessions.withdrawn) continue;
        const Node& node = state.nodes().at(name).object;
        Host host{BgpRouteMaker(state, name, hosts, rules_of(state, node)), {}};
        for (const BgpPeerSpec& peer : peers_of(state, node))
            if (sessions.established.contains(peer.name))
                host.audiences.push_back(
                    audience_of(peer, host.maker.rules(), stage_of(node, DrainStage::none)));
        hosts_.push_back(std::move(host));
    }
}

BgpReach::BgpReach(BgpReach&&) noexcept = default;
BgpReach::~BgpReach() = default;

bool BgpReach::is_announced(IpAddress address) {
    return std::ranges::any_of(hosts_, [&](Host& host) {
        return std::ranges::any_of(host.audiences, [&](const BgpAudience& audience) {
            return host.maker.is_told(audience, address);
        });
    });
}

}  // namespace trivet
