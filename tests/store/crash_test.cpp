// The same run of work, ended by death of the process or of the machine at every call in turn.
#include <cstdlib>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/store/fault_vfs.hpp"
#include "tests/store/script.hpp"

namespace trivet::store {

namespace {

class CrashTest : public testing::TestWithParam<Script> {
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
class SharedProgress {
public:
    SharedProgress()
        : value_(static_cast<Progress*>(::mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE,
                                               MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {}
    ~SharedProgress() { ::munmap(value_, sizeof(Progress)); }
    SharedProgress(const SharedProgress&) = delete;
    SharedProgress& operator=(const SharedProgress&) = delete;
    Progress& value() { return *value_; }

private:
    Progress* value_;
};

/// In a child process. Never returns.
[[noreturn]] void run_to_the_end(const Script& script, const std::filesystem::path& directory,
                                 FaultVfs& vfs, FaultVfs::Plan plan, Progress& progress) {
    Harness harness(directory);
    script.configure(harness);
    harness.options.vfs_name = vfs.name();
    harness.options.on_applied = [&](LogIndex index) { progress.applied = index.value(); };
    vfs.arm(plan);
    if (!harness.open()) ::_exit(1);
    script.run(harness, progress, script.end_step);
    harness.close();
    ::_exit(progress.acknowledged >= script.end_step ? 0 : 1);
}

/// Ends a process at one call after the other until one reaches the end. The short form skips
/// calls; TRIVET_SOAK takes every one.
void end_processes(const Script& script, FaultVfs& vfs, Fault fault, std::uint64_t short_stride) {
    const std::uint64_t stride = std::getenv("TRIVET_SOAK") != nullptr ? 1 : short_stride;
    const Start start(script);
    SharedProgress progress;
    std::uint64_t faults = 0;
    for (std::uint64_t call = 1; call <= script.calls_max; call += stride) {
        SCOPED_TRACE(call);
        TempDirectory directory(TempDirectory::Medium::memory);
        progress.value() = start.copy_to(directory.path());
        const pid_t child = ::fork();
        if (child == 0)
            run_to_the_end(
                script, directory.path(), vfs,
                {.fault = fault, .at_call = call, .seed = static_cast<std::uint32_t>(call)},
                progress.value());
        int status = 0;
        EXPECT_EQ(::waitpid(child, &status, 0), child);
        EXPECT_TRUE(WIFEXITED(status));
        script.expect_intact(directory.path(), progress.value());
        if (testing::Test::HasFailure() || WEXITSTATUS(status) == 0) break;
        EXPECT_EQ(WEXITSTATUS(status), fault_exit_code);
        ++faults;
    }
    EXPECT_GT(faults, script.calls_min / stride);
    EXPECT_LT(faults, script.calls_max / stride);
    testing::Test::RecordProperty("faults", static_cast<int>(faults));
}

TEST_P(CrashTest, AKilledProcessLosesNothingAcknowledged) {
    end_processes(GetParam(), vfs, Fault::exit_process, 3);
}

// Fails with synchronous=NORMAL: what was not synced is lost here, as it is when the power goes.
TEST_P(CrashTest, APowerCutLosesNothingAcknowledged) {
    end_processes(GetParam(), vfs, Fault::power_cut, 2);
}

INSTANTIATE_TEST_SUITE_P(, CrashTest, testing::ValuesIn(all_scripts()),
                         [](const auto& row) { return row.param.name; });

}  // namespace

}  // namespace trivet::store
