#pragma once
#include <atomic>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <variant>
#include <vector>

#include "announce/bfd/bfd_inlets.hpp"
#include "announce/bfd/bfd_service.hpp"
#include "announce/bfd/link_lookup.hpp"
#include "announce/log_limit.hpp"
#include "announce/realtime/deadline_timer.hpp"
#include "announce/realtime/event_signal.hpp"

namespace trivet::announce::bfd {

struct StopOrder {};
/// Filled in by the loop's thread, and only copied there from what it has.
struct StatusOrder {
    ServiceStatus* into = nullptr;
    std::shared_ptr<std::promise<void>> done;
};
using BfdOrder = std::variant<SessionConfigs, StatusOrder, StopOrder>;

/// Orders from any thread to the loop's. The loop's never waits for the lock: who holds it is about
/// to raise the signal anyway.
class BfdOrders {
public:
    void push(BfdOrder order);
    /// Empty also while somebody else is at it.
    std::vector<BfdOrder> take();
    EventSignal& signal() { return signal_; }

private:
    std::mutex mutex_;
    std::vector<BfdOrder> waiting_;  // guarded by mutex_
    EventSignal signal_;
};

/// What the BFD thread does: brings packets, time and orders to the table of sessions, and their
/// actions to sockets and callbacks. Made by one thread, used by the one that calls run().
class BfdLoop {
public:
    BfdLoop(BfdService::Options options, BfdService::Callbacks callbacks, BfdOrders& orders);
    ~BfdLoop();
    BfdLoop(const BfdLoop&) = delete;
    BfdLoop& operator=(const BfdLoop&) = delete;

    /// Until a StopOrder, and then until all farewells are said.
    void run();

private:
    using Id = BfdTable::Id;
    /// The way to a neighbour on its link, for echo packets that we address to ourselves.
    struct LinkWay {
        std::optional<IpAddress> local = {};  // where the peer's packets have come in
        std::uint32_t interface = 0;          //
        MacAddress own = {}, neighbour = {};
        bool is_known = false;
        std::optional<Instant> looked_up_at = {};
    };
    struct Watched {
        std::string name;
        SessionConfig config;
        std::unique_ptr<SendingSocket> socket;
        std::uint32_t device_index = 0;
        bool is_up = false;
        bool is_retired = false;
        std::uint64_t send_errors = 0;
        std::string problem;
        LinkWay way;
    };
    enum class Parting : std::uint8_t { in_order, at_once };

    std::optional<Instant> next_deadline() const;
    void wait();
    void turn();
    void drain(BfdInlet& inlet);
    void drain(EchoLink& link);
    void drain_all();
    void receive(const ReceiveBatch::Received& received, ListeningSocket& socket, Instant now);

    void perform(Id id, const BfdActions& actions);
    void send_control(Watched& watched, const ControlBytes& packet);
    void send_echo(Watched& watched, const SendEcho& echo);
    void send_echo_to_ourselves(Watched& watched, BfdInlet& inlet, const EchoBytes& packet);
    bool look_up(Watched& watched);
    void report(Id id, Watched& watched, const StateChanged& change);

    void take_orders();
    void take(const SessionConfigs& sessions);
    void add(const std::string& name, const SessionConfig& config);
    void change(Id id, const SessionConfig& config);
    void retire(Id id, Parting parting);
    void bury(Instant now);
    void fill(ServiceStatus& status) const;

    void open_inlets();
    void open_sending(Id id, Watched& watched);
    void care(Instant now);
    bool needs_care(Id id, const Watched& watched) const;
    void note(Watched& watched, std::string problem);
    void complain(const std::string& problem) const;

    BfdService::Options options_;
    BfdService::Callbacks callbacks_;
    BfdOrders& orders_;
    std::minstd_rand random_;
    BfdTable table_;
    std::map<Id, Watched> watched_;
    std::map<std::string, Id> by_name_;  // without those that are retired
    ReceiveBatch batch_;
    DeadlineTimer timer_;
    Descriptor poll_;  // an epoll
    BfdInlets inlets_;
    LinkLookup lookup_;
    std::vector<BfdInlet*> ready_;
    std::optional<Instant> due_;
    std::optional<Instant> care_at_;
    std::optional<Instant> stops_at_;  // since a StopOrder
    std::uint64_t late_wakeups_ = 0;
    Duration worst_lateness_{};
    LogLimit send_complaints_;
};

}  // namespace trivet::announce::bfd
