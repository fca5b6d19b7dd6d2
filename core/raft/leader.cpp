#include <algorithm>
#include <fmt/format.h>

#include "core/assert.hpp"
#include "core/raft/raft.hpp"

namespace trivet::raft {

void Raft::lead_on(Instant now) {
    // Check-quorum (thesis 6.2): who is cut off says so instead of letting clients wait.
    if (!has_quorum(now)) return become_follower(hard_state_.term, RaftId{}, now);
    auto& leader = std::get<Leader>(role_);
    settle_voters(now);
    if (leader.transfer && now >= leader.transfer->deadline) leader.transfer.reset();
    if (now < leader.next_heartbeat) return;
    leader.next_heartbeat = now + options_.heartbeat;
    for (auto& [id, progress] : leader.progress) heartbeat(id, progress, now);
}

bool Raft::has_quorum(Instant now) const {
    const auto& leader = std::get<Leader>(role_);
    const Instant oldest = now - 2 * options_.election_timeout;
    std::size_t heard = configuration().votes(options_.id) ? 1 : 0;
    for (const auto& [id, progress] : leader.progress)
        if (configuration().votes(id) && progress.last_heard >= oldest) ++heard;
    return heard >= configuration().majority();
}

void Raft::heartbeat(RaftId to, Progress& progress, Instant now) {
    if (progress.mode == Progress::Mode::snapshot) {
        const bool is_late = now >= progress.chunk_sent + options_.election_timeout;
        if (is_late) send_chunk(to, progress, now);
        return send(to, heartbeat_from_the_start(), When::now);
    }
    progress.probe_is_out = false;
    const bool is_in_log = progress.next_index > log_.base().index;
    if (progress.mode == Progress::Mode::probe || !is_in_log) return replicate(to, progress, now);
    send_entries(to, progress, {});
}

/// For a member whose log is far behind: keeps it a follower, and says nothing of entries.
AppendEntries Raft::heartbeat_from_the_start() const {
    AppendEntries request;
    request.leader_commit = commit_index_;
    request.round = std::get<Leader>(role_).round;
    return request;
}

void Raft::replicate_all(Instant now) {
    for (auto& [id, progress] : std::get<Leader>(role_).progress) replicate(id, progress, now);
}

void Raft::replicate(RaftId to, Progress& progress, Instant now) {
    if (progress.mode == Progress::Mode::snapshot) return;
    if (progress.next_index <= log_.base().index) {
        progress.become_snapshot();
        return send_chunk(to, progress, now);
    }
    const auto next_entries = [&] {
        return log_.slice(progress.next_index, options_.append_entries_max,
                          options_.append_bytes_max);
    };
    if (progress.mode == Progress::Mode::probe) {
        if (!progress.probe_is_out) send_entries(to, progress, next_entries());
        progress.probe_is_out = true;
        return;
    }
    while (progress.next_index <= log_.last_index() &&
           progress.in_flight.size() < options_.in_flight_max) {
        auto entries = next_entries();
        const LogIndex last = entries.back().index;
        send_entries(to, progress, std::move(entries));
        progress.in_flight.push_back(last);
        progress.next_index = LogIndex(last.value() + 1);
    }
}

/// Entries that are not durable here yet may go: the leader counts itself only when they are
/// (thesis 10.2.1).
void Raft::send_entries(RaftId to, Progress& progress, std::vector<LogEntry> entries) {
    AppendEntries request;
    request.prev_log_index = LogIndex(progress.next_index.value() - 1);
    request.prev_log_term = log_.term_at(request.prev_log_index).value();
    request.leader_commit = commit_index_;
    request.round = std::get<Leader>(role_).round;
    const LogIndex end(request.prev_log_index.value() + entries.size());
    request.entries = std::move(entries);
    progress.told_commit = std::max(progress.told_commit, std::min(commit_index_, end));
    send(to, std::move(request), When::now);
}

void Raft::on(const AppendReply& reply, const Message& message, Instant now) {
    auto* leader = std::get_if<Leader>(&role_);
    if (leader == nullptr || !leader->progress.contains(message.from)) return;
    Progress& progress = leader->progress.at(message.from);
    progress.last_heard = now;
    progress.applied_index = std::max(progress.applied_index, reply.applied_index);
    progress.round = std::max(progress.round, reply.round);
    if (!reply.success)
        on_refusal(message.from, progress, reply, now);
    else if (reply.match_index <= log_.last_index())
        on_success(message.from, progress, reply, now);
    settle_voters(now);
}

void Raft::on_refusal(RaftId from, Progress& progress, const AppendReply& reply, Instant now) {
    if (progress.mode == Progress::Mode::snapshot) return;
    if (reply.prev_log_index < progress.match_index) return;  // late
    if (progress.mode == Progress::Mode::probe &&
        reply.prev_log_index.value() + 1 != progress.next_index.value())
        return;
    if (progress.mode == Progress::Mode::probe && reply.prev_log_index == progress.match_index &&
        progress.match_index > log_.base().index) {
        // It once had this entry on disk: it is not what it was. Asked again with each heartbeat.
        progress.has_lost_data = true;
        return;
    }
    // Paper §5.3, last paragraph: one refusal skips all entries of the terms that conflict.
    const LogIndex hint = log_.last_not_newer(reply.hint_index, reply.hint_term);
    const bool is_behind_base = reply.hint_index < log_.base().index;
    const LogIndex next((is_behind_base ? reply.hint_index : hint).value() + 1);
    progress.on_refusal(std::min(next, reply.prev_log_index));
    replicate(from, progress, now);
}

void Raft::on_success(RaftId from, Progress& progress, const AppendReply& reply, Instant now) {
    const bool is_news = progress.on_match(reply.match_index);
    if (is_news) progress.has_lost_data = false;
    const bool is_in_log = progress.match_index >= log_.base().index;
    // The answer to a round of reads, or what is durable so far, does not answer the probe.
    const bool is_probed = progress.match_index.value() + 1 >= progress.next_index.value();
    if ((progress.mode == Progress::Mode::probe && is_probed) ||
        (progress.mode == Progress::Mode::snapshot && is_in_log)) {
        progress.become_replicate();
        progress.next_index = LogIndex(progress.match_index.value() + 1);
        drop_unused_snapshot();
    }
    if (is_news) advance_commit(now);
    auto* leader = std::get_if<Leader>(&role_);
    if (leader == nullptr) return;  // it committed its own removal
    if (const auto found = leader->progress.find(from); found != leader->progress.end())
        replicate(from, found->second, now);
    pursue_transfer(now);
}

void Raft::advance_commit(Instant now) {
    const auto& leader = std::get<Leader>(role_);
    std::vector<LogIndex> matches;
    for (const auto& [id, member] : configuration().members) {
        if (member.role != MemberRole::voter) continue;  // learners do not count (thesis 4.2.1)
        if (id == options_.id)
            matches.push_back(durable_index_);
        else
            matches.push_back(leader.progress.at(id).match_index);
    }
    if (matches.empty()) return;
    std::ranges::sort(matches, std::greater<>());
    const LogIndex majority = matches[configuration().majority() - 1];
    // Paper 5.4.2: entries of older terms commit only through one of this term.
    if (majority <= commit_index_ || log_.term_at(majority) != hard_state_.term) return;
    const LogIndex before = commit_index_;
    commit_up_to(majority);
    tell_commit(now);
    const LogIndex changed = log_.configuration_index();
    if (before < changed && changed <= commit_index_) on_configuration_committed(now);
}

/// At once, not with the next heartbeat: planned moves of addresses wait for it.
void Raft::tell_commit(Instant now) {
    for (auto& [id, progress] : std::get<Leader>(role_).progress) {
        if (progress.mode != Progress::Mode::replicate) continue;
        replicate(id, progress, now);
        if (progress.mode != Progress::Mode::replicate) continue;  // it needs a snapshot
        const LogIndex sent(progress.next_index.value() - 1);
        if (progress.told_commit < std::min(commit_index_, sent)) send_entries(id, progress, {});
    }
}

Error Raft::not_leader() const {
    return {ErrorCode::not_leader, leader() == RaftId{} ? "there is no leader at the moment"
                                                        : "another node is the leader"};
}

Result<void> Raft::check_proposal(std::size_t bytes) const {
    const auto* leader = std::get_if<Leader>(&role_);
    if (leader == nullptr) return fail(not_leader());
    if (leader->transfer)
        return fail(ErrorCode::unavailable, "leadership is being handed over; try again shortly");
    if (uncommitted_bytes_ > 0 && uncommitted_bytes_ + bytes > options_.uncommitted_bytes_max)
        return fail(ErrorCode::unavailable,
                    fmt::format("{} bytes wait for a majority of the voters already; try again",
                                uncommitted_bytes_));
    return {};
}

Result<Proposed> Raft::propose(std::vector<std::string> payloads, Instant now) {
    std::size_t bytes = 0;
    for (const std::string& payload : payloads) bytes += payload.size();
    if (auto ready = check_proposal(bytes); !ready) return fail(ready.error());
    const LogIndex first(log_.last_index().value() + 1);
    for (std::string& payload : payloads)
        append({LogIndex(log_.last_index().value() + 1), hard_state_.term, std::move(payload)});
    replicate_all(now);
    return Proposed{first, hard_state_.term, finish(now)};
}

}  // namespace trivet::raft
