#pragma once
#include <string_view>
#include <vector>

#include "api/control.hpp"
#include "api/http_server.hpp"
#include "api/problem.hpp"  // http_status(), problem()

namespace trivet::api {

/// One row of the REST surface; docs/reference/api.md and /openapi.json are checked against the
/// table.
struct RouteInfo {
    std::string_view method;
    std::string_view path;  // "/v1/vips/{namespace}/{name}"
    bool needs_admin;       // a token, that is; false: /livez, /readyz and, before init over the
                            // unix socket, /v1/cluster/init
    std::string_view summary;
};
const std::vector<RouteInfo>& route_table();

/// The handler for HttpServer: authenticates, routes, answers. `control` must outlive it.
HttpHandler make_handler(Control& control);

}  // namespace trivet::api
