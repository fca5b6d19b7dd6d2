#include "store/work_queue.hpp"

#include <algorithm>
#include <iterator>

namespace trivet::store {

namespace {

/// One transaction holds no more than this, so that its first write does not wait for ever.
constexpr std::size_t transaction_writes_max = 4096;
constexpr std::size_t transaction_bytes_max = 8u << 20;
/// What may wait in memory for a slow disk; the engine's own limit on proposals is far lower.
constexpr std::size_t waiting_bytes_max = 256u << 20;
/// Readers of events are people and dashboards.
constexpr std::size_t waiting_reads_max = 256;

auto closed() { return fail(ErrorCode::unavailable, "the database is closed: lbd is stopping"); }

}  // namespace

Result<void> WorkQueue::push(WriteJob& job) {
    {
        const std::lock_guard lock(mutex_);
        if (closed_) return closed();
        if (write_bytes_ + job.bytes > waiting_bytes_max)
            return fail(ErrorCode::unavailable,
                        "too many changes wait for the disk: try again later");
        write_bytes_ += job.bytes;
        writes_.push_back(std::move(job));
    }
    changed_.notify_one();
    return {};
}

Result<void> WorkQueue::push(ReadJob& job) {
    {
        const std::lock_guard lock(mutex_);
        if (closed_) return closed();
        if (reads_.size() >= waiting_reads_max)
            return fail(ErrorCode::unavailable,
                        "too many reads of events wait for the disk: try again later");
        reads_.push_back(std::move(job));
    }
    changed_.notify_one();
    return {};
}

void WorkQueue::push(AppliedBatch batch) {
    {
        const std::lock_guard lock(mutex_);
        // What comes too late is in the log, and is applied again at the next start.
        if (closed_) return;
        if (batches_.empty()) batches_due_ = std::chrono::steady_clock::now() + applied_delay_;
        batches_.push_back(std::move(batch));
    }
    changed_.notify_one();
}

void WorkQueue::push(raft::LogBase compact_to) {
    {
        const std::lock_guard lock(mutex_);
        if (closed_) return;  // a later run will ask for it again
        compact_to_ = std::move(compact_to);
    }
    changed_.notify_one();
}

void WorkQueue::close() {
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
    }
    changed_.notify_one();
}

Work WorkQueue::take(std::optional<Time> wake_at) {
    std::unique_lock lock(mutex_);
    while (!due(wake_at)) {
        if (const auto until = next_due(wake_at))
            changed_.wait_until(lock, *until);
        else
            changed_.wait(lock);
    }
    Work work;
    std::size_t bytes = 0;
    while (!writes_.empty() && work.writes.size() < transaction_writes_max &&
           bytes < transaction_bytes_max) {
        bytes += writes_.front().bytes;
        work.writes.push_back(std::move(writes_.front()));
        writes_.pop_front();
    }
    write_bytes_ -= bytes;
    work.batches = std::exchange(batches_, {});
    work.compact_to = std::exchange(compact_to_, {});
    work.reads = std::exchange(reads_, {});
    work.last = closed_ && writes_.empty();
    return work;
}

bool WorkQueue::due(std::optional<Time> wake_at) const {
    if (closed_ || !writes_.empty() || !reads_.empty() || compact_to_) return true;
    const auto until = next_due(wake_at);
    return until && std::chrono::steady_clock::now() >= *until;
}

std::optional<WorkQueue::Time> WorkQueue::next_due(std::optional<Time> wake_at) const {
    if (wake_at) return wake_at;
    if (!batches_.empty()) return batches_due_;
    return std::nullopt;
}

}  // namespace trivet::store
