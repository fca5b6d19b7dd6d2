#include "core/raft/raft_log.hpp"

#include <algorithm>

#include "core/assert.hpp"
#include "core/proposal_check.hpp"

namespace trivet::raft {

RaftLog::RaftLog(Options options, DurableState durable, Host host)
    : raft_(options, std::move(durable), host.now()),
      host_(std::move(host)),
      applied_index_(raft_.applied_index()),
      durably_applied_(raft_.applied_index()) {}

void RaftLog::start() { perform(raft_.on_timer(host_.now())); }

void RaftLog::subscribe(Apply apply) { apply_ = std::move(apply); }

void RaftLog::receive(const Message& message) {
    if (!failure_) perform(raft_.step(message, host_.now()));
}

void RaftLog::on_timer() {
    if (failure_) return;
    const Instant now = host_.now();
    if (retry_at_ && now >= *retry_at_) write_again();
    give_up(now);
    perform(raft_.on_timer(now));
}

void RaftLog::on_applied(LogIndex index) {
    durably_applied_ = std::max(durably_applied_, index);
    raft_.on_applied(index);
    compact();
}

/// Entries that everybody has are no use any more; a follower that is far behind gets a snapshot.
void RaftLog::compact() {
    const Log& log = raft_.log();
    const std::uint64_t base = log.base().index.value();
    std::uint64_t end = base;
    const std::uint64_t applied = durably_applied_.value();
    if (applied > base + 2 * entries_kept) end = applied - entries_kept;
    if (log.bytes() > 2 * bytes_kept) end = std::max(end, base + (applied - base) / 2);
    if (end == base) return;
    raft_.compact(LogIndex(end));
    host_.compact(log.base());
}

// ---- what Raft wants done -----------------------------------------------------------------------

/// Actions of actions wait for their turn: apply() may propose, a disk may answer at once.
void RaftLog::perform(Actions actions) {
    todo_.push_back(std::move(actions));
    if (is_performing_) return;
    is_performing_ = true;
    const std::weak_ptr<int> alive = alive_;
    while (!todo_.empty()) {
        Actions next = std::move(todo_.front());
        todo_.pop_front();
        perform_one(next);
        if (alive.expired()) return;
    }
    is_performing_ = false;
    pump();
    if (!alive.expired()) arm();
}

void RaftLog::perform_one(Actions& actions) {
    const std::weak_ptr<int> alive = alive_;
    if (actions.write.id != 0) write(std::move(actions.write));
    for (Message& message : actions.messages) host_.send(std::move(message));
    if (actions.restore) restore(*actions.restore);
    for (const LogEntry& entry : actions.apply) {
        if (alive.expired()) return;
        apply(entry);
    }
    const auto answer = [&](ReadId id, const Result<void>& result) {
        if (alive.expired()) return;
        auto read = reads_.extract(id);
        if (!read.empty()) read.mapped().done(result);
    };
    for (const ReadId id : actions.reads) answer(id, {});
    for (const ReadId id : actions.lost_reads)
        answer(id, fail(ErrorCode::not_leader, "another node became the leader; ask again"));
    if (!alive.expired() && actions.snapshot_wanted) make_snapshot();
}

void RaftLog::apply(const LogEntry& entry) {
    applied_index_ = entry.index;
    const std::weak_ptr<int> alive = alive_;
    if (apply_) apply_(entry);
    if (alive.expired()) return;
    auto pending = pending_.extract(entry.index);
    if (pending.empty()) return;
    if (pending.mapped().term == entry.term) return pending.mapped().done(entry.index);
    pending.mapped().done(fail(ErrorCode::unavailable,
                               "a new leader took over before the change was safe, and it did not "
                               "take effect; try again"));
}

void RaftLog::restore(const Snapshot& snapshot) {
    applied_index_ = durably_applied_ = snapshot.base.index;
    host_.restore(snapshot);
    const std::weak_ptr<int> alive = alive_;
    while (!alive.expired() && !pending_.empty() && pending_.begin()->first <= applied_index_) {
        auto pending = pending_.extract(pending_.begin());
        pending.mapped().done(fail(ErrorCode::timeout,
                                   "this node was cut off meanwhile, so whether the change took "
                                   "effect is not known here; look, or send it again with its "
                                   "Idempotency-Key"));
    }
}

void RaftLog::make_snapshot() {
    if (!raft_.is_leader()) return;
    const Log& log = raft_.log();
    Snapshot snapshot;
    snapshot.base = {applied_index_, log.term_at(applied_index_).value(),
                     log.configuration_at(applied_index_)};
    snapshot.data = std::make_shared<const std::string>(host_.snapshot());
    perform(raft_.on_snapshot(std::move(snapshot), host_.now()));
}

// ---- the disk -----------------------------------------------------------------------------------

void RaftLog::write(Write write) {
    writes_.push_back(std::move(write));
    if (!is_disk_full_) give(writes_.back());
}

void RaftLog::give(const Write& write) {
    ++answers_;
    host_.write(write, [this, alive = std::weak_ptr(alive_)](Result<void> written) {
        if (!alive.expired()) on_answer(std::move(written));
    });
}

void RaftLog::on_answer(Result<void> written) {
    TRIVET_ASSERT(answers_ > 0);
    --answers_;
    if (failure_) return;
    if (written) {
        const std::uint64_t id = writes_.front().id;
        writes_.pop_front();
        return perform(raft_.on_written(id, host_.now()));
    }
    if (written.error().code != ErrorCode::insufficient_storage) {
        failure_ = written.error();  // the host ends the process
        return;
    }
    is_disk_full_ = true;
    // What was on its way is refused as well; then all of it is tried again.
    if (answers_ == 0) retry_at_ = host_.now() + retry_after;
    for (Waiting& proposal : std::exchange(waiting_, {})) proposal.done(fail(written.error()));
    arm();
}

void RaftLog::write_again() {
    retry_at_.reset();
    is_disk_full_ = false;
    // By number, since an answer may come at once and take the first away.
    const std::vector<Write> again(writes_.begin(), writes_.end());
    for (const Write& write : again) give(write);
}

// ---- callers ------------------------------------------------------------------------------------

void RaftLog::propose(std::string payload, ProposeDone done) {
    if (failure_) return done(fail(*failure_));
    if (!raft_.is_leader())
        return done(fail(ErrorCode::not_leader, "this node does not lead the cluster"));
    if (is_disk_full_)
        return done(fail(ErrorCode::insufficient_storage,
                         "the leader's disk is full; make room, or hand leadership over"));
    if (auto taken =
            check_proposal(payload.size(), waiting_.size(),
                           {.payload_bytes_max = payload_bytes_max, .waiting_max = waiting_max});
        !taken)
        return done(fail(taken.error()));
    waiting_.push_back({std::move(payload), std::move(done)});
    pump();
}

/// What comes while a write is on its way goes with the next one (group commit).
void RaftLog::pump() {
    if (!is_performing_ && writes_.empty() && !waiting_.empty()) append_next();
}

void RaftLog::append_next() {
    std::vector<std::string> payloads;
    std::vector<ProposeDone> callers;
    std::size_t bytes = 0;
    while (!waiting_.empty() && payloads.size() < batch_entries_max) {
        Waiting& next = waiting_.front();
        if (!payloads.empty() && bytes + next.payload.size() > batch_bytes_max) break;
        bytes += next.payload.size();
        payloads.push_back(std::move(next.payload));
        callers.push_back(std::move(next.done));
        waiting_.pop_front();
    }
    auto proposed = raft_.propose(std::move(payloads), host_.now());
    if (!proposed) {
        for (ProposeDone& done : callers) done(fail(proposed.error()));
        return;
    }
    std::uint64_t index = proposed->first.value();
    for (ProposeDone& done : callers) await(LogIndex(index++), proposed->term, std::move(done));
    perform(std::move(proposed->actions));
}

void RaftLog::await(LogIndex index, Term term, ProposeDone done) {
    // Who waited at this index under an older term lost it to the entry that is there now.
    if (auto old = pending_.extract(index); !old.empty())
        old.mapped().done(fail(ErrorCode::unavailable,
                               "a new leader took over before the change was safe; try again"));
    pending_.emplace(index, Pending{term, host_.now() + answer_within, std::move(done)});
}

void RaftLog::change(const MembershipChange& change, ProposeDone done) {
    auto proposed = raft_.change(change, host_.now());
    if (!proposed) return done(fail(proposed.error()));
    await(proposed->first, proposed->term, std::move(done));
    perform(std::move(proposed->actions));
}

Result<void> RaftLog::transfer(RaftId to) {
    auto actions = raft_.transfer(to, host_.now());
    if (!actions) return fail(actions.error());
    perform(std::move(*actions));
    return {};
}

void RaftLog::read_barrier(ReadDone done) {
    if (failure_) return done(fail(*failure_));
    const ReadId id = ++last_read_;
    auto actions = raft_.read(id, host_.now());
    if (!actions) return done(fail(actions.error()));
    reads_.emplace(id, PendingRead{host_.now() + answer_within, std::move(done)});
    perform(std::move(*actions));
}

// ---- time ---------------------------------------------------------------------------------------

/// Never a hang: who waits too long is told that the outcome is unknown.
void RaftLog::give_up(Instant now) {
    const std::weak_ptr<int> alive = alive_;
    std::vector<std::function<void()>> answers;
    std::erase_if(pending_, [&](auto& entry) {
        if (entry.second.deadline > now) return false;
        answers.push_back([done = std::move(entry.second.done)] {
            done(fail(ErrorCode::timeout,
                      "no majority of the voters answered in time; whether the change takes "
                      "effect is not known yet: send it again with its Idempotency-Key"));
        });
        return true;
    });
    std::erase_if(reads_, [&](auto& entry) {
        if (entry.second.deadline > now) return false;
        answers.push_back([done = std::move(entry.second.done)] {
            done(fail(ErrorCode::unavailable,
                      "no majority of the voters confirmed that this node still leads"));
        });
        return true;
    });
    for (const auto& answer : answers) {
        answer();
        if (alive.expired()) return;
    }
}

void RaftLog::arm() {
    if (failure_) return;
    std::optional<Instant> next = raft_.next_deadline();
    const auto sooner = [&](Instant when) { next = next ? std::min(*next, when) : when; };
    if (retry_at_) sooner(*retry_at_);
    if (!pending_.empty()) sooner(pending_.begin()->second.deadline);  // who came first
    if (!reads_.empty()) sooner(reads_.begin()->second.deadline);
    if (next) host_.wake_at(*next);
}

}  // namespace trivet::raft
