#include "api/object_write.hpp"

#include "api/object_view.hpp"

namespace trivet::api {

namespace {

std::string collection(const HttpRequest& request, const ObjectKey& key) {
    return "/v1/" + request.path.at(1) + (key.kind == Kind::vip ? "/" + key.name_space : "");
}

}  // namespace

Waiting write_object(Control& control, RouteCall& call, BodyPlace place, PutMode mode) {
    auto put = object_from_body(control.state(), std::move(call.body), place, mode);
    if (!put) co_return fail(std::move(put).error());
    const auto force = call.flag("force");
    if (!force) co_return fail(force.error());
    put->force = *force;
    const ObjectKey key = key_of(put->object);
    // What is sent again finds its own object.
    const bool existed = mode != PutMode::create && revision_of(control.state(), key).has_value();
    std::vector<Action> actions;
    actions.emplace_back(std::move(*put));
    auto proposal = call.proposal(std::move(actions));
    if (!proposal) co_return fail(proposal.error());
    const auto index = co_await control.propose(std::move(*proposal));
    if (!index) co_return fail(index.error());
    auto stored = object_json(control, key);
    if (!stored)
        co_return fail(ErrorCode::conflict,
                       title(key) + " was written, and deleted by another call meanwhile");
    Answer answer{.status = existed ? 200u : 201u, .body = std::move(*stored)};
    if (!existed)
        answer.headers.emplace("Location", collection(call.request, key) + "/" + key.name);
    co_return answer;
}

Waiting erase_object(Control& control, RouteCall& call, ObjectKey key) {
    const auto force = call.flag("force");
    if (!force) co_return fail(force.error());
    auto before = object_json(control, key);
    std::vector<Action> actions;
    actions.emplace_back(DeleteObject{.key = key, .force = *force});
    auto proposal = call.proposal(std::move(actions));
    if (!proposal) co_return fail(proposal.error());
    const auto index = co_await control.propose(std::move(*proposal));
    if (!index) co_return fail(index.error());
    if (!before)  // made by another call while ours was on its way
        before = nlohmann::json{{"name", key.name}};
    co_return Answer{.body = std::move(*before)};
}

}  // namespace trivet::api
