#pragma once
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
    struct Options {
        std::filesystem::path path;  // its directory must exist
        std::uint64_t free_bytes_min =
            16u << 20;                    // below this the node goes read-only, before SQLite fails
        std::uint64_t log_keep = 10'000;  // applied entries kept behind last_applied
        std::uint64_t events_keep = 10'000;
        std::chrono::milliseconds applied_delay{
            50};  // an AppliedBatch waits this long for an append to ride with
        std::function<void(std::function<void()>)> post;
        /// The disk filled up (reason) or has space again (nullopt). Appends fail with
        /// insufficient_storage meanwhile.
        std::function<void(std::optional<std::string>)> on_read_only;
        /// An I/O error: nothing is written any more, the process must end and be started again.
        std::function<void(Error)> on_fatal;
    };

    /// Errors: not_found, no such directory; corrupt, naming table and row; conflict, written by a
    /// newer version or in use by another process; insufficient_storage; unavailable, I/O.
    static Result<std::unique_ptr<Storage>> open(Options options);

    virtual Loaded take_loaded() = 0;  // once, after open
    void append(std::vector<LogEntry> entries, std::function<void(Result<void>)> done) override = 0;
    virtual void save_applied(AppliedBatch batch) = 0;  // kept and retried while the disk is full
    /// The newest `limit` events, oldest first, of `object` when given.
    virtual void read_events(std::size_t limit, std::optional<std::string> object,
                             std::function<void(Result<std::vector<Event>>)> done) = 0;
    /// Writes what waits, closes the file, ends the thread. Idempotent; the destructor calls it.
    virtual void close() = 0;
    ~Storage() override = default;
};

}  // namespace trivet::store
