#include "store/storage.hpp"

#include <fmt/format.h>

#include "core/assert.hpp"
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
          loaded_(std::move(loaded)),
          strand_(std::make_shared<StrandState>()) {
        strand_->durable = loaded_->last_index;
        strand_->next = LogIndex{loaded_->last_index.value() + 1};
        strand_->term = loaded_->term;
        strand_->applied = loaded_->last_applied;
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
        auto checked = check(entries);
        if (!checked) {
            post_([done = std::move(done), error = checked.error()] { done(fail(error)); });
            return;
        }
        AppendJob job{.entries = std::move(entries),
                      .done = std::move(done),
                      .generation = strand_->generation,
                      .bytes = *checked};
        const LogIndex last = job.entries.back().index;
        const Term term = job.entries.back().term;
        if (auto pushed = writer_->queue().push(job); !pushed) {
            strand_->queue_refusal = pushed.error();
            post_([strand = strand_, done = std::move(job.done), pushed] {
                strand->queue_refusal.reset();
                done(pushed);
            });
            return;
        }
        strand_->next = LogIndex{last.value() + 1};
        strand_->term = term;
    }

    void save_applied(AppliedBatch batch) override {
        TRIVET_ASSERT(batch.last_applied >= strand_->applied);
        TRIVET_ASSERT(batch.last_applied <= strand_->durable);
        strand_->applied = batch.last_applied;
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
    /// The bytes of `entries`, when they may be appended.
    Result<std::size_t> check(const std::vector<LogEntry>& entries) const;

    std::function<void(std::function<void()>)> post_;
    std::optional<Loaded> loaded_;
    std::shared_ptr<StrandState> strand_;
    std::unique_ptr<Writer> writer_;
};

Result<std::size_t> SqliteStorage::check(const std::vector<LogEntry>& entries) const {
    // Appends behind one that the queue refused would leave a hole.
    if (const auto& refusal = strand_->queue_refusal) return fail(*refusal);
    std::uint64_t expected = strand_->next.value();
    Term term = strand_->term;
    std::size_t bytes = 0;
    for (const LogEntry& entry : entries) {
        if (entry.index.value() != expected)
            return fail(ErrorCode::internal,
                        fmt::format("entry {} was to be appended where entry {} belongs; restart "
                                    "lbd and report this",
                                    entry.index.value(), expected));
        if (entry.term < term)
            return fail(ErrorCode::internal,
                        fmt::format("entry {} has term {}, older than term {} before it; restart "
                                    "lbd and report this",
                                    expected, entry.term.value(), term.value()));
        if (entry.payload.size() > Storage::payload_bytes_max)
            return fail(ErrorCode::too_large,
                        fmt::format("entry {} has {} bytes, {} are allowed: make the change "
                                    "smaller",
                                    expected, entry.payload.size(), Storage::payload_bytes_max));
        ++expected;
        term = entry.term;
        bytes += entry.payload.size();
    }
    if (entries.empty()) return fail(ErrorCode::internal, "no entries were given to append");
    return bytes;
}

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

}  // namespace

Result<std::unique_ptr<Storage>> Storage::open(Options options) {
    TRIVET_ASSERT(options.post && options.on_read_only && options.on_fatal);
    auto claim = FileClaim::take(options.path);
    if (!claim) return fail(claim.error());
    auto database = open_checked(options);
    if (!database) return fail(database.error());
    auto file = load_file(*database, options.path);
    if (!file) return fail(file.error());
    auto tables = Tables::prepare(*database, file->positions);
    if (!tables) return fail(tables.error());
    return std::make_unique<SqliteStorage>(Writer::File{.claim = std::move(*claim),
                                                        .database = std::move(*database),
                                                        .tables = std::move(*tables)},
                                           std::move(file->loaded), std::move(options));
}

}  // namespace trivet::store
