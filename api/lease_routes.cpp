// Who owns the VIPs: moves by hand, even shares, the timing of the leases, and what this node finds
// when it looks at itself.
#include "api/handlers.hpp"
#include "api/object_view.hpp"

namespace trivet::api {

using nlohmann::json;

namespace {

/// The text of `field` in the body. Errors: invalid_argument.
Result<std::string> text_field(const RouteCall& call, std::string_view field) {
    const auto found = call.body.find(field);
    if (found == call.body.end() || !found->is_string() || found->get<std::string>().empty())
        return fail(ErrorCode::invalid_argument,
                    "the body must say {\"" + std::string(field) + "\": \"...\"}",
                    std::string(field));
    return found->get<std::string>();
}

Waiting propose_alone(Control& control, RouteCall& call, Action action) {
    std::vector<Action> actions;
    actions.push_back(std::move(action));
    auto proposal = call.proposal(std::move(actions));
    if (!proposal) co_return fail(proposal.error());
    const auto index = co_await control.propose(std::move(*proposal));
    if (!index) co_return fail(index.error());
    co_return Answer{.body = {{"revision", index->value()}}};
}

}  // namespace

Waiting move_vip(Control& control, RouteCall& call) {
    const ObjectKey key{Kind::vip, call.capture("namespace"), call.capture("name")};
    auto node = text_field(call, "node");
    if (!node) co_return fail(node.error());
    Action move = MoveVip{.vip = key, .node = std::move(*node)};
    auto moved = co_await propose_alone(control, call, std::move(move));
    if (!moved) co_return fail(moved.error());
    auto vip = object_json(control, key);
    if (!vip) co_return fail(no_such_object(control.state(), key));
    co_return Answer{.body = std::move(*vip)};
}

Waiting rebalance_vips(Control& control, RouteCall& call) {
    return propose_alone(control, call, Rebalance{});
}

Waiting set_lease_profile(Control& control, RouteCall& call) {
    auto name = text_field(call, "name");
    if (!name) co_return fail(name.error());
    Action change = SetLeaseProfile{.name = *name};
    auto changed = co_await propose_alone(control, call, std::move(change));
    if (!changed) co_return fail(changed.error());
    co_return Answer{.body = {{"lease_profile", *name}}};
}

Result<Answer> show_checks(const Control& control, const RouteCall&) {
    json checks = json::array();
    bool is_well = true;
    for (const Check& check : control.checks()) {
        is_well = is_well && check.outcome != CheckOutcome::failed;
        checks.push_back({{"name", check.name},
                          {"outcome", to_string(check.outcome)},
                          {"message", check.message}});
    }
    return Answer{.body = {{"node", control.node()}, {"well", is_well}, {"checks", checks}}};
}

}  // namespace trivet::api
