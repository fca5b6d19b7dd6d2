#include "tests/sim/profile.hpp"

namespace trivet::sim {

using std::chrono::microseconds;
using std::chrono::milliseconds;

namespace {

/// Off in half of the seeds, so that faults are also seen apart from each other.
double sometimes(Random& random, double max) {
    return random.chance(0.5) ? max * static_cast<double>(random.below(1000)) / 1000 : 0;
}

void draw_limits(Profile& profile, Random& random) {
    raft::Options& raft = profile.raft;
    // Tiny limits in a part of the seeds: without them the paths behind them are never walked.
    if (random.chance(0.4)) raft.append_entries_max = random.between(1, 4);
    if (random.chance(0.4)) raft.append_bytes_max = random.between(1, 64);
    if (random.chance(0.4)) raft.in_flight_max = random.between(1, 3);
    if (random.chance(0.5)) raft.snapshot_chunk_bytes = random.between(16, 256);
    if (random.chance(0.2)) raft.uncommitted_bytes_max = random.between(1, 200);
    raft.catch_up_entries = random.between(1, 50);
    raft.voter_change_spacing = milliseconds(random.between(0, 340));
    profile.compact_behind = random.chance(0.5) ? random.between(0, 5) : random.between(10, 200);
}

}  // namespace

Profile Profile::draw(std::uint64_t seed, std::size_t voters) {
    Random random(seed ^ 0x70726f66696c65);
    Profile profile;
    profile.voters = voters;
    profile.clients = random.between(1, 6);
    profile.keys = random.between(1, 3);
    profile.faults_for = milliseconds(random.between(2000, 9000));
    profile.client_pause = milliseconds(random.between(2, 40));
    profile.latency_min = microseconds(random.between(50, 500));
    profile.latency_max = profile.latency_min + microseconds(random.between(100, 20'000));
    profile.drop = sometimes(random, 0.15);
    profile.duplicate = sometimes(random, 0.15);
    profile.straggle = sometimes(random, 0.05);
    profile.disk_max =
        microseconds(random.chance(0.3) ? random.between(1000, 60'000) : random.between(50, 3000));
    profile.disk_stall = sometimes(random, 0.02);
    profile.fault_every = milliseconds(random.between(80, 600));
    profile.crash = sometimes(random, 1);
    profile.partition = sometimes(random, 1);
    profile.one_way = sometimes(random, 1);
    profile.pause = sometimes(random, 1);
    profile.lose_disk = sometimes(random, 0.4);
    profile.clock_jump = sometimes(random, 0.4);
    profile.clock_drift = sometimes(random, 0.05);
    profile.admin_every = milliseconds(random.between(60, 800));
    draw_limits(profile, random);
    return profile;
}

}  // namespace trivet::sim
