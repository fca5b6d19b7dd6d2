#pragma once
#include <cstdint>
#include <string>

#include "core/records.hpp"
#include "core/replicated_log.hpp"
#include "store/database.hpp"
#include "store/row_checksum.hpp"
#include "store/storage.hpp"

namespace trivet::store {

/// Where the tables begin and end. The first five are stored, as rows of `meta`. A plain value, so
/// that a transaction that failed can put it back.
struct Positions {
    LogIndex last_index;  // of the log, at least last_applied
    Term term;            // of the entry at last_index
    LogIndex last_applied;
    TableDigest state_digest;

    LogIndex first_index{1};        // in the log; last_index + 1 when it is empty
    std::uint64_t first_event = 1;  // sequence numbers
    std::uint64_t next_event = 1;
};

enum class MetaRows : std::uint8_t { changed, all };

/// Keys of `meta`: one word each, the value is text.
namespace meta_key {
inline constexpr std::string_view last_index = "last_index";
inline constexpr std::string_view term = "term";
inline constexpr std::string_view last_applied = "last_applied";
inline constexpr std::string_view state_digest = "state_digest";
}  // namespace meta_key

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

    Result<void> append(const LogEntry& entry);  // its index must be last_index + 1
    Result<void> apply(const AppliedBatch& batch);
    struct Keep {
        std::uint64_t log;  // applied entries
        std::uint64_t events;
    };
    /// Deletes what is no longer kept, once it is enough to be worth a statement.
    Result<void> trim(const Keep& keep);
    /// The last step of every transaction: makes `meta` agree with positions().
    Result<void> write_meta(MetaRows which);
    /// To be called when the transaction is committed.
    void committed() { written_ = positions_; }

private:
    Result<void> put_row(const std::string& key, const std::string& value);
    Result<void> remove_row(const std::string& key);
    Result<void> forget_checksum(const std::string& key);
    Result<void> add_event(const Event& event);
    Result<void> put_meta(std::string_view key, const std::string& value);

    Positions positions_;
    Positions written_;  // what `meta` says now
    RowChecksum checksums_;
    Statement insert_entry_;
    Statement select_checksum_;
    Statement upsert_row_;
    Statement delete_row_;
    Statement insert_event_;
    Statement upsert_meta_;
    Statement trim_log_;
    Statement trim_events_;
};

}  // namespace trivet::store
