#include "announce/bgp/bgp_service.hpp"

#include <atomic>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "announce/bgp/bgp_engine.hpp"
#include "announce/signal_free_thread.hpp"
#include "core/assert.hpp"

namespace trivet::announce::bgp {

namespace asio = boost::asio;

namespace {

/// The facade: hands calls over to the engine's thread.
class Service final : public BgpService {
public:
    Service(Config config, Callbacks callbacks)
        : engine_(io_.get_executor(), std::move(config), std::move(callbacks)) {}
    // NOLINTNEXTLINE(bugprone-exception-escape): what cannot end in order ends the process
    ~Service() override { end(); }
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;

    Result<void> begin() {
        if (auto started = engine_.start(); !started) return started;
        thread_ = start_signal_free_thread("lbd-bgp", [this] { io_.run(); });
        return {};
    }

    void set_plan(BgpPlan plan) override {
        asio::post(io_,
                   [this, plan = std::move(plan)]() mutable { engine_.set_plan(std::move(plan)); });
    }
    void on_bfd(std::string peer, BfdState state) override {
        asio::post(io_, [this, peer = std::move(peer), state] { engine_.on_bfd(peer, state); });
    }
    void reset(std::string peer) override {
        asio::post(io_, [this, peer = std::move(peer)] { engine_.reset(peer); });
    }
    std::vector<PeerStatus> status() const override { return engine_.status(); }
    void routes(RouteQuery query,
                std::function<void(std::vector<AdvertisedRoute>)> on_answer) override {
        asio::post(io_, [this, query = std::move(query), on_answer = std::move(on_answer)] {
            on_answer(engine_.routes(query));
        });
    }
    void stop() override { end(); }
    void release() override {
        if (!is_released_.exchange(true)) asio::post(io_, [this] { engine_.shutdown(); });
    }

private:
    void end() {
        TRIVET_ASSERT(std::this_thread::get_id() != thread_.get_id());  // it would wait for itself
        if (!thread_.joinable()) return;  // stopped already, or begin() failed
        release();
        thread_.join();  // all descriptors are closed, so run() runs out of work
    }

    asio::io_context io_{1};
    BgpEngine engine_;
    std::thread thread_;
    std::atomic<bool> is_released_ = false;
};

}  // namespace

Result<std::unique_ptr<BgpService>> BgpService::start(Config config, Callbacks callbacks) {
    auto service = std::make_unique<Service>(std::move(config), std::move(callbacks));
    if (auto begun = service->begin(); !begun) return fail(begun.error());
    return service;
}

}  // namespace trivet::announce::bgp
