#include "cloud/shim/lease_driver.hpp"

#include <algorithm>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "api/model/rest_client.hpp"
#include "cloud/shim/clock.hpp"

namespace trivet::cloud {

namespace asio = boost::asio;
using nlohmann::json;

namespace {

/// RFC 3339 with microseconds: Kubernetes' MicroTime.
std::string micro_time() {
    const auto now =
        std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
    const auto second = std::chrono::floor<std::chrono::seconds>(now);
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z",
                       fmt::gmtime(std::chrono::system_clock::to_time_t(second)),
                       (now - second).count());
}

}  // namespace

LeaseDriver::LeaseDriver(asio::any_io_executor executor, LeaseElection::Options options,
                         KubeApi& kube, ShimLog& log, std::function<void()> on_change)
    : options_(options),
      election_(options),
      kube_(kube),
      log_(log),
      on_change_(std::move(on_change)),
      timer_(executor) {}

bool LeaseDriver::leads() const { return election_.leads(boot_now()); }

void LeaseDriver::stop() {
    stopped_ = true;
    timer_.cancel();
}

asio::awaitable<void> LeaseDriver::run() {
    while (!stopped_) {
        auto request = election_.next(boot_now(), micro_time());
        if (request) {
            co_await exchange(std::move(*request));
        } else {
            auto due = election_.next_deadline();
            if (leads()) due = std::min(due, *election_.leads_until());
            timer_.expires_at(steady_time(due));
            co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
        }
        note_lead();
    }
    auto resignation = election_.resign(boot_now(), micro_time());
    if (!resignation) co_return;
    const auto answer = co_await send(std::move(*resignation));
    if (!answer)
        log_.warning("the Lease was not given back: " + answer.error().message,
                     {{"next", "another shim takes over when it has run out"}});
}

void LeaseDriver::note_lead() {
    const bool does_lead = leads();
    if (does_lead == did_lead_) return;
    did_lead_ = does_lead;
    log_.info(does_lead ? "this shim holds the Lease" : "this shim does not hold the Lease",
              {{"lease", options_.name_space + "/" + options_.name},
               {"identity", options_.identity},
               {"holder", election_.holder()}});
    on_change_();
}

asio::awaitable<Result<json>> LeaseDriver::send(Request request) {
    std::string target = "/apis/coordination.k8s.io/v1" +
                         model::url_path({"namespaces", options_.name_space, "leases"});
    const bool is_new = request.kind == Request::Kind::create;
    if (!is_new) target += model::url_path({options_.name});
    if (request.kind == Request::Kind::get) co_return co_await kube_.get(std::move(target));
    json body = to_json(request.lease);
    co_return co_await kube_.send(is_new ? "POST" : "PUT", std::move(target), std::move(body));
}

asio::awaitable<void> LeaseDriver::exchange(Request request) {
    const bool is_get = request.kind == Request::Kind::get;
    const auto answer = co_await send(std::move(request));
    const Instant now = boot_now();
    Error error{ErrorCode::internal, ""};
    if (answer) {
        const auto lease = read_kube_lease(*answer);
        if (lease) {
            last_error_.clear();
            co_return election_.on_lease(*lease, now);
        }
        error = lease.error();
    } else {
        error = answer.error();
    }
    if (is_get && error.code == ErrorCode::not_found)
        co_return election_.on_lease(std::nullopt, now);
    if (error.code == ErrorCode::conflict) co_return election_.on_conflict(now);
    if (last_error_ != error.message) log_.warning("the Lease: " + error.message);
    last_error_ = error.message;
    election_.on_failed(now);
}

}  // namespace trivet::cloud
