#pragma once
#include <functional>
#include <string>
#include <vector>

#include "core/ids.hpp"
#include "core/result.hpp"

namespace trivet {

enum class EntryKind : std::uint8_t {
    command = 0,        // of the state machine
    no_op = 1,          // a leader's first (Raft paper, section 8); no payload
    configuration = 2,  // who takes part; for the engine alone
};

struct LogEntry {
    LogIndex index;
    Term term;
    std::string payload;  // an encoded Command
    EntryKind kind = EntryKind::command;

    friend bool operator==(const LogEntry&, const LogEntry&) = default;
};

/// The seam between the cluster state machine and the engine that orders commands (design section
/// 3): single-node here, Raft-lite and etcd later. Callbacks come on the strand that owns the
/// engine.
class ReplicatedLog {
public:
    using ProposeDone = std::function<void(Result<LogIndex>)>;
    using ReadDone = std::function<void(Result<void>)>;
    using Apply = std::function<void(const LogEntry&)>;

    virtual ~ReplicatedLog() = default;

    /// Every committed (hence durable) entry comes to `apply` once, in order. Set before start.
    virtual void subscribe(Apply apply) = 0;
    /// `done` comes after the entry was applied here, or with the reason why it never will be:
    /// insufficient_storage, too_large, unavailable (also: too many proposals wait), not_leader.
    virtual void propose(std::string payload, ProposeDone done) = 0;
    /// `done` comes when everything committed before this call has been applied: a read is then
    /// linearizable.
    virtual void read_barrier(ReadDone done) = 0;
};

/// Where an engine keeps its entries. `append` is atomic; `done` comes on the engine's strand, with
/// success only when the entries are durable.
class LogStorage {
public:
    virtual ~LogStorage() = default;
    virtual void append(std::vector<LogEntry> entries, std::function<void(Result<void>)> done) = 0;
};

}  // namespace trivet
