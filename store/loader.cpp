#include "store/loader.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace trivet::store {

namespace {

constexpr std::string_view restore_remedy =
    "stop lbd, keep a copy of the file, check the disk, restore a snapshot";

bool matches(const Checksum& computed, std::string_view stored) {
    return std::equal(computed.begin(), computed.end(), stored.begin(), stored.end(),
                      [](std::uint8_t a, char b) { return a == static_cast<std::uint8_t>(b); });
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
    std::uint64_t number = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || stop != text.data() + text.size() || text.empty())
        return std::nullopt;
    return number;
}

/// Reads one file's tables in the order in which they depend on each other.
class Loader {
public:
    Loader(Database& database, const std::filesystem::path& path)
        : database_(database), path_(path) {}

    Result<LoadedFile> load() {
        if (auto read = read_meta(); !read) return fail(read.error());
        if (auto read = read_state(); !read) return fail(read.error());
        if (auto read = read_log(); !read) return fail(read.error());
        if (auto read = read_event_range(); !read) return fail(read.error());
        file_.loaded.last_applied = file_.positions.last_applied;
        file_.loaded.last_index = file_.positions.last_index;
        file_.loaded.term = file_.positions.term;
        return std::move(file_);
    }

private:
    tl::unexpected<Error> damaged(std::string_view table, std::string_view row,
                                  std::string_view finding) const {
        return fail(ErrorCode::corrupt,
                    fmt::format("{}: table {}, row '{}': {}; {}", path_.native(), table, row,
                                finding, restore_remedy));
    }

    Result<void> read_meta();
    Result<std::string> meta_value(Statement& select, std::string_view key);
    Result<std::uint64_t> meta_number(Statement& select, std::string_view key);
    Result<void> read_state();
    Result<void> read_log();
    Result<void> check_log_end(LogIndex last_found, Term term_found);
    Result<void> read_event_range();

    Database& database_;
    const std::filesystem::path& path_;
    LoadedFile file_;
    RowChecksum checksums_;
};

Result<void> Loader::read_meta() {
    auto select = database_.prepare("SELECT value, checksum FROM meta WHERE key = ?1");
    if (!select) return fail(select.error());
    auto last_index = meta_number(*select, meta_key::last_index);
    if (!last_index) return fail(last_index.error());
    auto term = meta_number(*select, meta_key::term);
    if (!term) return fail(term.error());
    auto last_applied = meta_number(*select, meta_key::last_applied);
    if (!last_applied) return fail(last_applied.error());
    auto digest_text = meta_value(*select, meta_key::state_digest);
    if (!digest_text) return fail(digest_text.error());
    const auto digest = TableDigest::parse(*digest_text);
    if (!digest) return damaged("meta", meta_key::state_digest, "its value is malformed");
    if (*last_applied > *last_index)
        return damaged("meta", meta_key::last_applied, "it is greater than last_index");
    file_.positions.last_index = LogIndex{*last_index};
    file_.positions.term = Term{*term};
    file_.positions.last_applied = LogIndex{*last_applied};
    file_.positions.state_digest = *digest;
    return {};
}

Result<std::string> Loader::meta_value(Statement& select, std::string_view key) {
    select.bind_text(1, key);
    auto row = select.step();
    if (!row) return fail(row.error());
    if (!*row) return damaged("meta", key, "the row is missing");
    std::string value(select.bytes(0));
    const bool intact = matches(checksum_of(checksums_, "meta", key, value), select.bytes(1));
    select.reset();
    if (!intact) return damaged("meta", key, "its checksum does not match");
    return value;
}

Result<std::uint64_t> Loader::meta_number(Statement& select, std::string_view key) {
    auto text = meta_value(select, key);
    if (!text) return fail(text.error());
    const auto number = parse_number(*text);
    if (!number) return damaged("meta", key, "its value is no number");
    return *number;
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
                            path_.native(), digest.rows(), file_.positions.state_digest.rows(),
                            file_.positions.last_applied.value(), restore_remedy));
}

Result<void> Loader::read_log() {
    auto select =
        database_.prepare(R"(SELECT "index", term, payload, checksum FROM log ORDER BY "index")");
    if (!select) return fail(select.error());
    std::uint64_t previous = 0;
    std::uint64_t previous_term = 0;
    for (;;) {
        auto row = select->step();
        if (!row) return fail(row.error());
        if (!*row) break;
        LogEntry entry{.index = LogIndex{select->integer(0)},
                       .term = Term{select->integer(1)},
                       .payload = std::string(select->bytes(2))};
        const std::uint64_t index = entry.index.value();
        if (!matches(checksum_of(checksums_, entry), select->bytes(3)))
            return damaged("log", std::to_string(index), "its checksum does not match");
        if (index == 0) return damaged("log", "0", "the first entry is 1");
        // The first may stand anywhere up to the first that is not applied.
        const std::uint64_t expected =
            previous == 0 ? std::min(index, file_.positions.last_applied.value() + 1)
                          : previous + 1;
        if (index != expected)
            return damaged("log", std::to_string(expected), "the entry is missing");
        if (entry.term.value() < previous_term)
            return damaged("log", std::to_string(index), "its term is older than the one before");
        if (previous == 0) file_.positions.first_index = entry.index;
        previous = index;
        previous_term = entry.term.value();
        if (entry.index > file_.positions.last_applied)
            file_.loaded.entries.push_back(std::move(entry));
    }
    return check_log_end(LogIndex{previous}, Term{previous_term});
}

Result<void> Loader::check_log_end(LogIndex last_found, Term term_found) {
    const Positions& meta = file_.positions;
    if (last_found > meta.last_index)
        return damaged("log", std::to_string(last_found.value()), "meta knows of no such entry");
    const bool empty = last_found == LogIndex{};
    if (empty && meta.last_applied == meta.last_index) {  // all were applied and trimmed
        file_.positions.first_index = LogIndex{meta.last_index.value() + 1};
        return {};
    }
    if (last_found < meta.last_index) {
        const LogIndex before = empty ? meta.last_applied : last_found;
        return damaged("log", std::to_string(before.value() + 1), "the entry is missing");
    }
    if (term_found != meta.term)
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

Result<LoadedFile> load_file(Database& database, const std::filesystem::path& path) {
    return Loader(database, path).load();
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
