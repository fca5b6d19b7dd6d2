// Reads and changes of single objects; what differs between kinds is in object_view and
// object_body.
#include "api/handlers.hpp"
#include "api/object_body.hpp"
#include "api/object_view.hpp"
#include "api/object_write.hpp"

namespace trivet::api {

namespace {

ObjectKey key_in_path(const RouteCall& call) { return {call.kind, "", call.capture("name")}; }

}  // namespace

Waiting list_objects(Control& control, RouteCall& call) {
    Answer answer;
    Listing listing{.kind = call.kind};
    answer.body = co_await list_json(control, std::move(listing), call.caller);
    co_return answer;
}

Result<Answer> get_object(const Control& control, const RouteCall& call) {
    auto object = object_json(control, key_in_path(call));
    if (!object) return fail(no_such_object(control.state(), key_in_path(call)));
    return Answer{.body = std::move(*object)};
}

Waiting create_object(Control& control, RouteCall& call) {
    return write_object(control, call, {.kind = call.kind}, PutMode::create);
}

Waiting put_object(Control& control, RouteCall& call) {
    return write_object(control, call, {.kind = call.kind, .name = call.capture("name")},
                        PutMode::create_or_replace);
}

Waiting delete_object(Control& control, RouteCall& call) {
    return erase_object(control, call, key_in_path(call));
}

}  // namespace trivet::api
