#pragma once
#include "api/handlers.hpp"
#include "api/object_body.hpp"

/// What POST, PUT and DELETE of one object have in common, whatever its kind.
namespace trivet::api {

/// 201 with the object and its Location when it is new, else 200 with the object.
Waiting write_object(Control& control, RouteCall& call, BodyPlace place, PutMode mode);
/// 200 with the object as it was.
Waiting erase_object(Control& control, RouteCall& call, ObjectKey key);

}  // namespace trivet::api
