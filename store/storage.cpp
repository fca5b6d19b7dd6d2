#include "store/storage.hpp"

#include <algorithm>
#include <iterator>

#include "core/assert.hpp"
#include "store/identity.hpp"
#include "store/loader.hpp"
#include "store/schema.hpp"
#include "store/writer.hpp"

namespace trivet::store {

namespace {

/// The strand's side: checks what it is given and passes it to the writer thread.
class SqliteStorage final : public Storage {
public:
    SqliteStorage(Writer::File file, Loaded loaded, Options options)
        : post_(options.post),
          has_log_keep_(options.log_keep.has_value()),
          loaded_(std::move(loaded)),
          strand_(std::make_shared<StrandState>()) {
        strand_->standing = file.tables.positions().standing();
        strand_->durable = loaded_->last_index;
        strand_->saved = loaded_->last_applied;
        writer_ = std::make_unique<Writer>(std::move(file), std::move(options), strand_);
    }
    ~SqliteStorage() override { writer_->finish(); }
    SqliteStorage(const SqliteStorage&) = delete;
    SqliteStorage& operator=(const SqliteStorage&) = delete;

    Loaded take_loaded() override {
        auto loaded = std::exchange(loaded_, std::nullopt);
        TRIVET_ASSERT(loaded.has_value());
        return *std::move(loaded);
    }

    void append(std::vector<LogEntry> entries, std::function<void(Result<void>)> done) override {
        raft::Write job;
        // One node alone has no elections: its term is that of what it appends.
        const raft::HardState& now = strand_->standing.hard_state;
        if (!entries.empty() && entries.back().term > now.term)
            job.hard_state = {.term = entries.back().term, .vote = {}};
        job.append = std::move(entries);
        write(std::move(job), std::move(done));
    }

    void write(raft::Write write, std::function<void(Result<void>)> done) override {
        // What comes behind a write that the queue refused might leave a hole.
        if (const auto& refusal = strand_->queue_refusal) return refuse(std::move(done), *refusal);
        auto next = after(strand_->standing, write);
        if (!next) return refuse(std::move(done), next.error());
        const std::size_t bytes = bytes_of(write);
        WriteJob job{.write = std::move(write),
                     .done = std::move(done),
                     .generation = strand_->generation,
                     .bytes = bytes};
        if (auto pushed = writer_->queue().push(job); !pushed) {
            strand_->queue_refusal = pushed.error();
            post_([strand = strand_, done = std::move(job.done), pushed] {
                strand->queue_refusal.reset();
                done(pushed);
            });
            return;
        }
        strand_->standing = *std::move(next);
    }

    void compact(raft::LogBase base) override {
        TRIVET_ASSERT(!has_log_keep_);
        TRIVET_ASSERT(base.index <= strand_->standing.applied);
        writer_->queue().push(std::move(base));
    }

    void save_applied(AppliedBatch batch) override {
        Standing& standing = strand_->standing;
        TRIVET_ASSERT(batch.last_applied <= std::max(strand_->durable, strand_->saved));
        if (!batch.rows.empty() || batch.last_applied > standing.applied) {
            TRIVET_ASSERT(batch.last_applied >= standing.applied);
            // It would change what the snapshot brings.
            TRIVET_ASSERT(batch.last_applied > standing.snapshot ||
                          standing.snapshot == LogIndex{});
            standing.applied = strand_->saved = batch.last_applied;
        }
        writer_->queue().push(std::move(batch));
    }

    void read_events(std::size_t limit, std::optional<std::string> object,
                     std::function<void(Result<std::vector<Event>>)> done) override {
        ReadJob job{.limit = limit, .object = std::move(object), .done = std::move(done)};
        if (auto pushed = writer_->queue().push(job); !pushed)
            post_([done = std::move(job.done), error = pushed.error()] { done(fail(error)); });
    }

    Statistics statistics() const override { return writer_->statistics(); }
    void close() override { writer_->finish(); }

private:
    void refuse(std::function<void(Result<void>)> done, const Error& error) {
        post_([done = std::move(done), error] { done(fail(error)); });
    }

    std::function<void(std::function<void()>)> post_;
    const bool has_log_keep_;
    std::optional<Loaded> loaded_;
    std::shared_ptr<StrandState> strand_;
    std::unique_ptr<Writer> writer_;
};

Result<Database> open_checked(const Storage::Options& options) {
    auto database = Database::open(options.path, options.vfs_name);
    if (!database) return database;
    const auto steps = migrations();
    auto good = check_identity(*database, options.path, steps.back().version);
    if (good) good = database->make_durable();
    if (good) good = database->quick_check();
    if (good) good = migrate(*database, steps);
    if (!good) return fail(good.error());
    return database;
}

/// Durable before anybody is told of this start. False: the disk is full, and it will be written
/// with the first write that succeeds.
Result<bool> record_boot(Database& database, Tables& tables, Storage::Options::Identity identity) {
    const bool renew = identity == Storage::Options::Identity::renew;
    const auto renewed = renew ? std::optional(raft::RaftId(random_id())) : std::nullopt;
    tables.boot(random_id(), renewed);
    auto written = database.transaction([&] { return tables.write_meta(MetaRows::changed); });
    if (!written && (renew || written.error().code != ErrorCode::insufficient_storage))
        return fail(written.error());
    if (written) tables.committed();
    return written.has_value();
}

}  // namespace

raft::DurableState take_durable_state(Loaded& loaded) {
    raft::DurableState state;
    state.hard_state = loaded.hard_state;
    state.base = loaded.base;
    state.entries = std::exchange(loaded.applied_entries, {});
    std::ranges::move(loaded.entries, std::back_inserter(state.entries));
    loaded.entries.clear();
    state.applied = loaded.last_applied;
    return state;
}

Result<std::unique_ptr<Storage>> Storage::open(Options options) {
    TRIVET_ASSERT(options.post && options.on_read_only && options.on_fatal);
    auto claim = FileClaim::take(options.path);
    if (!claim) return fail(claim.error());
    auto database = open_checked(options);
    if (!database) return fail(database.error());
    auto file =
        load_file(*database, options.log_keep ? AppliedEntries::skip : AppliedEntries::load);
    if (!file) return fail(file.error());
    auto tables = Tables::prepare(*database, file->positions);
    if (!tables) return fail(tables.error());
    auto recorded = record_boot(*database, *tables, options.identity);
    if (!recorded) return fail(recorded.error());

    const Positions& now = tables->positions();
    Loaded& loaded = file->loaded;
    loaded.last_applied = now.last_applied;
    loaded.last_index = now.last_index;
    loaded.term = now.term;
    loaded.hard_state = now.hard_state;
    loaded.base = now.base;
    loaded.raft_id = now.raft_id;
    loaded.boots = now.boots;
    loaded.boot_is_durable = *recorded;
    return std::make_unique<SqliteStorage>(Writer::File{.claim = std::move(*claim),
                                                        .database = std::move(*database),
                                                        .tables = std::move(*tables)},
                                           std::move(loaded), std::move(options));
}

}  // namespace trivet::store
