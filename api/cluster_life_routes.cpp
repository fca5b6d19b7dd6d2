// How a cluster begins, is saved, restored, and goes on after the loss of its majority.
#include "api/cluster_body.hpp"
#include "api/handlers.hpp"

namespace trivet::api {

namespace {

Result<Answer> made_cluster(const Result<InitAnswer>& made) {
    if (!made) return fail(made.error());
    return Answer{.status = 201,
                  .body = {{"node", made->node},
                           {"api", made->api},
                           {"admin_token", made->admin_token},
                           {"ca_hash", made->ca_hash}}};
}

}  // namespace

Waiting init_cluster(Control& control, RouteCall&) {
    co_return made_cluster(co_await control.init());
}

Waiting restore_snapshot(Control& control, RouteCall& call) {
    auto path = read_restore(call.body);
    if (!path) co_return fail(path.error());
    co_return made_cluster(co_await control.restore_snapshot(std::move(*path)));
}

Waiting recover_cluster(Control& control, RouteCall& call) {
    if (auto confirmed = read_recover(call.body); !confirmed) co_return fail(confirmed.error());
    const auto recovered = co_await control.recover();
    if (!recovered) co_return fail(recovered.error());
    co_return Answer{.body = nlohmann::json::object()};
}

Waiting save_snapshot(Control& control, RouteCall&) {
    auto text = co_await control.save_snapshot();
    if (!text) co_return fail(text.error());
    co_return Answer{.text = std::move(*text), .content_type = "application/json"};
}

}  // namespace trivet::api
