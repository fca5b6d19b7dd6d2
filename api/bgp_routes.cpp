// What BGP does on the node that answers.
#include "api/bgp_session_view.hpp"
#include "api/handlers.hpp"
#include "api/object_view.hpp"

namespace trivet::api {

namespace {

ObjectKey key_in_path(const RouteCall& call) { return {Kind::bgp_peer, "", call.capture("name")}; }

Result<std::optional<IpAddress>> address_in(const RouteCall& call) {
    const auto given = call.request.query.find("address");
    if (given == call.request.query.end()) return std::nullopt;
    auto address = IpAddress::parse(given->second);
    if (!address) {
        address.error().field = "address";
        return fail(address.error());
    }
    return *address;
}

}  // namespace

/// Of a session with a dynamic neighbour as well: NAME@ADDRESS.
Waiting list_peer_routes(Control& control, RouteCall& call) {
    ObjectKey key = key_in_path(call);
    const std::string asked = key.name;
    key.name = key.name.substr(0, key.name.find('@'));
    if (!revision_of(control.state(), key)) co_return fail(no_such_object(control.state(), key));
    const auto address = address_in(call);
    if (!address) co_return fail(address.error());
    BgpRouteQuery query{.peer = asked, .covering = *address};
    const auto routes = co_await control.bgp_routes(std::move(query));
    if (!routes) co_return fail(routes.error());
    Answer answer;
    answer.body["node"] = control.node();
    nlohmann::json& items = answer.body["items"] = nlohmann::json::array();
    for (const BgpRouteRuntime& route : *routes) items.push_back(bgp_route_json(route));
    co_return answer;
}

Waiting reset_peer(Control& control, RouteCall& call) {
    const ObjectKey key = key_in_path(call);
    if (!revision_of(control.state(), key)) co_return fail(no_such_object(control.state(), key));
    if (auto reset = control.reset_bgp(key.name); !reset) co_return fail(reset.error());
    Answer answer;
    answer.body = *object_json(control, key);
    co_return answer;
}

}  // namespace trivet::api
