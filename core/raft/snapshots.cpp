#include <algorithm>

#include "core/assert.hpp"
#include "core/raft/raft.hpp"

namespace trivet::raft {

Actions Raft::on_snapshot(Snapshot snapshot, Instant now) {
    auto* leader = std::get_if<Leader>(&role_);
    if (leader == nullptr) return finish(now);
    TRIVET_ASSERT(snapshot.base.index <= applied_index_);
    leader->snapshot_is_asked = false;
    leader->snapshot = std::move(snapshot);  // behind the base: send_chunk() asks for another
    for (auto& [id, progress] : leader->progress)
        if (progress.mode == Progress::Mode::snapshot && !progress.snapshot)
            send_chunk(id, progress, now);
    drop_unused_snapshot();
    return finish(now);
}

/// Paper §7. One chunk is on its way at a time; its answer names the next.
void Raft::send_chunk(RaftId to, Progress& progress, Instant now) {
    auto& leader = std::get<Leader>(role_);
    // What is sent must reach to the log, or entries between would be missing.
    const bool is_stale = progress.snapshot && progress.snapshot->base.index < log_.base().index;
    if (is_stale) progress.become_snapshot();
    if (leader.snapshot && leader.snapshot->base.index < log_.base().index) leader.snapshot.reset();
    if (!progress.snapshot) progress.snapshot = leader.snapshot;
    if (!progress.snapshot) {
        out_.snapshot_wanted = out_.snapshot_wanted || !leader.snapshot_is_asked;
        leader.snapshot_is_asked = true;
        return;
    }
    const std::string& data = *progress.snapshot->data;
    InstallSnapshot request;
    request.base = progress.snapshot->base;
    request.offset = std::min<std::uint64_t>(progress.snapshot_offset, data.size());
    request.size = data.size();
    request.chunk = data.substr(request.offset, options_.snapshot_chunk_bytes);
    request.round = leader.round;
    progress.chunk_sent = now;
    send(to, std::move(request), When::now);
}

void Raft::on(const SnapshotReply& reply, const Message& message, Instant now) {
    auto* leader = std::get_if<Leader>(&role_);
    if (leader == nullptr || !leader->progress.contains(message.from)) return;
    Progress& progress = leader->progress.at(message.from);
    progress.last_heard = now;
    progress.round = std::max(progress.round, reply.round);
    if (!progress.snapshot || progress.snapshot->base.index != reply.snapshot_index) return;
    if (reply.offset == progress.snapshot_offset) return;  // asked for already
    progress.snapshot_offset = reply.offset;
    // Complete: the acknowledgement follows when it is durable there.
    if (reply.offset < progress.snapshot->data->size()) send_chunk(message.from, progress, now);
}

void Raft::drop_unused_snapshot() {
    auto& leader = std::get<Leader>(role_);
    const bool is_used = std::ranges::any_of(leader.progress, [](const auto& entry) {
        return entry.second.mode == Progress::Mode::snapshot;
    });
    if (!is_used) leader.snapshot.reset();
}

}  // namespace trivet::raft
