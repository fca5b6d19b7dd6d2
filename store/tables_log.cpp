// What Tables does with the log, in the order of a raft::Write.
#include <fmt/format.h>

#include "core/assert.hpp"
#include "core/raft/configuration_codec.hpp"
#include "core/state_snapshot.hpp"
#include "store/tables.hpp"

namespace trivet::store {

namespace {

/// Of payloads that are deleted together: SQLite visits each of their pages.
constexpr std::uint64_t trim_bytes_max = 8u << 20;

}  // namespace

Result<void> Tables::write(const raft::Write& write) {
    if (write.hard_state) positions_.hard_state = *write.hard_state;
    if (write.snapshot) {
        if (auto done = install(*write.snapshot); !done) return done;
    }
    if (write.truncate_from) {
        if (auto done = truncate_from(*write.truncate_from); !done) return done;
    }
    for (const LogEntry& entry : write.append) {
        if (auto done = append(entry); !done) return done;
    }
    return {};
}

Result<void> Tables::install(const raft::Snapshot& snapshot) {
    auto rows = decode_snapshot(*snapshot.data);
    if (!rows) return fail(rows.error());
    delete_tail_.bind(1, 0);
    if (auto done = delete_tail_.run(); !done) return done;
    if (auto done = delete_rows_.run(); !done) return done;
    positions_.state_digest = TableDigest{};
    for (const StateRow& row : *rows) {
        if (auto done = put_row(row.key, row.value); !done) return done;
    }
    const raft::LogBase& base = snapshot.base;
    positions_.base = base;
    positions_.terms = LogTerms(base.index, base.term);
    positions_.term = base.term;
    positions_.last_index = positions_.last_applied = positions_.snapshot = base.index;
    return {};
}

Result<void> Tables::truncate_from(LogIndex index) {
    TRIVET_ASSERT(index > positions_.last_applied);
    delete_tail_.bind(1, index.value());
    if (auto done = delete_tail_.run(); !done) return done;
    positions_.last_index = LogIndex{index.value() - 1};
    positions_.terms.truncate_from(index);
    positions_.term = positions_.terms.last();
    return {};
}

Result<void> Tables::append(const LogEntry& entry) {
    TRIVET_ASSERT(entry.index.value() == positions_.last_index.value() + 1);
    const Checksum checksum = checksum_of(checksums_, entry);
    insert_entry_.bind(1, entry.index.value());
    insert_entry_.bind(2, entry.term.value());
    insert_entry_.bind_blob(3, entry.payload);
    insert_entry_.bind_blob(4, checksum);
    insert_entry_.bind(5, static_cast<std::uint64_t>(entry.kind));
    if (auto inserted = insert_entry_.run(); !inserted) return inserted;
    positions_.last_index = entry.index;
    positions_.terms.append(entry.index, entry.term);
    positions_.term = entry.term;
    return {};
}

/// The base and the rows behind it agree after every transaction: each portion takes the term and
/// the configuration of the last entry that goes.
Result<void> Tables::move_base(LogIndex index) {
    TRIVET_ASSERT(index <= positions_.last_applied);
    raft::LogBase base = positions_.base;
    select_head_.bind(1, index.value());
    select_head_.bind(2, trim_rows_max);
    for (std::uint64_t bytes = 0; bytes < trim_bytes_max;) {
        auto row = select_head_.step();
        if (!row) return fail(row.error());
        if (!*row) break;
        base.index = LogIndex{select_head_.integer(0)};
        bytes += select_head_.integer(1);
        if (select_head_.integer(2) == 0) continue;
        auto configuration = raft::decode_configuration(select_head_.bytes(3));
        if (!configuration) {  // it was whole when it was written or loaded
            select_head_.reset();
            return fail(ErrorCode::corrupt,
                        fmt::format("table log, row '{}': its configuration cannot be read any "
                                    "more; keep a copy of the file, check the disk, restore a "
                                    "snapshot",
                                    base.index.value()));
        }
        base.configuration = std::move(*configuration);
    }
    select_head_.reset();
    base.term = positions_.terms.at(base.index);
    delete_head_.bind(1, base.index.value());
    if (auto done = delete_head_.run(); !done) return done;
    positions_.terms.move_base(base.index);
    positions_.base = std::move(base);
    return {};
}

}  // namespace trivet::store
