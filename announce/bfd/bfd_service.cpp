#include "announce/bfd/bfd_service.hpp"

#include <future>
#include <mutex>

#include "announce/bfd/bfd_loop.hpp"
#include "announce/realtime/realtime_thread.hpp"
#include "core/assert.hpp"

namespace trivet::announce::bfd {

namespace {

/// The facade: hands calls over to the loop's thread.
class Service final : public BfdService {
public:
    Service(Options options, Callbacks callbacks)
        : on_log_(callbacks.on_log), loop_(options, std::move(callbacks), orders_) {}
    // NOLINTNEXTLINE(bugprone-exception-escape): what cannot end in order ends the process
    ~Service() override { end(); }
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;

    Result<void> begin() {
        // Shared: it is told of while the thread may still be at it.
        const auto rights = std::make_shared<std::promise<Result<void>>>();
        auto told = rights->get_future();
        auto started = thread_.start("lbd-bfd", [this, rights] {
            rights->set_value(
                become_realtime({.who = "the BFD thread",
                                 .otherwise = "load may end sessions whose peers are well"}));
            loop_.run();
        });
        if (!started) return started;
        is_running_ = true;
        const Result<void> realtime = told.get();
        is_realtime_ = realtime.has_value();
        if (!realtime && on_log_) on_log_("warning", realtime.error().message);
        return {};
    }

    Result<void> set_sessions(SessionConfigs sessions) override {
        if (auto checked = check(sessions); !checked) return checked;
        const std::scoped_lock lock(mutex_);
        if (is_running_) orders_.push(std::move(sessions));
        return {};
    }

    ServiceStatus status() const override {
        ServiceStatus status;
        status.is_realtime = is_realtime_;
        std::future<void> filled;
        {
            const std::scoped_lock lock(mutex_);
            if (!is_running_) return status;
            auto done = std::make_shared<std::promise<void>>();
            filled = done->get_future();
            orders_.push(StatusOrder{.into = &status, .done = std::move(done)});
        }
        filled.get();
        return status;
    }

    void stop() override { end(); }

private:
    void end() {
        {
            const std::scoped_lock lock(mutex_);
            if (!std::exchange(is_running_, false)) return;
            orders_.push(StopOrder{});
        }
        thread_.join();
    }

    mutable std::mutex mutex_;  // nobody gives orders that nobody would take
    bool is_running_ = false;   // guarded by mutex_
    bool is_realtime_ = false;
    std::function<void(std::string, std::string)> on_log_;
    mutable BfdOrders orders_;
    BfdLoop loop_;
    RealtimeThread thread_;
};

}  // namespace

Result<std::unique_ptr<BfdService>> BfdService::start(Options options, Callbacks callbacks) {
    auto service = std::make_unique<Service>(options, std::move(callbacks));
    if (auto begun = service->begin(); !begun) return fail(begun.error());
    return service;
}

}  // namespace trivet::announce::bfd
