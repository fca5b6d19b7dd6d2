#pragma once
#include "api/route_call.hpp"

/// What the role of a token allows: the one place where a call is judged by it, after the table of
/// routes (Route::cloud). A caller without limits may do everything.
namespace trivet::api {

/// As far as the route and its path tell. Errors: not_allowed, naming token, role and what it
/// lacks.
Result<void> check_role(const Route& route, const RouteCall& call);
/// As far as query and body tell; after check_role(). What the body lacks or has of a wrong type
/// counts as the caller's loss here, and is refused in its own words later. Errors: not_allowed.
Result<void> check_limits(const Route& route, const RouteCall& call);

}  // namespace trivet::api
