#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "core/lease/machine.hpp"
#include "tests/sim/lease/plan_log.hpp"
#include "tests/sim/world.hpp"

namespace trivet::sim {

/// A message on the wire of the simulation: what a datagram carries.
struct LeaseMessage {
    NodeId from, to;
    lease::Boot boot;
    std::variant<lease::Renew, lease::Ack, lease::Refuse, lease::Release> body;
};

/// One machine: its kernel with the gate, which goes on by itself, and the process that runs the
/// product's lease::Machine, which may be paused, killed and started again.
class LeaseNode final : private lease::Effects {
public:
    struct Surroundings {
        std::function<void(LeaseMessage)> send;
        std::function<void(NodeId node, Epoch epoch)> on_fenced;
        std::function<void(NodeId node, Epoch seen)> on_admission_wanted;
        /// The gate of one address may have opened.
        std::function<void(LeaseNode& node, IpAddress address)> on_gate;
    };

    LeaseNode(World& world, const PlanLog& log, NodeId id, double clock_rate,
              Surroundings surroundings);

    NodeId id() const { return id_; }
    bool runs() const { return machine_ != nullptr; }
    bool is_paused() const { return runs() && world_.now() < paused_until_; }
    LogIndex applied() const { return applied_; }
    /// What the kernel lets through at this instant.
    bool is_open(IpAddress address) const;
    Epoch epoch() const { return machine_ ? machine_->holder().epoch() : Epoch{}; }
    bool is_retired() const { return machine_ && machine_->holder().is_retired(); }

    void start();
    void kill();       // the process; the kernel's gate stays as it is
    void power_off();  // the machine
    void pause(Duration duration);
    void release();
    /// How long the kernel takes to move addresses from group to group, during which the process
    /// stands still. Nullopt: at random.
    void set_adopt_time(std::optional<Duration> time) { adopt_time_ = time; }
    void apply(LogIndex index);
    void receive(LeaseMessage message);

private:
    void set_deadline(lease::Group group, Instant until) noexcept override;
    void adopt(const lease::View& view) noexcept override;
    void close_all(bool keep_accepting) noexcept override;
    void send(NodeId to, const lease::Renew& renew) noexcept override;
    void send(NodeId to, const lease::Ack& ack) noexcept override;
    void send(NodeId to, const lease::Refuse& refuse) noexcept override;
    void send(NodeId to, const lease::Release& release) noexcept override;
    void on_open(lease::Group, Instant) noexcept override {}
    void on_close(lease::Group) noexcept override {}
    void on_fenced(NodeId node, Epoch epoch, Duration) noexcept override;
    void on_admission_wanted(Epoch seen) noexcept override;

    Instant local() const { return clock_.local(world_.now()); }
    void resume();
    void act();
    void arm();
    void take_view();
    void handle(const LeaseMessage& message, Instant received);
    Duration adopt_time();
    void after_adopt(std::function<void()> effect);
    void say(LeaseMessage message);
    void tell_gates(lease::Group group);

    World& world_;
    const PlanLog& log_;
    NodeId id_;
    NodeClock clock_;
    Surroundings surroundings_;
    LogIndex applied_{1};      // durable
    std::uint64_t boots_ = 0;  // durable

    // The kernel.
    std::map<IpAddress, lease::Group> gate_groups_;
    std::map<lease::Group, Instant> gate_deadlines_;  // on the node's clock

    // The process.
    std::unique_ptr<lease::Machine> machine_;
    std::unique_ptr<lease::GroupTable> groups_;
    lease::GroupTable::Changes changes_;
    LogIndex viewed_;
    std::uint64_t life_ = 0;
    std::uint64_t timer_ = 0;
    Instant paused_until_{}, adopted_at_{};
    std::optional<Duration> adopt_time_;
    std::vector<LeaseMessage> inbox_;
};

}  // namespace trivet::sim
