#include "store/tables.hpp"

#include <algorithm>
#include <unordered_map>

#include "core/assert.hpp"

namespace trivet::store {

std::uint64_t trim_slack(std::uint64_t keep) {
    return std::clamp<std::uint64_t>(keep / 10, 1, trim_rows_max);
}

Checksum checksum_of(RowChecksum& checksums, const LogEntry& entry) {
    const std::string index = std::to_string(entry.index.value());
    const std::string term = std::to_string(entry.term.value());
    const RowName row{.table = "log", .key = index};
    // As in schema 1, which had no kinds: its rows stay valid as they are.
    if (entry.kind == EntryKind::command) return checksums.of(row, {term, entry.payload});
    return checksums.of(row, {term, entry.payload, std::to_string(static_cast<int>(entry.kind))});
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
    tables.written_ = positions.meta();
    tables.positions_ = std::move(positions);
    struct Source {
        Statement& statement;
        const char* sql;
    };
    const Source sources[] = {
        {tables.insert_entry_,
         R"(INSERT INTO log("index", term, payload, checksum, kind) VALUES (?1, ?2, ?3, ?4, ?5))"},
        // Payloads of other kinds may be long, and are not read.
        {tables.select_head_,
         R"(SELECT "index", length(payload), kind = 2, CASE kind WHEN 2 THEN payload END FROM log )"
         R"(WHERE "index" <= ?1 ORDER BY "index" LIMIT ?2)"},
        {tables.delete_head_, R"(DELETE FROM log WHERE "index" <= ?1)"},
        {tables.delete_tail_, R"(DELETE FROM log WHERE "index" >= ?1)"},
        {tables.select_checksum_, "SELECT checksum FROM state WHERE key = ?1"},
        {tables.upsert_row_,
         "INSERT INTO state(key, value, checksum) VALUES (?1, ?2, ?3) "
         "ON CONFLICT(key) DO UPDATE SET value = ?2, checksum = ?3"},
        {tables.delete_row_, "DELETE FROM state WHERE key = ?1"},
        {tables.delete_rows_, "DELETE FROM state"},
        {tables.insert_event_,
         R"(INSERT INTO events(sequence, "index", at, type, object, message, checksum) )"
         "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"},
        {tables.upsert_meta_,
         "INSERT INTO meta(key, value, checksum) VALUES (?1, ?2, ?3) "
         "ON CONFLICT(key) DO UPDATE SET value = ?2, checksum = ?3"},
        {tables.trim_events_, "DELETE FROM events WHERE sequence < ?1"},
    };
    for (const Source& source : sources) {
        auto prepared = database.prepare(source.sql);
        if (!prepared) return fail(prepared.error());
        source.statement = std::move(*prepared);
    }
    return tables;
}

Result<void> Tables::apply(const AppliedBatch& batch) {
    // Commands of one transaction change some rows again and again, as the state's time: what they
    // are at its end is all that anybody will see.
    std::unordered_map<std::string_view, std::size_t> newest;
    for (std::size_t i = 0; i < batch.rows.size(); ++i) newest[batch.rows[i].key] = i;
    for (std::size_t i = 0; i < batch.rows.size(); ++i) {
        const RowChange& row = batch.rows[i];
        if (newest[row.key] != i) continue;
        auto done = row.value ? put_row(row.key, *row.value) : remove_row(row.key);
        if (!done) return done;
    }
    for (const Event& event : batch.events) {
        if (auto added = add_event(event); !added) return added;
    }
    // Events that this node alone has seen may carry an older one.
    positions_.last_applied = std::max(positions_.last_applied, batch.last_applied);
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

Result<void> Tables::trim_events(std::uint64_t keep) {
    const std::uint64_t next = positions_.next_event;
    const std::uint64_t first_kept = next > keep ? next - keep : 0;
    if (first_kept < positions_.first_event + trim_slack(keep)) return {};
    trim_events_.bind(1, first_kept);
    if (auto trimmed = trim_events_.run(); !trimmed) return trimmed;
    positions_.first_event = first_kept;
    return {};
}

void Tables::boot(std::uint64_t nonce, std::optional<raft::RaftId> renewed) {
    if (renewed) {
        positions_.raft_id = *renewed;
        positions_.boots = {};
        positions_.hard_state.vote = {};
    }
    positions_.boots.append(nonce);
}

Result<void> Tables::write_meta(MetaRows which) {
    for (const MetaField& field : meta_fields()) {
        if (which == MetaRows::changed && field.same(positions_, written_)) continue;
        const std::string value = field.text(positions_);
        const Checksum checksum = checksum_of(checksums_, "meta", field.key, value);
        upsert_meta_.bind_text(1, field.key);
        upsert_meta_.bind_blob(2, value);
        upsert_meta_.bind_blob(3, checksum);
        if (auto put = upsert_meta_.run(); !put) return put;
    }
    return {};
}

}  // namespace trivet::store
