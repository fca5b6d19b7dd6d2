#include "cloud/shim/kube_api.hpp"

#include <fmt/format.h>

#include "api/model/rest_answer.hpp"
#include "api/model/rest_client.hpp"

namespace trivet::cloud {

using nlohmann::json;

namespace {

ErrorCode code_of(unsigned status) {
    constexpr unsigned too_many_requests = 429, server_errors = 500;
    if (status == too_many_requests || status >= server_errors) return ErrorCode::unavailable;
    const ErrorCode code = model::code_of_status(status);
    return code == ErrorCode::internal ? ErrorCode::invalid_argument : code;  // as 422
}

}  // namespace

KubeApi::KubeApi(boost::asio::any_io_executor executor, std::shared_ptr<const HttpOrigin> origin,
                 std::size_t connections)
    : client_(std::move(executor), std::move(origin), {.idle_max = connections}) {}

KubeApi::Json KubeApi::call(HttpCall call) {
    const std::string what = call.method + " " + call.target;
    const auto answer = co_await client_.call(std::move(call));
    if (!answer) co_return fail(answer.error());
    const unsigned status = answer->head.status;
    if (status < 200 || status >= 300)
        co_return fail(code_of(status),
                       fmt::format("{}: {}", what, read_status(status, answer->body).to_string()));
    auto parsed = parse_json(answer->body);
    if (!parsed)
        co_return fail(ErrorCode::internal, fmt::format("{}: {}", what, parsed.error().message));
    co_return std::move(*parsed);
}

KubeApi::Json KubeApi::get(std::string target) {
    HttpCall request{.target = std::move(target)};
    return call(std::move(request));
}

KubeApi::Json KubeApi::send(std::string method, std::string target, json body) {
    HttpCall request{.method = std::move(method),
                     .target = std::move(target),
                     .content_type = "application/json",
                     .body = body.dump()};
    return call(std::move(request));
}

KubeApi::Json KubeApi::patch_service(ServiceKey service, PatchService patch) {
    HttpCall request{.method = "PATCH",
                     .target = service_target(service) + (patch.status ? "/status" : ""),
                     .content_type = "application/merge-patch+json",  // RFC 7386
                     .body = patch.body.dump()};
    return call(std::move(request));
}

KubeApi::Json KubeApi::post_event(ServiceKey service, json event) {
    return send("POST", "/api/v1" + model::url_path({"namespaces", service.name_space, "events"}),
                std::move(event));
}

std::string KubeApi::service_target(const ServiceKey& service) {
    return "/api/v1" +
           model::url_path({"namespaces", service.name_space, "services", service.name});
}

}  // namespace trivet::cloud
