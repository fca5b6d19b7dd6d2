#include <algorithm>

#include "core/raft/raft.hpp"

namespace trivet::raft {

/// Thesis 6.4 (ReadIndex): no clock is trusted; a round of heartbeats shows that nobody else leads.
Result<Actions> Raft::read(ReadId id, Instant now) {
    auto* leader = std::get_if<Leader>(&role_);
    if (leader == nullptr) return fail(not_leader());
    leader->reads.push_back({id, 0, LogIndex{}});
    start_reads();
    return finish(now);
}

void Raft::start_reads() {
    auto& leader = std::get<Leader>(role_);
    // Step 1: before an entry of its own term it does not know what is committed.
    if (log_.term_at(commit_index_) != hard_state_.term) return;
    // Reads that come during a round wait for the next, and share it.
    if (leader.reads.empty() || leader.reads.front().round != 0) return;
    ++leader.round;
    for (PendingRead& read : leader.reads) {
        read.round = leader.round;
        read.index = commit_index_;
    }
    for (auto& [id, progress] : leader.progress) {
        if (!configuration().votes(id)) continue;
        const bool is_in_log = progress.next_index > log_.base().index;
        if (progress.mode == Progress::Mode::replicate && is_in_log)
            send_entries(id, progress, {});
        else
            send(id, heartbeat_from_the_start(), When::now);
    }
}

void Raft::advance_reads() {
    auto* leader = std::get_if<Leader>(&role_);
    if (leader == nullptr || leader->reads.empty()) return;
    start_reads();
    std::vector<std::uint64_t> rounds;
    for (const auto& [id, member] : configuration().members)
        if (member.role == MemberRole::voter)
            rounds.push_back(id == options_.id ? leader->round : leader->progress.at(id).round);
    if (rounds.empty()) return;
    std::ranges::sort(rounds, std::greater<>());
    const std::uint64_t confirmed = rounds[configuration().majority() - 1];
    const auto is_ready = [&](const PendingRead& read) {
        return read.round != 0 && read.round <= confirmed && read.index <= applied_index_;
    };
    while (!leader->reads.empty() && is_ready(leader->reads.front())) {
        out_.reads.push_back(leader->reads.front().id);
        leader->reads.pop_front();
    }
    start_reads();
}

void Raft::drop_reads() {
    auto* leader = std::get_if<Leader>(&role_);
    if (leader == nullptr) return;
    for (const PendingRead& read : leader->reads) out_.lost_reads.push_back(read.id);
}

}  // namespace trivet::raft
