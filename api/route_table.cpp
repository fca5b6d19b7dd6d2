// The whole REST surface, one row a route.
#include "api/handlers.hpp"

namespace trivet::api {

namespace {

constexpr std::string_view reading = "consistency";
constexpr std::string_view forcing = "force";

Route read(std::string_view path, std::string_view summary, Kind kind,
           std::variant<ReadHandler, WaitingHandler> handler) {
    return {.info = {"GET", path, true, summary},
            .kind = kind,
            .needs = Needs::barrier,
            .parameters = reading,
            .handler = handler};
}

Route with_parameters(std::string_view parameters, Route route) {
    route.parameters = parameters;
    return route;
}

/// For tokens of the role cloud too. All other routes are the administrator's.
Route for_cloud(CloudMay may, Route route) {
    route.cloud = may;
    return route;
}

/// Answers without a cluster and without a leader, from what this node knows.
Route look(std::string_view path, std::string_view summary, Access access,
           std::variant<ReadHandler, WaitingHandler> handler) {
    return {.info = {"GET", path, access == Access::admin, summary},
            .access = access,
            .needs = Needs::nothing,
            .handler = handler};
}

struct Verb {
    std::string_view method;
    Body body = Body::json;
    std::string_view parameters = {};
};
constexpr Verb post{"POST"};
constexpr Verb post_alone{"POST", Body::none};
constexpr Verb post_optional{"POST", Body::optional};
constexpr Verb put{"PUT"};
constexpr Verb put_or_force{"PUT", Body::json, forcing};
constexpr Verb remove{"DELETE", Body::none};
constexpr Verb remove_or_force{"DELETE", Body::none, forcing};

Route change(Verb verb, std::string_view path, std::string_view summary, Kind kind,
             WaitingHandler handler) {
    return {.info = {verb.method, path, true, summary},
            .kind = kind,
            .body = verb.body,
            .parameters = verb.parameters,
            .handler = handler};
}

/// Over the socket alone, with or without a cluster: before there is one there is no administrator,
/// so who may use the socket may make one.
Route here(Verb verb, std::string_view path, std::string_view summary, WaitingHandler handler) {
    return {.info = {verb.method, path, false, summary},
            .access = Access::local,
            .needs = Needs::nothing,
            .body = verb.body,
            .handler = handler};
}

// clang-format off
std::vector<Route> make_routes() {  // NOLINT(readability-function-size): a table, a line a route
    std::vector<Route> table{
        for_cloud(CloudMay::read, with_parameters("consistency continue limit namespace", read("/v1/vips", "VIPs of all namespaces, or of those that a pattern names", Kind::vip, list_all_vips))),
        for_cloud(CloudMay::in_namespace, with_parameters("consistency continue limit", read("/v1/vips/{namespace}", "VIPs of a namespace", Kind::vip, list_vips))),
        for_cloud(CloudMay::put_vip, change(post, "/v1/vips/{namespace}", "Allocate a VIP", Kind::vip, create_vip)),
        for_cloud(CloudMay::in_namespace, read("/v1/vips/{namespace}/{name}", "One VIP", Kind::vip, get_vip)),
        for_cloud(CloudMay::put_vip, change(put, "/v1/vips/{namespace}/{name}", "Create or replace a VIP", Kind::vip, put_vip)),
        for_cloud(CloudMay::in_namespace, change(remove, "/v1/vips/{namespace}/{name}", "Release a VIP", Kind::vip, delete_vip)),
        for_cloud(CloudMay::in_namespace, read("/v1/vips/{namespace}/{name}/explain", "Why a VIP is as it is", Kind::vip, explain_vip)),
        change(post, "/v1/vips/{namespace}/{name}/move", "Move a VIP to a node", Kind::vip, move_vip),

        for_cloud(CloudMay::read, read("/v1/pools", "Pools", Kind::pool, list_objects)),
        change(post, "/v1/pools", "Create a pool", Kind::pool, create_object),
        for_cloud(CloudMay::read, read("/v1/pools/{name}", "One pool", Kind::pool, get_object)),
        change(put_or_force, "/v1/pools/{name}", "Create or replace a pool", Kind::pool, put_object),
        change(remove_or_force, "/v1/pools/{name}", "Delete a pool", Kind::pool, delete_object),

        read("/v1/l2-advertisements", "Layer 2 advertisements", Kind::l2_advertisement, list_objects),
        change(post, "/v1/l2-advertisements", "Create a layer 2 advertisement", Kind::l2_advertisement, create_object),
        read("/v1/l2-advertisements/{name}", "One layer 2 advertisement", Kind::l2_advertisement, get_object),
        change(put, "/v1/l2-advertisements/{name}", "Create or replace a layer 2 advertisement", Kind::l2_advertisement, put_object),
        change(remove, "/v1/l2-advertisements/{name}", "Delete a layer 2 advertisement", Kind::l2_advertisement, delete_object),

        read("/v1/bgp-advertisements", "BGP advertisements", Kind::bgp_advertisement, list_objects),
        change(post, "/v1/bgp-advertisements", "Create a BGP advertisement", Kind::bgp_advertisement, create_object),
        read("/v1/bgp-advertisements/{name}", "One BGP advertisement", Kind::bgp_advertisement, get_object),
        change(put, "/v1/bgp-advertisements/{name}", "Create or replace a BGP advertisement", Kind::bgp_advertisement, put_object),
        change(remove, "/v1/bgp-advertisements/{name}", "Delete a BGP advertisement", Kind::bgp_advertisement, delete_object),

        read("/v1/bgp-peers", "BGP peers", Kind::bgp_peer, list_objects),
        change(post, "/v1/bgp-peers", "Create a BGP peer", Kind::bgp_peer, create_object),
        read("/v1/bgp-peers/{name}", "One BGP peer", Kind::bgp_peer, get_object),
        change(put, "/v1/bgp-peers/{name}", "Create or replace a BGP peer", Kind::bgp_peer, put_object),
        change(remove, "/v1/bgp-peers/{name}", "Delete a BGP peer", Kind::bgp_peer, delete_object),

        with_parameters("address consistency", read("/v1/bgp-peers/{name}/routes", "What the node that answers has told a BGP peer", Kind::bgp_peer, list_peer_routes)),
        change(post_alone, "/v1/bgp-peers/{name}/reset", "End this node's sessions with a BGP peer, which come back", Kind::bgp_peer, reset_peer),

        read("/v1/bfd-profiles", "BFD profiles", Kind::bfd_profile, list_objects),
        change(post, "/v1/bfd-profiles", "Create a BFD profile", Kind::bfd_profile, create_object),
        read("/v1/bfd-profiles/{name}", "One BFD profile", Kind::bfd_profile, get_object),
        change(put, "/v1/bfd-profiles/{name}", "Create or replace a BFD profile", Kind::bfd_profile, put_object),
        change(remove, "/v1/bfd-profiles/{name}", "Delete a BFD profile", Kind::bfd_profile, delete_object),

        read("/v1/communities", "Aliases of BGP communities", Kind::community, list_objects),
        change(post, "/v1/communities", "Create aliases of BGP communities", Kind::community, create_object),
        read("/v1/communities/{name}", "One object of aliases", Kind::community, get_object),
        change(put, "/v1/communities/{name}", "Create or replace aliases of BGP communities", Kind::community, put_object),
        change(remove, "/v1/communities/{name}", "Delete aliases of BGP communities", Kind::community, delete_object),

        for_cloud(CloudMay::read, read("/v1/namespaces", "Namespaces that carry labels", Kind::name_space, list_objects)),
        change(post, "/v1/namespaces", "Create a namespace", Kind::name_space, create_object),
        for_cloud(CloudMay::read, read("/v1/namespaces/{name}", "One namespace", Kind::name_space, get_object)),
        change(put, "/v1/namespaces/{name}", "Create or replace a namespace", Kind::name_space, put_object),
        change(remove, "/v1/namespaces/{name}", "Delete a namespace, not its VIPs", Kind::name_space, delete_object),

        for_cloud(CloudMay::read, read("/v1/nodes", "Nodes", Kind::node, list_objects)),
        for_cloud(CloudMay::read, read("/v1/nodes/{name}", "One node", Kind::node, get_node)),
        change(post_alone, "/v1/nodes/{name}/drain", "Keep a node from owning VIPs", Kind::node, drain_node),
        change(post_alone, "/v1/nodes/{name}/undrain", "Let a node own VIPs again", Kind::node, undrain_node),

        for_cloud(CloudMay::put_items, change(post, "/v1/apply", "Create or replace many objects, all or none", Kind::pool, apply_items)),
        for_cloud(CloudMay::read, look("/v1/status", "How the node that answers fares", Access::admin, show_status)),
        read("/v1/tokens", "Tokens beside the administrator's first one", Kind::pool, list_tokens),
        change(post, "/v1/tokens", "Make a token, which is shown this once", Kind::pool, create_token),
        read("/v1/tokens/{name}", "What one token may do", Kind::pool, get_token),
        change(remove, "/v1/tokens/{name}", "Delete a token, which opens nothing any more", Kind::pool, delete_token),
        look("/v1/cluster", "The cluster that this node belongs to", Access::admin, show_cluster),
        change(post_optional, "/v1/cluster/invite", "Make a token with which one node may join", Kind::node, invite_node),
        change(post_alone, "/v1/cluster/members/{name}/promote", "Let a member vote", Kind::node, promote_member),
        change(post_alone, "/v1/cluster/members/{name}/demote", "Let a member follow without a vote", Kind::node, demote_member),
        change(remove, "/v1/cluster/members/{name}", "Remove a member, and forget it as a node", Kind::node, remove_member),
        change(post_optional, "/v1/cluster/transfer", "Hand leadership to another voter", Kind::node, transfer_leadership),
        change(post_alone, "/v1/cluster/rebalance", "Give every node its fair share of the VIPs, with the fewest moves", Kind::node, rebalance_vips),
        change(put, "/v1/cluster/lease-profile", "Choose how quickly leases run out and are renewed", Kind::node, set_lease_profile),
        look("/v1/doctor", "What the node that answers finds when it looks at itself", Access::admin, show_checks),
        here(post_alone, "/v1/cluster/init", "Make this node a cluster of one", init_cluster),
        here(post, "/v1/cluster/join", "Make this node a member of a cluster", join_cluster),
        here(post_optional, "/v1/cluster/recover", "After the loss of a majority for good: make this node the only voter", recover_cluster),
        here(post, "/v1/cluster/restore", "Make this node a cluster of one with a snapshot's state", restore_snapshot),
        look("/livez", "Whether lbd runs", Access::open, say_alive),
        look("/readyz", "Whether lbd can be used", Access::open, say_ready),
        look("/openapi.json", "This interface as OpenAPI 3.1", Access::admin, show_openapi),
    };
    table.push_back({.info = {"GET", "/metrics", true, "Counters and gauges for Prometheus"},
                     .needs = Needs::nothing, .needs_counters = true, .handler = show_metrics});
    table.push_back({.info = {"GET", "/v1/events", true, "What happened, oldest first"},
                     .cloud = CloudMay::read_object, .needs = Needs::nothing,
                     .parameters = "limit object", .handler = list_events});
    table.push_back({.info = {"GET", "/v1/watch", true, "What changes, as it changes, a line each"},
                     .cloud = CloudMay::watch, .parameters = "kinds namespace since", .handler = watch_changes});
    table.push_back({.info = {"GET", "/v1/cluster/snapshot", true, "All that the cluster has agreed on, as a file"},
                     .needs = Needs::barrier, .parameters = reading, .handler = save_snapshot});
    // From a node that joins: the token in the body is its proof.
    table.push_back({.info = {"POST", "/v1/cluster/members", false, "Admit a node that shows a token"},
                     .access = Access::open, .kind = Kind::node, .body = Body::json, .handler = admit_node});
    return table;
}
// clang-format on

}  // namespace

const std::vector<Route>& routes() {
    static const std::vector<Route> table = make_routes();
    return table;
}

const std::vector<RouteInfo>& route_table() {
    static const std::vector<RouteInfo> table = [] {
        std::vector<RouteInfo> infos;
        for (const Route& route : routes()) infos.push_back(route.info);
        return infos;
    }();
    return table;
}

}  // namespace trivet::api
