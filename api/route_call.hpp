#pragma once
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <nlohmann/json.hpp>

#include "api/control.hpp"
#include "api/http_server.hpp"
#include "api/routes.hpp"

/// How a route is described, and what its handler gets and gives. Internal to api/.
namespace trivet::api {

enum class Access : std::uint8_t {
    open,   // for everybody: says only whether lbd is well, or has its own proof in the body
    local,  // over the unix socket alone
    admin,
};

enum class Body : std::uint8_t { none, json, optional };  // optional: {} when it is left out

/// When a handler may run. Most need a cluster; reads of committed state wait for the read barrier.
enum class Needs : std::uint8_t { nothing, cluster, barrier };

constexpr std::size_t idempotency_key_bytes_max = 128;

/// One call on its way through its route. Owned by the coroutine that serves it.
struct RouteCall {
    HttpRequest request;
    std::map<std::string_view, std::string> captures;  // "{name}" of the path, by its name
    Kind kind = Kind::pool;                            // of the route's objects
    nlohmann::json body;                               // handlers may take it
    HttpCounters counters;                             // of the server, when the route needs them

    const std::string& capture(std::string_view name) const { return captures.at(name); }
    /// "true", "1" and "" are true. Errors: invalid_argument, naming the parameter.
    Result<bool> flag(const std::string& parameter) const;
    /// `actions` under the request's Idempotency-Key, if it has one. Errors: invalid_argument.
    Result<Proposal> proposal(std::vector<Action> actions) const;
};

struct Answer {
    unsigned status = 200;
    nlohmann::json body = {};
    std::map<std::string, std::string> headers = {};
    std::string text = {};  // instead of `body`, when content_type is set
    std::string content_type = {};
};

using ReadHandler = Result<Answer> (*)(const Control&, const RouteCall&);
using WaitingHandler = boost::asio::awaitable<Result<Answer>> (*)(Control&, RouteCall&);

struct Route {
    RouteInfo info;
    Access access = Access::admin;
    Kind kind = Kind::pool;
    Needs needs = Needs::cluster;
    Body body = Body::none;
    std::string_view parameters = {};  // of the query, separated by spaces
    bool needs_counters = false;       // RouteCall::counters
    std::variant<ReadHandler, WaitingHandler> handler;
};

const std::vector<Route>& routes();

}  // namespace trivet::api
