#pragma once
#include <cstdint>
#include <string>

#include "core/records.hpp"
#include "core/replicated_log.hpp"
#include "store/database.hpp"
#include "store/meta.hpp"
#include "store/row_checksum.hpp"
#include "store/storage.hpp"
#include "store/write_rules.hpp"

namespace trivet::store {

/// Where the tables begin and end: what `meta` says, and what follows from the other tables. A
/// plain value, so that a transaction that failed can put it back.
struct Positions : Meta {
    LogTerms terms;
    LogIndex snapshot;              // see Standing
    std::uint64_t first_event = 1;  // sequence numbers
    std::uint64_t next_event = 1;

    const Meta& meta() const { return *this; }
    Standing standing() const {
        return {.last_index = last_index,
                .terms = terms,
                .applied = last_applied,
                .snapshot = snapshot,
                .hard_state = hard_state};
    }
};

enum class MetaRows : std::uint8_t { changed, all };

Checksum checksum_of(RowChecksum& checksums, const LogEntry& entry);
Checksum checksum_of(RowChecksum& checksums, const Event& event, std::uint64_t sequence);
Checksum checksum_of(RowChecksum& checksums, std::string_view table, std::string_view key,
                     std::string_view value);

/// The statements that write, all of them to be run within Database::transaction. Its Database must
/// outlive it. Not thread-safe: the writer thread owns it. Errors everywhere: as Statement::step.
class Tables {
public:
    static Result<Tables> prepare(Database& database, Positions positions);

    const Positions& positions() const { return positions_; }
    /// Forgets what a transaction that was rolled back did.
    void restore(const Positions& before) { positions_ = before; }

    /// It has passed after(). Errors: those of decode_snapshot() as well.
    Result<void> write(const raft::Write& write);
    Result<void> apply(const AppliedBatch& batch);
    /// Moves the log's base towards `index`, which is applied, as far as one transaction should.
    Result<void> move_base(LogIndex index);
    /// Deletes the events before the newest `keep`, once it is enough to be worth a statement.
    Result<void> trim_events(std::uint64_t keep);
    /// A start of this node; with a `renewed` id, the first of another node, which has not voted.
    void boot(std::uint64_t nonce, std::optional<raft::RaftId> renewed);
    /// The last step of every transaction: makes `meta` agree with positions().
    Result<void> write_meta(MetaRows which);
    /// To be called when the transaction is committed.
    void committed() { written_ = positions_.meta(); }

private:
    // tables.cpp
    Result<void> put_row(const std::string& key, const std::string& value);
    Result<void> remove_row(const std::string& key);
    Result<void> forget_checksum(const std::string& key);
    Result<void> add_event(const Event& event);

    // tables_log.cpp
    Result<void> install(const raft::Snapshot& snapshot);
    Result<void> truncate_from(LogIndex index);
    Result<void> append(const LogEntry& entry);

    Positions positions_;
    Meta written_;  // what `meta` says now
    RowChecksum checksums_;
    Statement insert_entry_;
    Statement select_head_;
    Statement delete_head_;
    Statement delete_tail_;
    Statement select_checksum_;
    Statement upsert_row_;
    Statement delete_row_;
    Statement delete_rows_;
    Statement insert_event_;
    Statement upsert_meta_;
    Statement trim_events_;
};

/// Rows that are deleted together are so many that one statement serves many transactions, and so
/// few that none of them is held up for more than a few milliseconds.
inline constexpr std::uint64_t trim_rows_max = 256;
std::uint64_t trim_slack(std::uint64_t keep);

}  // namespace trivet::store
