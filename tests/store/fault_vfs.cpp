#include "tests/store/fault_vfs.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <optional>
#include <random>
#include <vector>

#include <unistd.h>

#include <sqlite3.h>

namespace trivet::store {

namespace {

/// One write, or truncation to `offset`, that was not synced, and what was there before.
struct Unsynced {
    sqlite3_int64 offset = 0;
    std::string before;
    sqlite3_int64 size_before = 0;       // of the file
    std::optional<std::string> written;  // nullopt: a truncation
};

struct FaultFile : sqlite3_file {
    FaultVfs::State* state;
    std::vector<Unsynced>* unsynced;
    bool is_wal;
    sqlite3_file* base() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

FaultFile& fault_file(sqlite3_file* file) { return *static_cast<FaultFile*>(file); }

enum class Call : std::uint8_t { write, other };

}  // namespace

struct FaultVfs::State {
    std::string name;
    sqlite3_vfs vfs{};
    sqlite3_vfs* base = nullptr;

    mutable std::mutex mutex;
    std::condition_variable changed;
    std::optional<Plan> plan;
    std::uint64_t calls = 0;
    bool reached = false;
    std::uint64_t syncs = 0;
    bool hold = false;
    bool held = false;
    std::vector<FaultFile*> open_files;

    /// Is this call the one that fails?
    bool strikes(Call call) {
        const std::lock_guard lock(mutex);
        if (!plan || (plan->fault == Fault::disk_full && call != Call::write)) return false;
        ++calls;
        const bool now = calls == plan->at_call || (plan->repeat && calls > plan->at_call);
        reached = reached || now;
        return now;
    }

    /// After the torn call: returns the error, or does not return.
    int strike() {
        const std::lock_guard lock(mutex);
        switch (plan->fault) {
            case Fault::io_error:
                return SQLITE_IOERR_WRITE;
            case Fault::disk_full:
                return SQLITE_FULL;
            case Fault::exit_process:
                ::_exit(fault_exit_code);
            case Fault::power_cut:
                lose_unsynced();
                ::_exit(fault_exit_code);
        }
        return SQLITE_ERROR;
    }

    /// A disk writes what was not synced in any order: any part of it may be there, in each file,
    /// and of a page only the beginning.
    void lose_unsynced() {
        std::mt19937 random(plan->seed);
        for (FaultFile* file : open_files) {
            const auto& changes = *file->unsynced;
            for (auto change = changes.rbegin(); change != changes.rend(); ++change) {
                put(*file, change->before, change->offset);
                truncate(*file, change->size_before);
            }
            for (const Unsynced& change : changes) {
                if (random() % 2 == 0) continue;
                const bool is_torn = random() % 4 == 0;
                if (change.written)
                    put(*file, change.written->substr(0, is_torn ? random() % 4096 : -1U),
                        change.offset);
                else
                    truncate(*file, change.offset);
            }
        }
    }

    static void put(FaultFile& file, const std::string& bytes, sqlite3_int64 offset) {
        sqlite3_file* base = file.base();
        if (bytes.empty()) return;
        base->pMethods->xWrite(base, bytes.data(), static_cast<int>(bytes.size()), offset);
    }

    static void truncate(FaultFile& file, sqlite3_int64 size) {
        sqlite3_file* base = file.base();
        base->pMethods->xTruncate(base, size);
    }

    void wait_while_held() {
        std::unique_lock lock(mutex);
        if (!hold) return;
        held = true;
        changed.notify_all();
        changed.wait(lock, [&] { return !hold; });
    }
};

namespace {

struct Range {
    sqlite3_int64 offset;
    sqlite3_int64 amount;
};

Unsynced& remember(FaultFile& file, Range range) {
    sqlite3_file* base = file.base();
    Unsynced change{.offset = range.offset, .before = {}, .size_before = 0, .written = {}};
    base->pMethods->xFileSize(base, &change.size_before);
    const auto overlap =
        std::clamp<sqlite3_int64>(change.size_before - range.offset, 0, range.amount);
    if (overlap > 0) {
        change.before.resize(static_cast<std::size_t>(overlap));
        base->pMethods->xRead(base, change.before.data(), static_cast<int>(overlap), range.offset);
    }
    return file.unsynced->emplace_back(std::move(change));
}

int close_file(sqlite3_file* opened) {
    FaultFile& file = fault_file(opened);
    {
        const std::lock_guard lock(file.state->mutex);
        std::erase(file.state->open_files, &file);
    }
    delete file.unsynced;
    return file.base()->pMethods->xClose(file.base());
}

int read_file(sqlite3_file* opened, void* data, int amount, sqlite3_int64 offset) {
    sqlite3_file* base = fault_file(opened).base();
    return base->pMethods->xRead(base, data, amount, offset);
}

int write_file(sqlite3_file* opened, const void* data, int amount, sqlite3_int64 offset) {
    FaultFile& file = fault_file(opened);
    sqlite3_file* base = file.base();
    const bool strikes = file.state->strikes(Call::write);
    const int written = strikes ? amount / 2 : amount;  // a write that fails is torn
    remember(file, {.offset = offset, .amount = amount}).written =
        std::string(static_cast<const char*>(data), static_cast<std::size_t>(written));
    const int code = written == 0 ? SQLITE_OK : base->pMethods->xWrite(base, data, written, offset);
    return strikes ? file.state->strike() : code;
}

int truncate_file(sqlite3_file* opened, sqlite3_int64 size) {
    FaultFile& file = fault_file(opened);
    sqlite3_file* base = file.base();
    if (file.state->strikes(Call::other)) return file.state->strike();
    sqlite3_int64 present = 0;
    base->pMethods->xFileSize(base, &present);
    remember(file, {.offset = size, .amount = std::max<sqlite3_int64>(present - size, 0)});
    return base->pMethods->xTruncate(base, size);
}

int sync_file(sqlite3_file* opened, int) {
    FaultFile& file = fault_file(opened);
    if (file.state->strikes(Call::other)) return file.state->strike();
    file.state->wait_while_held();
    file.unsynced->clear();
    const std::lock_guard lock(file.state->mutex);
    if (file.is_wal) ++file.state->syncs;
    return SQLITE_OK;
}

int file_size(sqlite3_file* opened, sqlite3_int64* size) {
    sqlite3_file* base = fault_file(opened).base();
    return base->pMethods->xFileSize(base, size);
}

int lock_file(sqlite3_file* opened, int level) {
    sqlite3_file* base = fault_file(opened).base();
    return base->pMethods->xLock(base, level);
}

int unlock_file(sqlite3_file* opened, int level) {
    sqlite3_file* base = fault_file(opened).base();
    return base->pMethods->xUnlock(base, level);
}

int check_reserved_lock(sqlite3_file* opened, int* result) {
    sqlite3_file* base = fault_file(opened).base();
    return base->pMethods->xCheckReservedLock(base, result);
}

int file_control(sqlite3_file* opened, int operation, void* argument) {
    sqlite3_file* base = fault_file(opened).base();
    return base->pMethods->xFileControl(base, operation, argument);
}

int sector_size(sqlite3_file* opened) {
    sqlite3_file* base = fault_file(opened).base();
    return base->pMethods->xSectorSize(base);
}

int device_characteristics(sqlite3_file* opened) {
    sqlite3_file* base = fault_file(opened).base();
    return base->pMethods->xDeviceCharacteristics(base);
}

const sqlite3_io_methods methods{
    .iVersion = 1,
    .xClose = close_file,
    .xRead = read_file,
    .xWrite = write_file,
    .xTruncate = truncate_file,
    .xSync = sync_file,
    .xFileSize = file_size,
    .xLock = lock_file,
    .xUnlock = unlock_file,
    .xCheckReservedLock = check_reserved_lock,
    .xFileControl = file_control,
    .xSectorSize = sector_size,
    .xDeviceCharacteristics = device_characteristics,
    .xShmMap = nullptr,
    .xShmLock = nullptr,
    .xShmBarrier = nullptr,
    .xShmUnmap = nullptr,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

int open_file(sqlite3_vfs* vfs, const char* name, sqlite3_file* opened, int flags, int* out) {
    auto& state = *static_cast<FaultVfs::State*>(vfs->pAppData);
    FaultFile& file = fault_file(opened);
    file.pMethods = nullptr;
    const int code = state.base->xOpen(state.base, name, file.base(), flags, out);
    if (code != SQLITE_OK) return code;
    file.pMethods = &methods;
    file.state = &state;
    file.unsynced = new std::vector<Unsynced>;
    file.is_wal = (flags & SQLITE_OPEN_WAL) != 0;
    const std::lock_guard lock(state.mutex);
    state.open_files.push_back(&file);
    return SQLITE_OK;
}

}  // namespace

FaultVfs::FaultVfs() : state_(std::make_unique<State>()) {
    static std::atomic<int> count = 0;
    state_->name = "fault-" + std::to_string(++count);
    state_->base = sqlite3_vfs_find(nullptr);
    // Everything but opening is the base's, which finds its own data in pAppData of its own struct;
    // the unix VFS keeps there only what xOpen needs.
    state_->vfs = *state_->base;
    state_->vfs.szOsFile = static_cast<int>(sizeof(FaultFile)) + state_->base->szOsFile;
    state_->vfs.pNext = nullptr;
    state_->vfs.zName = state_->name.c_str();
    state_->vfs.pAppData = state_.get();
    state_->vfs.xOpen = open_file;
    sqlite3_vfs_register(&state_->vfs, 0);
}

FaultVfs::~FaultVfs() { sqlite3_vfs_unregister(&state_->vfs); }

const std::string& FaultVfs::name() const { return state_->name; }

void FaultVfs::arm(Plan plan) {
    const std::lock_guard lock(state_->mutex);
    state_->plan = plan;
    state_->calls = 0;
    state_->reached = false;
}

void FaultVfs::disarm() {
    const std::lock_guard lock(state_->mutex);
    state_->plan.reset();
}

bool FaultVfs::reached() const {
    const std::lock_guard lock(state_->mutex);
    return state_->reached;
}

std::uint64_t FaultVfs::syncs() const {
    const std::lock_guard lock(state_->mutex);
    return state_->syncs;
}

void FaultVfs::hold_syncs() {
    const std::lock_guard lock(state_->mutex);
    state_->hold = true;
    state_->held = false;
}

bool FaultVfs::wait_until_held() {
    std::unique_lock lock(state_->mutex);
    return state_->changed.wait_for(lock, std::chrono::seconds(10), [&] { return state_->held; });
}

void FaultVfs::release_syncs() {
    const std::lock_guard lock(state_->mutex);
    state_->hold = false;
    state_->changed.notify_all();
}

}  // namespace trivet::store
