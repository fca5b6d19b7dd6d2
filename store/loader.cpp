#include "store/loader.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "core/raft/configuration_codec.hpp"

namespace trivet::store {

namespace {

constexpr std::string_view restore_remedy =
    "stop lbd, keep a copy of the file, check the disk, restore a snapshot";

bool matches(const Checksum& computed, std::string_view stored) {
    return std::equal(computed.begin(), computed.end(), stored.begin(), stored.end(),
                      [](std::uint8_t a, char b) { return a == static_cast<std::uint8_t>(b); });
}

tl::unexpected<Error> damaged(const Database& database, std::string_view table,
                              std::string_view row, std::string_view finding) {
    return fail(ErrorCode::corrupt, fmt::format("{}: table {}, row '{}': {}; {}", database.path(),
                                                table, row, finding, restore_remedy));
}

/// Reads one file's tables in the order in which they depend on each other.
class Loader {
public:
    Loader(Database& database, AppliedEntries applied) : database_(database), applied_(applied) {}

    Result<LoadedFile> load() {
        if (auto read = read_meta(); !read) return fail(read.error());
        if (auto read = read_state(); !read) return fail(read.error());
        if (auto read = read_log(); !read) return fail(read.error());
        if (auto read = read_event_range(); !read) return fail(read.error());
        return std::move(file_);
    }

private:
    tl::unexpected<Error> damaged(std::string_view table, std::string_view row,
                                  std::string_view finding) const {
        return store::damaged(database_, table, row, finding);
    }

    Result<void> read_meta();
    Result<void> check_meta() const;
    Result<void> read_state();
    Result<void> read_log();
    Result<void> take_entry(LogEntry entry);
    Result<void> check_log_end() const;
    Result<void> read_event_range();

    Database& database_;
    const AppliedEntries applied_;
    LogIndex last_found_;  // in the log so far; its base at first
    LoadedFile file_;
    RowChecksum checksums_;
};

Result<void> Loader::read_meta() {
    Positions& meta = file_.positions;
    for (const MetaField& field : meta_fields()) {
        auto text = store::read_meta(database_, field.key);
        if (!text) return fail(text.error());
        if (!field.parse(*text, meta)) return damaged("meta", field.key, "its value is malformed");
    }
    if (auto checked = check_meta(); !checked) return checked;
    meta.terms = LogTerms(meta.base.index, meta.base.term);
    last_found_ = meta.base.index;
    return {};
}

Result<void> Loader::check_meta() const {
    const Meta& meta = file_.positions;
    if (meta.last_applied > meta.last_index)
        return damaged("meta", meta_key::last_applied, "it is greater than last_index");
    if (meta.last_applied < meta.base.index)
        return damaged("meta", meta_key::last_applied, "it is less than base_index");
    if (meta.hard_state.term < meta.term)
        return damaged("meta", meta_key::hard_state_term, "it is less than the last entry's term");
    if (meta.raft_id == raft::RaftId{})
        return damaged("meta", meta_key::raft_id, "it is 0, which is nobody");
    return {};
}

Result<void> Loader::read_state() {
    auto select = database_.prepare("SELECT key, value, checksum FROM state ORDER BY key");
    if (!select) return fail(select.error());
    TableDigest digest;
    for (;;) {
        auto row = select->step();
        if (!row) return fail(row.error());
        if (!*row) break;
        StateRow state{.key = std::string(select->bytes(0)),
                       .value = std::string(select->bytes(1))};
        const Checksum checksum = checksum_of(checksums_, "state", state.key, state.value);
        if (!matches(checksum, select->bytes(2)))
            return damaged("state", state.key, "its checksum does not match");
        digest.add(checksum);
        file_.loaded.rows.push_back(std::move(state));
    }
    if (digest == file_.positions.state_digest) return {};
    return fail(ErrorCode::corrupt,
                fmt::format("{}: table state: its {} rows are not the {} that belong to entry {}: "
                            "a row is missing, or old content has come back; {}",
                            database_.path(), digest.rows(), file_.positions.state_digest.rows(),
                            file_.positions.last_applied.value(), restore_remedy));
}

Result<void> Loader::read_log() {
    auto select = database_.prepare(
        R"(SELECT "index", term, payload, checksum, kind FROM log ORDER BY "index")");
    if (!select) return fail(select.error());
    for (;;) {
        auto row = select->step();
        if (!row) return fail(row.error());
        if (!*row) return check_log_end();
        const std::string name = std::to_string(select->integer(0));
        const std::uint64_t kind = select->integer(4);
        if (kind > static_cast<std::uint64_t>(EntryKind::configuration))
            return damaged("log", name, "its kind is unknown");
        LogEntry entry{.index = LogIndex{select->integer(0)},
                       .term = Term{select->integer(1)},
                       .payload = std::string(select->bytes(2)),
                       .kind = static_cast<EntryKind>(kind)};
        if (!matches(checksum_of(checksums_, entry), select->bytes(3)))
            return damaged("log", name, "its checksum does not match");
        if (auto taken = take_entry(std::move(entry)); !taken) return taken;
    }
}

/// Entries come in the order of their indices.
Result<void> Loader::take_entry(LogEntry entry) {
    Positions& meta = file_.positions;
    const std::string name = std::to_string(entry.index.value());
    if (entry.index <= meta.base.index)
        return damaged("log", name, "the log begins behind it, after base_index");
    const std::uint64_t expected = last_found_.value() + 1;
    if (entry.index.value() != expected)
        return damaged("log", std::to_string(expected), "the entry is missing");
    if (entry.index > meta.last_index) return damaged("log", name, "meta knows of no such entry");
    if (entry.term < meta.terms.last())
        return damaged("log", name, "its term is older than the one before");
    if (entry.kind == EntryKind::configuration && !raft::decode_configuration(entry.payload))
        return damaged("log", name, "its configuration cannot be read");
    meta.terms.append(entry.index, entry.term);
    last_found_ = entry.index;
    if (entry.index > meta.last_applied)
        file_.loaded.entries.push_back(std::move(entry));
    else if (applied_ == AppliedEntries::load)
        file_.loaded.applied_entries.push_back(std::move(entry));
    return {};
}

Result<void> Loader::check_log_end() const {
    const Positions& meta = file_.positions;
    if (last_found_ < meta.last_index)
        return damaged("log", std::to_string(last_found_.value() + 1), "the entry is missing");
    if (meta.terms.last() != meta.term)
        return damaged("meta", meta_key::term, "it is not the term of the last entry");
    return {};
}

Result<void> Loader::read_event_range() {
    auto first = database_.integer("SELECT coalesce(min(sequence), 1) FROM events");
    if (!first) return fail(first.error());
    auto last = database_.integer("SELECT coalesce(max(sequence), 0) FROM events");
    if (!last) return fail(last.error());
    file_.positions.first_event = *first;
    file_.positions.next_event = *last + 1;
    return {};
}

}  // namespace

Result<LoadedFile> load_file(Database& database, AppliedEntries applied) {
    return Loader(database, applied).load();
}

Result<std::string> read_meta(Database& database, std::string_view key) {
    auto select = database.prepare("SELECT value, checksum FROM meta WHERE key = ?1");
    if (!select) return fail(select.error());
    select->bind_text(1, key);
    auto row = select->step();
    if (!row) return fail(row.error());
    if (!*row) return damaged(database, "meta", key, "the row is missing");
    std::string value(select->bytes(0));
    RowChecksum checksums;
    if (!matches(checksum_of(checksums, "meta", key, value), select->bytes(1)))
        return damaged(database, "meta", key, "its checksum does not match");
    return value;
}

Result<std::vector<Event>> load_events(Database& database, std::size_t limit,
                                       const std::optional<std::string>& object) {
    auto select = database.prepare(fmt::format(
        R"(SELECT sequence, "index", at, type, object, message, checksum FROM events {}
           ORDER BY sequence DESC LIMIT ?1)",
        object ? "WHERE object = ?2" : ""));
    if (!select) return fail(select.error());
    select->bind(1, std::min<std::uint64_t>(limit, std::numeric_limits<std::int64_t>::max()));
    if (object) select->bind_text(2, *object);
    RowChecksum checksums;
    std::vector<Event> events;
    for (;;) {
        auto row = select->step();
        if (!row) return fail(row.error());
        if (!*row) break;
        const std::uint64_t sequence = select->integer(0);
        const std::chrono::milliseconds at(static_cast<std::int64_t>(select->integer(2)));
        Event event{.index = select->integer(1),
                    .at = WallTime(at),
                    .type = std::string(select->bytes(3)),
                    .object = std::string(select->bytes(4)),
                    .message = std::string(select->bytes(5))};
        if (!matches(checksum_of(checksums, event, sequence), select->bytes(6)))
            return fail(ErrorCode::corrupt,
                        fmt::format("table events, row '{0}': its checksum does not match; no "
                                    "address depends on it: check the disk, then stop lbd and "
                                    "'DELETE FROM events WHERE sequence = {0}'",
                                    sequence));
        events.push_back(std::move(event));
    }
    std::reverse(events.begin(), events.end());
    return events;
}

}  // namespace trivet::store
