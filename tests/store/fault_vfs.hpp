#pragma once
#include <cstdint>
#include <memory>
#include <string>

namespace trivet::store {

enum class Fault : std::uint8_t {
    io_error,      // SQLITE_IOERR from xWrite, xTruncate or xSync, after half of the bytes
    disk_full,     // SQLITE_FULL from xWrite alone: what the unix VFS makes of ENOSPC in write();
                   // ENOSPC out of fsync is SQLITE_IOERR_FSYNC there, hence io_error here
    exit_process,  // half of the bytes, then _exit: a kill -9, after which the page cache lives on
    power_cut,     // as exit_process, and of what was not synced each write is there or not
};

/// Of a process that exit_process or power_cut ended.
inline constexpr int fault_exit_code = 77;

/// An SQLite file system layer over the system's own that fails, or ends the process, at a chosen
/// call, and counts calls. Syncs are not passed on, they only tell power_cut what is safe: tests
/// would be slow on a real disk and prove nothing more. It has no shared memory (iVersion 1).
/// Thread-safe. Registered with SQLite under name() while it lives.
class FaultVfs {
public:
    FaultVfs();
    ~FaultVfs();
    FaultVfs(const FaultVfs&) = delete;
    FaultVfs& operator=(const FaultVfs&) = delete;

    const std::string& name() const;
    /// Calls of the fault's kind count from 1 from now on; `repeat`: every later one fails too.
    struct Plan {
        Fault fault;
        std::uint64_t at_call;
        bool repeat = false;
        std::uint32_t seed = 1;  // of power_cut's choice
    };
    void arm(Plan plan);
    void disarm();
    bool reached() const;         // the fault happened
    std::uint64_t syncs() const;  // of the write-ahead log, since the start

    /// From the next xSync on, syncs wait inside until release_syncs().
    void hold_syncs();
    [[nodiscard]] bool wait_until_held();  // false: ten seconds passed without a sync
    void release_syncs();

    struct State;

private:
    std::unique_ptr<State> state_;
};

}  // namespace trivet::store
