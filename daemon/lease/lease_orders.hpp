#pragma once
#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "announce/realtime/event_signal.hpp"
#include "core/lease/view.hpp"
#include "core/spsc_ring.hpp"
#include "daemon/lease/lease_linger.hpp"
#include "daemon/lease/lease_socket.hpp"
#include "daemon/wire/lease_guard.hpp"

/// What the io thread tells the lease thread. All memory in it is of the io thread, and goes back
/// there to be freed.
namespace trivet::daemon {

/// A newer plan. It comes back with what the lease thread needs no more: the view before.
struct LeasePlan {
    std::shared_ptr<const lease::View> view;
    std::vector<GateMove> moves;
    LeaseLinger::Entries spare;  // for each move with a group before
    LeaseLinger::Spent spent;
};

/// All other nodes, sorted.
struct LeasePeers {
    std::vector<NodeId> ids;
    std::vector<LeaseAddress> addresses;  // by the same place
};

struct KeyOrder {
    NodeId peer;
    LeaseKeyUse use = LeaseKeyUse::send;
    LeaseKey key;
};
struct ReleaseOrder {};

using LeaseOrder = std::variant<std::monostate, std::unique_ptr<LeasePlan>,
                                std::unique_ptr<LeasePeers>, KeyOrder, ReleaseOrder>;
using LeaseReturn =
    std::variant<std::monostate, std::unique_ptr<LeasePlan>, std::unique_ptr<LeasePeers>>;

/// The way from the io thread to the lease thread, and back for what is to be freed.
struct LeaseOrderChannel {
    static constexpr std::size_t orders_max = 256;
    /// Plans and lists of peers on their way, there or back: `returns` never overflows.
    static constexpr std::size_t packages_max = 64;

    SpscRing<LeaseOrder, orders_max> orders;
    SpscRing<LeaseReturn, packages_max> returns;
    std::atomic<bool> is_stopping = false;
    announce::EventSignal signal;  // to the lease thread
};

/// The io thread's end: keeps orders in their sequence while the lease thread takes none, and makes
/// several plans that wait one, so that little waits however long it is. Not thread-safe.
class LeaseOrderQueue {
public:
    /// More keys than the connections of any cluster make during a stall.
    static constexpr std::size_t waiting_max = 4096;

    explicit LeaseOrderQueue(LeaseOrderChannel& channel) : channel_(channel) {}

    /// Precondition: `view` is not older than the last one.
    void add_plan(std::shared_ptr<const lease::View> view,
                  const lease::GroupTable::Changes& changes);
    void add_peers(std::unique_ptr<LeasePeers> peers);
    /// Errors: exhausted, waiting_max.
    Result<void> add_key(const KeyOrder& order);
    void add_release();
    /// Frees what came back, and hands over what there is room for.
    void pump();

private:
    struct WaitingPlan {
        std::shared_ptr<const lease::View> view;
        std::map<IpAddress, std::optional<GateGroup>> groups;  // nullopt: erased
    };
    using Waiting = std::variant<WaitingPlan, std::unique_ptr<LeasePeers>, KeyOrder, ReleaseOrder>;

    std::unique_ptr<LeasePlan> package(WaitingPlan plan);
    bool hand_over(Waiting& order);

    LeaseOrderChannel& channel_;
    std::deque<Waiting> waiting_;
    std::map<IpAddress, GateGroup> told_;  // where the lease thread has each address
    LogIndex newest_;
    std::size_t packages_ = 0;  // on their way
};

}  // namespace trivet::daemon
