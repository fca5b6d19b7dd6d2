// The members of the cluster: who they are, how one gets in, votes, leads and leaves.
#include "api/cluster_body.hpp"
#include "api/handlers.hpp"
#include "api/member_view.hpp"

namespace trivet::api {

using nlohmann::json;

namespace {

/// The answer tells what was committed: this node's own view may be a little behind.
Waiting change_one(Control& control, RouteCall& call, MemberChange change) {
    const std::string node = call.capture("name");
    const auto changed = co_await control.change_member(node, change);
    if (!changed) co_return fail(changed.error());
    json member{{"node", node}};
    if (change != MemberChange::remove)
        member["role"] = change == MemberChange::promote ? "voter" : "agent";
    co_return Answer{.body = std::move(member)};
}

}  // namespace

Result<Answer> show_cluster(const Control& control, const RouteCall&) {
    const ClusterState& state = control.state();
    const ClusterView view = control.cluster_view();
    json cluster{{"initialised", state.initialised()},
                 {"cluster_id", state.cluster_id()},
                 {"revision", state.last_applied().value()},
                 {"node", view.node},
                 {"leader", view.leader},
                 {"leader_api", view.leader_api},
                 {"term", view.term},
                 {"commit_index", view.commit_index},
                 {"applied_index", view.applied_index},
                 {"warnings", view.warnings}};
    json& nodes = cluster["nodes"] = json::array();
    for (const auto& [name, stored] : state.nodes()) nodes.push_back(name);
    json& members = cluster["members"] = json::array();
    for (const MemberView& member : view.members) members.push_back(member_json(member));
    return Answer{.body = std::move(cluster)};
}

Waiting invite_node(Control& control, RouteCall& call) {
    const auto life = read_invite(call.body);
    if (!life) co_return fail(life.error());
    const auto invited = co_await control.invite(*life);
    if (!invited) co_return fail(invited.error());
    co_return Answer{.status = 201,
                     .body = {{"address", invited->address},
                              {"token", invited->token},
                              {"ca_hash", invited->ca_hash},
                              {"command", invited->command}}};
}

Waiting join_cluster(Control& control, RouteCall& call) {
    auto request = read_join(call.body);
    if (!request) co_return fail(request.error());
    const auto joined = co_await control.join(std::move(*request));
    if (!joined) co_return fail(joined.error());
    co_return Answer{.body = {{"node", control.node_runtime().node}}};
}

Waiting admit_node(Control& control, RouteCall& call) {
    auto request = read_admit(call.body);
    if (!request) co_return fail(request.error());
    const auto admitted = co_await control.admit(std::move(*request));
    if (!admitted) co_return fail(admitted.error());
    co_return Answer{.body = {{"cluster_id", admitted->cluster_id},
                              {"ca_certificate", admitted->ca_certificate},
                              {"ca_key", admitted->ca_key}}};
}

Waiting promote_member(Control& control, RouteCall& call) {
    return change_one(control, call, MemberChange::promote);
}

Waiting demote_member(Control& control, RouteCall& call) {
    return change_one(control, call, MemberChange::demote);
}

Waiting remove_member(Control& control, RouteCall& call) {
    return change_one(control, call, MemberChange::remove);
}

Waiting transfer_leadership(Control& control, RouteCall& call) {
    auto node = read_transfer(call.body);
    if (!node) co_return fail(node.error());
    auto leader = co_await control.transfer(std::move(*node));
    if (!leader) co_return fail(leader.error());
    co_return Answer{.body = {{"leader", std::move(*leader)}}};
}

}  // namespace trivet::api
