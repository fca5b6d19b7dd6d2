// The same run of work, once for every call of the file system that may go wrong in it.
#include <algorithm>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/store/fault_vfs.hpp"
#include "tests/store/storage_fixture.hpp"

namespace trivet::store {

namespace {

constexpr std::uint64_t script_entries = 120;
constexpr std::uint64_t keys = 7;

std::string key_of(std::uint64_t index) { return "vip/default/" + std::to_string(index % keys); }

AppliedBatch applied(std::uint64_t index) {
    AppliedBatch batch{.last_applied = LogIndex{index}, .rows = {}, .events = {}};
    batch.rows.push_back({"counter", std::to_string(index)});
    if (index % 5 == 0)
        batch.rows.push_back({key_of(index), std::nullopt});
    else
        batch.rows.push_back({key_of(index), std::string(200, 'v') + std::to_string(index)});
    batch.events.push_back({.index = index, .at = {}, .type = "t", .object = "o", .message = "m"});
    return batch;
}

/// What the rows are when `last_applied` entries have been applied.
std::map<std::string, std::string> expected_rows(LogIndex last_applied) {
    std::map<std::string, std::string> rows;
    for (std::uint64_t index = 1; index <= last_applied.value(); ++index)
        for (const RowChange& row : applied(index).rows) {
            if (row.value)
                rows[row.key] = *row.value;
            else
                rows.erase(row.key);
        }
    return rows;
}

void configure(Harness& harness) {
    // Small, so that the script meets checkpoints and trimming many times.
    harness.options.checkpoint_pages = 25;
    harness.options.log_keep = 30;
    harness.options.events_keep = 20;
    harness.options.applied_delay = std::chrono::milliseconds(0);
}

/// Appends groups of one to four entries and saves them as applied; `acknowledged` is the last
/// index that was answered with success. Stops at the first refusal.
void run_script(Harness& harness, std::uint64_t& acknowledged) {
    std::uint64_t index = harness.loaded.last_index.value();
    while (index < script_entries) {
        std::vector<LogEntry> entries;
        for (std::uint64_t i = 0; i <= index % 4; ++i)
            entries.push_back(entry(index + 1 + i, std::string(150 * (i + 1), 'p')));
        if (!harness.append(entries)) return;
        for (const LogEntry& one : entries)
            harness.storage->save_applied(applied(one.index.value()));
        index = entries.back().index.value();
        acknowledged = index;
    }
}

/// Reopens the file without faults: all that was acknowledged is there, nothing by half.
void expect_intact(const std::filesystem::path& directory, std::uint64_t acknowledged) {
    Harness harness(directory);
    configure(harness);
    const auto opened = harness.open();
    ASSERT_TRUE(opened) << opened.error().message;
    const Loaded& loaded = harness.loaded;
    EXPECT_GE(loaded.last_index.value(), acknowledged);
    EXPECT_EQ(loaded.entries.size(), loaded.last_index.value() - loaded.last_applied.value());
    std::map<std::string, std::string> rows;
    for (const StateRow& row : loaded.rows) rows[row.key] = row.value;
    EXPECT_EQ(rows, expected_rows(loaded.last_applied));
    EXPECT_TRUE(harness.append({entry(loaded.last_index.value() + 1)}));
    harness.close();
    EXPECT_EQ(query(harness.options.path, "PRAGMA integrity_check"), "ok");
}

class FaultTest : public testing::Test {
protected:
    FaultVfs vfs;
};

/// More calls than the script makes: the loops end when a run meets no fault, and this only bounds
/// them.
constexpr std::uint64_t calls_max = 2000;

TEST_F(FaultTest, AfterAnIoErrorNothingIsWrittenAndNothingAcknowledgedIsLost) {
    std::uint64_t faults = 0;
    for (std::uint64_t call = 1; call <= calls_max; ++call) {
        SCOPED_TRACE(call);
        TempDirectory directory(TempDirectory::Medium::memory);
        std::uint64_t acknowledged = 0;
        Harness harness(directory.path());
        configure(harness);
        harness.options.vfs_name = vfs.name();
        vfs.arm({.fault = Fault::io_error, .at_call = call});
        const auto opened = harness.open();
        if (opened) {
            run_script(harness, acknowledged);
            if (vfs.reached() && !harness.fatal_reports.empty()) {
                // Nothing is tried again: the process must end.
                const auto refused = harness.append({entry(acknowledged + 1)});
                EXPECT_FALSE(refused);
            }
            harness.close();
            EXPECT_EQ(harness.fatal_reports.size(), vfs.reached() ? 1u : 0u);
            EXPECT_TRUE(harness.read_only_reports.empty());
        } else {
            EXPECT_EQ(opened.error().code, ErrorCode::unavailable) << opened.error().message;
        }
        const bool reached = vfs.reached();
        vfs.disarm();
        expect_intact(directory.path(), acknowledged);
        if (HasFailure()) return;
        if (!reached) break;
        ++faults;
    }
    EXPECT_GT(faults, 300u);
    EXPECT_LT(faults, calls_max);
    RecordProperty("faults", static_cast<int>(faults));
}

TEST_F(FaultTest, AfterDiskFullWorkGoesOnAndNothingIsLost) {
    std::uint64_t faults = 0;
    for (std::uint64_t call = 1; call <= calls_max; ++call) {
        SCOPED_TRACE(call);
        TempDirectory directory(TempDirectory::Medium::memory);
        std::uint64_t acknowledged = 0;
        Harness harness(directory.path());
        configure(harness);
        harness.options.vfs_name = vfs.name();
        vfs.arm({.fault = Fault::disk_full, .at_call = call});
        auto opened = harness.open();
        if (!opened) {
            EXPECT_EQ(opened.error().code, ErrorCode::insufficient_storage)
                << opened.error().message;
            opened = harness.open();
            ASSERT_TRUE(opened) << opened.error().message;
        }
        // A refused append leaves the log as it was, so that the same index is tried again.
        for (int attempts = 0; attempts < 3 && acknowledged < script_entries; ++attempts) {
            harness.loaded.last_index = LogIndex{acknowledged};
            run_script(harness, acknowledged);
        }
        EXPECT_GE(acknowledged, script_entries);
        harness.close();
        EXPECT_TRUE(harness.fatal_reports.empty());
        const bool reached = vfs.reached();
        vfs.disarm();
        expect_intact(directory.path(), acknowledged);
        if (HasFailure()) return;
        if (!reached) break;
        ++faults;
    }
    EXPECT_GT(faults, 200u);
    EXPECT_LT(faults, calls_max);
    RecordProperty("faults", static_cast<int>(faults));
}

/// Memory that a child process shares with the test.
class SharedCounter {
public:
    SharedCounter()
        : value_(static_cast<std::uint64_t*>(::mmap(nullptr, sizeof(std::uint64_t),
                                                    PROT_READ | PROT_WRITE,
                                                    MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {}
    ~SharedCounter() { ::munmap(value_, sizeof(std::uint64_t)); }
    SharedCounter(const SharedCounter&) = delete;
    SharedCounter& operator=(const SharedCounter&) = delete;
    std::uint64_t& value() { return *value_; }

private:
    std::uint64_t* value_;
};

/// In a child process. Never returns.
[[noreturn]] void run_to_the_end(const std::filesystem::path& directory, FaultVfs& vfs,
                                 FaultVfs::Plan plan, std::uint64_t& acknowledged) {
    Harness harness(directory);
    configure(harness);
    harness.options.vfs_name = vfs.name();
    vfs.arm(plan);
    if (!harness.open()) ::_exit(1);
    run_script(harness, acknowledged);
    harness.close();
    ::_exit(acknowledged >= script_entries ? 0 : 1);
}

/// Ends a process at one call after the other until one reaches the end; `step` skips calls.
std::uint64_t end_processes(FaultVfs& vfs, Fault fault, std::uint64_t step) {
    SharedCounter acknowledged;
    std::uint64_t faults = 0;
    for (std::uint64_t call = 1; call <= calls_max; call += step) {
        SCOPED_TRACE(call);
        TempDirectory directory(TempDirectory::Medium::memory);
        acknowledged.value() = 0;
        const pid_t child = ::fork();
        if (child == 0)
            run_to_the_end(
                directory.path(), vfs,
                {.fault = fault, .at_call = call, .seed = static_cast<std::uint32_t>(call)},
                acknowledged.value());
        int status = 0;
        EXPECT_EQ(::waitpid(child, &status, 0), child);
        EXPECT_TRUE(WIFEXITED(status));
        expect_intact(directory.path(), acknowledged.value());
        if (testing::Test::HasFailure() || WEXITSTATUS(status) == 0) break;
        EXPECT_EQ(WEXITSTATUS(status), fault_exit_code);
        ++faults;
    }
    return faults;
}

TEST_F(FaultTest, AKilledProcessLosesNothingAcknowledged) {
    const std::uint64_t faults = end_processes(vfs, Fault::exit_process, 2);
    EXPECT_GT(faults, 150u);
    EXPECT_LT(faults, calls_max / 2);
    RecordProperty("faults", static_cast<int>(faults));
}

// Fails with synchronous=NORMAL: what was not synced is lost here, as it is when the power goes.
TEST_F(FaultTest, APowerCutLosesNothingAcknowledged) {
    const std::uint64_t faults = end_processes(vfs, Fault::power_cut, 1);
    EXPECT_GT(faults, 300u);
    EXPECT_LT(faults, calls_max);
    RecordProperty("faults", static_cast<int>(faults));
}

}  // namespace

}  // namespace trivet::store
