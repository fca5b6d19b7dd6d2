#pragma once
#include <memory>
#include <string>
#include <vector>

#include "cloud/known_vip.hpp"
#include "cloud/reconcile.hpp"
#include "cloud/shim/http_client.hpp"

namespace trivet::cloud {

/// Single calls to Trivet, through whichever of its nodes answers: one that is not there, has no
/// leader or does not know the outcome passes the call on to the next, under the same
/// Idempotency-Key. Single-threaded; must outlive its calls.
///
/// Errors: as model::RestClient, when none of the nodes did better.
class TrivetClient {
public:
    using Origins = std::vector<std::shared_ptr<const HttpOrigin>>;
    template <class T>
    using Waiting = boost::asio::awaitable<Result<T>>;

    TrivetClient(boost::asio::any_io_executor executor, Origins servers, std::size_t connections);

    Waiting<nlohmann::json> call(std::string method, std::string target, std::string body);
    Waiting<KnownVip> get_vip(ObjectKey key);
    Waiting<KnownVip> put_vip(PutVip put);
    /// A VIP that is not there counts as deleted.
    Waiting<void> erase_vip(ObjectKey key);

    void close();
    std::uint64_t requests() const;

private:
    std::vector<std::unique_ptr<HttpClient>> servers_;
    std::size_t current_ = 0;  // the one that answered last
};

}  // namespace trivet::cloud
