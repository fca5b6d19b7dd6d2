#include "store/work_queue.hpp"

#include <algorithm>
#include <iterator>

namespace trivet::store {

namespace {

/// One transaction holds no more than this, so that its first append does not wait for ever.
constexpr std::size_t transaction_appends_max = 4096;
constexpr std::size_t transaction_bytes_max = 8u << 20;
/// What may wait in memory for a slow disk; the engine's own limit on proposals is far lower.
constexpr std::size_t waiting_bytes_max = 256u << 20;
/// Readers of events are people and dashboards.
constexpr std::size_t waiting_reads_max = 256;

auto closed() { return fail(ErrorCode::unavailable, "the database is closed: lbd is stopping"); }

}  // namespace

Result<void> WorkQueue::push(AppendJob& job) {
    {
        const std::lock_guard lock(mutex_);
        if (closed_) return closed();
        if (append_bytes_ + job.bytes > waiting_bytes_max)
            return fail(ErrorCode::unavailable,
                        "too many changes wait for the disk: try again later");
        append_bytes_ += job.bytes;
        appends_.push_back(std::move(job));
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
    while (!appends_.empty() && work.appends.size() < transaction_appends_max &&
           bytes < transaction_bytes_max) {
        bytes += appends_.front().bytes;
        work.appends.push_back(std::move(appends_.front()));
        appends_.pop_front();
    }
    append_bytes_ -= bytes;
    work.batches = std::exchange(batches_, {});
    work.reads = std::exchange(reads_, {});
    work.last = closed_ && appends_.empty();
    return work;
}

bool WorkQueue::due(std::optional<Time> wake_at) const {
    if (closed_ || !appends_.empty() || !reads_.empty()) return true;
    const auto until = next_due(wake_at);
    return until && std::chrono::steady_clock::now() >= *until;
}

std::optional<WorkQueue::Time> WorkQueue::next_due(std::optional<Time> wake_at) const {
    if (wake_at) return wake_at;
    if (!batches_.empty()) return batches_due_;
    return std::nullopt;
}

}  // namespace trivet::store
