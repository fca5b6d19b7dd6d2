#include "api/openapi.hpp"

#include <algorithm>

#include "api/handlers.hpp"
#include "api/route_match.hpp"
#include "core/object_json.hpp"

namespace trivet::api {

using nlohmann::json;

namespace {

constexpr std::string_view cluster_paths = "/v1/cluster/";

struct Shapes {
    std::string request;  // names of schemas; empty: no body
    std::string answer;
    bool list = false;
    bool creates = false;  // 201 instead of 200
};

/// Of routes whose path has a meaning of its own.
const std::map<std::string_view, Shapes>& special_shapes() {
    static const std::map<std::string_view, Shapes> all{
        {"/v1/apply", {"apply", "apply-answer"}},
        {"/v1/events", {"", "event", true}},
        {"/v1/status", {"", "object"}},
        {"/v1/watch", {"", "change"}},
        {"/v1/tokens", {"", "token", true}},
        {"/v1/tokens/{name}", {"", "token"}},
        {"/v1/vips/{namespace}/{name}/explain", {"", "vip-explanation"}},
        {"/v1/cluster", {"", "cluster"}},
        {"/v1/cluster/init", {"", "init-answer", false, true}},
        {"/v1/cluster/join", {"join", "joined"}},
        {"/v1/cluster/invite", {"invite", "invitation", false, true}},
        {"/v1/cluster/members", {"admit", "admitted"}},
        {"/v1/cluster/members/{name}", {"", "member-changed"}},
        {"/v1/cluster/members/{name}/promote", {"", "member-changed"}},
        {"/v1/cluster/members/{name}/demote", {"", "member-changed"}},
        {"/v1/cluster/transfer", {"transfer", "transferred"}},
        {"/v1/cluster/recover", {"recover", "object"}},
        {"/v1/cluster/restore", {"restore", "init-answer", false, true}},
        {"/v1/cluster/snapshot", {"", "snapshot"}},
    };
    return all;
}

/// What a route takes and gives: by its kind, unless it is special.
Shapes shapes_of(const Route& route) {
    const auto path = route.info.path;
    if (path == "/v1/tokens" && route.info.method == "POST")
        return {"new-token", "made-token", false, true};
    if (const auto special = special_shapes().find(path); special != special_shapes().end())
        return special->second;
    if (segments_of(path).front() != "v1") return {"", "object"};
    const std::string kind(to_string(route.kind));
    const bool one = path.ends_with("}") && path != "/v1/vips/{namespace}";
    const bool list = route.info.method == "GET" && !one;
    const bool has_body = route.body != Body::none;
    return {has_body ? kind : "", kind, list, route.info.method == "POST" && has_body};
}

json reference(const std::string& schema) { return {{"$ref", "#/components/schemas/" + schema}}; }

json content(json schema) { return {{"application/json", {{"schema", std::move(schema)}}}}; }

json list_of(const std::string& schema, bool in_pages) {
    json properties{{"items", {{"type", "array"}, {"items", reference(schema)}}},
                    {"revision", reference("revision")}};
    if (in_pages)
        properties["continue"] = {
            {"type", "string"},
            {"description", "there are more: ask again with this as ?continue="}};
    return {{"type", "object"}, {"properties", std::move(properties)}};
}

json parameters_of(const Route& route) {
    json parameters = json::array();
    for (const auto segment : segments_of(route.info.path))
        if (segment.front() == '{')
            parameters.push_back({{"name", segment.substr(1, segment.size() - 2)},
                                  {"in", "path"},
                                  {"required", true},
                                  {"schema", reference("name")}});
    if (route.info.method != "GET" && !route.info.path.starts_with(cluster_paths))
        parameters.push_back(
            {{"name", "Idempotency-Key"},
             {"in", "header"},
             {"description", "sent again under the same key, a request takes effect once"},
             {"schema", {{"type", "string"}, {"maxLength", idempotency_key_bytes_max}}}});
    for (auto rest = route.parameters; !rest.empty();) {
        const auto space = std::min(rest.find(' '), rest.size());
        const auto name = rest.substr(0, space);
        json schema{{"type", "string"}};
        if (name == "force") schema = {{"type", "boolean"}};
        if (name == "limit") schema = {{"type", "integer"}, {"minimum", 1}, {"maximum", 10'000}};
        if (name == "since") schema = reference("revision");
        if (name == "consistency") schema = {{"enum", {"stale"}}};
        parameters.push_back({{"name", name}, {"in", "query"}, {"schema", std::move(schema)}});
        rest.remove_prefix(std::min(space + 1, rest.size()));
    }
    return parameters;
}

json responses_of(const Route& route, const Shapes& shapes) {
    const bool in_pages = route.parameters.find("continue") != std::string_view::npos;
    json done{{"description", "done"},
              {"content",
               content(shapes.list ? list_of(shapes.answer, in_pages) : reference(shapes.answer))}};
    if (route.info.path == "/metrics")
        done["content"] = {{"text/plain", {{"schema", {{"type", "string"}}}}}};
    if (route.info.path == "/v1/watch")
        done["content"] = {{"application/x-ndjson", {{"schema", reference(shapes.answer)}}}};
    json responses{
        {"default",
         {{"description", "a problem (RFC 9457)"},
          {"content", {{"application/problem+json", {{"schema", reference("problem")}}}}}}}};
    if (route.info.method == "PUT") {
        responses["200"] = done;
        done["description"] = "created";
    }
    const bool created = shapes.creates || route.info.method == "PUT";
    responses[created ? "201" : "200"] = std::move(done);
    return responses;
}

json operation_of(const Route& route) {
    const Shapes shapes = shapes_of(route);
    std::string id(route.info.method);
    for (const auto segment : segments_of(route.info.path)) id += "_" + std::string(segment);
    std::erase_if(id, [](char c) { return c == '{' || c == '}'; });
    json operation{{"operationId", id},
                   {"summary", route.info.summary},
                   {"parameters", parameters_of(route)},
                   {"responses", responses_of(route, shapes)}};
    if (!shapes.request.empty())
        operation["requestBody"] = {{"required", route.body == Body::json},
                                    {"content", content(reference(shapes.request))}};
    if (route.access != Access::admin)
        operation["security"] = json::array();
    else if (route.cloud == CloudMay::nothing)
        operation["x-roles"] = json::array({"admin"});
    else
        operation["x-roles"] = json::array({"admin", "cloud"});
    return operation;
}

json make_document() {
    json document{
        {"openapi", "3.1.0"},
        {"info",
         {{"title", "Trivet"},
          {"version", TRIVET_VERSION},
          {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}},
          {"description",
           "Over TCP every call but /livez and /readyz needs a token, or the one of an invitation "
           "in its body; x-roles says of which role. Over the unix socket none does: its mode lets "
           "in root and the group lbd."}}},
        {"security", {{{"token", json::array()}}}},
        {"components",
         {{"schemas", json::parse(openapi_schemas_text)},
          {"securitySchemes", {{"token", {{"type", "http"}, {"scheme", "bearer"}}}}}}},
        {"paths", json::object()}};
    for (const Route& route : routes()) {
        std::string method(route.info.method);
        std::transform(method.begin(), method.end(), method.begin(),
                       [](char c) { return static_cast<char>(c - 'A' + 'a'); });
        document["paths"][std::string(route.info.path)][method] = operation_of(route);
    }
    return document;
}

}  // namespace

const json& openapi_document() {
    static const json document = make_document();
    return document;
}

Result<Answer> show_openapi(const Control&, const RouteCall&) {
    return Answer{.body = openapi_document()};
}

}  // namespace trivet::api
