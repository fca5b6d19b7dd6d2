#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/result.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace trivet::store {

/// A prepared statement. Not thread-safe: one thread at a time uses it and its Database, which must
/// outlive it.
class Statement {
public:
    Statement() = default;

    /// Positions count from 1. Bound text and blobs must live until the next reset(). A value that
    /// cannot be bound makes step() fail.
    void bind(int position, std::uint64_t value);
    void bind_text(int position, std::string_view value);
    void bind_blob(int position, std::string_view value);
    void bind_blob(int position, std::span<const std::uint8_t> value);

    /// True: a row is there. After false or an error the statement is reset.
    Result<bool> step();
    /// Executes a statement that gives no rows.
    Result<void> run();
    void reset();

    /// Columns count from 0; views hold until the next step() or reset().
    std::uint64_t integer(int column) const;
    std::string_view bytes(int column) const;  // text or blob

private:
    friend class Database;
    struct Finalize {
        void operator()(sqlite3_stmt* statement) const;
    };
    void note(int code);

    std::unique_ptr<sqlite3_stmt, Finalize> statement_;
    int bind_error_ = 0;
};

enum class Checkpoint : std::uint8_t { passive, truncate };

/// An open SQLite file in WAL mode with synchronous=FULL (https://sqlite.org/wal.html). Not
/// thread-safe: one thread at a time uses it.
///
/// It is locked exclusively as long as it is open. Nobody else may then write between our checks,
/// and SQLite keeps the index of its write-ahead log in our memory instead of in a mapped -shm
/// file, whose growth on a full disk is an I/O error rather than "disk full".
class Database {
public:
    /// `vfs_name`: SQLite's name of the file system layer; empty is the system's own.
    /// Errors: conflict, locked by another process; unavailable, I/O or permissions.
    static Result<Database> open(const std::filesystem::path& path, const std::string& vfs_name);

    /// Sets and then checks journal_mode and synchronous. Errors: as open(); corrupt, no database;
    /// insufficient_storage.
    Result<void> make_durable();
    /// PRAGMA quick_check. Errors: corrupt, with SQLite's first finding.
    Result<void> quick_check();

    Result<void> execute(const std::string& sql);
    Result<Statement> prepare(std::string_view sql);
    /// The first column of the only row of `sql`.
    Result<std::uint64_t> integer(std::string_view sql);
    Result<std::string> text(std::string_view sql);

    /// BEGIN IMMEDIATE, `body`, COMMIT; ROLLBACK when `body` or the COMMIT fails.
    /// Errors: insufficient_storage, nothing was written and it may be tried again; all others mean
    /// that the outcome is unknown and that this process must write no more.
    Result<void> transaction(const std::function<Result<void>()>& body);

    /// Moves the write-ahead log into the database file. Errors: as transaction(); the log stays
    /// valid with every error.
    Result<void> checkpoint(Checkpoint kind);
    std::string path() const;
    /// Pages in the write-ahead log since the last complete checkpoint.
    int wal_pages() const { return *wal_pages_; }

private:
    struct Close {
        void operator()(sqlite3* handle) const;
    };
    Database() : wal_pages_(std::make_unique<int>(0)) {}
    Result<void> configure(const std::filesystem::path& path);
    Result<void> only_row(std::string_view sql, const std::function<void(const Statement&)>& take);
    Result<void> expect(const char* pragma, const char* value);

    std::unique_ptr<int> wal_pages_;  // SQLite's hook writes there; the address must stay
    std::unique_ptr<sqlite3, Close> handle_;
};

/// `code` as an Error that names the file, what was being done and the remedy.
Error sqlite_error(sqlite3* handle, int code, std::string_view doing);

}  // namespace trivet::store
