#pragma once
#include "api/route_call.hpp"

/// The handlers that the table in routes.cpp names, by the file they are in.
namespace trivet::api {

using Waiting = boost::asio::awaitable<Result<Answer>>;

// object_routes.cpp: every kind; what VIPs and nodes do differently is in their own files
Waiting list_objects(Control&, RouteCall&);
Result<Answer> get_object(const Control&, const RouteCall&);
Waiting create_object(Control&, RouteCall&);
Waiting put_object(Control&, RouteCall&);
Waiting delete_object(Control&, RouteCall&);

// vip_routes.cpp
Waiting list_all_vips(Control&, RouteCall&);
Waiting list_vips(Control&, RouteCall&);
Result<Answer> get_vip(const Control&, const RouteCall&);
Waiting explain_vip(Control&, RouteCall&);
Waiting create_vip(Control&, RouteCall&);
Waiting put_vip(Control&, RouteCall&);
Waiting delete_vip(Control&, RouteCall&);

// node_routes.cpp
Result<Answer> get_node(const Control&, const RouteCall&);
Waiting drain_node(Control&, RouteCall&);
Waiting undrain_node(Control&, RouteCall&);

// lease_routes.cpp
Waiting move_vip(Control&, RouteCall&);
Waiting rebalance_vips(Control&, RouteCall&);
Waiting set_lease_profile(Control&, RouteCall&);
Result<Answer> show_checks(const Control&, const RouteCall&);

// bgp_routes.cpp
Waiting list_peer_routes(Control&, RouteCall&);
Waiting reset_peer(Control&, RouteCall&);

// token_routes.cpp
Waiting list_tokens(Control&, RouteCall&);
Waiting create_token(Control&, RouteCall&);
Result<Answer> get_token(const Control&, const RouteCall&);
Waiting delete_token(Control&, RouteCall&);

// apply_routes.cpp
Waiting apply_items(Control&, RouteCall&);

// member_routes.cpp
Result<Answer> show_cluster(const Control&, const RouteCall&);
Waiting invite_node(Control&, RouteCall&);
Waiting join_cluster(Control&, RouteCall&);
Waiting admit_node(Control&, RouteCall&);
Waiting promote_member(Control&, RouteCall&);
Waiting demote_member(Control&, RouteCall&);
Waiting remove_member(Control&, RouteCall&);
Waiting transfer_leadership(Control&, RouteCall&);

// cluster_life_routes.cpp
Waiting init_cluster(Control&, RouteCall&);
Waiting recover_cluster(Control&, RouteCall&);
Waiting save_snapshot(Control&, RouteCall&);
Waiting restore_snapshot(Control&, RouteCall&);

// cluster_routes.cpp
Waiting show_status(Control&, RouteCall&);
Waiting list_events(Control&, RouteCall&);
Result<Answer> say_alive(const Control&, const RouteCall&);
Result<Answer> say_ready(const Control&, const RouteCall&);

// watch_routes.cpp
Waiting watch_changes(Control&, RouteCall&);

// metrics.cpp, openapi.cpp
Waiting show_metrics(Control&, RouteCall&);
Result<Answer> show_openapi(const Control&, const RouteCall&);

}  // namespace trivet::api
