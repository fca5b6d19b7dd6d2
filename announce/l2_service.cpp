#include "announce/l2_service.hpp"

#include <cap-ng.h>
#include <thread>

#include <sys/resource.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "announce/l2_engine.hpp"
#include "announce/signal_free_thread.hpp"
#include "core/assert.hpp"

namespace trivet::announce {

namespace asio = boost::asio;

namespace {

constexpr int l2_niceness = -10;

Result<void> check_capabilities() {
    std::string missing;
    if (capng_get_caps_process() != 0)
        return fail(ErrorCode::not_allowed, "cannot read the capabilities of this process");
    if (capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_RAW) == 0) missing = "CAP_NET_RAW";
    if (capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN) == 0)
        missing += missing.empty() ? "CAP_NET_ADMIN" : " and CAP_NET_ADMIN";
    if (missing.empty()) return {};
    return fail(
        ErrorCode::not_allowed,
        "announcing addresses needs " + missing +
            "; run lbd as root, or by its systemd unit with AmbientCapabilities=CAP_NET_RAW "
            "CAP_NET_ADMIN");
}

/// The facade: hands calls over to the engine's thread.
class Service final : public L2Service {
public:
    Service(Config config, Callbacks callbacks)
        : engine_(io_.get_executor(), std::move(config), std::move(callbacks)) {}
    // NOLINTNEXTLINE(bugprone-exception-escape): what cannot end in order ends the process
    ~Service() override { end(); }
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;

    Result<void> begin() {
        if (auto started = engine_.start(); !started) return started;
        thread_ = start_signal_free_thread("lbd-l2", [this] {
            // Before the other threads of this machine's ordinary programs, where that is allowed:
            // what waits here is a VIP that nobody answers for. Not in real time, because a storm
            // of requests must not keep the rest from running.
            (void)setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), l2_niceness);
            io_.run();
        });
        return {};
    }

    void set_plan(std::map<IpAddress, LeasedTarget> plan) override { give(std::move(plan)); }
    void update(std::map<IpAddress, std::optional<LeasedTarget>> changes) override {
        give(std::move(changes));
    }
    void on_lease(std::vector<GroupState> states) override { give(std::move(states)); }
    void set_bound(std::set<IpAddress> addresses) override { give(std::move(addresses)); }

    void set_interfaces(std::vector<std::string> interfaces) override {
        const std::scoped_lock lock(mutex_);
        if (is_stopped_) return;
        asio::post(io_, [this, names = std::move(interfaces)]() mutable {
            engine_.set_interfaces(std::move(names));
        });
    }

    void stop() override { end(); }
    L2Counters counters() const override { return engine_.counters(); }

private:
    void give(L2Engine::Order order) {
        const std::scoped_lock lock(mutex_);
        if (is_stopped_) return;
        waiting_.push_back(
            std::move(order));  // and no more under the lock: a lease may wait for it
        if (waiting_.size() == 1) asio::post(io_, [this] { take_waiting(); });
    }

    /// Under load many become one, with one new filter.
    void take_waiting() {
        std::vector<L2Engine::Order> taken;
        {
            const std::scoped_lock lock(mutex_);
            taken = std::exchange(waiting_, {});
        }
        if (!taken.empty()) engine_.perform(std::move(taken));
    }

    void end() {
        TRIVET_ASSERT(std::this_thread::get_id() != thread_.get_id());  // it would wait for itself
        {
            const std::scoped_lock lock(mutex_);
            if (std::exchange(is_stopped_, true)) return;
        }
        if (!thread_.joinable()) return;  // begin() failed
        asio::post(io_, [this] {
            take_waiting();
            engine_.shutdown();
        });
        thread_.join();  // all descriptors are closed, so run() runs out of work
    }

    asio::io_context io_{1};
    L2Engine engine_;
    std::thread thread_;
    std::mutex mutex_;
    std::vector<L2Engine::Order> waiting_;  // that the engine has not seen yet; guarded by mutex_
    bool is_stopped_ = false;               // guarded by mutex_
};

}  // namespace

Result<std::unique_ptr<L2Service>> L2Service::start(Config config, Callbacks callbacks) {
    if (auto allowed = check_capabilities(); !allowed) return fail(allowed.error());
    auto service = std::make_unique<Service>(std::move(config), std::move(callbacks));
    if (auto begun = service->begin(); !begun) return fail(begun.error());
    return service;
}

}  // namespace trivet::announce
