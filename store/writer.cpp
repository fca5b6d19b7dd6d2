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
        Work work = queue_.take(read_only_ ? std::optional(next_probe_) : std::nullopt);
        keep(std::move(work.batches));
        write(std::move(work.appends));
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
        kept_->last_applied = batch.last_applied;
        std::move(batch.rows.begin(), batch.rows.end(), std::back_inserter(kept_->rows));
        std::move(batch.events.begin(), batch.events.end(), std::back_inserter(kept_->events));
        // A disk may stay full for days; the table would keep no more either.
        if (kept_->events.size() > options_.events_keep)
            kept_->events.erase(
                kept_->events.begin(),
                kept_->events.end() - static_cast<std::ptrdiff_t>(options_.events_keep));
    }
}

void Writer::write(Appends appends) {
    if (fatal_) return answer(std::move(appends), fail(*fatal_));
    refuse_outdated(appends);
    const bool probe = read_only_ && Clock::now() >= next_probe_;
    if (appends.empty() && !probe && (read_only_ || !kept_)) return;
    if (auto written = attempt(appends); written)
        on_written(std::move(appends));
    else
        on_failed(written.error(), std::move(appends));
}

void Writer::refuse_outdated(Appends& appends) {
    const auto current =
        std::stable_partition(appends.begin(), appends.end(),
                              [&](const AppendJob& job) { return job.generation != generation_; });
    Appends outdated(std::make_move_iterator(appends.begin()), std::make_move_iterator(current));
    appends.erase(appends.begin(), current);
    if (outdated.empty()) return;
    answer(std::move(outdated),
           fail(ErrorCode::insufficient_storage,
                "an entry before this one was refused because the disk is full: try again"));
}

Result<void> Writer::attempt(const Appends& appends) {
    using enum DiskSpace::Freshness;
    const auto started = Clock::now();
    if (auto space = space_.check(started, read_only_ ? now : recent); !space) return space;

    const Positions before = file_->tables.positions();
    auto written = file_->database.transaction([&] { return write_tables(appends); });
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

Result<void> Writer::write_tables(const Appends& appends) {
    Tables& tables = file_->tables;
    for (const AppendJob& job : appends) {
        for (const LogEntry& entry : job.entries) {
            if (auto appended = tables.append(entry); !appended) return appended;
        }
    }
    if (kept_) {
        if (auto applied = tables.apply(*kept_); !applied) return applied;
    }
    auto trimmed = tables.trim({.log = options_.log_keep, .events = options_.events_keep});
    if (!trimmed) return trimmed;
    // A probe without other work must write something, or it would prove nothing.
    return tables.write_meta(read_only_ ? MetaRows::all : MetaRows::changed);
}

void Writer::on_written(Appends appends) {
    if (read_only_) {
        read_only_.reset();
        options_.post([callback = options_.on_read_only] { callback(std::nullopt); });
    }
    for (const AppendJob& job : appends) entries_ += job.entries.size();
    answer(std::move(appends), {});
}

void Writer::on_failed(Error error, Appends appends) {
    if (error.code == ErrorCode::insufficient_storage)
        on_disk_full(std::move(error), std::move(appends));
    else
        on_fatal(std::move(error), std::move(appends));
}

void Writer::on_disk_full(Error error, Appends appends) {
    next_probe_ = Clock::now() + probe_interval;
    if (!read_only_)
        options_.post(
            [callback = options_.on_read_only, reason = error.message] { callback(reason); });
    read_only_ = error;
    if (appends.empty()) return;
    ++generation_;
    answer(std::move(appends), fail(std::move(error)));
}

void Writer::on_fatal(Error error, Appends appends) {
    fatal_ = Error{ErrorCode::unavailable,
                   "lbd stops writing after an error of its database: " + error.message};
    kept_.reset();
    read_only_.reset();
    options_.post([callback = options_.on_fatal, error = std::move(error)] { callback(error); });
    answer(std::move(appends), fail(*fatal_));
}

void Writer::answer(Appends appends, const Result<void>& result) {
    if (appends.empty()) return;
    const Positions& end = file_->tables.positions();
    std::vector<std::function<void(Result<void>)>> waiting;
    waiting.reserve(appends.size());
    for (AppendJob& job : appends) waiting.push_back(std::move(job.done));
    options_.post([strand = strand_, waiting = std::move(waiting), result, last = end.last_index,
                   term = end.term, generation = generation_] {
        if (result) {
            strand->durable = last;
        } else if (strand->generation != generation) {
            strand->generation = generation;
            strand->next = LogIndex{last.value() + 1};
            strand->term = term;
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
