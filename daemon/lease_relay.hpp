#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "announce/l2_service.hpp"
#include "daemon/lease/lease_board.hpp"
#include "daemon/lease/lease_events.hpp"

namespace trivet::daemon {

/// Tells the announcer what the lease thread says, on a thread of its own, so that neither the API
/// nor the disk stands between a lease and the first announcement. Changes of the plan reach the
/// announcer when the lease thread has taken them over, in the order of the events: then an address
/// that stays open in another group is not disturbed.
class LeaseRelay {
public:
    using Changes = std::map<IpAddress, std::optional<announce::LeasedTarget>>;

    LeaseRelay(announce::L2Service& announcer, std::shared_ptr<LeaseEventPipe> pipe);
    ~LeaseRelay() { stop(); }
    LeaseRelay(const LeaseRelay&) = delete;
    LeaseRelay& operator=(const LeaseRelay&) = delete;

    /// Before the plan of this index is given to the lease thread. Any thread.
    void add(LogIndex index, Changes changes);
    /// Where to look when events were lost. Once, before the first event.
    void set_board(std::shared_ptr<const LeaseBoard> board) { board_ = std::move(board); }
    void stop();

private:
    void on_event(const LeaseEvent& event);
    void apply_up_to(LogIndex index);
    void look_at_all();

    announce::L2Service& announcer_;
    std::shared_ptr<const LeaseBoard> board_;
    std::mutex mutex_;
    std::map<LogIndex, Changes> waiting_;  // guarded by mutex_
    boost::asio::io_context io_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
    LeaseEventReader reader_;
    std::thread thread_;
};

}  // namespace trivet::daemon
