#pragma once
#include <functional>
#include <map>
#include <set>
#include <string>

#include <boost/asio/steady_timer.hpp>

#include "cloud/node_map.hpp"
#include "cloud/reconcile.hpp"
#include "cloud/shim/kube_api.hpp"
#include "cloud/shim/shim_log.hpp"
#include "cloud/shim/vip_mirror.hpp"
#include "cloud/slice_index.hpp"
#include "cloud/work_queue.hpp"

namespace trivet::cloud {

/// Both sides as they are known, and the ways to change them. Owned by the shim.
struct World {
    const CloudOptions& options;
    ObjectCache<Service>& services;
    const SliceIndex& slices;
    const NodeMap& nodes;
    VipMirror& vips;
    KubeApi& kube;
    TrivetClient& trivet;
    ShimLog& log;
};

/// Takes Services from the queue, several at once, and each through its steps until there is
/// nothing to do. Single-threaded; must outlive its runs: is_idle().
class ServiceWorker {
public:
    struct Counters {
        std::uint64_t runs = 0;
        std::uint64_t failures = 0;                  // runs that ended with an error
        std::map<std::string, std::uint64_t> steps;  // by kind
        std::uint64_t events_refused = 0;
    };
    /// More steps than any Service can need: it is looked at again later.
    static constexpr int steps_max = 30;

    ServiceWorker(boost::asio::any_io_executor executor, World world, std::size_t parallel,
                  std::string reporter, std::uint64_t random_seed, std::function<bool()> may_work);

    void add(const std::string& service_key);
    /// An address may have become free: who was refused need not wait out the failure.
    void retry_refused();
    /// Something changed that may_work() depends on.
    void pump();
    /// No new runs; those under way end after their step.
    void stop() { stopped_ = true; }
    bool is_idle() const { return running_ == 0; }
    std::size_t waiting() const { return queue_.size(); }
    const Counters& counters() const { return counters_; }

private:
    enum class Outcome : std::uint8_t {
        done,     // the next step
        refused,  // by Trivet: look again, knowing it
        over,     // something changed meanwhile, of which a watch will tell
        failed,   // later again
    };
    template <class T>
    using Waiting = boost::asio::awaitable<T>;

    Waiting<void> run(std::string key);
    Waiting<Outcome> take_steps(std::string key);
    Decision decide(const std::string& key, const ServiceMemory& memory) const;
    Waiting<Outcome> perform(std::string key, Step step);
    Waiting<Outcome> patch(std::string key, PatchService patch);
    Waiting<Outcome> put(std::string key, PutVip put);
    Waiting<Outcome> erase(std::string key, DeleteVip erase);
    Waiting<Outcome> emit(std::string key, EmitEvent emit);
    Outcome note_failure(const std::string& key, std::string_view what, const Error& error);

    boost::asio::any_io_executor executor_;
    World world_;
    std::size_t parallel_;
    std::string reporter_;
    std::function<bool()> may_work_;
    WorkQueue queue_;
    std::map<std::string, ServiceMemory> memory_;
    std::set<std::string> refused_;  // what they want, at their last look
    boost::asio::steady_timer timer_;
    std::size_t running_ = 0;
    bool stopped_ = false;
    Counters counters_;
};

}  // namespace trivet::cloud
