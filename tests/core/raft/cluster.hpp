#pragma once
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/core/raft/raft_objects.hpp"

namespace trivet::test {

/// What one Raft runs on: a disk that the test may hold, and the applied commands as its state.
struct ClusterNode {
    raft::Options options;
    raft::DurableState disk;
    std::unique_ptr<raft::Raft> raft;
    std::deque<raft::Write> writes;    // not durable yet
    std::vector<std::string> applied;  // payloads of commands
    std::vector<raft::ReadId> reads, lost_reads;
    bool holds_writes = false;
    bool holds_applied = false;  // does not tell Raft of what it applied
    bool holds_snapshots = false;
    bool snapshot_wanted = false;
};

/// Some Rafts with network, disk and clock under the hand of the test. Nothing is random: messages
/// go in the order in which they were sent, and no timer runs out unless the test says so.
class Cluster {
public:
    using Filter = std::function<bool(const raft::Message&)>;

    /// Every id of `configuration` runs; `options` but for the id hold for all.
    explicit Cluster(const raft::Configuration& configuration, raft::Options options = {});

    Instant now{};
    std::deque<raft::Message> network;
    Filter drops = [](const raft::Message&) { return false; };  // these get lost
    std::size_t delivered = 0;

    raft::Raft& operator[](Number id) { return *nodes_.at(id).raft; }
    ClusterNode& node(Number id) { return nodes_.at(id); }
    /// A node with an empty disk that knows of nobody.
    void add(Number id, raft::DurableState disk = {});

    void perform(Number id, raft::Actions actions);
    /// Everything in the network, and what comes of it, until all is quiet.
    void deliver();
    /// One message of this kind to `to`, wherever it is in the queue. False: there is none.
    template <class Body>
    bool deliver_one(Number to) {
        return take([&](const raft::Message& message) {
            return message.to == raft::RaftId(to) && std::holds_alternative<Body>(message.body);
        });
    }
    bool take(const Filter& wanted);
    void cut(Number id);  // nothing reaches or leaves it any more
    void heal();

    void timer(Number id) { perform(id, (*this)[id].on_timer(now)); }
    /// The time of one heartbeat passes, `id` sends it, and all is delivered.
    void beat(Number id, int times = 1);
    /// All forget the former leader, `id` alone times out, and all is delivered.
    void elect(Number id);
    raft::Proposed propose(Number id, std::vector<std::string> payloads);
    Result<raft::Proposed> change(Number id, const raft::MembershipChange& change);
    Result<void> transfer(Number id, Number to);
    void read(Number id, raft::ReadId read);

    void write_all(Number id);  // what the disk held becomes durable
    void tell_applied(Number id);
    void make_snapshot(Number id);
    void compact(Number id, Number index);
    void crash(Number id);  // and starts again: what was not durable is gone

private:
    void start(Number id);
    void make_durable(ClusterNode& node, const raft::Write& write);

    std::map<Number, ClusterNode> nodes_;
    raft::Options options_;
};

}  // namespace trivet::test
