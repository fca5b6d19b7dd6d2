#include "store/database.hpp"

#include <cstring>
#include <fmt/format.h>

#include <sqlite3.h>

#include "core/assert.hpp"

namespace trivet::store {

namespace {

/// A log that one great transaction blew up is cut back to this at the next turn.
constexpr const char* journal_size_limit = "PRAGMA main.journal_size_limit = 16777216";

int on_wal_commit(void* wal_pages, sqlite3*, const char*, int pages) {
    *static_cast<int*>(wal_pages) = pages;
    return SQLITE_OK;
}

ErrorCode error_code(int code) {
    switch (code & 0xff) {  // the low byte is the primary result code
        case SQLITE_FULL:
            return ErrorCode::insufficient_storage;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return ErrorCode::conflict;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            return ErrorCode::corrupt;
        case SQLITE_TOOBIG:
            return ErrorCode::too_large;
        default:
            return ErrorCode::unavailable;
    }
}

std::string_view remedy(int code) {
    switch (code & 0xff) {
        case SQLITE_FULL:
            return "free some space on that file system";
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return "another process has it open: stop that one ('fuser' names it)";
        case SQLITE_CORRUPT:
            return "stop lbd, keep a copy of the file, restore a snapshot";
        case SQLITE_NOTADB:
            return "it is no database: move it away, or correct data_dir in lbd.yaml";
        case SQLITE_TOOBIG:
            return "make the value smaller";
        default:
            return "check the disk and its messages ('journalctl -k'), then start lbd again";
    }
}

}  // namespace

Error sqlite_error(sqlite3* handle, int code, std::string_view doing) {
    const char* file = sqlite3_db_filename(handle, "main");
    const int system = sqlite3_system_errno(handle);
    const bool io = (code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN;
    return {error_code(code),
            fmt::format("{}: cannot {}: {} (SQLite {}){}{}; {}", file == nullptr ? "" : file, doing,
                        sqlite3_errstr(code), code, io && system != 0 ? ": " : "",
                        io && system != 0 ? std::strerror(system) : "", remedy(code))};
}

void Statement::Finalize::operator()(sqlite3_stmt* statement) const {
    // Its result is the error of the last step, which was reported then.
    sqlite3_finalize(statement);
}

void Statement::note(int code) {
    if (code != SQLITE_OK && bind_error_ == SQLITE_OK) bind_error_ = code;
}

void Statement::bind(int position, std::uint64_t value) {
    note(sqlite3_bind_int64(statement_.get(), position, static_cast<sqlite3_int64>(value)));
}

void Statement::bind_text(int position, std::string_view value) {
    // An empty view may point nowhere, which SQLite would read as NULL.
    const char* text = value.empty() ? "" : value.data();
    note(sqlite3_bind_text64(statement_.get(), position, text, value.size(), nullptr, SQLITE_UTF8));
}

void Statement::bind_blob(int position, std::string_view value) {
    const char* bytes = value.empty() ? "" : value.data();
    note(sqlite3_bind_blob64(statement_.get(), position, bytes, value.size(), nullptr));
}

void Statement::bind_blob(int position, std::span<const std::uint8_t> value) {
    TRIVET_ASSERT(!value.empty());
    note(sqlite3_bind_blob64(statement_.get(), position, value.data(), value.size(), nullptr));
}

Result<bool> Statement::step() {
    int code = bind_error_;
    if (code == SQLITE_OK) code = sqlite3_step(statement_.get());
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) {
        reset();
        return false;
    }
    auto error = sqlite_error(sqlite3_db_handle(statement_.get()), code,
                              fmt::format("execute '{}'", sqlite3_sql(statement_.get())));
    reset();
    return fail(std::move(error));
}

Result<void> Statement::run() {
    auto row = step();
    if (!row) return fail(row.error());
    TRIVET_ASSERT(!*row);
    return {};
}

void Statement::reset() {
    sqlite3_reset(statement_.get());  // its result is that of the last step, reported there
    sqlite3_clear_bindings(statement_.get());
    bind_error_ = SQLITE_OK;
}

std::uint64_t Statement::integer(int column) const {
    return static_cast<std::uint64_t>(sqlite3_column_int64(statement_.get(), column));
}

std::string_view Statement::bytes(int column) const {
    const void* data = sqlite3_column_blob(statement_.get(), column);
    if (data == nullptr) return {};
    return {static_cast<const char*>(data),
            static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

void Database::Close::operator()(sqlite3* handle) const {
    // Busy would mean a statement that outlived its database.
    TRIVET_ASSERT(sqlite3_close(handle) == SQLITE_OK);
}

Result<Database> Database::open(const std::filesystem::path& path, const std::string& vfs_name) {
    Database database;
    sqlite3* handle = nullptr;
    const int code = sqlite3_open_v2(
        path.c_str(), &handle,
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
        vfs_name.empty() ? nullptr : vfs_name.c_str());
    TRIVET_ASSERT(handle != nullptr);  // null only when memory ran out
    database.handle_.reset(handle);
    if (code != SQLITE_OK) {
        auto error = sqlite_error(handle, code, "open the database");
        error.message = path.native() + error.message;  // SQLite knows no name yet
        return fail(std::move(error));
    }
    if (auto configured = database.configure(path); !configured) return fail(configured.error());
    return database;
}

Result<void> Database::configure(const std::filesystem::path& path) {
    // SQLite opens for reading alone, without a word, what it may not write.
    if (sqlite3_db_readonly(handle_.get(), "main") != 0)
        return fail(ErrorCode::unavailable,
                    fmt::format("{} cannot be written: check its owner and permissions, and that "
                                "its file system is not mounted read-only",
                                path.native()));
    // A checkpoint at close would, after a failed fsync, copy from the page cache what may not be
    // on the disk, and then delete the log. checkpoint() is called where it is right instead.
    int off = 0;
    sqlite3_db_config(handle_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, &off);
    TRIVET_ASSERT(off == 1);
    // Takes the place of SQLite's automatic checkpoints, which ignore a failed fsync.
    sqlite3_wal_hook(handle_.get(), on_wal_commit, wal_pages_.get());
    if (auto set = expect("PRAGMA main.locking_mode = EXCLUSIVE", "exclusive"); !set) return set;
    // Reading through a mapping would turn an I/O error into SIGBUS.
    if (auto set = execute("PRAGMA main.mmap_size = 0"); !set) return set;
    if (auto set = execute("PRAGMA cell_size_check = ON"); !set) return set;
    return execute("PRAGMA trusted_schema = OFF");
}

Result<void> Database::expect(const char* pragma, const char* value) {
    auto answer = text(pragma);
    if (!answer) return fail(answer.error());
    if (*answer == value) return {};
    return fail(ErrorCode::unavailable,
                fmt::format("{}: '{}' was answered by '{}' instead of '{}': this SQLite or its "
                            "file system cannot store durably; use a local file system",
                            sqlite3_db_filename(handle_.get(), "main"), pragma, *answer, value));
}

Result<void> Database::make_durable() {
    if (auto set = execute("PRAGMA main.synchronous = FULL"); !set) return set;
    if (auto set = expect("PRAGMA main.journal_mode = WAL", "wal"); !set) return set;
    if (auto set = execute(journal_size_limit); !set) return set;
    return expect("PRAGMA main.synchronous", "2");  // FULL
}

Result<void> Database::quick_check() {
    auto finding = text("PRAGMA main.quick_check(1)");
    if (!finding) return fail(finding.error());
    if (*finding == "ok") return {};
    return fail(ErrorCode::corrupt,
                fmt::format("{} is damaged: {}; {}", sqlite3_db_filename(handle_.get(), "main"),
                            *finding, remedy(SQLITE_CORRUPT)));
}

Result<void> Database::execute(const std::string& sql) {
    const int code = sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr);
    if (code == SQLITE_OK) return {};
    return fail(sqlite_error(handle_.get(), code, fmt::format("execute '{}'", sql)));
}

Result<Statement> Database::prepare(std::string_view sql) {
    Statement statement;
    sqlite3_stmt* prepared = nullptr;
    const int code = sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &prepared, nullptr);
    statement.statement_.reset(prepared);
    if (code == SQLITE_OK) return statement;
    return fail(sqlite_error(handle_.get(), code, fmt::format("prepare '{}'", sql)));
}

Result<void> Database::only_row(std::string_view sql,
                                const std::function<void(const Statement&)>& take) {
    auto statement = prepare(sql);
    if (!statement) return fail(statement.error());
    auto row = statement->step();
    if (!row) return fail(row.error());
    if (!*row) return fail(ErrorCode::internal, fmt::format("'{}' gave no row; report this", sql));
    take(*statement);
    // Some pragmas answer first and commit, which may fail, when they are stepped to their end.
    auto end = statement->step();
    if (!end) return fail(end.error());
    return {};
}

Result<std::uint64_t> Database::integer(std::string_view sql) {
    std::uint64_t value = 0;
    auto read = only_row(sql, [&](const Statement& row) { value = row.integer(0); });
    if (!read) return fail(read.error());
    return value;
}

Result<std::string> Database::text(std::string_view sql) {
    std::string value;
    auto read = only_row(sql, [&](const Statement& row) { value = row.bytes(0); });
    if (!read) return fail(read.error());
    return value;
}

Result<void> Database::transaction(const std::function<Result<void>()>& body) {
    auto result = execute("BEGIN IMMEDIATE");
    if (!result) return result;
    result = body();
    if (result) result = execute("COMMIT");
    if (result) return {};
    // After some errors SQLite has rolled back by itself.
    if (sqlite3_get_autocommit(handle_.get()) == 0) {
        if (auto undone = execute("ROLLBACK"); !undone) return undone;
    }
    return result;
}

std::string Database::path() const { return sqlite3_db_filename(handle_.get(), "main"); }

Result<void> Database::checkpoint(Checkpoint kind) {
    const int mode =
        kind == Checkpoint::truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
    const int code = sqlite3_wal_checkpoint_v2(handle_.get(), "main", mode, nullptr, nullptr);
    if (code != SQLITE_OK)
        return fail(sqlite_error(handle_.get(), code, "move the write-ahead log into the file"));
    *wal_pages_ = 0;
    return {};
}

}  // namespace trivet::store
