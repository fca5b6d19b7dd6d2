// From a request to its answer: match, authenticate, read the body, run the handler on Control's
// strand, write the answer.
#include "api/routes.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "api/authenticate.hpp"
#include "api/http_text.hpp"
#include "api/member_view.hpp"
#include "api/permission.hpp"
#include "api/route_call.hpp"
#include "api/route_match.hpp"
#include "core/object_json.hpp"

namespace trivet::api {

namespace asio = boost::asio;
using nlohmann::json;

namespace {

// Reading so much JSON costs less than the TLS handshake that came before it. Larger bodies of
// callers that have not shown their token are not looked at.
constexpr std::size_t body_bytes_before_token = 64 * 1024;
constexpr int json_depth_max = 32;

/// What the handler function keeps between calls. Lives on the server's executor.
struct Service {
    Control& control;
    FailedAttempts failed = {};
};

/// A call together with what was found wrong with it, which only an authenticated caller is told.
struct Prepared {
    const Route* route = nullptr;
    RouteCall call;
    std::optional<HttpResponse> refused;
};

std::optional<HttpResponse> check_parameters(const Route& route, const RouteCall& call) {
    std::vector<std::string> known;
    for (auto rest = route.parameters; !rest.empty();) {
        const auto space = std::min(rest.find(' '), rest.size());
        known.emplace_back(rest.substr(0, space));
        rest.remove_prefix(std::min(space + 1, rest.size()));
    }
    for (const auto& [name, value] : call.request.query) {
        if (std::find(known.begin(), known.end(), name) == known.end()) {
            const auto near = nearest(name, known);
            return problem(Error{ErrorCode::invalid_argument,
                                 "unknown query parameter '" + name + "'" +
                                     (near ? "; did you mean '" + *near + "'?" : ""),
                                 name});
        }
        if (name == "consistency" && value != "stale")
            return problem(Error{ErrorCode::invalid_argument,
                                 "'consistency' may be 'stale'; leave it out for a read that sees "
                                 "every finished change",
                                 name});
    }
    return std::nullopt;
}

std::optional<HttpResponse> check_content_type(const HttpRequest& request) {
    const auto header = request.headers.find("content-type");
    if (header == request.headers.end()) return std::nullopt;
    const std::string_view value = header->second;
    if (equals_ignoring_case(trimmed(value.substr(0, value.find(';'))), "application/json"))
        return std::nullopt;
    return problem(Problem{415, "unsupported_media_type",
                           "the body must be JSON; with curl add -H 'content-type: "
                           "application/json'"});
}

std::optional<HttpResponse> read_body(const Route& route, RouteCall& call) {
    std::string& text = call.request.body;
    if (route.body == Body::none) {
        const auto content = trimmed(text);
        if (content.empty() || content == "{}") return std::nullopt;
        return problem(Error{ErrorCode::invalid_argument, "this call takes no body"});
    }
    // Who calls without a token shows one in the body, and those are small.
    if (route.access == Access::open && text.size() > body_bytes_before_token)
        return problem(
            Error{ErrorCode::too_large, fmt::format("the body of this call has at most {} KiB",
                                                    body_bytes_before_token / 1024)});
    if (route.body == Body::optional && trimmed(text).empty()) {
        call.body = json::object();
        return std::nullopt;
    }
    if (auto refused = check_content_type(call.request)) return refused;
    if (text.empty())
        return problem(Error{ErrorCode::invalid_argument, "this call needs a JSON body"});
    auto body = parse_json(text, json_depth_max);
    if (!body) return problem(body.error());
    call.body = std::move(*body);
    text = {};
    return std::nullopt;
}

Prepared match(HttpRequest request) {
    auto matched = match_route(request.method, request.path);
    Prepared prepared;
    prepared.call.request = std::move(request);
    if (auto* refused = std::get_if<HttpResponse>(&matched)) {
        prepared.refused = std::move(*refused);
        return prepared;
    }
    auto& found = std::get<Matched>(matched);
    prepared.route = found.route;
    prepared.call.captures = std::move(found.captures);
    prepared.call.kind = found.route->kind;
    prepared.refused = check_parameters(*found.route, prepared.call);
    return prepared;
}

/// Whether the call may be made, as far as its head tells; notes who makes it.
Result<void> check_access(const Control& control, Prepared& prepared) {
    const Access access = prepared.route != nullptr ? prepared.route->access : Access::admin;
    const HttpRequest& request = prepared.call.request;
    switch (access) {
        case Access::open:
            return {};
        case Access::local:
            if (std::holds_alternative<UnixPeer>(request.peer)) return {};
            return fail(ErrorCode::not_allowed,
                        "this call is taken over the unix socket alone: run lbctl on the machine "
                        "itself, as root or a member of the group lbd");
        case Access::admin:
            break;
    }
    const ClusterState& state = control.state();
    auto caller = authenticate(request, state.admin_token_hash(), state.tokens());
    if (!caller) return fail(std::move(caller).error());
    prepared.call.caller = std::move(*caller);
    return prepared.route == nullptr ? Result<void>{} : check_role(*prepared.route, prepared.call);
}

asio::awaitable<Result<void>> check_needs(Control& control, const Prepared& prepared) {
    if (prepared.route->needs == Needs::nothing) co_return Result<void>{};
    if (!control.state().initialised()) co_return fail(why_without_state(control.cluster_view()));
    if (prepared.route->needs == Needs::cluster ||
        prepared.call.request.query.contains("consistency"))
        co_return Result<void>{};
    co_return co_await control.read_barrier();
}

/// On Control's strand. An empty answer when the call was refused before: the caller has that.
asio::awaitable<Result<Answer>> run(Control* control, std::shared_ptr<Prepared> prepared) {
    if (auto allowed = check_access(*control, *prepared); !allowed) co_return fail(allowed.error());
    if (prepared->refused) co_return Answer{};
    if (auto allowed = check_limits(*prepared->route, prepared->call); !allowed)
        co_return fail(allowed.error());
    const auto ready = co_await check_needs(*control, *prepared);
    if (!ready) co_return fail(ready.error());
    if (const auto* read = std::get_if<ReadHandler>(&prepared->route->handler))
        co_return (*read)(*control, prepared->call);
    co_return co_await std::get<WaitingHandler>(prepared->route->handler)(*control, prepared->call);
}

asio::awaitable<Result<Answer>> only_check_access(Control* control,
                                                  std::shared_ptr<Prepared> prepared) {
    if (auto allowed = check_access(*control, *prepared); !allowed) co_return fail(allowed.error());
    co_return Answer{};
}

/// Without the way through a queue when Control lives on the same strand.
asio::awaitable<Result<Answer>> on_control(Control& control, asio::awaitable<Result<Answer>> work) {
    auto executor = control.executor();
    if (executor == co_await asio::this_coro::executor) co_return co_await std::move(work);
    co_return co_await asio::co_spawn(executor, std::move(work), asio::use_awaitable);
}

/// A caller without a token waits longer with each failure.
asio::awaitable<HttpResponse> answer_failure(std::shared_ptr<Service> service,
                                             std::shared_ptr<Prepared> prepared, Error error) {
    const auto* peer = std::get_if<TcpPeer>(&prepared->call.request.peer);
    if (error.code == ErrorCode::unauthenticated && peer != nullptr) {
        const auto now = std::chrono::steady_clock::now();
        const auto delay = service->failed.note(peer->address, now);
        if (delay.count() > 0) {
            asio::steady_timer timer(co_await asio::this_coro::executor, delay);
            co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
        }
    }
    co_return problem(error);
}

HttpResponse answer_success(Answer answer) {
    HttpResponse response{.status = answer.status, .headers = std::move(answer.headers)};
    if (!answer.content_type.empty()) {
        response.content_type = std::move(answer.content_type);
        response.body = std::move(answer.text);
        response.stream = std::move(answer.stream);
        return response;
    }
    // What the kernel and other machines name things need not be UTF-8.
    response.body = answer.body.dump(-1, ' ', false, json::error_handler_t::replace);
    response.body += '\n';
    return response;
}

asio::awaitable<HttpResponse> serve(std::shared_ptr<Service> service, HttpRequest request) {
    auto prepared = std::make_shared<Prepared>(match(std::move(request)));
    RouteCall& call = prepared->call;
    const bool shows_counters = prepared->route != nullptr && prepared->route->needs_counters;
    if (shows_counters && call.request.counters != nullptr) call.counters = *call.request.counters;
    if (!prepared->refused && call.request.body.size() > body_bytes_before_token) {
        const auto allowed =
            co_await on_control(service->control, only_check_access(&service->control, prepared));
        if (!allowed) co_return co_await answer_failure(service, prepared, allowed.error());
    }
    if (!prepared->refused) prepared->refused = read_body(*prepared->route, call);
    auto answer = co_await on_control(service->control, run(&service->control, prepared));
    if (!answer) co_return co_await answer_failure(service, prepared, std::move(answer).error());
    if (prepared->refused) co_return std::move(*prepared->refused);
    co_return answer_success(std::move(*answer));
}

}  // namespace

Result<bool> RouteCall::flag(const std::string& parameter) const {
    const auto given = request.query.find(parameter);
    if (given == request.query.end()) return false;
    if (given->second.empty() || given->second == "true" || given->second == "1") return true;
    if (given->second == "false" || given->second == "0") return false;
    return fail(ErrorCode::invalid_argument, "'" + parameter + "' must be true or false",
                parameter);
}

Result<std::size_t> RouteCall::limit(std::size_t when_not_given) const {
    const auto given = request.query.find("limit");
    if (given == request.query.end()) return when_not_given;
    const auto& text = given->second;
    std::size_t limit = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
    if (error == std::errc{} && end == text.data() + text.size() && limit >= 1 &&
        limit <= listed_max)
        return limit;
    return fail(ErrorCode::invalid_argument,
                fmt::format("'limit' must be a number from 1 to {}", listed_max), "limit");
}

Result<Proposal> RouteCall::proposal(std::vector<Action> actions) const {
    Proposal proposal{std::move(actions)};
    const auto header = request.headers.find("idempotency-key");
    if (header == request.headers.end()) return proposal;
    std::string_view key = header->second;
    // draft-ietf-httpapi-idempotency-key-header: a quoted string; most clients leave the quotes
    // out.
    if (key.size() >= 2 && key.front() == '"' && key.back() == '"')
        key = key.substr(1, key.size() - 2);
    const bool is_fine = !key.empty() && key.size() <= idempotency_key_bytes_max &&
                         std::ranges::all_of(key, [](char c) { return c > ' ' && c <= '~'; });
    if (!is_fine)
        return fail(ErrorCode::invalid_argument,
                    fmt::format("an Idempotency-Key has 1 to {} visible ASCII characters, such as "
                                "a random UUID",
                                idempotency_key_bytes_max));
    proposal.idempotency_key = key;
    // A key has no space in it. Of a token of the same name that was deleted before, the revision
    // tells.
    if (!caller.token.empty())
        proposal.idempotency_key =
            fmt::format("{}@{} {}", caller.token, caller.token_revision, key);
    return proposal;
}

HttpHandler make_handler(Control& control) {
    const auto service = std::make_shared<Service>(Service{control});
    return [service](HttpRequest request) { return serve(service, std::move(request)); };
}

}  // namespace trivet::api
