#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/lease/lease_node.hpp"

namespace trivet::sim {

struct LeaseCounts {
    std::uint64_t runs = 0, opens = 0, moves = 0, fences = 0, admissions = 0, plans = 0,
                  crashes = 0, pauses = 0, voter_changes = 0;
    std::uint64_t digest = 0;
    LeaseCounts& operator+=(const LeaseCounts& other);
};

/// A cluster of lease nodes over a network that delays, loses, duplicates and reorders, with a plan
/// log that each node applies in its own time. Two open gates for one address at one instant end
/// the run with a Violation. Scenarios drive it by hand, LeaseFaults at random.
class LeaseWorld {
public:
    struct Options {
        std::uint64_t seed = 1;
        std::size_t voters = 3;
        std::size_t agents = 0;
        double drift = 0;  // rates of the clocks lie within 1 +- drift
        lease::ProfileId profile = lease::ProfileId::standard;
        bool random_lag = false;  // otherwise a plan is applied everywhere after 1 ms
    };
    explicit LeaseWorld(const Options& options);

    World& world() { return world_; }
    Instant now() const { return world_.now(); }
    PlanLog& log() { return log_; }
    LeaseNode& node(std::size_t number) { return *nodes_[number]; }
    std::size_t size() const { return nodes_.size(); }
    NodeId id(std::size_t number) const { return nodes_[number]->id(); }

    /// Ends when `duration` is over. Throws Violation.
    void run(Duration duration);
    void start_all();

    // The plan; each is one log entry.
    void set_list(IpAddress address, const std::vector<std::size_t>& numbers);
    void set_profile(lease::ProfileId profile);
    void admit(NodeId node, Epoch seen);
    void record_fence(NodeId node, Epoch epoch);
    void change_voters(const std::vector<std::size_t>& numbers);
    /// P4: has a majority of the voters applied the newest configuration long enough ago?
    bool voters_settled() const;
    /// Plans reach this node no more until it is let go on.
    void hold_plans(std::size_t number, bool held);

    // The network.
    void cut(std::size_t from, std::size_t to, bool is_cut = true);
    void isolate(std::size_t number, bool is_cut = true);
    void heal();
    struct Weather {
        double loss = 0, duplicate = 0, late = 0;
        Duration late_max{};
    };
    void set_weather(Weather weather) { weather_ = weather; }
    /// Sees every message before it is sent; false drops it.
    void set_filter(std::function<bool(LeaseMessage&)> filter) { filter_ = std::move(filter); }
    void deliver(LeaseMessage message, Duration delay);

    /// What becomes of fences and admissions asked for: proposed after this, or never.
    void set_proposals(std::optional<Duration> delay) { proposal_delay_ = delay; }

    bool is_open(std::size_t number, IpAddress address) const {
        return nodes_[number]->is_open(address);
    }
    /// Who serves; size() when nobody does.
    std::size_t server(IpAddress address) const;
    std::vector<IpAddress> unserved() const;
    LeaseCounts& counts() { return counts_; }
    std::string describe() const;

private:
    void send(LeaseMessage message);
    void check_gate(LeaseNode& node, IpAddress address);
    void spread();
    void apply_at(std::size_t number, LogIndex index, Duration lag);
    void record_fence_soon(NodeId node, Epoch epoch);
    void admit_soon(NodeId node, Epoch seen);
    void propose(std::pair<NodeId, Epoch> what, std::function<void()> change);
    std::size_t number_of(NodeId id) const;

    World world_;
    PlanLog log_;
    bool random_lag_;
    std::vector<std::unique_ptr<LeaseNode>> nodes_;
    std::set<std::pair<NodeId, NodeId>> cuts_;
    std::set<std::size_t> held_;
    Weather weather_;
    std::function<bool(LeaseMessage&)> filter_;
    std::optional<Duration> proposal_delay_ = std::chrono::milliseconds{3};
    std::map<std::pair<NodeId, Epoch>, Instant> asked_;
    Instant configured_{};  // a majority has applied the newest configuration
    std::map<IpAddress, std::size_t> last_server_;
    LeaseCounts counts_;
    std::string violation_;
};

/// The address number `n` of simulations.
IpAddress lease_address(std::size_t n);

/// One seed: random plans, faults and clocks, then peace, in which everything must be served again.
/// Throws Violation.
LeaseCounts run_lease_seed(std::uint64_t seed);

}  // namespace trivet::sim
