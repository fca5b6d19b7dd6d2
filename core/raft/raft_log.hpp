#pragma once
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/raft/raft.hpp"
#include "core/replicated_log.hpp"

namespace trivet::raft {

/// What a RaftLog needs from outside. Answers come on the strand that owns it, at once or later.
struct Host {
    std::function<Instant()> now;
    /// Call on_timer() then; the newest call counts.
    std::function<void(Instant)> wake_at;
    /// Makes it durable, in order. Answers in order, too; insufficient_storage: neither this nor
    /// what was given since is written, and all of it will be given again.
    std::function<void(Write, std::function<void(Result<void>)>)> write;
    std::function<void(LogBase)> compact;   // forget entries up to there, on disk
    std::function<void(Message)> send;      // may lose it
    std::function<std::string()> snapshot;  // the state as of the last entry applied
    std::function<void(const Snapshot&)> restore;
};

/// The engine of a cluster: Raft with a disk, a clock and peers. Commands go through the leader; on
/// other nodes propose() and read_barrier() are refused with not_leader.
/// Not thread-safe: one strand owns it. It may be destroyed while answers are outstanding; those
/// who wait then get none.
class RaftLog final : public ReplicatedLog {
public:
    static constexpr std::size_t waiting_max = 4096;            // proposals not yet in the log
    static constexpr std::size_t payload_bytes_max = 2u << 20;  // twice the largest request body
    static constexpr std::size_t batch_entries_max = 1024;      // so that one write stays short
    static constexpr std::size_t batch_bytes_max = 4u << 20;    // likewise
    static constexpr std::uint64_t entries_kept = 10'000;       // behind what is durably applied
    static constexpr std::size_t bytes_kept = 64u << 20;        // likewise; less entries then
    static constexpr Duration answer_within = std::chrono::seconds{10};
    static constexpr Duration retry_after = std::chrono::milliseconds{500};  // a full disk

    RaftLog(Options options, DurableState durable, Host host);

    /// Calls to `apply` begin: first those that were durable and not applied yet.
    void start();
    void receive(const Message& message);
    void on_timer();
    /// What was applied up to `index` is durable.
    void on_applied(LogIndex index);

    void subscribe(Apply apply) override;
    /// Errors: those of ReplicatedLog; timeout, the outcome is unknown.
    void propose(std::string payload, ProposeDone done) override;
    void read_barrier(ReadDone done) override;

    /// Errors: those of Raft; the outcome as with propose().
    void change(const MembershipChange& change, ProposeDone done);
    Result<void> transfer(RaftId to);

    const Raft& raft() const { return raft_; }
    bool is_disk_full() const { return is_disk_full_; }

private:
    struct Waiting {
        std::string payload;
        ProposeDone done;
    };
    struct Pending {
        Term term;
        Instant deadline;
        ProposeDone done;
    };
    struct PendingRead {
        Instant deadline;
        ReadDone done;
    };

    void perform(Actions actions);
    void perform_one(Actions& actions);
    void apply(const LogEntry& entry);
    void restore(const Snapshot& snapshot);
    void make_snapshot();
    void write(Write write);
    void give(const Write& write);
    void on_answer(Result<void> written);
    void write_again();
    void pump();
    void append_next();
    void await(LogIndex index, Term term, ProposeDone done);
    void give_up(Instant now);
    void compact();
    void arm();

    Raft raft_;
    Host host_;
    Apply apply_;
    LogIndex applied_index_, durably_applied_;
    std::deque<Waiting> waiting_;
    std::map<LogIndex, Pending> pending_;
    std::map<ReadId, PendingRead> reads_;
    ReadId last_read_ = 0;
    std::deque<Actions> todo_;
    bool is_performing_ = false;
    std::deque<Write> writes_;  // not durable yet
    std::size_t answers_ = 0;   // outstanding
    bool is_disk_full_ = false;
    std::optional<Instant> retry_at_;
    std::optional<Error> failure_;  // the disk; nothing goes on
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace trivet::raft
