#pragma once
#include <string>
#include <variant>
#include <vector>

#include "core/raft/types.hpp"

namespace trivet::raft {

/// Paper §5.2; `pre_vote`: thesis 9.6, Message::term is then the term that the sender would take.
struct RequestVote {
    LogIndex last_log_index;
    Term last_log_term;
    bool pre_vote = false;
    bool is_transfer = false;  // the leader asked for it, so it may disturb one (thesis 4.2.3)

    friend bool operator==(const RequestVote&, const RequestVote&) = default;
};

struct VoteReply {
    bool granted = false;
    bool pre_vote = false;

    friend bool operator==(const VoteReply&, const VoteReply&) = default;
};

/// Paper §5.3. Without entries it is a heartbeat, or tells of a new commit index.
struct AppendEntries {
    LogIndex prev_log_index;
    Term prev_log_term;
    std::vector<LogEntry> entries;  // from prev_log_index + 1 on, without holes
    LogIndex leader_commit;
    std::uint64_t round = 0;  // echoed; proves to the leader that it still is one (thesis 6.4)

    friend bool operator==(const AppendEntries&, const AppendEntries&) = default;
};

struct AppendReply {
    bool success = false;
    LogIndex match_index;     // success: up to here the log matches the leader's, and is durable
    LogIndex prev_log_index;  // refusal: of the request
    LogIndex hint_index;      // refusal: the log may match from here on
    Term hint_term;           // refusal: of the entry at hint_index
    LogIndex applied_index;   // durably applied
    std::uint64_t round = 0;

    friend bool operator==(const AppendReply&, const AppendReply&) = default;
};

/// Paper §7; one chunk of a snapshot.
struct InstallSnapshot {
    LogBase base;
    std::uint64_t offset = 0;
    std::uint64_t size = 0;  // of the whole snapshot
    std::string chunk;
    std::uint64_t round = 0;
};

struct SnapshotReply {
    LogIndex snapshot_index;   // base.index of the request
    std::uint64_t offset = 0;  // the next byte that is wanted
    std::uint64_t round = 0;

    friend bool operator==(const SnapshotReply&, const SnapshotReply&) = default;
};

/// Thesis 3.10: the receiver shall stand for election at once.
struct TimeoutNow {
    friend bool operator==(const TimeoutNow&, const TimeoutNow&) = default;
};

struct Message {
    RaftId from;
    RaftId to;
    Term term;
    std::variant<RequestVote, VoteReply, AppendEntries, AppendReply, InstallSnapshot, SnapshotReply,
                 TimeoutNow>
        body;
};

}  // namespace trivet::raft
