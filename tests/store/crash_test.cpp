// The same run of work, ended by death of the process or of the machine at every call in turn.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/store/fault_vfs.hpp"
#include "tests/store/script.hpp"

namespace trivet::store {

namespace {

class CrashTest : public testing::Test {
protected:
#ifdef __SANITIZE_THREAD__
    void SetUp() override {
        GTEST_SKIP()
            << "a fork takes a second under the thread sanitizer; the same threads meet in "
               "FaultTest";
    }
#endif
    FaultVfs vfs;
};

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

TEST_F(CrashTest, AKilledProcessLosesNothingAcknowledged) {
    const std::uint64_t faults = end_processes(vfs, Fault::exit_process, 3);
    EXPECT_GT(faults, 150u);
    EXPECT_LT(faults, calls_max / 3);
    RecordProperty("faults", static_cast<int>(faults));
}

// Fails with synchronous=NORMAL: what was not synced is lost here, as it is when the power goes.
TEST_F(CrashTest, APowerCutLosesNothingAcknowledged) {
    const std::uint64_t faults = end_processes(vfs, Fault::power_cut, 2);
    EXPECT_GT(faults, 250u);
    EXPECT_LT(faults, calls_max / 2);
    RecordProperty("faults", static_cast<int>(faults));
}

}  // namespace

}  // namespace trivet::store
