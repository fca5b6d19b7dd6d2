#include "store/tables.hpp"

#include <algorithm>

#include "core/assert.hpp"

namespace trivet::store {

namespace {

/// Trimming waits until a tenth of what is kept, or so many rows, can go at once: one statement
/// then serves many transactions, and none of them is held up for more than a few milliseconds.
constexpr std::uint64_t trim_rows_max = 256;

std::uint64_t trim_slack(std::uint64_t keep) {
    return std::clamp<std::uint64_t>(keep / 10, 1, trim_rows_max);
}

}  // namespace

Checksum checksum_of(RowChecksum& checksums, const LogEntry& entry) {
    return checksums.of({.table = "log", .key = std::to_string(entry.index.value())},
                        {std::to_string(entry.term.value()), entry.payload});
}

Checksum checksum_of(RowChecksum& checksums, const Event& event, std::uint64_t sequence) {
    return checksums.of(
        {.table = "events", .key = std::to_string(sequence)},
        {std::to_string(event.index), std::to_string(event.at.time_since_epoch().count()),
         event.type, event.object, event.message});
}

Checksum checksum_of(RowChecksum& checksums, std::string_view table, std::string_view key,
                     std::string_view value) {
    return checksums.of({.table = table, .key = key}, {value});
}

Result<Tables> Tables::prepare(Database& database, Positions positions) {
    Tables tables;
    tables.positions_ = positions;
    tables.written_ = positions;
    struct Source {
        Statement& statement;
        const char* sql;
    };
    const Source sources[] = {
        {tables.insert_entry_,
         R"(INSERT INTO log("index", term, payload, checksum) VALUES (?1, ?2, ?3, ?4))"},
        {tables.select_checksum_, "SELECT checksum FROM state WHERE key = ?1"},
        {tables.upsert_row_,
         "INSERT INTO state(key, value, checksum) VALUES (?1, ?2, ?3) "
         "ON CONFLICT(key) DO UPDATE SET value = ?2, checksum = ?3"},
        {tables.delete_row_, "DELETE FROM state WHERE key = ?1"},
        {tables.insert_event_,
         R"(INSERT INTO events(sequence, "index", at, type, object, message, checksum) )"
         "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"},
        {tables.upsert_meta_,
         "INSERT INTO meta(key, value, checksum) VALUES (?1, ?2, ?3) "
         "ON CONFLICT(key) DO UPDATE SET value = ?2, checksum = ?3"},
        {tables.trim_log_, R"(DELETE FROM log WHERE "index" < ?1)"},
        {tables.trim_events_, "DELETE FROM events WHERE sequence < ?1"},
    };
    for (const Source& source : sources) {
        auto prepared = database.prepare(source.sql);
        if (!prepared) return fail(prepared.error());
        source.statement = std::move(*prepared);
    }
    return tables;
}

Result<void> Tables::append(const LogEntry& entry) {
    TRIVET_ASSERT(entry.index.value() == positions_.last_index.value() + 1);
    const Checksum checksum = checksum_of(checksums_, entry);
    insert_entry_.bind(1, entry.index.value());
    insert_entry_.bind(2, entry.term.value());
    insert_entry_.bind_blob(3, entry.payload);
    insert_entry_.bind_blob(4, checksum);
    positions_.last_index = entry.index;
    positions_.term = entry.term;
    return insert_entry_.run();
}

Result<void> Tables::apply(const AppliedBatch& batch) {
    for (const RowChange& row : batch.rows) {
        auto done = row.value ? put_row(row.key, *row.value) : remove_row(row.key);
        if (!done) return done;
    }
    for (const Event& event : batch.events) {
        if (auto added = add_event(event); !added) return added;
    }
    positions_.last_applied = batch.last_applied;
    return {};
}

Result<void> Tables::put_row(const std::string& key, const std::string& value) {
    if (auto forgotten = forget_checksum(key); !forgotten) return forgotten;
    const Checksum checksum = checksum_of(checksums_, "state", key, value);
    positions_.state_digest.add(checksum);
    upsert_row_.bind_text(1, key);
    upsert_row_.bind_blob(2, value);
    upsert_row_.bind_blob(3, checksum);
    return upsert_row_.run();
}

Result<void> Tables::remove_row(const std::string& key) {
    if (auto forgotten = forget_checksum(key); !forgotten) return forgotten;
    delete_row_.bind_text(1, key);
    return delete_row_.run();
}

/// Takes the row's present version, if there is one, out of the table's digest.
Result<void> Tables::forget_checksum(const std::string& key) {
    select_checksum_.bind_text(1, key);
    auto found = select_checksum_.step();
    if (!found) return fail(found.error());
    if (!*found) return {};
    const std::string_view stored = select_checksum_.bytes(0);
    Checksum checksum{};
    std::copy_n(stored.begin(), std::min(stored.size(), checksum.size()), checksum.begin());
    select_checksum_.reset();
    positions_.state_digest.remove(checksum);
    return {};
}

Result<void> Tables::add_event(const Event& event) {
    const std::uint64_t sequence = positions_.next_event++;
    const Checksum checksum = checksum_of(checksums_, event, sequence);
    insert_event_.bind(1, sequence);
    insert_event_.bind(2, event.index);
    insert_event_.bind(3, static_cast<std::uint64_t>(event.at.time_since_epoch().count()));
    insert_event_.bind_text(4, event.type);
    insert_event_.bind_text(5, event.object);
    insert_event_.bind_text(6, event.message);
    insert_event_.bind_blob(7, checksum);
    return insert_event_.run();
}

Result<void> Tables::trim(const Keep& keep) {
    const std::uint64_t applied = positions_.last_applied.value();
    const std::uint64_t first_kept = applied > keep.log ? applied - keep.log + 1 : 1;
    if (first_kept >= positions_.first_index.value() + trim_slack(keep.log)) {
        trim_log_.bind(1, first_kept);
        if (auto trimmed = trim_log_.run(); !trimmed) return trimmed;
        positions_.first_index = LogIndex{first_kept};
    }
    const std::uint64_t next = positions_.next_event;
    const std::uint64_t first_event_kept = next > keep.events ? next - keep.events : 0;
    if (first_event_kept >= positions_.first_event + trim_slack(keep.events)) {
        trim_events_.bind(1, first_event_kept);
        if (auto trimmed = trim_events_.run(); !trimmed) return trimmed;
        positions_.first_event = first_event_kept;
    }
    return {};
}

Result<void> Tables::write_meta(MetaRows which) {
    const auto put = [&](bool changed, std::string_view key, const std::string& value) {
        if (!changed && which == MetaRows::changed) return Result<void>{};
        return put_meta(key, value);
    };
    const Positions& now = positions_;
    auto done = put(now.last_index != written_.last_index, meta_key::last_index,
                    std::to_string(now.last_index.value()));
    if (done)
        done = put(now.term != written_.term, meta_key::term, std::to_string(now.term.value()));
    if (done)
        done = put(now.last_applied != written_.last_applied, meta_key::last_applied,
                   std::to_string(now.last_applied.value()));
    if (done)
        done = put(now.state_digest != written_.state_digest, meta_key::state_digest,
                   now.state_digest.to_string());
    return done;
}

Result<void> Tables::put_meta(std::string_view key, const std::string& value) {
    const Checksum checksum = checksum_of(checksums_, "meta", key, value);
    upsert_meta_.bind_text(1, key);
    upsert_meta_.bind_blob(2, value);
    upsert_meta_.bind_blob(3, checksum);
    return upsert_meta_.run();
}

}  // namespace trivet::store
