#pragma once
#include "core/raft/raft.hpp"
#include "tests/sim/random.hpp"

namespace trivet::sim {

/// What one seed does to its cluster: drawn once, so that seeds differ in kind and not only in
/// order. Probabilities are per occasion.
struct Profile {
    std::size_t voters = 3;
    std::size_t spares = 2;  // nodes that may join
    std::size_t clients = 3;
    std::size_t keys = 3;
    Duration faults_for{};    // then everything heals, and progress is demanded
    Duration client_pause{};  // at most, between two calls
    Duration latency_min{}, latency_max{};
    double drop = 0, duplicate = 0, straggle = 0;  // straggle: arrives very late
    Duration disk_max{};                           // of one write
    double disk_stall = 0;                         // a write that takes long
    Duration fault_every{};                        // mean distance of the following
    double crash = 0, partition = 0, one_way = 0, pause = 0, lose_disk = 0, clock_jump = 0;
    Duration admin_every{};             // mean distance of changes of members and transfers
    double clock_drift = 0;             // at most, as a fraction
    std::uint64_t compact_behind = 50;  // entries kept
    raft::Options raft;                 // limits; id and seed are each node's own

    static Profile draw(std::uint64_t seed, std::size_t voters);
};

}  // namespace trivet::sim
