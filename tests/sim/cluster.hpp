#pragma once
#include <memory>
#include <set>
#include <vector>

#include "tests/sim/checker.hpp"
#include "tests/sim/client.hpp"
#include "tests/sim/node.hpp"

namespace trivet::sim {

struct Counts {
    std::uint64_t elections = 0, commits = 0, crashes = 0, restarts = 0, snapshots = 0,
                  membership_changes = 0, calls = 0;
    std::uint64_t digest = 0;

    Counts& operator+=(const Counts& other);
};

/// One seed: a cluster with its network, clients, faults and an administrator who changes members.
class Cluster {
public:
    Cluster(std::uint64_t seed, std::size_t voters);
    /// Throws Violation.
    Counts run();
    Instant now() const { return world_.now(); }

private:
    // cluster.cpp
    void add_node(std::size_t number, const raft::Configuration& first);
    void add_client(std::size_t number);
    raft::RaftId fresh_id();
    std::optional<std::size_t> place_of(raft::RaftId id) const;
    Node* leader();
    void heal();
    void run_until(const std::function<bool()>& done, Duration limit, const char* failure);
    bool is_settled() const;
    std::string describe() const;
    void demand_progress();
    void check_end() const;
    std::uint64_t digest() const;

    // network.cpp
    void send(raft::Message message);
    void deliver(raft::Message message, std::size_t from, std::size_t to);
    Duration latency();
    void call(std::size_t node, std::function<void(Node&)> what);
    void partition();
    void cut_one_way();

    // faults.cpp
    void plan_fault();
    void fault();
    void crash_one();
    void lose_a_disk();
    bool may_lose(raft::RaftId id) const;
    void restart(std::size_t number);
    void plan_admin();
    void administer();
    void change_members(Node& leader);
    void add_spare(Node& leader);

    std::uint64_t seed_;
    Profile profile_;
    World world_;
    Checker checker_;
    History history_;
    std::vector<std::unique_ptr<Node>> nodes_;
    std::vector<std::unique_ptr<Client>> clients_;
    std::map<raft::RaftId, std::size_t> places_;         // also of identities that are gone
    std::set<raft::RaftId> lost_;                        // whose disk is gone
    std::set<std::pair<std::size_t, std::size_t>> cut_;  // from, to
    std::uint64_t next_id_ = 0;
    std::uint32_t tokens_ = 0;
    bool is_healed_ = false;
    Counts counts_;
};

}  // namespace trivet::sim
