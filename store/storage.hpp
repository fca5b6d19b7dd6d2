#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/raft/boot_history.hpp"
#include "core/raft/raft.hpp"
#include "core/records.hpp"
#include "core/replicated_log.hpp"

namespace trivet::store {

/// What opening found: applied state, and the entries that are durable but not yet in it.
struct Loaded {
    std::vector<StateRow> rows;
    LogIndex last_applied;
    std::vector<LogEntry> entries;  // index > last_applied, without holes
    LogIndex last_index;            // of the log, at least last_applied
    Term term;                      // of the entry at last_index

    raft::HardState hard_state;
    raft::LogBase base;
    /// Those from behind the base to last_applied; empty with Options::log_keep, where nobody asks
    /// for them.
    std::vector<LogEntry> applied_entries;
    raft::RaftId raft_id;
    raft::BootHistory boots;
    /// False after a start on a full disk: nobody may be told of this start (boots.newest()) before
    /// a write has succeeded, which writes it as well.
    bool boot_is_durable = true;
};

/// For the constructor of raft::Raft. Takes the entries out of `loaded`, opened without log_keep.
raft::DurableState take_durable_state(Loaded& loaded);

struct RowChange {
    std::string key;
    std::optional<std::string> value;  // nullopt: the row is gone
};

/// What applying entries changed; written in one transaction with last_applied.
struct AppliedBatch {
    LogIndex last_applied;
    std::vector<RowChange> rows;
    std::vector<Event> events;
};

/// The node's SQLite file (design section 3): log, applied state, events. One writer thread owned
/// here, one transaction per drained queue (group commit), WAL with synchronous=FULL. Methods may
/// be called from one strand; callbacks are handed to `post`, which brings them to that strand.
class Storage : public LogStorage {
public:
    /// An entry of the log; the API's bodies (1 MiB) and their encoding fit in several times.
    static constexpr std::size_t payload_bytes_max = 16u << 20;

    struct Options {
        std::filesystem::path path;  // its directory must exist
        std::uint64_t free_bytes_min =
            16u << 20;  // below this the node goes read-only, before SQLite fails
        /// Applied entries kept behind last_applied; nullopt: compact() alone removes them.
        std::optional<std::uint64_t> log_keep = 10'000;
        std::uint64_t events_keep = 10'000;
        std::chrono::milliseconds applied_delay{
            50};                      // an AppliedBatch waits this long for an append to ride with
        int checkpoint_pages = 1000;  // of 4 KiB in the write-ahead log before they move on
        std::string vfs_name;  // SQLite's name of the file system layer; empty: the system's own
        /// Renewed in a file that was restored from a copy: another raft id, whose first start
        /// this is, and no vote (the term stays).
        enum class Identity : std::uint8_t { keep, renew };
        Identity identity = Identity::keep;
        std::function<void(std::function<void()>)> post;
        /// The disk filled up (reason) or has space again (nullopt). Appends fail with
        /// insufficient_storage meanwhile.
        std::function<void(std::optional<std::string>)> on_read_only;
        /// An I/O error: nothing is written any more, the process must end and be started again.
        std::function<void(Error)> on_fatal;
        /// What was saved as applied up to here, or came as a snapshot, is durable. May be empty.
        std::function<void(LogIndex)> on_applied = {};
    };

    /// Since open, for /metrics.
    struct Statistics {
        std::uint64_t transactions = 0;
        std::uint64_t entries = 0;  // appended and durable
        std::uint64_t checkpoints = 0;
        std::chrono::nanoseconds transaction_time{0};  // sum over all transactions, fsync included
    };

    /// Errors: not_found, no such directory; corrupt, naming table and row; conflict, written by a
    /// newer version or in use by another process; insufficient_storage; unavailable, I/O. On a
    /// full disk a file that exists is opened all the same, unless its identity is to be renewed.
    static Result<std::unique_ptr<Storage>> open(Options options);

    virtual Loaded take_loaded() = 0;  // once, after open
    /// entries[0].index must follow the last index given to append() and not refused since. Errors
    /// given to `done`: insufficient_storage, nothing was written: go on with the index that was
    /// refused (appends that were on their way meanwhile are refused as well, in order);
    /// unavailable, after an I/O error the outcome is unknown, or too much waits; too_large, a
    /// payload above payload_bytes_max; internal, not contiguous or of a term that goes back.
    void append(std::vector<LogEntry> entries, std::function<void(Result<void>)> done) override = 0;
    /// One transaction: hard state, snapshot (takes the place of the whole log, the state and
    /// last_applied; events stay), truncation, entries. In order with append(), and all that was
    /// saved as applied before it is written before it. Errors given to `done`: those of append();
    /// internal, it truncates what is applied, leaves a hole, or breaks a rule of Raft (terms that
    /// go back, a second vote in a term). A snapshot that cannot be read is fatal.
    virtual void write(raft::Write write, std::function<void(Result<void>)> done) = 0;
    /// Moves the log's base up to `base`, which is applied, and deletes the entries up to there, a
    /// portion a transaction. What is left undone at the end, a later call does. Another term or
    /// configuration than the log has there is fatal. Not with log_keep.
    virtual void compact(raft::LogBase base) = 0;
    /// Its last_applied must be durable and not go back, and after a snapshot was given to write()
    /// it must be greater, unless there are events alone. Kept and retried while the disk is full.
    virtual void save_applied(AppliedBatch batch) = 0;
    /// The newest `limit` events, oldest first, of `object` when given; those of every batch saved
    /// before the call are among them, unless the disk is full. Errors: corrupt, a damaged row;
    /// unavailable, I/O, too many reads wait, or closed.
    virtual void read_events(std::size_t limit, std::optional<std::string> object,
                             std::function<void(Result<std::vector<Event>>)> done) = 0;
    virtual Statistics statistics() const = 0;  // any thread
    /// Writes what waits, closes the file, ends the thread. Idempotent; the destructor calls it.
    /// Callbacks of what it wrote are posted before it returns.
    virtual void close() = 0;
    ~Storage() override = default;
};

}  // namespace trivet::store
