#include "api/bgp_view.hpp"

#include <fmt/format.h>
#include <map>

#include "core/bgp_community.hpp"
#include "core/bgp_remarks.hpp"

namespace trivet::api {

using nlohmann::json;

namespace {

/// Whether the peer has been told, by what the node says of its session.
bool is_announced(const ClusterState& state, const BgpAnnouncement& announcement) {
    const BgpSessions& sessions = state.bgp_sessions().of(announcement.node);
    return sessions.established.contains(announcement.peer) && !sessions.withdrawn;
}

}  // namespace

json attributes_json(const BgpAttributes& attributes) {
    json out = json::object();
    if (attributes.local_pref) out["local_pref"] = *attributes.local_pref;
    if (attributes.med) out["med"] = *attributes.med;
    if (attributes.prepend != 0) out["prepend"] = attributes.prepend;
    for (const Community community : attributes.communities)
        out["communities"].push_back(to_string(community));
    for (const LargeCommunity& community : attributes.large_communities)
        out["communities"].push_back(to_string(community));
    for (const ExtendedCommunity community : attributes.extended_communities)
        out["extended_communities"].push_back(to_string(community));
    return out;
}

json announcements_json(const ClusterState& state, IpAddress address) {
    json list = json::array();
    for (const BgpAnnouncement& announcement : bgp_announcements(state, address)) {
        json item = attributes_json(announcement.attributes);
        item["node"] = announcement.node;
        item["peer"] = announcement.peer;
        item["prefix"] = announcement.prefix.to_string();
        item["announced"] = is_announced(state, announcement);
        list.push_back(std::move(item));
    }
    return list;
}

std::vector<std::string> announcement_sentences(const ClusterState& state, IpAddress address) {
    struct Peers {
        std::vector<std::string> told, waiting;
    };
    std::map<std::pair<std::string, Prefix>, Peers> by_node;
    for (const BgpAnnouncement& announcement : bgp_announcements(state, address)) {
        Peers& peers = by_node[{announcement.node, announcement.prefix}];
        (is_announced(state, announcement) ? peers.told : peers.waiting)
            .push_back(announcement.peer);
    }
    if (by_node.empty())
        return {fmt::format("No node announces {} by BGP: {}.", address.to_string(),
                            why_not_by_bgp(state, address))};
    std::vector<std::string> sentences;
    for (const auto& [what, peers] : by_node) {
        const auto& [node, prefix] = what;
        if (!peers.told.empty())
            sentences.push_back(fmt::format("By BGP node '{}' announces {} to '{}'.", node,
                                            prefix.to_string(), fmt::join(peers.told, "', '")));
        if (!peers.waiting.empty())
            sentences.push_back(fmt::format("Node '{}' would announce {} to '{}' and {}.", node,
                                            prefix.to_string(), fmt::join(peers.waiting, "', '"),
                                            state.bgp_sessions().of(node).withdrawn
                                                ? "is drained"
                                                : "has no established session there"));
    }
    return sentences;
}

}  // namespace trivet::api
