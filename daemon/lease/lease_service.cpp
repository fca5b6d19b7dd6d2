#include "daemon/lease/lease_service.hpp"

#include <fmt/format.h>
#include <future>

#include "core/assert.hpp"

namespace trivet::daemon {

namespace asio = boost::asio;
using asio::ip::udp;

Result<std::unique_ptr<LeaseService>> LeaseService::start(asio::any_io_executor executor, Log& log,
                                                          Options options,
                                                          std::unique_ptr<LeaseSocket> socket,
                                                          std::unique_ptr<LeaseGate> gate,
                                                          OnEvent on_event) {
    // The constructor is private: make_unique cannot call it.
    std::unique_ptr<LeaseService> service(new LeaseService(std::move(executor), log,
                                                           std::move(options), std::move(socket),
                                                           std::move(gate), std::move(on_event)));
    if (auto begun = service->begin(); !begun) return fail(begun.error());
    return service;
}

LeaseService::LeaseService(asio::any_io_executor executor, Log& log, Options options,
                           std::unique_ptr<LeaseSocket> socket, std::unique_ptr<LeaseGate> gate,
                           OnEvent on_event)
    : log_(log),
      options_(std::move(options)),
      socket_(std::move(socket)),
      gate_(std::move(gate)),
      reader_(executor, pipe_,
              {.on_event = std::move(on_event), .on_wake = [this] { on_wake(); }}) {}

LeaseService::~LeaseService() { stop(); }

Result<void> LeaseService::begin() {
    TRIVET_ASSERT(options_.self != NodeId{} && options_.boot != lease::Boot{});
    if (options_.lock_memory) {
        const Result<void> locked = announce::lock_memory();
        is_locked_ = locked.has_value();
        if (!locked) warnings_.push_back(locked.error().message);
    }
    std::vector<std::shared_ptr<LeaseEventPipe>> pipes{pipe_};
    if (options_.other_events) pipes.push_back(options_.other_events);
    loop_ = std::make_unique<LeaseLoop>(
        LeaseLoop::Options{.self = options_.self, .boot = options_.boot},
        LeaseLoop::Links{.socket = *socket_,
                         .gate = *gate_,
                         .board = *board_,
                         .orders = *channel_,
                         .pipes = std::move(pipes)});
    if (auto closed = loop_->close_gate(); !closed) return closed;  // H1
    std::promise<Result<void>> rights;
    auto told = rights.get_future();
    auto started = thread_.start("lbd-lease", [this, &rights] {
        rights.set_value(announce::become_realtime(
            {.who = "the lease thread", .otherwise = "load may cost leases"}));
        loop_->run();
    });
    if (!started) return started;
    const Result<void> realtime = told.get();
    is_realtime_ = realtime.has_value();
    if (!realtime) warnings_.push_back(realtime.error().message);
    for (const std::string& warning : warnings_) log_.warning(warning);
    return {};
}

Result<void> LeaseService::set_peers(const std::map<NodeId, udp::endpoint>& peers) {
    auto list = std::make_unique<LeasePeers>();
    for (const auto& [id, endpoint] : peers) {
        if (id == options_.self) continue;
        list->ids.push_back(id);
        list->addresses.push_back(to_lease_address(endpoint));
    }
    if (list->ids.size() >= lease::nodes_max)
        return fail(ErrorCode::exhausted,
                    fmt::format("leases among {} nodes: at most {} can take part",
                                list->ids.size() + 1, lease::nodes_max));
    orders_.add_peers(std::move(list));
    return {};
}

void LeaseService::set_key(NodeId peer, LeaseKeyUse use, const LeaseKey& key) {
    if (auto added = orders_.add_key({.peer = peer, .use = use, .key = key}); !added)
        log_.error(added.error().message, {{"peer_id", std::to_string(peer.value())}});
}

void LeaseService::set_plan(std::shared_ptr<const lease::View> view,
                            const lease::GroupTable::Changes& changes) {
    orders_.add_plan(std::move(view), changes);
}

void LeaseService::release(std::function<void()> done) {
    releases_.push_back(std::move(done));
    orders_.add_release();
}

void LeaseService::on_wake() {
    orders_.pump();
    const std::uint64_t done = board_->releases();
    for (; releases_done_ < done; ++releases_done_) {
        const auto call = std::move(releases_.front());
        releases_.pop_front();
        if (call) call();
    }
}

void LeaseService::stop() {
    if (std::exchange(is_stopped_, true)) return;
    reader_.stop();
    channel_->is_stopping.store(true, std::memory_order_release);
    channel_->signal.raise();
    thread_.join();
}

LeaseStatus LeaseService::status() const {
    LeaseStatus status = board_->read();
    status.is_realtime = is_realtime_;
    status.is_locked = is_locked_;
    status.warnings = warnings_;
    return status;
}

}  // namespace trivet::daemon
