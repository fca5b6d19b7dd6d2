#include "core/raft/raft.hpp"

#include <algorithm>

#include "core/assert.hpp"
#include "core/raft/message_codec.hpp"

namespace trivet::raft {

namespace {

bool has_something(const Write& write) {
    return write.hard_state || write.snapshot || write.truncate_from || !write.append.empty();
}

}  // namespace

Raft::Raft(Options options, DurableState durable, Instant now)
    : options_(options),
      log_(std::move(durable.base), std::move(durable.entries)),
      hard_state_(durable.hard_state),
      commit_index_(durable.applied),
      applied_index_(durable.applied),
      durably_applied_index_(durable.applied),
      durable_index_(log_.last_index()),
      random_(options.seed) {
    TRIVET_ASSERT(options_.id != RaftId{});
    TRIVET_ASSERT(durable.applied >= log_.base().index);
    TRIVET_ASSERT(durable.applied <= log_.last_index());
    arm_election_timer(now);
    if (is_sole_voter()) election_deadline_ = now;
}

Actions Raft::step(const Message& message, Instant now) {
    // A message to another life of this node's address is none of ours.
    if (message.to == options_.id && message.from != options_.id && check_message(message))
        dispatch(message, now);
    return finish(now);
}

void Raft::dispatch(const Message& message, Instant now) {
    if (!accept_term(message, now)) return;
    std::visit([&](const auto& body) { on(body, message, now); }, message.body);
}

/// Paper 5.1. False: the message has no more to say.
bool Raft::accept_term(const Message& message, Instant now) {
    if (message.term < hard_state_.term) {
        answer_stale(message);
        return false;
    }
    if (message.term == hard_state_.term) return true;
    if (const auto* request = std::get_if<RequestVote>(&message.body)) {
        // Thesis 4.2.3: who hears from a leader helps nobody to disturb it.
        if (!request->is_transfer && hears_from_leader(now)) return false;
        if (request->pre_vote) return true;  // its term is not taken (thesis 9.6)
    }
    if (const auto* reply = std::get_if<VoteReply>(&message.body))
        if (reply->pre_vote && reply->granted) return true;  // likewise
    const bool is_from_leader = std::holds_alternative<AppendEntries>(message.body) ||
                                std::holds_alternative<InstallSnapshot>(message.body);
    become_follower(message.term, is_from_leader ? message.from : RaftId{}, now);
    return true;
}

/// Paper 5.1: a stale sender learns of the present term, whereupon it steps down.
void Raft::answer_stale(const Message& message) {
    if (const auto* request = std::get_if<RequestVote>(&message.body))
        send(message.from, VoteReply{.granted = false, .pre_vote = request->pre_vote},
             When::when_durable);
    if (std::holds_alternative<AppendEntries>(message.body) ||
        std::holds_alternative<InstallSnapshot>(message.body))
        send(message.from, AppendReply{}, When::when_durable);
}

Actions Raft::on_timer(Instant now) {
    if (is_leader())
        lead_on(now);
    else if (now >= election_deadline_) {
        arm_election_timer(now);
        if (may_campaign())
            campaign(!is_sole_voter(), false, now);
        else
            role_ = Follower{RaftId{}, now};  // its leader is silent
    }
    return finish(now);
}

std::optional<Instant> Raft::next_deadline() const {
    const auto* leader = std::get_if<Leader>(&role_);
    if (leader == nullptr) return election_deadline_;
    Instant next = leader->next_heartbeat;
    if (leader->transfer) next = std::min(next, leader->transfer->deadline);
    return next;
}

Actions Raft::on_written(std::uint64_t write_id, Instant now) {
    TRIVET_ASSERT(write_id > written_);
    TRIVET_ASSERT(write_id <= last_write_);
    while (!outstanding_.empty() && outstanding_.front().id <= write_id) {
        OutstandingWrite& write = outstanding_.front();
        durable_index_ = std::max(durable_index_, write.last_index);
        if (write.restore) {
            durably_applied_index_ = write.restore->base.index;
            out_.restore = std::move(write.restore);
        }
        outstanding_.pop_front();
    }
    written_ = write_id;
    if (is_leader()) advance_commit(now);
    release(now);
    return finish(now);
}

void Raft::release(Instant now) {
    while (!held_.empty() && held_.front().after_write <= written_) {
        const Message message = std::move(held_.front().message);
        held_.pop_front();
        if (message.to == options_.id)
            dispatch(message, now);  // its own vote counts when it is durable, like any other
        else
            out_.messages.push_back(message);
    }
}

Actions Raft::finish(Instant now) {
    do {
        seal_write();
        release(now);  // its own vote may make it write
    } while (!held_by_this_event_.empty() || (out_.write.id == 0 && has_something(out_.write)));
    emit_committed();
    advance_reads();
    return std::exchange(out_, {});
}

/// What this event sends depends on what it writes, and on all that was written before.
void Raft::seal_write() {
    Write& write = out_.write;
    if (write.id == 0 && has_something(write)) {
        write.id = ++last_write_;
        outstanding_.push_back(
            {write.id, log_.last_index(), write.snapshot, write.hard_state.has_value()});
    }
    for (Message& message : held_by_this_event_) held_.push_back({last_write_, std::move(message)});
    held_by_this_event_.clear();
}

void Raft::send_as(Message message, When when) {
    TRIVET_ASSERT(message.to != options_.id || when == When::when_durable);
    (when == When::now ? out_.messages : held_by_this_event_).push_back(std::move(message));
}

void Raft::set_hard_state(HardState state) {
    if (state == hard_state_) return;
    hard_state_ = state;
    out_.write.hard_state = state;
}

void Raft::append(LogEntry entry) {
    if (is_leader()) uncommitted_bytes_ += entry.payload.size();
    out_.write.append.push_back(entry);
    log_.append(std::move(entry));
}

void Raft::emit_committed() {
    const LogIndex end = std::min(commit_index_, durable_index_);
    while (applied_index_ < end) {
        applied_index_ = LogIndex(applied_index_.value() + 1);
        out_.apply.push_back(log_.at(applied_index_));
    }
}

void Raft::commit_up_to(LogIndex index) {
    for (LogIndex i = commit_index_; i < index && is_leader();) {
        i = LogIndex(i.value() + 1);
        uncommitted_bytes_ -= std::min(uncommitted_bytes_, log_.at(i).payload.size());
    }
    commit_index_ = std::max(commit_index_, index);
}

void Raft::on_applied(LogIndex index) {
    durably_applied_index_ = std::max(durably_applied_index_, index);
}

void Raft::compact(LogIndex index) {
    TRIVET_ASSERT(index <= durably_applied_index_);
    log_.compact(std::min(index, durable_index_));
}

RaftId Raft::leader() const {
    if (is_leader()) return options_.id;
    const auto* follower = std::get_if<Follower>(&role_);
    return follower == nullptr ? RaftId{} : follower->leader;
}

const std::map<RaftId, Progress>& Raft::progress() const {
    static const std::map<RaftId, Progress> none;
    const auto* leader = std::get_if<Leader>(&role_);
    return leader == nullptr ? none : leader->progress;
}

}  // namespace trivet::raft
