// The part of ClusterState that knows who may join, who did, and who left.
#include <fmt/format.h>

#include "core/cluster_state.hpp"

namespace trivet {

namespace {

ObjectKey node_key(const std::string& name) { return {Kind::node, "", name}; }

}  // namespace

Result<void> ClusterState::act(const MakeJoinToken& token, Change& change) {
    auto made = membership_.make_token(token, change.at);
    if (!made) return fail(made.error());
    change.rows.insert(made->rows.begin(), made->rows.end());
    return {};
}

Result<void> ClusterState::act(const UseJoinToken& use, Change& change) {
    auto used = membership_.use_token(use, nodes_.contains(use.node), change.at);
    if (!used) return fail(used.error());
    change.rows.insert(used->rows.begin(), used->rows.end());
    if (used->is_first_use)
        change.event("node_joined", node_key(use.node).to_string(),
                     "node '" + use.node + "' was let in by a join token");
    return {};
}

Result<void> ClusterState::act(const RecordBoot& boot, Change& change) {
    auto recorded = membership_.record_boot(boot);
    if (!recorded) return fail(recorded.error());
    change.rows.insert(recorded->rows.begin(), recorded->rows.end());
    const std::map<NodeId, std::string> names_before = node_names_;
    build_names();
    if (node_names_ != names_before) change.touch_all("node '" + boot.node + "' joined");
    return {};
}

Result<void> ClusterState::act(const RemoveNode& removal, Change& change) {
    const ObjectKey key = node_key(removal.name);
    // One that joined and never came far enough to register can be removed as well.
    if (!nodes_.contains(removal.name) && !boots().contains(removal.name))
        return fail(not_found(key));
    if (nodes_.erase(removal.name) == 1) change.rows.insert(key.to_string());
    troubles_.forget_node(removal.name, change.rows);
    bgp_sessions_.forget(removal.name, change.rows);
    const auto forgotten = membership_.forget(removal.name);
    change.rows.insert(forgotten.rows.begin(), forgotten.rows.end());
    change.event("node_removed", key.to_string(),
                 "node '" + removal.name + "' was removed from the cluster");
    build_names();
    change.touch_all("node '" + removal.name + "' was removed");
    return {};
}

Result<void> ClusterState::act(const ReportBgpSessions& report, Change& change) {
    if (!nodes_.contains(report.node)) return fail(not_found({Kind::node, "", report.node}));
    if (report.sessions.established.size() > BgpSessions::peers_max)
        return fail(ErrorCode::invalid_argument,
                    fmt::format("a node tells of at most {} peers", BgpSessions::peers_max),
                    "established");
    bgp_sessions_.report(report.node, report.sessions, change.rows);
    return {};
}

}  // namespace trivet
