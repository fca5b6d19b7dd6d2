#include "api/handlers.hpp"
#include "api/object_view.hpp"
#include "api/object_write.hpp"
#include "api/vip_view.hpp"

namespace trivet::api {

namespace {

constexpr std::size_t history_max = 50;

ObjectKey key_in_path(const RouteCall& call) {
    return {Kind::vip, call.capture("namespace"), call.capture("name")};
}

/// ?limit= and ?continue=. Errors: invalid_argument, with the parameter.
Result<void> read_page(const RouteCall& call, Listing& listing) {
    auto limit = call.limit(SIZE_MAX);
    if (!limit) return fail(limit.error());
    listing.limit = *limit;
    const auto given = call.request.query.find("continue");
    if (given == call.request.query.end()) return {};
    const auto slash = given->second.find('/');
    ObjectKey after{Kind::vip, given->second.substr(0, slash), ""};
    if (slash != std::string::npos) after.name = given->second.substr(slash + 1);
    if (!check_name("namespace", after.name_space) || !check_name("VIP name", after.name))
        return fail(ErrorCode::invalid_argument,
                    "'continue' must be what the page before ended with, NAMESPACE/NAME",
                    "continue");
    listing.after = std::move(after);
    return {};
}

}  // namespace

Waiting list_all_vips(Control& control, RouteCall& call) {
    Listing listing;
    if (auto read = read_page(call, listing); !read) co_return fail(read.error());
    if (const auto given = call.request.query.find("namespace");
        given != call.request.query.end()) {
        if (auto checked = check_namespace_pattern(given->second); !checked)
            co_return fail(ErrorCode::invalid_argument, checked.error().message, "namespace");
        listing.pattern = given->second;
    }
    Answer answer;
    answer.body = co_await list_json(control, std::move(listing), call.caller);
    co_return answer;
}

Waiting list_vips(Control& control, RouteCall& call) {
    const std::string name_space = call.capture("namespace");
    if (auto valid = check_name("namespace", name_space); !valid) co_return fail(valid.error());
    Answer answer;
    Listing listing{.name_space = name_space};
    if (auto read = read_page(call, listing); !read) co_return fail(read.error());
    if (listing.after && listing.after->name_space != name_space)
        co_return fail(ErrorCode::invalid_argument,
                       "'continue' is of another namespace than the path", "continue");
    answer.body = co_await list_json(control, std::move(listing), call.caller);
    co_return answer;
}

Result<Answer> get_vip(const Control& control, const RouteCall& call) {
    auto vip = object_json(control, key_in_path(call));
    if (!vip) return fail(no_such_object(control.state(), key_in_path(call)));
    return Answer{.body = std::move(*vip)};
}

/// With what happened to it, as far as this node's events reach back.
Waiting explain_vip(Control& control, RouteCall& call) {
    const ObjectKey key = key_in_path(call);
    auto events = co_await control.events(history_max, key.to_string());
    if (!events) co_return fail(events.error());
    const auto* record = control.state().find_vip(key.name_space, key.name);
    if (record == nullptr) co_return fail(no_such_object(control.state(), key));
    Answer answer;
    answer.body = vip_explanation(control, *record, *events);
    co_return answer;
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
