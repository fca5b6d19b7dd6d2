#pragma once
#include <array>
#include <memory>
#include <vector>

#include "core/lease/machine.hpp"
#include "daemon/lease/gate_keeper.hpp"
#include "daemon/lease/lease_board.hpp"
#include "daemon/lease/lease_events.hpp"
#include "daemon/lease/lease_orders.hpp"

namespace trivet::daemon {

/// What the machine of the leases does to the world: gate, packets, events. Each of the machine's
/// calls stands between begin() and finish(). No allocation, lock or log. The lease thread owns it.
class LeaseEffects final : public lease::Effects {
public:
    struct Parts {
        LeaseSocket& socket;
        LeaseGuard& guard;
        GateKeeper& keeper;
        LeaseBoard& board;
        std::vector<std::shared_ptr<LeaseEventPipe>> pipes;
    };
    explicit LeaseEffects(Parts parts) : parts_(std::move(parts)) {}

    /// `holder` is that of the machine that calls; it lives as long as this.
    void bind(const lease::Holder& holder) { holder_ = &holder; }
    void begin(Instant now) { now_ = now; }
    /// The machine will call adopt() with the view of `plan`.
    void begin_plan(LeasePlan& plan, Instant now);
    /// Brings the gate into force, and lets others see the events.
    void finish();
    /// `peers` gets those of before.
    void swap_peers(LeasePeers& peers);
    void tell(const LeaseEvent& event) noexcept;

    void set_deadline(lease::Group group, Instant until) noexcept override;
    void adopt(const lease::View& view) noexcept override;
    void close_all(bool keep_accepting) noexcept override;
    void send(NodeId to, const lease::Renew& renew) noexcept override;
    void send(NodeId to, const lease::Ack& ack) noexcept override;
    void send(NodeId to, const lease::Refuse& refuse) noexcept override;
    void send(NodeId to, const lease::Release& release) noexcept override;
    void on_open(lease::Group group, Instant claimed) noexcept override;
    void on_close(lease::Group group) noexcept override;
    void on_fenced(NodeId node, Epoch epoch, Duration silent) noexcept override;
    void on_admission_wanted(Epoch seen) noexcept override;

private:
    /// What the machine repeats with every RENEW; others are told less often.
    struct Told {
        NodeId node;
        Epoch epoch;
        Instant at{};
    };

    template <class Message>
    void send_packet(NodeId to, const Message& message) noexcept;
    /// The gate must be as the packet says that it is.
    bool is_in_force() noexcept;
    bool is_news(NodeId node, Epoch epoch) noexcept;

    Parts parts_;
    const lease::Holder* holder_ = nullptr;
    Instant now_{};
    Instant lease_deadline_{};
    LeasePlan* plan_ = nullptr;
    LeasePeers peers_;
    std::array<Told, 16> told_{};
    std::size_t next_told_ = 0;
    std::array<std::byte, lease_packet_bytes_max> packet_{};
};

}  // namespace trivet::daemon
