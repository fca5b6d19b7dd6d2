#include "api/permission.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "core/object_json.hpp"

namespace trivet::api {

using nlohmann::json;

namespace {

constexpr std::array<std::string_view, 4> watched_by_cloud{"vip", "pool", "node", "namespace"};
constexpr std::string_view vip_objects = "vip/";  // ObjectKey::to_string() of every VIP

auto refuse(const Caller& caller, std::string_view lacks, std::string field = {}) {
    return fail(ErrorCode::not_allowed,
                fmt::format("token '{}' has the role cloud, and {}", caller.token, lacks),
                std::move(field));
}

std::string text_of(const json& object, const char* field, std::string otherwise) {
    if (!object.is_object() || !object.contains(field)) return otherwise;
    const json& value = object[field];
    return value.is_string() ? value.get<std::string>() : std::string();
}

Result<void> check_namespace(const Caller& caller, std::string_view name_space, std::string field) {
    if (caller.limits->covers_namespace(name_space)) return {};
    return refuse(caller,
                  fmt::format("may not use the namespace '{}', only {}", name_space,
                              fmt::join(caller.limits->namespaces, ", ")),
                  std::move(field));
}

Result<void> check_pool(const Caller& caller, const json& vip, std::string field) {
    const auto pool = text_of(vip, "pool", "");
    if (caller.limits->covers_pool(pool)) return {};
    const auto list = fmt::format("{}", fmt::join(caller.limits->pools, ", "));
    return refuse(caller,
                  pool.empty() ? fmt::format("its VIPs must name a pool, one of {}", list)
                               : fmt::format("may not ask for pool '{}', only {}", pool, list),
                  std::move(field));
}

Result<void> check_items(const Caller& caller, const json& body) {
    const auto items = body.is_object() ? body.find("items") : body.end();
    if (!body.is_object() || items == body.end() || !items->is_array()) return {};  // no items
    for (std::size_t place = 0; place < items->size(); ++place) {
        const json& item = (*items)[place];
        const auto at = [place](const char* field) {
            return fmt::format("items[{}].{}", place, field);
        };
        const auto kind = text_of(item, "kind", "");
        if (kind != to_string(Kind::vip))
            return refuse(caller, fmt::format("may change VIPs alone, no '{}'", kind), at("kind"));
        const auto name_space = text_of(item, "namespace", Vip{}.name_space);
        if (auto allowed = check_namespace(caller, name_space, at("namespace")); !allowed)
            return allowed;
        if (auto allowed = check_pool(caller, item, at("pool")); !allowed) return allowed;
    }
    return {};
}

Result<void> check_kinds(const Caller& caller, const RouteCall& call) {
    const auto given = call.request.query.find("kinds");
    if (given == call.request.query.end()) return {};
    for (std::string_view rest = given->second; !rest.empty();) {
        const auto word = rest.substr(0, rest.find(','));
        if (std::ranges::find(watched_by_cloud, word) == watched_by_cloud.end())
            return refuse(caller,
                          fmt::format("may watch the kinds {} alone, no '{}'",
                                      fmt::join(watched_by_cloud, ", "), word),
                          "kinds");
        rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    }
    return {};
}

/// "vip/NAMESPACE/NAME".
Result<void> check_object(const Caller& caller, const RouteCall& call) {
    const auto given = call.request.query.find("object");
    std::string_view object;
    if (given != call.request.query.end()) object = given->second;
    if (!object.starts_with(vip_objects))
        return refuse(caller, "must name a VIP of its own here, as ?object=vip/NAMESPACE/NAME",
                      "object");
    object.remove_prefix(vip_objects.size());
    return check_namespace(caller, object.substr(0, object.find('/')), "object");
}

}  // namespace

Result<void> check_role(const Route& route, const RouteCall& call) {
    if (!call.caller.limits || route.access != Access::admin) return {};
    switch (route.cloud) {
        case CloudMay::nothing:
            return refuse(call.caller, "this call needs the role admin");
        case CloudMay::in_namespace:
        case CloudMay::put_vip:
            return check_namespace(call.caller, call.capture("namespace"), "namespace");
        case CloudMay::read:
        case CloudMay::put_items:
        case CloudMay::read_object:
        case CloudMay::watch:
            break;
    }
    return {};
}

Result<void> check_limits(const Route& route, const RouteCall& call) {
    if (!call.caller.limits || route.access != Access::admin) return {};
    switch (route.cloud) {
        case CloudMay::put_vip:
            return check_pool(call.caller, call.body, "pool");
        case CloudMay::put_items:
            return check_items(call.caller, call.body);
        case CloudMay::read_object:
            return check_object(call.caller, call);
        case CloudMay::watch:
            return check_kinds(call.caller, call);
        case CloudMay::nothing:
        case CloudMay::in_namespace:
        case CloudMay::read:
            break;
    }
    return {};
}

}  // namespace trivet::api
