#pragma once
#include <memory>
#include <optional>

#include "announce/realtime/deadline_timer.hpp"
#include "core/lease/machine.hpp"
#include "daemon/lease/lease_effects.hpp"

namespace trivet::daemon {

/// What the lease thread does: brings packets, time and orders to the machine of the leases. After
/// construction it allocates, locks and logs nothing; the machine allocates when it takes a view
/// over. Made by one thread, used by the one that calls run().
class LeaseLoop {
public:
    struct Options {
        NodeId self;
        lease::Boot boot;
    };
    struct Links {
        LeaseSocket& socket;
        LeaseGate& gate;
        LeaseBoard& board;
        LeaseOrderChannel& orders;
        std::vector<std::shared_ptr<LeaseEventPipe>> pipes;  // the io thread's first
    };
    LeaseLoop(Options options, Links links);

    /// H1. Errors: unavailable, the gate does not close.
    Result<void> close_gate();
    /// Until the orders say stop.
    void run();

private:
    void wait();
    void turn();
    Instant drain(std::size_t packets_max);
    bool receive_one();
    void dispatch(const LeaseHeader& header, Instant received);
    void take_orders();
    void take(LeaseOrder order);
    void take_plan(std::unique_ptr<LeasePlan> plan);
    void release();
    void note_stall(Duration late, Instant now);
    void finish();
    Duration suspect() const;

    Options options_;
    Links links_;
    LeaseGuard guard_;
    GateKeeper keeper_;
    LeaseEffects effects_;
    lease::Machine machine_;
    announce::DeadlineTimer timer_;
    std::optional<Instant> due_;               // when the machine wanted to be called
    std::shared_ptr<const lease::View> view_;  // the one that the machine has
    bool was_broken_ = false;
    LeaseMessages messages_;
    std::array<std::byte, lease_packet_bytes_max + 1> packet_{};  // one more tells of a longer one
};

}  // namespace trivet::daemon
