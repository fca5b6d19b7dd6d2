#pragma once
#include <deque>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "core/raft/log.hpp"
#include "core/raft/message.hpp"
#include "core/raft/progress.hpp"
#include "core/result.hpp"
#include "core/time.hpp"

namespace trivet::raft {

struct Options {
    RaftId id;
    Duration election_timeout = std::chrono::milliseconds{150};  // at random up to twice that
    Duration heartbeat = std::chrono::milliseconds{50};
    /// Between the moment when the leader knows that a majority of the new voters has durably
    /// applied a change of voters, and the next one (leases P4: 3.4 promise lengths).
    Duration voter_change_spacing = std::chrono::milliseconds{340};
    std::size_t append_entries_max = 1024;      // in one AppendEntries
    std::size_t append_bytes_max = 256u << 10;  // likewise; one entry may be larger
    std::size_t in_flight_max = 16;             // unanswered AppendEntries with entries a member
    std::size_t uncommitted_bytes_max = 64u << 20;
    std::size_t snapshot_chunk_bytes = 256u << 10;
    std::uint64_t snapshot_bytes_max = 1u << 30;
    std::uint64_t catch_up_entries = 256;  // a learner further behind is not promoted
    std::uint64_t seed = 0;                // of the random part of the election timeout
};

/// What was durable at the start.
struct DurableState {
    HardState hard_state;
    LogBase base;
    std::vector<LogEntry> entries;  // behind base
    LogIndex applied;               // durably applied, hence committed
};

/// To be made durable in one transaction, in this order, after all writes before it.
struct Write {
    std::uint64_t id = 0;  // 0: nothing to write
    std::optional<HardState> hard_state;
    std::optional<Snapshot> snapshot;       // takes the place of the whole log and state
    std::optional<LogIndex> truncate_from;  // the log's end from here on goes
    std::vector<LogEntry> append;
};

using ReadId = std::uint64_t;

/// What the owner must do, in this order.
struct Actions {
    Write write;                      // start it; call on_written() when it is durable
    std::vector<Message> messages;    // to be sent; each may be lost
    std::optional<Snapshot> restore;  // is durable: becomes the state of the state machine
    std::vector<LogEntry> apply;      // committed, and durable here
    std::vector<ReadId> reads;        // a read of the applied state is linearizable now
    std::vector<ReadId> lost_reads;   // leadership was lost first: ask the next leader
    bool snapshot_wanted = false;     // call on_snapshot() with the applied state
};

struct AddLearner {
    RaftId id;
    std::string name, address;
};
struct Promote {
    RaftId id;
};
struct Demote {
    RaftId id;
};
struct Remove {
    RaftId id;
};
using MembershipChange = std::variant<AddLearner, Promote, Demote, Remove>;

struct Proposed {
    LogIndex first;  // index of the first payload; the others follow
    Term term;       // another entry at these indices than of this term: they were lost
    Actions actions;
};

/// One member of a Raft cluster. Pure: time comes in, and what must happen goes out, as values.
/// Nothing that depends on a write leaves before on_written() of it; writes become durable in the
/// order in which they were given, and those that did not before a crash are lost together.
/// Not thread-safe: one strand owns it.
class Raft {
public:
    Raft(Options options, DurableState durable, Instant now);

    [[nodiscard]] Actions step(const Message& message, Instant now);
    [[nodiscard]] Actions on_timer(Instant now);  // no later than next_deadline()
    std::optional<Instant> next_deadline() const;
    [[nodiscard]] Actions on_written(std::uint64_t write_id, Instant now);
    /// The owner has durably applied up to `index`; followers tell the leader (leases P4).
    void on_applied(LogIndex index);
    /// The applied state, after snapshot_wanted. Made before the last compaction: is asked for
    /// anew.
    [[nodiscard]] Actions on_snapshot(Snapshot snapshot, Instant now);
    /// Forgets entries up to `index`, which are durably applied.
    void compact(LogIndex index);

    /// Errors: not_leader; unavailable, leadership is being transferred or too much waits.
    Result<Proposed> propose(std::vector<std::string> payloads, Instant now);
    /// The id comes back in Actions::reads or lost_reads. Errors: not_leader.
    Result<Actions> read(ReadId id, Instant now);
    /// Errors: not_leader; invalid_argument, not_found, conflict: it makes no sense for this
    /// configuration; unavailable: not yet, and why.
    Result<Proposed> change(const MembershipChange& change, Instant now);
    /// Errors: not_leader, not_found, invalid_argument, unavailable.
    Result<Actions> transfer(RaftId to, Instant now);

    RaftId id() const { return options_.id; }
    Term term() const { return hard_state_.term; }
    const HardState& hard_state() const { return hard_state_; }
    bool is_leader() const { return std::holds_alternative<Leader>(role_); }
    bool is_candidate() const { return std::holds_alternative<Candidate>(role_); }
    RaftId leader() const;  // as far as known; 0: none
    LogIndex commit_index() const { return commit_index_; }
    LogIndex applied_index() const { return applied_index_; }  // given out in Actions::apply
    LogIndex durable_index() const { return durable_index_; }
    const Log& log() const { return log_; }
    const Configuration& configuration() const { return log_.configuration(); }
    /// Of the other members; leader only, else empty.
    const std::map<RaftId, Progress>& progress() const;

private:
    struct Follower {
        RaftId leader;
        Instant last_contact;  // with `leader`
    };
    struct Candidate {
        bool pre_vote = true;
        bool is_transfer = false;
        std::set<RaftId> granted, refused;
    };
    struct PendingRead {
        ReadId id;
        std::uint64_t round;  // 0: waits until an entry of this term is committed
        LogIndex index;
    };
    struct Transfer {
        RaftId to;
        Instant deadline;
        bool asked = false;  // TimeoutNow was sent
    };
    struct Leader {
        std::map<RaftId, Progress> progress;
        LogIndex term_start;  // of the no-op
        std::uint64_t round = 0;
        std::deque<PendingRead> reads;
        std::optional<Transfer> transfer;
        std::optional<Instant> voters_settled;  // leases P4
        std::optional<Snapshot> snapshot;       // the newest made, for all who need one
        bool snapshot_is_asked = false;
        Instant since;
        Instant next_heartbeat;
    };
    using Role = std::variant<Follower, Candidate, Leader>;
    struct OutstandingWrite {
        std::uint64_t id;
        LogIndex last_index;  // of the log, once it is durable
        std::optional<Snapshot> restore;
        bool has_hard_state;
    };
    struct Incoming {  // chunks of a snapshot so far
        LogBase base;
        RaftId from;
        Term leader_term;
        std::uint64_t size;
        std::string bytes;
    };
    struct HeldMessage {
        std::uint64_t after_write;
        Message message;
    };
    enum class When : std::uint8_t { now, when_durable };

    // raft.cpp
    Actions finish(Instant now);
    void seal_write();
    void release(Instant now);
    void dispatch(const Message& message, Instant now);
    bool accept_term(const Message& message, Instant now);
    void answer_stale(const Message& message);
    template <class Body>
    void send(RaftId to, Body body, When when) {
        send_as({options_.id, to, hard_state_.term, std::move(body)}, when);
    }
    void send_as(Message message, When when);
    void set_hard_state(HardState state);
    void append(LogEntry entry);
    void emit_committed();

    // election.cpp
    void arm_election_timer(Instant now);
    void become_follower(Term term, RaftId leader, Instant now);
    void campaign(bool pre_vote, bool is_transfer, Instant now);
    void become_leader(Instant now);
    bool hears_from_leader(Instant now) const;
    bool may_campaign() const;
    bool is_sole_voter() const;
    void on(const RequestVote& request, const Message& message, Instant now);
    void on(const VoteReply& reply, const Message& message, Instant now);
    void on(const TimeoutNow& request, const Message& message, Instant now);

    // follower.cpp
    void on(const AppendEntries& request, const Message& message, Instant now);
    void on(const InstallSnapshot& request, const Message& message, Instant now);
    bool contradicts(const AppendEntries& request) const;
    LogIndex take_entries(const AppendEntries& request);
    void reply_to_append(RaftId to, LogIndex match, std::uint64_t round, bool has_written);
    void install(Snapshot snapshot, RaftId from, std::uint64_t round);
    void commit_up_to(LogIndex index);

    // leader.cpp
    void on(const AppendReply& reply, const Message& message, Instant now);
    void on_refusal(RaftId from, Progress& progress, const AppendReply& reply, Instant now);
    void on_success(RaftId from, Progress& progress, const AppendReply& reply, Instant now);
    void lead_on(Instant now);
    void heartbeat(RaftId to, Progress& progress, Instant now);
    AppendEntries heartbeat_from_the_start() const;
    void replicate_all(Instant now);
    void replicate(RaftId to, Progress& progress, Instant now);
    void send_entries(RaftId to, Progress& progress, std::vector<LogEntry> entries);
    void advance_commit(Instant now);
    void tell_commit(Instant now);
    bool has_quorum(Instant now) const;
    Result<void> check_proposal(std::size_t bytes) const;
    Error not_leader() const;

    // snapshots.cpp
    void on(const SnapshotReply& reply, const Message& message, Instant now);
    void send_chunk(RaftId to, Progress& progress, Instant now);
    void drop_unused_snapshot();

    // reads.cpp
    void start_reads();
    void advance_reads();
    void drop_reads();

    // membership.cpp
    void follow_configuration(Instant now);
    void on_configuration_committed(Instant now);
    void settle_voters(Instant now);
    Result<Configuration> changed(const MembershipChange& change, Instant now) const;
    Result<void> may_change_voters(const Configuration& next, RaftId id, Instant now) const;
    void pursue_transfer(Instant now);
    RaftId best_successor() const;

    Options options_;
    Log log_;
    HardState hard_state_;
    LogIndex commit_index_;
    LogIndex applied_index_;          // handed out
    LogIndex durably_applied_index_;  // on_applied()
    LogIndex durable_index_;          // of the log
    Role role_;
    Instant election_deadline_;
    std::mt19937_64 random_;
    std::size_t uncommitted_bytes_ = 0;
    std::optional<Incoming> incoming_;

    std::uint64_t last_write_ = 0, written_ = 0;
    std::deque<OutstandingWrite> outstanding_;
    std::deque<HeldMessage> held_;
    std::vector<Message> held_by_this_event_;
    Actions out_;
};

}  // namespace trivet::raft
