#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "cloud/reconcile.hpp"
#include "cloud/shim/http_client.hpp"

namespace trivet::cloud {

/// Single calls to an API server. Single-threaded; must outlive its calls.
///
/// Errors of all: unauthenticated (401), not_allowed (403), not_found (404), conflict (409),
/// invalid_argument (400, 422 and other refusals), unavailable (429, 5xx, nobody answers), timeout,
/// too_large, internal (no JSON); the message is the server's.
class KubeApi {
public:
    KubeApi(boost::asio::any_io_executor executor, std::shared_ptr<const HttpOrigin> origin,
            std::size_t connections);

    using Json = boost::asio::awaitable<Result<nlohmann::json>>;
    Json get(std::string target);
    Json send(std::string method, std::string target, nlohmann::json body);
    /// The Service as it is after that.
    Json patch_service(ServiceKey service, PatchService patch);
    Json post_event(ServiceKey service, nlohmann::json event);

    void close() { client_.close(); }
    std::uint64_t requests() const { return client_.calls(); }
    const std::string& title() const { return client_.title(); }

    static std::string service_target(const ServiceKey& service);

private:
    Json call(HttpCall call);

    HttpClient client_;
};

}  // namespace trivet::cloud
