#pragma once
#include <array>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "cloud/garbage.hpp"
#include "cloud/shim/lease_driver.hpp"
#include "cloud/shim/reflector_driver.hpp"
#include "cloud/shim/service_worker.hpp"

namespace trivet::cloud {

/// The whole shim but for options, signals and the server of its health: keeps both sides in view,
/// and lets the worker and the garbage collector act while this one of several leads.
/// Single-threaded; after stop() it must live until is_over(), or its executor runs no more.
class Shim {
public:
    struct Options {
        CloudOptions cloud;
        GarbageCollector::Options garbage;
        std::size_t workers = 8;
        std::string reporter;  // of Events
        std::uint64_t random_seed = 0;
        std::optional<LeaseElection::Options> election;  // nullopt: it is the only one
    };
    struct Counters {
        std::uint64_t garbage_released = 0;
        std::uint64_t list_watch_requests = 0;
        std::uint64_t kube_calls = 0;
        std::uint64_t trivet_calls = 0;
        std::uint64_t trivet_watches = 0;
    };

    Shim(boost::asio::any_io_executor executor, Options options,
         std::shared_ptr<const HttpOrigin> kube, TrivetClient::Origins trivet, ShimLog& log);

    void start();
    /// Nothing new is begun; steps under way end; the Lease is given back.
    void stop();
    bool is_over() const { return tasks_ == 0 && worker_.is_idle(); }

    bool leads() const;
    /// What is not in view yet, or out of reach, a line each; empty: it is ready.
    std::vector<std::string> lacks() const;
    std::string held_back() const { return held_back_; }  // of the garbage collector

    Counters counters() const;
    const ServiceWorker& worker() const { return worker_; }
    std::size_t services() const { return services_.entries().size(); }
    std::size_t unreadable_services() const;
    std::size_t vips() const { return vips_.vips().size(); }
    std::size_t missing() const { return garbage_.missing(); }
    std::uint64_t lists() const;

private:
    template <class T>
    using Waiting = boost::asio::awaitable<T>;

    void spawn(Waiting<void> task);
    bool may_work() const;
    bool is_synced() const;
    /// Lists that came back without anything, and were not believed yet.
    struct Doubt {
        bool is_open = false;
        bool is_settled = false;  // the last list was empty, and so was the one after it
    };
    void doubt_empty_list(std::size_t reflector, const ReflectorActions& actions, bool is_empty);
    Waiting<void> list_again(std::size_t reflector);
    Waiting<void> discover();
    void begin_reflectors(const std::string& slice_path);
    Reflector::Options reflector_options(std::string path);

    void on_services(const ReflectorActions& actions);
    void on_slices(const ReflectorActions& actions);
    void on_nodes();
    void on_vip(const ObjectKey& vip);
    void on_progress();

    void plan_garbage();
    void look_for_garbage();
    Waiting<void> release(ObjectKey vip);

    boost::asio::any_io_executor executor_;
    Options options_;
    ShimLog& log_;
    std::shared_ptr<const HttpOrigin> kube_origin_;
    KubeApi kube_;
    TrivetClient trivet_;
    ObjectCache<Service> services_;
    ObjectCache<EndpointSlice> slices_;
    ObjectCache<KubeNode> kube_nodes_;
    SliceIndex slice_index_;
    NodeMap node_map_;
    VipMirror vips_;
    ServiceWorker worker_;
    GarbageCollector garbage_;
    std::optional<LeaseDriver> lease_;
    std::vector<std::unique_ptr<ReflectorDriver>> reflectors_;  // Services, slices, nodes
    std::array<Doubt, 3> doubts_;                               // as reflectors_
    boost::asio::steady_timer garbage_timer_;
    boost::asio::steady_timer discovery_timer_;
    bool garbage_planned_ = false;
    std::set<ObjectKey> releasing_;
    std::string held_back_;
    std::string discovery_error_;
    std::size_t tasks_ = 0;
    std::uint64_t released_ = 0;
    bool was_ready_ = false;
    bool stopped_ = false;
};

}  // namespace trivet::cloud
