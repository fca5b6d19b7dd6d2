#pragma once
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/raft/raft.hpp"
#include "tests/sim/profile.hpp"
#include "tests/sim/world.hpp"

namespace trivet::sim {

/// What a node finds after a crash.
struct DiskContent {
    raft::RaftId id;
    raft::HardState hard_state;
    raft::LogBase base;
    std::vector<LogEntry> entries;
    LogIndex applied;
    std::map<std::string, std::string> rows;  // the state as of `applied`

    LogIndex last_index() const { return LogIndex(base.index.value() + entries.size()); }
    bool holds(LogIndex index, Term term) const;  // also when compacted away
    raft::DurableState durable_state() const { return {hard_state, base, entries, applied}; }
};

using RowChanges = std::vector<std::pair<std::string, std::optional<std::string>>>;

/// Stands for store/: transactions in order, group commit, slow and stalling. A transaction that a
/// crash meets is there wholly or not at all (that SQLite keeps to this is tested with store/).
class Disk {
public:
    using Done = std::function<void()>;

    Disk(World& world, const Profile& profile, DiskContent content)
        : world_(world), profile_(profile), content_(std::move(content)) {}

    void write(raft::Write write, Done done);
    void save_applied(LogIndex applied, RowChanges rows, Done done);
    void compact(raft::LogBase base);
    void crash();
    void wipe(raft::RaftId new_id);

    const DiskContent& content() const { return content_; }

private:
    struct Operation {
        std::function<void(DiskContent&)> apply;
        Done done;
    };
    void enqueue(Operation operation);
    void start_transaction();
    void finish_transaction(std::uint64_t life);

    World& world_;
    const Profile& profile_;
    DiskContent content_;
    std::vector<Operation> queue_, transaction_;
    std::uint64_t life_ = 0;
};

}  // namespace trivet::sim
