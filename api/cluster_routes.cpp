// Status, events and health.
#include "api/event_view.hpp"
#include "api/handlers.hpp"
#include "api/member_view.hpp"
#include "api/object_view.hpp"
#include "api/problem.hpp"
#include "api/vip_view.hpp"

namespace trivet::api {

using nlohmann::json;

namespace {

constexpr std::size_t events_default = 100;

json phases_json(const PhaseCounts& count) {
    json phases = json::object();
    for (const auto& [phase, number] : count) phases[std::string(to_string(phase))] = number;
    return phases;
}

json pools_json(const ClusterState& state) {
    json pools = json::array();
    for (const auto& [name, stored] : state.pools()) {
        const PoolUse use = state.pool_use(name);
        pools.push_back({{"name", name},
                         {"total", use.total},
                         {"assigned", use.assigned},
                         {"cooling", use.cooling}});
    }
    return pools;
}

}  // namespace

Waiting show_status(Control& control, RouteCall&) {
    const PhaseCounts phases = co_await count_phases(control);
    const ClusterState& state = control.state();
    const NodeRuntime runtime = control.node_runtime();
    const ClusterView view = control.cluster_view();
    json status{{"node", runtime.node},
                {"version", runtime.version},
                {"api", runtime.api_address},
                {"uptime_ms", runtime.uptime.count()},
                {"initialised", state.initialised()},
                {"cluster_id", state.cluster_id()},
                {"role", role_of_answerer(view)},
                {"leader", view.leader},
                {"revision", state.last_applied().value()},
                {"read_only", runtime.read_only ? json(*runtime.read_only) : json(nullptr)},
                {"warnings", runtime.warnings},
                {"vips", phases_json(phases)},
                {"pools", pools_json(state)}};
    json& nodes = status["nodes"] = json::array();
    for (const auto& [name, stored] : state.nodes())
        nodes.push_back({{"name", name}, {"drained", stored.object.drained}});
    Answer answer;
    answer.body = std::move(status);
    co_return answer;
}

Waiting list_events(Control& control, RouteCall& call) {
    const auto limit = call.limit(events_default);
    if (!limit) co_return fail(limit.error());
    std::optional<std::string> object;
    if (const auto given = call.request.query.find("object"); given != call.request.query.end())
        object = given->second;
    const auto events = co_await control.events(*limit, std::move(object));
    if (!events) co_return fail(events.error());
    json items = json::array();
    for (const Event& event : *events) items.push_back(event_json(event));
    co_return Answer{.body = {{"items", std::move(items)},
                              {"revision", control.state().last_applied().value()}}};
}

Result<Answer> say_alive(const Control&, const RouteCall&) {
    return Answer{.body = {{"alive", true}}};
}

Result<Answer> say_ready(const Control& control, const RouteCall&) {
    json reasons = json::array();
    const ClusterView view = control.cluster_view();
    if (control.state().initialised()) {
        if (view.leader.empty())
            reasons.push_back("no leader is known: changes and current reads have to wait");
    } else {
        reasons.push_back(why_without_state(view).message);
    }
    const bool ready = reasons.empty();
    // A full disk stops changes; addresses go on being answered, so the node is not taken away.
    json warnings = json::array();
    if (const auto why = control.node_runtime().read_only) warnings.push_back("read-only: " + *why);
    Answer answer{
        .status = ready ? 200u : 503u,
        .body = {
            {"ready", ready}, {"reasons", std::move(reasons)}, {"warnings", std::move(warnings)}}};
    if (!ready) answer.headers.emplace("Retry-After", retry_after_s);
    return answer;
}

}  // namespace trivet::api
