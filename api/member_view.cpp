#include "api/member_view.hpp"

#include <algorithm>

namespace trivet::api {

using nlohmann::json;

namespace {

std::string_view role_of(const MemberView& member) { return member.votes ? "voter" : "agent"; }

}  // namespace

json member_json(const MemberView& member) {
    json shown{{"node", member.node},        {"id", member.id},
               {"role", role_of(member)},    {"address", member.address},
               {"leader", member.is_leader}, {"lost_data", member.has_lost_data}};
    if (member.last_heard) shown["last_heard_ms"] = member.last_heard->count();
    if (member.match_index) shown["match_index"] = *member.match_index;
    if (member.applied_index) shown["applied_index"] = *member.applied_index;
    return shown;
}

std::string_view role_of_answerer(const ClusterView& view) {
    const auto own = std::ranges::find(view.members, view.node, &MemberView::node);
    return own == view.members.end() ? "none" : role_of(*own);
}

Error why_without_state(const ClusterView& view) {
    if (view.members.empty())
        return {ErrorCode::conflict,
                "this node belongs to no cluster yet: 'lbctl init' makes one, 'lbctl join' joins "
                "one"};
    return {ErrorCode::unavailable,
            "this node has joined a cluster and has not received its state yet"};
}

}  // namespace trivet::api
