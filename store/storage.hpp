#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/records.hpp"
#include "core/replicated_log.hpp"

namespace trivet::store {

/// What opening found: applied state, and the entries that are durable but not yet in it.
struct Loaded {
    std::vector<StateRow> rows;
    LogIndex last_applied;
    std::vector<LogEntry> entries;  // index > last_applied, without holes
    LogIndex last_index;            // of the log, at least last_applied
    Term term;
};

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
            16u << 20;                    // below this the node goes read-only, before SQLite fails
        std::uint64_t log_keep = 10'000;  // applied entries kept behind last_applied
        std::uint64_t events_keep = 10'000;
        std::chrono::milliseconds applied_delay{
            50};                      // an AppliedBatch waits this long for an append to ride with
        int checkpoint_pages = 1000;  // of 4 KiB in the write-ahead log before they move on
        std::string vfs_name;  // SQLite's name of the file system layer; empty: the system's own
        std::function<void(std::function<void()>)> post;
        /// The disk filled up (reason) or has space again (nullopt). Appends fail with
        /// insufficient_storage meanwhile.
        std::function<void(std::optional<std::string>)> on_read_only;
        /// An I/O error: nothing is written any more, the process must end and be started again.
        std::function<void(Error)> on_fatal;
    };

    /// Since open, for /metrics.
    struct Statistics {
        std::uint64_t transactions = 0;
        std::uint64_t entries = 0;  // appended and durable
        std::uint64_t checkpoints = 0;
        std::chrono::nanoseconds transaction_time{0};  // sum over all transactions, fsync included
    };

    /// Errors: not_found, no such directory; corrupt, naming table and row; conflict, written by a
    /// newer version or in use by another process; insufficient_storage; unavailable, I/O.
    static Result<std::unique_ptr<Storage>> open(Options options);

    virtual Loaded take_loaded() = 0;  // once, after open
    /// entries[0].index must follow the last index given to append() and not refused since. Errors
    /// given to `done`: insufficient_storage, nothing was written: go on with the index that was
    /// refused (appends that were on their way meanwhile are refused as well, in order);
    /// unavailable, after an I/O error the outcome is unknown, or too much waits; too_large, a
    /// payload above payload_bytes_max; internal, not contiguous or of a term that goes back.
    void append(std::vector<LogEntry> entries, std::function<void(Result<void>)> done) override = 0;
    /// Its last_applied must be durable and not go back. Kept and retried while the disk is full.
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
