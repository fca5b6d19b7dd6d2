#include "store/writer.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>

#include "store/loader.hpp"

namespace trivet::store {

namespace {

constexpr std::chrono::seconds probe_interval{1};

std::filesystem::path directory_of(const std::filesystem::path& file) {
    return file.parent_path().empty() ? "." : file.parent_path();
}

}  // namespace

Writer::Writer(File file, Storage::Options options, std::shared_ptr<StrandState> strand)
    : file_(std::make_unique<File>(std::move(file))),
      options_(std::move(options)),
      strand_(std::move(strand)),
      space_(directory_of(options_.path), options_.free_bytes_min),
      queue_(options_.applied_delay),
      thread_([this] { run(); }) {}

Storage::Statistics Writer::statistics() const {
    return {.transactions = transactions_,
            .entries = entries_,
            .checkpoints = checkpoints_,
            .transaction_time = std::chrono::nanoseconds(transaction_ns_)};
}

void Writer::finish() {
    queue_.close();
    if (thread_.joinable()) thread_.join();
}

void Writer::run() {
    // A node that starts on a full disk says so at once, not at its first change.
    if (auto space = space_.check(Clock::now(), DiskSpace::Freshness::now); !space)
        on_failed(space.error(), {});
    for (;;) {
        std::optional<Clock::time_point> wake_at;
        if (read_only_) wake_at = next_probe_;
        if (!read_only_ && !fatal_ && may_move_base()) wake_at = Clock::now();
        Work work = queue_.take(wake_at);
        keep(std::move(work.batches));
        if (work.compact_to && !fatal_) compact_to_ = std::move(work.compact_to);
        write(std::move(work.writes));
        serve(std::move(work.reads));
        checkpoint_when_due();
        if (work.last) break;
    }
    close_file();
}

void Writer::keep(std::vector<AppliedBatch> batches) {
    if (fatal_) return;  // they are in the log, and applied again at the next start
    for (AppliedBatch& batch : batches) {
        if (!kept_) {
            kept_ = std::move(batch);
            continue;
        }
        kept_->last_applied = std::max(kept_->last_applied, batch.last_applied);
        std::move(batch.rows.begin(), batch.rows.end(), std::back_inserter(kept_->rows));
        std::move(batch.events.begin(), batch.events.end(), std::back_inserter(kept_->events));
        // A disk may stay full for days; the table would keep no more either.
        if (kept_->events.size() > options_.events_keep)
            kept_->events.erase(
                kept_->events.begin(),
                kept_->events.end() - static_cast<std::ptrdiff_t>(options_.events_keep));
    }
}

void Writer::write(Jobs jobs) {
    if (fatal_) return answer(std::move(jobs), fail(*fatal_));
    refuse_outdated(jobs);
    const bool probe = read_only_ && Clock::now() >= next_probe_;
    const bool idle = jobs.empty() && !kept_ && !may_move_base();
    if (!probe && (idle || (read_only_ && jobs.empty()))) return;
    if (auto written = attempt(jobs); written)
        on_written(std::move(jobs));
    else
        on_failed(written.error(), std::move(jobs));
}

void Writer::refuse_outdated(Jobs& jobs) {
    const auto current = std::stable_partition(jobs.begin(), jobs.end(), [&](const WriteJob& job) {
        return job.generation != generation_;
    });
    Jobs outdated(std::make_move_iterator(jobs.begin()), std::make_move_iterator(current));
    jobs.erase(jobs.begin(), current);
    if (outdated.empty()) return;
    answer(std::move(outdated),
           fail(ErrorCode::insufficient_storage,
                "an entry before this one was refused because the disk is full: try again"));
}

Result<void> Writer::attempt(const Jobs& jobs) {
    using enum DiskSpace::Freshness;
    const auto started = Clock::now();
    if (auto space = space_.check(started, read_only_ ? now : recent); !space) return space;

    const Positions before = file_->tables.positions();
    auto written = file_->database.transaction([&] { return write_tables(jobs); });
    if (!written) {
        file_->tables.restore(before);
        if (written.error().code == ErrorCode::insufficient_storage)
            return fail(space_.refused(written.error()));
        return written;
    }
    file_->tables.committed();
    kept_.reset();
    ++transactions_;
    transaction_ns_ +=
        std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - started).count();
    return {};
}

Result<void> Writer::write_tables(const Jobs& jobs) {
    Tables& tables = file_->tables;
    // First, since a snapshot among the jobs takes the place of what was applied before it. What
    // was saved as applied was durable then, so that it depends on none of the jobs.
    if (kept_) {
        if (auto applied = tables.apply(*kept_); !applied) return applied;
    }
    for (const WriteJob& job : jobs) {
        if (auto written = tables.write(job.write); !written) return written;
    }
    if (may_move_base()) {
        if (auto moved = move_base(); !moved) return moved;
    }
    if (auto trimmed = tables.trim_events(options_.events_keep); !trimmed) return trimmed;
    // A probe without other work must write something, or it would prove nothing.
    return tables.write_meta(read_only_ ? MetaRows::all : MetaRows::changed);
}

bool Writer::may_move_base() const {
    const Positions& now = file_->tables.positions();
    if (!options_.log_keep)
        return compact_to_ && std::min(compact_to_->index, now.last_applied) > now.base.index;
    const std::uint64_t kept = now.last_applied.value() - now.base.index.value();
    return kept >= *options_.log_keep + trim_slack(*options_.log_keep);
}

Result<void> Writer::move_base() {
    Tables& tables = file_->tables;
    const LogIndex applied = tables.positions().last_applied;
    if (options_.log_keep) return tables.move_base(LogIndex{applied.value() - *options_.log_keep});
    if (!compact_to_) return {};
    const raft::LogBase& wanted = *compact_to_;
    if (auto moved = tables.move_base(std::min(wanted.index, applied)); !moved) return moved;
    const raft::LogBase& base = tables.positions().base;
    if (base.index != wanted.index ||
        (base.term == wanted.term && base.configuration == wanted.configuration))
        return {};
    return fail(ErrorCode::internal,
                fmt::format("the log was to be compacted up to entry {} of term {}, but its term "
                            "or configuration there is another; restart lbd and report this",
                            base.index.value(), wanted.term.value()));
}

void Writer::on_written(Jobs jobs) {
    if (read_only_) {
        read_only_.reset();
        options_.post([callback = options_.on_read_only] { callback(std::nullopt); });
    }
    for (const WriteJob& job : jobs) entries_ += job.write.append.size();
    answer(std::move(jobs), {});
    const LogIndex applied = file_->tables.positions().last_applied;
    if (applied == std::exchange(reported_applied_, applied) || !options_.on_applied) return;
    options_.post([callback = options_.on_applied, applied] { callback(applied); });
}

void Writer::on_failed(Error error, Jobs jobs) {
    if (error.code == ErrorCode::insufficient_storage)
        on_disk_full(std::move(error), std::move(jobs));
    else
        on_fatal(std::move(error), std::move(jobs));
}

void Writer::on_disk_full(Error error, Jobs jobs) {
    next_probe_ = Clock::now() + probe_interval;
    if (!read_only_)
        options_.post(
            [callback = options_.on_read_only, reason = error.message] { callback(reason); });
    read_only_ = error;
    if (jobs.empty()) return;
    ++generation_;
    answer(std::move(jobs), fail(std::move(error)));
}

void Writer::on_fatal(Error error, Jobs jobs) {
    compact_to_.reset();
    fatal_ = Error{ErrorCode::unavailable,
                   "lbd stops writing after an error of its database: " + error.message};
    kept_.reset();
    read_only_.reset();
    options_.post([callback = options_.on_fatal, error = std::move(error)] { callback(error); });
    answer(std::move(jobs), fail(*fatal_));
}

void Writer::answer(Jobs jobs, const Result<void>& result) {
    if (jobs.empty()) return;
    std::vector<std::function<void(Result<void>)>> waiting;
    waiting.reserve(jobs.size());
    for (WriteJob& job : jobs) waiting.push_back(std::move(job.done));
    options_.post([strand = strand_, waiting = std::move(waiting), result,
                   standing = file_->tables.positions().standing(), generation = generation_] {
        if (result) {
            strand->durable = standing.last_index;
        } else if (strand->generation != generation) {
            strand->generation = generation;
            strand->standing = standing;
            strand->standing.applied = std::max(standing.applied, strand->saved);
        }
        for (const auto& done : waiting) done(result);
    });
}

void Writer::serve(std::vector<ReadJob> reads) {
    for (ReadJob& job : reads) {
        auto events = fatal_ ? Result<std::vector<Event>>(fail(*fatal_))
                             : load_events(file_->database, job.limit, job.object);
        options_.post([done = std::move(job.done), events = std::move(events)]() mutable {
            done(std::move(events));
        });
    }
}

void Writer::checkpoint_when_due() {
    if (fatal_ || read_only_ || file_->database.wal_pages() < options_.checkpoint_pages) return;
    if (auto moved = file_->database.checkpoint(Checkpoint::passive); moved)
        ++checkpoints_;
    else
        on_failed(moved.error(), {});
}

void Writer::close_file() {
    if (!fatal_) {
        auto moved = file_->database.checkpoint(Checkpoint::truncate);
        // On a full disk the log stays as it is, and is read at the next start.
        if (!moved && moved.error().code != ErrorCode::insufficient_storage)
            on_fatal(moved.error(), {});
    }
    file_.reset();
}

}  // namespace trivet::store
