#pragma once
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "store/storage.hpp"

namespace trivet::store {

struct WriteJob {
    raft::Write write;
    std::function<void(Result<void>)> done;
    std::uint64_t generation = 0;  // see StrandState
    std::size_t bytes = 0;
};

struct ReadJob {
    std::size_t limit = 0;
    std::optional<std::string> object;
    std::function<void(Result<std::vector<Event>>)> done;
};

/// What one turn of the writer thread does.
struct Work {
    std::vector<WriteJob> writes;
    std::vector<AppliedBatch> batches;  // all that were pushed before any of `writes`, and more
    std::optional<raft::LogBase> compact_to;
    std::vector<ReadJob> reads;
    bool last = false;  // the queue is closed and empty
};

/// Work on its way from the strand to the writer thread. Shared by both: every method locks.
class WorkQueue {
public:
    using Time = std::chrono::steady_clock::time_point;

    explicit WorkQueue(std::chrono::milliseconds applied_delay) : applied_delay_(applied_delay) {}

    /// Errors: unavailable, closed or full; nothing was taken from `job` then.
    Result<void> push(WriteJob& job);
    Result<void> push(ReadJob& job);
    void push(AppliedBatch batch);
    void push(raft::LogBase compact_to);  // takes the place of the one before
    void close();

    /// Waits for a write, a compaction, a read, a batch that has waited applied_delay, the closing,
    /// or the time `wake_at`. With `wake_at`, batches wait for that as well. Whatever ends the
    /// wait, everything that is there comes along, as far as one transaction should hold it.
    Work take(std::optional<Time> wake_at);

private:
    bool due(std::optional<Time> wake_at) const;
    std::optional<Time> next_due(std::optional<Time> wake_at) const;

    const std::chrono::milliseconds applied_delay_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<WriteJob> writes_;
    std::size_t write_bytes_ = 0;
    std::optional<raft::LogBase> compact_to_;
    std::vector<AppliedBatch> batches_;
    Time batches_due_{};  // of the oldest
    std::vector<ReadJob> reads_;
    bool closed_ = false;
};

}  // namespace trivet::store
