#include "api/handlers.hpp"
#include "api/object_view.hpp"
#include "api/object_write.hpp"
#include "api/vip_view.hpp"

namespace trivet::api {

namespace {

ObjectKey key_in_path(const RouteCall& call) {
    return {Kind::vip, call.capture("namespace"), call.capture("name")};
}

}  // namespace

Result<Answer> list_all_vips(const Control& control, const RouteCall&) {
    return Answer{.body = list_json(control, Kind::vip)};
}

Result<Answer> list_vips(const Control& control, const RouteCall& call) {
    const auto& name_space = call.capture("namespace");
    if (auto valid = check_name("namespace", name_space); !valid) return fail(valid.error());
    return Answer{.body = list_json(control, Kind::vip, name_space)};
}

Result<Answer> get_vip(const Control& control, const RouteCall& call) {
    auto vip = object_json(control, key_in_path(call));
    if (!vip) return fail(no_such_object(control.state(), key_in_path(call)));
    return Answer{.body = std::move(*vip)};
}

Result<Answer> explain_vip(const Control& control, const RouteCall& call) {
    const auto* record = control.state().find_vip(call.capture("namespace"), call.capture("name"));
    if (record == nullptr) return fail(no_such_object(control.state(), key_in_path(call)));
    return Answer{.body = vip_explanation(control, *record)};
}

Waiting create_vip(Control& control, RouteCall& call) {
    return write_object(control, call, {.kind = Kind::vip, .name_space = call.capture("namespace")},
                        PutMode::create);
}

Waiting put_vip(Control& control, RouteCall& call) {
    return write_object(
        control, call,
        {.kind = Kind::vip, .name_space = call.capture("namespace"), .name = call.capture("name")},
        PutMode::create_or_replace);
}

Waiting delete_vip(Control& control, RouteCall& call) {
    return erase_object(control, call, key_in_path(call));
}

}  // namespace trivet::api
