#include "api/bgp_view.hpp"

#include <fmt/format.h>
#include <map>

#include "core/bgp_community.hpp"
#include "core/bgp_remarks.hpp"

namespace trivet::api {

using nlohmann::json;

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

json announcements_json(const std::vector<BgpAnnouncement>& announcements) {
    json list = json::array();
    for (const BgpAnnouncement& announcement : announcements) {
        json item = attributes_json(announcement.attributes);
        item["node"] = announcement.node;
        item["peer"] = announcement.peer;
        item["prefix"] = announcement.prefix.to_string();
        list.push_back(std::move(item));
    }
    return list;
}

std::vector<std::string> announcement_sentences(const ClusterState& state, IpAddress address) {
    std::map<std::pair<std::string, Prefix>, std::vector<std::string>> peers;
    for (const BgpAnnouncement& announcement : bgp_announcements(state, address))
        peers[{announcement.node, announcement.prefix}].push_back(announcement.peer);
    if (peers.empty())
        return {fmt::format("No node announces {} by BGP: {}.", address.to_string(),
                            why_not_by_bgp(state, address))};
    std::vector<std::string> sentences;
    for (const auto& [what, names] : peers)
        sentences.push_back(
            fmt::format("By BGP node '{}' announces {} to '{}', as far as their sessions are up.",
                        what.first, what.second.to_string(), fmt::join(names, "', '")));
    return sentences;
}

}  // namespace trivet::api
