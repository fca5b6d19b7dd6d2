#pragma once
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/raft/raft.hpp"
#include "tests/sim/disk.hpp"
#include "tests/sim/violation.hpp"

namespace trivet::sim {

/// Watches every step of every node from outside, and knows what no node knows: everything.
class Checker {
public:
    /// Disks of all identities that still have one.
    using DiskOf = std::function<const DiskContent*(raft::RaftId)>;
    explicit Checker(DiskOf disk_of) : disk_of_(std::move(disk_of)) {}

    void on_start(const raft::Raft& raft);
    /// After each step of `raft`, before its actions are performed.
    void on_step(const raft::Raft& raft, const raft::Actions& actions);
    void on_message(const raft::Message& message);

    LogIndex committed() const { return committed_end_; }
    std::uint64_t elections() const { return leaders_.size(); }
    std::uint64_t configurations_committed() const { return configurations_; }

private:
    struct Fingerprint {
        Term term;
        std::size_t hash = 0;
        friend bool operator==(const Fingerprint&, const Fingerprint&) = default;
    };
    struct Seen {
        Term term;
        Term told;  // in messages
        LogIndex commit;
        bool was_leader = false;
    };
    static Fingerprint fingerprint(const LogEntry& entry);
    void check_appended(const raft::Raft& raft, const LogEntry& entry);
    void check_configuration(const raft::Raft& raft, LogIndex index);
    void check_rollback(const raft::Raft& raft);
    void check_new_leader(const raft::Raft& raft);
    void check_commit(const raft::Raft& raft, LogIndex before);
    void commit(const LogEntry& entry, Term by);

    DiskOf disk_of_;
    std::map<Term, raft::RaftId> leaders_;
    std::map<std::pair<raft::RaftId, Term>, raft::RaftId> votes_;
    std::map<std::pair<LogIndex, Term>, std::pair<Term, std::size_t>> entries_;  // log matching
    std::map<LogIndex, Fingerprint> committed_;
    std::map<Term, LogIndex> committed_by_;  // the greatest index that a leader of the term saw
    LogIndex committed_end_;
    std::map<raft::RaftId, Seen> seen_;
    std::uint64_t configurations_ = 0;
};

}  // namespace trivet::sim
