#pragma once
#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "daemon/lease/lease_service.hpp"

namespace trivet::daemon::test {

/// A socket whose network can be cut, and in which its thread can be held up as by SIGSTOP.
class SeamSocket final : public LeaseSocket {
public:
    explicit SeamSocket(std::unique_ptr<LeaseSocket> real) : real_(std::move(real)) {}

    int descriptor() const noexcept override { return real_->descriptor(); }
    Received receive(std::span<std::byte> buffer) noexcept override;
    bool send(std::span<const std::byte> packet, const LeaseAddress& to) noexcept override;
    boost::asio::ip::udp::endpoint local_endpoint() const override {
        return real_->local_endpoint();
    }

    void cut(bool is_cut) { is_cut_ = is_cut; }
    /// Returns when the thread stands still.
    void pause();
    void resume();

private:
    std::unique_ptr<LeaseSocket> real_;
    std::atomic<bool> is_cut_ = false;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool shall_pause_ = false, is_paused_ = false;  // guarded by mutex_
};

/// A gate that remembers when each address was announced, for as many changes as a test makes.
class TimedGate final : public LeaseGate {
public:
    struct Span {
        Instant from{}, until{};
    };

    TimedGate();
    bool set_deadlines(std::span<const GateGroupDeadlines> groups) noexcept override;
    bool set_vips(std::span<const VipGroup> vips) noexcept override;
    bool erase_vips(std::span<const IpAddress> addresses) noexcept override;

    GateDeadlines of(IpAddress address) const;
    /// When the address was announced, in order.
    std::vector<Span> announced(IpAddress address) const;

private:
    struct Change {
        Instant before{}, after{};  // the clock around it
        IpAddress address;
        Instant announce_until{};
    };
    struct Vip {
        IpAddress address;
        GateGroup group = 0;
    };
    static constexpr std::size_t vips_max = 64;
    static constexpr std::size_t changes_max = 200'000;

    void note(const Vip& vip, Instant before);
    const Vip* find(IpAddress address) const;

    mutable std::mutex mutex_;  // with the test's thread alone
    std::vector<GateDeadlines> deadlines_;
    std::vector<Vip> vips_;
    std::vector<Change> changes_;
};

class SilentLog final : public Log {
public:
    void set_level(LogLevel) override {}
    void write(LogLevel, std::string_view message, const LogFields&) override {
        lines.emplace_back(message);
    }
    std::vector<std::string> lines;
};

/// Nodes 1 to 3 in one process: each with its lease thread, over loopback.
class LeaseCluster : public testing::Test {
protected:
    struct Node {
        NodeId id;
        SilentLog log;
        SeamSocket* socket = nullptr;
        TimedGate* gate = nullptr;
        std::unique_ptr<LeaseService> service;
        std::optional<lease::GroupTable> groups;
        std::deque<LeaseEvent> events;
        template <class Event>
        std::size_t count() const {
            return static_cast<std::size_t>(std::ranges::count_if(
                events, [](const auto& event) { return std::holds_alternative<Event>(event); }));
        }
    };

    LeaseCluster();
    ~LeaseCluster() override;

    void start(std::size_t node, std::uint64_t boot,
               std::shared_ptr<LeaseEventPipe> other_events = {});
    /// All know where all are, and have keys.
    void connect();
    /// The candidates of an address, by number of the node; all are told the plan.
    void set_list(IpAddress address, const std::vector<std::uint64_t>& nodes);
    void tell_plan();
    /// A take-over is recorded, as the node would do it through Raft.
    void record(const NodeFenced& fenced);
    void admit(std::uint64_t node, Epoch seen);
    bool announces(std::size_t node, IpAddress address) const;
    bool accepts(std::size_t node, IpAddress address) const;
    /// Turns the loop until it holds. False: twenty seconds passed.
    bool run_until(const std::function<bool()>& condition);
    /// No two nodes have ever announced it at one time.
    void expect_one_announcer(IpAddress address) const;

    boost::asio::io_context io;
    lease::Plan plan;
    lease::ProfileId profile = lease::ProfileId::wide;  // this machine may be busy
    LogIndex index{10};
    std::array<Node, 3> nodes;
    std::vector<std::pair<std::size_t, std::vector<TimedGate::Span>>> former;  // of stopped nodes
};

}  // namespace trivet::daemon::test
