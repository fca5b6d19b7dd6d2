#include "tests/sim/cluster.hpp"

namespace trivet::sim {

using std::chrono::milliseconds;

Duration Cluster::latency() {
    Random& random = world_.random();
    if (random.chance(profile_.straggle)) return random.between(Duration{}, milliseconds{1500});
    return random.between(profile_.latency_min, profile_.latency_max);
}

void Cluster::send(raft::Message message) {
    checker_.on_message(message);
    const auto from = place_of(message.from);
    // An address outlives the identity behind it: the node that is there now must ignore it.
    const auto to = places_.find(message.to);
    if (!from || to == places_.end()) return;
    if (world_.random().chance(profile_.drop)) return;
    if (world_.random().chance(profile_.duplicate)) deliver(message, *from, to->second);
    deliver(std::move(message), *from, to->second);
}

void Cluster::deliver(raft::Message message, std::size_t from, std::size_t to) {
    if (cut_.contains({from, to})) return;
    world_.in(latency(), [this, from, to, message = std::move(message)]() mutable {
        if (!cut_.contains({from, to}) && nodes_[to]->is_up())
            nodes_[to]->receive(std::move(message));
    });
}

/// Between a client and a node.
void Cluster::call(std::size_t node, std::function<void(Node&)> what) {
    if (world_.random().chance(profile_.drop / 2)) return;
    world_.in(latency(), [this, node, what = std::move(what)] { what(*nodes_[node]); });
}

void Cluster::partition() {
    std::vector<bool> side;
    for (std::size_t i = 0; i < nodes_.size(); ++i) side.push_back(world_.random().chance(0.5));
    for (std::size_t from = 0; from < nodes_.size(); ++from)
        for (std::size_t to = 0; to < nodes_.size(); ++to)
            if (side[from] != side[to]) cut_.insert({from, to});
}

void Cluster::cut_one_way() {
    const std::size_t victim = world_.random().below(nodes_.size());
    const bool is_deaf = world_.random().chance(0.5);
    for (std::size_t other = 0; other < nodes_.size(); ++other)
        if (other != victim && world_.random().chance(0.8))
            cut_.insert(is_deaf ? std::pair{other, victim} : std::pair{victim, other});
}

}  // namespace trivet::sim
