#pragma once
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <nlohmann/json.hpp>

#include "api/caller.hpp"
#include "api/control.hpp"
#include "api/http_server.hpp"
#include "api/routes.hpp"

/// How a route is described, and what its handler gets and gives. Internal to api/.
namespace trivet::api {

enum class Access : std::uint8_t {
    open,   // for everybody: says only whether lbd is well, or has its own proof in the body
    local,  // over the unix socket alone
    admin,  // with a token of that role, or of the role cloud as far as CloudMay says
};

/// What a token of the role cloud may do with a route (api/permission.hpp).
enum class CloudMay : std::uint8_t {
    nothing,
    read,          // as everybody; of VIPs its own are shown
    in_namespace,  // when it may use {namespace}
    put_vip,       // and the VIP in the body asks for one of its pools
    put_items,     // when each item of the body is such a VIP
    read_object,   // when ?object= is a VIP of a namespace that it may use
    watch,         // when ?kinds= are such that it may read; of VIPs its own are shown
};

enum class Body : std::uint8_t { none, json, optional };  // optional: {} when it is left out

/// When a handler may run. Most need a cluster; reads of committed state wait for the read barrier.
enum class Needs : std::uint8_t { nothing, cluster, barrier };

constexpr std::size_t idempotency_key_bytes_max = 128;
constexpr std::size_t listed_max = 10'000;  // ?limit=; as many events as a node keeps

/// One call on its way through its route. Owned by the coroutine that serves it.
struct RouteCall {
    HttpRequest request;
    std::map<std::string_view, std::string> captures;  // "{name}" of the path, by its name
    Kind kind = Kind::pool;                            // of the route's objects
    Caller caller;                                     // once authenticated
    nlohmann::json body;                               // handlers may take it
    HttpCounters counters;                             // of the server, when the route needs them

    const std::string& capture(std::string_view name) const { return captures.at(name); }
    /// "true", "1" and "" are true. Errors: invalid_argument, naming the parameter.
    Result<bool> flag(const std::string& parameter) const;
    /// ?limit=, 1 to listed_max. Errors: invalid_argument.
    Result<std::size_t> limit(std::size_t when_not_given) const;
    /// `actions` under the request's Idempotency-Key, if it has one; keys of one token are not
    /// those of another. Errors: invalid_argument.
    Result<Proposal> proposal(std::vector<Action> actions) const;
};

struct Answer {
    unsigned status = 200;
    nlohmann::json body = {};
    std::map<std::string, std::string> headers = {};
    std::string text = {};  // instead of `body`, when content_type is set
    std::string content_type = {};
    std::shared_ptr<BodyStream> stream = {};  // the same, for what goes on
};

using ReadHandler = Result<Answer> (*)(const Control&, const RouteCall&);
using WaitingHandler = boost::asio::awaitable<Result<Answer>> (*)(Control&, RouteCall&);

struct Route {
    RouteInfo info;
    Access access = Access::admin;
    CloudMay cloud = CloudMay::nothing;
    Kind kind = Kind::pool;
    Needs needs = Needs::cluster;
    Body body = Body::none;
    std::string_view parameters = {};  // of the query, separated by spaces
    bool needs_counters = false;       // RouteCall::counters
    std::variant<ReadHandler, WaitingHandler> handler;
};

const std::vector<Route>& routes();

}  // namespace trivet::api
