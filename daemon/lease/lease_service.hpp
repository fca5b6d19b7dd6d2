#pragma once
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/udp.hpp>

#include "announce/realtime/realtime_thread.hpp"
#include "daemon/lease/lease_loop.hpp"
#include "daemon/log.hpp"

namespace trivet::daemon {

/// This node's part in the leases (docs/internals/leases.md), on a thread of its own that waits for
/// nobody. Lives on the thread of an executor; no call waits, but for start() and stop().
class LeaseService {
public:
    struct Options {
        NodeId self;
        /// Durable: a node whose boot number is not takes no part in leases.
        lease::Boot boot;
        bool lock_memory = true;
        /// A second thread that is told every event; it reads them with a LeaseEventReader.
        std::shared_ptr<LeaseEventPipe> other_events = {};
    };
    /// Called on the executor's thread, never from within a call.
    using OnEvent = std::function<void(const LeaseEvent&)>;

    /// Closes the gate (H1) and begins. What is not permitted is logged once, and stands in the
    /// status. Errors: unavailable, the gate does not close; exhausted, no thread.
    static Result<std::unique_ptr<LeaseService>> start(boost::asio::any_io_executor executor,
                                                       Log& log, Options options,
                                                       std::unique_ptr<LeaseSocket> socket,
                                                       std::unique_ptr<LeaseGate> gate,
                                                       OnEvent on_event);
    ~LeaseService();
    LeaseService(const LeaseService&) = delete;
    LeaseService& operator=(const LeaseService&) = delete;

    /// All other nodes, and where they listen; this node may be among them. Errors: exhausted,
    /// more than lease::nodes_max.
    Result<void> set_peers(const std::map<NodeId, boost::asio::ip::udp::endpoint>& peers);
    /// From Transport::Callbacks::on_lease_key.
    void set_key(NodeId peer, LeaseKeyUse use, const LeaseKey& key);
    /// What GroupTable::update() gave. Precondition: not older than the last one.
    void set_plan(std::shared_ptr<const lease::View> view,
                  const lease::GroupTable::Changes& changes);
    /// H6: gives everything away. `done` is called when the others have been told.
    void release(std::function<void()> done);
    /// What is open closes, unless it was released: that goes on accepting until its lease is over.
    void stop();

    LeaseStatus status() const;
    /// Which groups are open, for any thread.
    std::shared_ptr<const LeaseBoard> board() const { return board_; }

private:
    LeaseService(boost::asio::any_io_executor executor, Log& log, Options options,
                 std::unique_ptr<LeaseSocket> socket, std::unique_ptr<LeaseGate> gate,
                 OnEvent on_event);
    Result<void> begin();
    void on_wake();

    Log& log_;
    Options options_;
    std::unique_ptr<LeaseSocket> socket_;
    std::unique_ptr<LeaseGate> gate_;
    std::shared_ptr<LeaseBoard> board_ = std::make_shared<LeaseBoard>();
    std::shared_ptr<LeaseEventPipe> pipe_ = std::make_shared<LeaseEventPipe>();
    std::unique_ptr<LeaseOrderChannel> channel_ = std::make_unique<LeaseOrderChannel>();
    LeaseOrderQueue orders_{*channel_};
    LeaseEventReader reader_;
    std::unique_ptr<LeaseLoop> loop_;
    announce::RealtimeThread thread_;
    bool is_realtime_ = false, is_locked_ = false;
    std::vector<std::string> warnings_;
    std::deque<std::function<void()>> releases_;  // not yet done, oldest first
    std::uint64_t releases_done_ = 0;
    bool is_stopped_ = false;
};

}  // namespace trivet::daemon
