#include <algorithm>

#include "core/assert.hpp"
#include "core/raft/raft.hpp"

namespace trivet::raft {

void Raft::on(const AppendEntries& request, const Message& message, Instant now) {
    if (is_leader() || contradicts(request)) return;  // no correct leader sent this
    become_follower(message.term, message.from, now);

    // Paper 5.3, the consistency check. What lies behind the base is committed, so it matches.
    const bool matches = request.prev_log_index < log_.base().index ||
                         log_.matches(request.prev_log_index, request.prev_log_term);
    if (!matches) {
        AppendReply refusal;
        refusal.prev_log_index = request.prev_log_index;
        refusal.hint_index = log_.last_not_newer(request.prev_log_index, request.prev_log_term);
        refusal.hint_term = log_.term_at(refusal.hint_index).value();
        refusal.applied_index = durably_applied_index_;
        refusal.round = request.round;
        return send(message.from, refusal, When::when_durable);
    }
    const LogIndex last_before = log_.last_index();
    const LogIndex match = take_entries(request);
    // Paper figure 2: not beyond the last entry that is known to be the leader's.
    commit_up_to(std::min(request.leader_commit, match));
    const bool has_written = out_.write.truncate_from || log_.last_index() != last_before;
    reply_to_append(message.from, match, request.round, has_written);
}

/// Paper 5.2: a term has one leader; 5.4.3: what is committed is in the log of every later one.
bool Raft::contradicts(const AppendEntries& request) const {
    return std::ranges::any_of(request.entries, [this](const LogEntry& entry) {
        return entry.index >= log_.base().index && entry.index <= commit_index_ &&
               !log_.matches(entry.index, entry.term);
    });
}

/// The index up to which the log is the leader's now.
LogIndex Raft::take_entries(const AppendEntries& request) {
    LogIndex match = std::max(request.prev_log_index, log_.base().index);
    for (const LogEntry& entry : request.entries) {
        if (entry.index <= log_.base().index) continue;
        match = entry.index;
        if (log_.matches(entry.index, entry.term)) continue;
        // Paper 5.3: only a conflict truncates; an old request that comes late must not.
        if (entry.index <= log_.last_index()) {
            TRIVET_ASSERT(entry.index > commit_index_);
            const LogIndex kept(entry.index.value() - 1);
            log_.truncate_from(entry.index);
            out_.write.truncate_from = entry.index;
            durable_index_ = std::min(durable_index_, kept);
            for (OutstandingWrite& write : outstanding_)
                write.last_index = std::min(write.last_index, kept);
        }
        append(entry);
    }
    return match;
}

void Raft::reply_to_append(RaftId to, LogIndex match, std::uint64_t round, bool has_written) {
    AppendReply reply;
    reply.success = true;
    reply.applied_index = durably_applied_index_;
    reply.round = round;
    // A heartbeat is answered at once also while the disk is slow, with what is durable already;
    // but not before the term is.
    const bool has_hard_state =
        out_.write.hard_state ||
        std::ranges::any_of(outstanding_, &OutstandingWrite::has_hard_state);
    if (!has_written && !has_hard_state) {
        reply.match_index = std::min(durable_index_, match);
        send(to, reply, When::now);
        if (reply.match_index == match) return;
    }
    // Paper §5.3 and figure 2: never more than what matched, and is on disk.
    reply.match_index = match;
    send(to, reply, When::when_durable);
}

void Raft::on(const InstallSnapshot& request, const Message& message, Instant now) {
    if (is_leader()) return;  // paper 5.2: one leader a term
    become_follower(message.term, message.from, now);
    const LogBase& base = request.base;
    // Paper figure 13, rule 6: what this log has already need not be replaced.
    if (log_.matches(base.index, base.term)) commit_up_to(base.index);
    if (base.index <= commit_index_) {
        incoming_.reset();
        return reply_to_append(message.from, commit_index_, request.round, false);
    }
    if (request.size > options_.snapshot_bytes_max) return;

    const bool goes_on = incoming_ && incoming_->base.index == base.index &&
                         incoming_->base.term == base.term && incoming_->from == message.from &&
                         incoming_->leader_term == message.term && incoming_->size == request.size;
    if (!goes_on) incoming_ = Incoming{base, message.from, message.term, request.size, {}};
    const bool fits = request.offset == incoming_->bytes.size() &&
                      request.chunk.size() <= request.size - request.offset;
    if (fits) incoming_->bytes += request.chunk;
    const bool is_complete = incoming_->bytes.size() == request.size;
    send(message.from, SnapshotReply{base.index, incoming_->bytes.size(), request.round},
         When::when_durable);
    if (!is_complete) return;
    auto data = std::make_shared<const std::string>(std::move(incoming_->bytes));
    incoming_.reset();
    install({base, std::move(data)}, message.from, request.round);
}

void Raft::install(Snapshot snapshot, RaftId from, std::uint64_t round) {
    // Of the log on disk only what was committed is a part of the new one.
    durable_index_ = std::min(durable_index_, commit_index_);
    for (OutstandingWrite& write : outstanding_)
        write.last_index = std::min(write.last_index, commit_index_);
    const LogIndex index = snapshot.base.index;
    log_.reset(snapshot.base);
    commit_index_ = applied_index_ = index;
    out_.write.snapshot = std::move(snapshot);
    reply_to_append(from, index, round, true);  // when it is durable
}

}  // namespace trivet::raft
