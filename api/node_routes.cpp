#include "api/handlers.hpp"
#include "api/object_view.hpp"

namespace trivet::api {

namespace {

Waiting set_drained(Control& control, RouteCall& call, DrainNode drain) {
    const ObjectKey key{Kind::node, "", call.capture("name")};
    std::vector<Action> actions;
    actions.emplace_back(std::move(drain));
    auto proposal = call.proposal(std::move(actions));
    if (!proposal) co_return fail(proposal.error());
    const auto index = co_await control.propose(std::move(*proposal));
    if (!index) co_return fail(index.error());
    auto node = object_json(control, key);
    if (!node) co_return fail(no_such_object(control.state(), key));
    co_return Answer{.body = std::move(*node)};
}

}  // namespace

Result<Answer> get_node(const Control& control, const RouteCall& call) {
    const ObjectKey key{Kind::node, "", call.capture("name")};
    auto node = object_json(control, key);
    if (!node) return fail(no_such_object(control.state(), key));
    return Answer{.body = std::move(*node)};
}

Waiting drain_node(Control& control, RouteCall& call) {
    return set_drained(control, call, {.name = call.capture("name"), .drained = true});
}

Waiting undrain_node(Control& control, RouteCall& call) {
    return set_drained(control, call, {.name = call.capture("name"), .drained = false});
}

}  // namespace trivet::api
