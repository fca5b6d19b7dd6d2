#pragma once
#include <functional>
#include <string>

#include <boost/asio/steady_timer.hpp>

#include "cloud/shim/kube_api.hpp"
#include "cloud/shim/lease_election.hpp"
#include "cloud/shim/shim_log.hpp"

namespace trivet::cloud {

/// Carries out a LeaseElection with an API server. Single-threaded; run() must have returned before
/// it is destroyed.
class LeaseDriver {
public:
    LeaseDriver(boost::asio::any_io_executor executor, LeaseElection::Options options,
                KubeApi& kube, ShimLog& log, std::function<void()> on_change);

    /// Until stop(), and until the Lease was given back.
    boost::asio::awaitable<void> run();
    void stop();
    bool leads() const;

private:
    using Request = LeaseElection::Request;
    boost::asio::awaitable<Result<nlohmann::json>> send(Request request);
    boost::asio::awaitable<void> exchange(Request request);
    void note_lead();

    LeaseElection::Options options_;
    LeaseElection election_;
    KubeApi& kube_;
    ShimLog& log_;
    std::function<void()> on_change_;
    boost::asio::steady_timer timer_;
    bool did_lead_ = false;
    bool stopped_ = false;
    std::string last_error_;  // as told; empty: all is well
};

}  // namespace trivet::cloud
