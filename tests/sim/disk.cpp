#include "tests/sim/disk.hpp"

#include "core/assert.hpp"
#include "tests/sim/kv_machine.hpp"

namespace trivet::sim {

namespace {

void apply_write(DiskContent& content, const raft::Write& write) {
    if (write.hard_state) content.hard_state = *write.hard_state;
    if (write.snapshot) {
        content.base = write.snapshot->base;
        content.entries.clear();
        content.applied = content.base.index;
        content.rows = KvMachine::rows_of_snapshot(*write.snapshot->data);
    }
    if (write.truncate_from) {
        TRIVET_ASSERT(*write.truncate_from > content.applied);
        content.entries.resize(write.truncate_from->value() - content.base.index.value() - 1);
    }
    for (const LogEntry& entry : write.append) {
        TRIVET_ASSERT(entry.index.value() == content.last_index().value() + 1);
        content.entries.push_back(entry);
    }
}

}  // namespace

bool DiskContent::holds(LogIndex index, Term term) const {
    if (index <= base.index) return true;
    if (index > last_index()) return false;
    return entries[index.value() - base.index.value() - 1].term == term;
}

void Disk::write(raft::Write write, Done done) {
    enqueue({[write = std::move(write)](DiskContent& content) { apply_write(content, write); },
             std::move(done)});
}

void Disk::save_applied(LogIndex applied, RowChanges rows, Done done) {
    enqueue({[applied, rows = std::move(rows)](DiskContent& content) {
                 TRIVET_ASSERT(applied >= content.applied);
                 TRIVET_ASSERT(applied <= content.last_index());
                 content.applied = applied;
                 for (const auto& [key, value] : rows) {
                     if (value)
                         content.rows[key] = *value;
                     else
                         content.rows.erase(key);
                 }
             },
             std::move(done)});
}

void Disk::compact(raft::LogBase base) {
    enqueue({[base = std::move(base)](DiskContent& content) {
                 if (base.index <= content.base.index) return;  // a snapshot went further
                 TRIVET_ASSERT(base.index <= content.applied);
                 const auto gone = base.index.value() - content.base.index.value();
                 content.entries.erase(content.entries.begin(),
                                       content.entries.begin() + static_cast<std::ptrdiff_t>(gone));
                 content.base = base;
             },
             [] {}});
}

void Disk::enqueue(Operation operation) {
    queue_.push_back(std::move(operation));
    if (transaction_.empty()) start_transaction();
}

void Disk::start_transaction() {
    transaction_ = std::exchange(queue_, {});
    Random& random = world_.random();
    Duration takes = random.between(std::chrono::microseconds{20}, profile_.disk_max);
    if (random.chance(profile_.disk_stall))
        takes += random.between(Duration{}, std::chrono::milliseconds{800});
    world_.in(takes, [this, life = life_] { finish_transaction(life); });
}

void Disk::finish_transaction(std::uint64_t life) {
    if (life != life_) return;
    const std::vector<Operation> done = std::exchange(transaction_, {});
    for (const Operation& operation : done) operation.apply(content_);
    if (!queue_.empty()) start_transaction();
    for (const Operation& operation : done) {
        operation.done();
        if (life != life_) return;
    }
}

void Disk::crash() {
    // The transaction on its way may have reached the disk, although nobody was told.
    if (!transaction_.empty() && world_.random().chance(0.5))
        for (const Operation& operation : transaction_) operation.apply(content_);
    transaction_.clear();
    queue_.clear();
    ++life_;
}

/// The node comes back with nothing, as somebody else.
void Disk::wipe(raft::RaftId new_id) {
    crash();
    content_ = DiskContent{};
    content_.id = new_id;
}

}  // namespace trivet::sim
