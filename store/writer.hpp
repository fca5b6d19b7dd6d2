#pragma once
#include <atomic>
#include <memory>
#include <optional>
#include <thread>

#include "store/database.hpp"
#include "store/disk_space.hpp"
#include "store/file_claim.hpp"
#include "store/storage.hpp"
#include "store/tables.hpp"
#include "store/work_queue.hpp"

namespace trivet::store {

/// What the strand knows of the log. The closures given to Options::post share it, since they may
/// run after the storage is gone; the strand alone reads and writes it.
///
/// Writes are pipelined: when one is refused because the disk is full, those sent after it, before
/// the strand heard of that, must be refused too or they would leave a hole. They carry the
/// generation of when they were sent, and a refusal starts a new one, first in the writer and then,
/// with the callback, on the strand.
struct StrandState {
    std::uint64_t generation = 0;
    Standing standing;                   // once all that was sent is written
    LogIndex durable;                    // end of the log when the last callback came
    LogIndex saved;                      // the last that save_applied() was given
    std::optional<Error> queue_refusal;  // set until the callback of the write that it hit
};

/// The writer thread: one transaction per drained queue (group commit). Everything below is used by
/// that thread alone, except the queue and the counters.
///
/// Two kinds of failure are kept apart:
///
/// - "Disk full" comes from write(), before the commit record of a transaction is complete in the
///   write-ahead log: the kernel refused bytes, it did not lose any. The transaction is not there
///   for anybody who reads the log, and the next one overwrites its remains. So it is safe to go
///   on: the node is read-only, tries again every second and at every append, and heals by itself.
/// - A failed fsync (and any other I/O error) is unknown territory: the kernel may have dropped the
///   pages and marked them clean, so that a second fsync succeeds with nothing on the disk. Nothing
///   is tried again and nothing more is written, not even a checkpoint; the process must end, and
///   the next one reads what the disk really has (FileClaim). ENOSPC out of fsync, as from thinly
///   provisioned disks, is an error of this kind: SQLite reports it as SQLITE_IOERR_FSYNC.
class Writer {
public:
    struct File {
        FileClaim claim;
        Database database;
        Tables tables;
    };

    Writer(File file, Storage::Options options, std::shared_ptr<StrandState> strand);
    ~Writer() { finish(); }
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    WorkQueue& queue() { return queue_; }
    Storage::Statistics statistics() const;  // any thread
    void finish();                           // idempotent

private:
    using Clock = std::chrono::steady_clock;
    using Jobs = std::vector<WriteJob>;

    void run();
    void keep(std::vector<AppliedBatch> batches);
    void write(Jobs jobs);
    void refuse_outdated(Jobs& jobs);
    Result<void> attempt(const Jobs& jobs);
    Result<void> write_tables(const Jobs& jobs);
    Result<void> move_base();
    bool may_move_base() const;
    void on_written(Jobs jobs);
    void on_failed(Error error, Jobs jobs);
    void on_disk_full(Error error, Jobs jobs);
    void on_fatal(Error error, Jobs jobs);
    void answer(Jobs jobs, const Result<void>& result);
    void serve(std::vector<ReadJob> reads);
    void checkpoint_when_due();
    void close_file();

    std::unique_ptr<File> file_;  // until the thread ends
    const Storage::Options options_;
    const std::shared_ptr<StrandState> strand_;
    DiskSpace space_;
    WorkQueue queue_;

    std::optional<AppliedBatch> kept_;  // waits for the next transaction, all batches merged
    std::optional<raft::LogBase> compact_to_;
    LogIndex reported_applied_;
    std::uint64_t generation_ = 0;
    std::optional<Error> read_only_;  // why, while the disk is full
    Clock::time_point next_probe_{};
    std::optional<Error> fatal_;

    std::atomic<std::uint64_t> transactions_ = 0;
    std::atomic<std::uint64_t> entries_ = 0;
    std::atomic<std::uint64_t> checkpoints_ = 0;
    std::atomic<std::int64_t> transaction_ns_ = 0;
    std::thread thread_;  // last: it uses all of the above
};

}  // namespace trivet::store
