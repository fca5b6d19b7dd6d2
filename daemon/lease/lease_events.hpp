#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <variant>

#include <boost/asio/any_io_executor.hpp>

#include "announce/realtime/event_signal.hpp"
#include "core/lease/view.hpp"
#include "core/spsc_ring.hpp"

/// What the lease thread tells the others, without waiting for any of them.
namespace trivet::daemon {

/// The addresses of the group may be announced.
struct GroupOpened {
    lease::Group group = 0;
    Instant claimed{};  // when the claim began
    Instant opened{};
};
struct GroupClosed {
    lease::Group group = 0;
};
/// To be recorded in Raft; repeated until the plan knows it.
struct NodeFenced {
    NodeId node;
    Epoch epoch;
    Duration silent{};  // for so long, when it was fenced
};
/// H7: this node shall ask to be admitted again; repeated until the plan's epoch is greater.
struct AdmissionWanted {
    Epoch seen;
};
/// A plan that was given to LeaseService::set_plan() is in force.
struct PlanApplied {
    LogIndex index;
};
/// The lease thread was late by so much.
struct ThreadStalled {
    Duration duration{};
};
/// The gate does not do what it is told; all groups are closed, and the node has released its
/// rights. Only a new process begins anew.
struct GateBroken {};
/// More happened than fits: which groups are open now, LeaseBoard::is_open() says.
struct EventsLost {};

using LeaseEvent = std::variant<GroupOpened, GroupClosed, NodeFenced, AdmissionWanted, PlanApplied,
                                ThreadStalled, GateBroken, EventsLost>;

/// The way from the lease thread to one other: events in order, in a ring of fixed size. Whoever
/// does not empty it loses events and is told so; the lease thread never waits.
class LeaseEventPipe {
public:
    static constexpr std::size_t events_max = 1024;

    // The lease thread's side.
    void push(const LeaseEvent& event) noexcept {
        if (!ring_.push(LeaseEvent(event))) is_lost_.store(true, std::memory_order_release);
    }
    /// What was pushed may be seen from here on.
    void publish() noexcept {
        if (ring_.publish() || is_lost_.load(std::memory_order_relaxed)) signal_.raise();
    }
    void wake() noexcept { signal_.raise(); }

    // The other side.
    int descriptor() const { return signal_.descriptor(); }
    void clear() noexcept { signal_.clear(); }
    std::optional<LeaseEvent> pop() {
        if (auto event = ring_.pop()) return event;
        // Behind all that did fit, so that what it makes the reader look at is newer.
        if (is_lost_.exchange(false, std::memory_order_acq_rel)) return EventsLost{};
        return std::nullopt;
    }

private:
    SpscRing<LeaseEvent, events_max> ring_;
    std::atomic<bool> is_lost_ = false;
    announce::EventSignal signal_;
};

/// Gives the events of a pipe to a function on the thread of an executor. Lives there.
class LeaseEventReader {
public:
    struct Callbacks {
        std::function<void(const LeaseEvent&)> on_event;
        std::function<void()> on_wake;  // before the events; may be empty
    };
    LeaseEventReader(const boost::asio::any_io_executor& executor,
                     std::shared_ptr<LeaseEventPipe> pipe, Callbacks callbacks);
    ~LeaseEventReader();
    LeaseEventReader(const LeaseEventReader&) = delete;
    LeaseEventReader& operator=(const LeaseEventReader&) = delete;
    /// Nothing is called any more.
    void stop();

private:
    struct State;
    static void wait(const std::shared_ptr<State>& state);
    std::shared_ptr<State> state_;
};

}  // namespace trivet::daemon
