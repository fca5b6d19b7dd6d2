// The same run of work, once for every call of the file system that may fail in it.
#include "tests/store/fault_vfs.hpp"
#include "tests/store/script.hpp"

namespace trivet::store {

namespace {

class FaultTest : public testing::TestWithParam<Script> {
protected:
    FaultVfs vfs;
};

TEST_P(FaultTest, AfterAnIoErrorNothingIsWrittenAndNothingAcknowledgedIsLost) {
    const Script script = GetParam();
    const Start start(script);
    std::uint64_t faults = 0;
    for (std::uint64_t call = 1; call <= script.calls_max; ++call) {
        SCOPED_TRACE(call);
        TempDirectory directory(TempDirectory::Medium::memory);
        Progress progress = start.copy_to(directory.path());
        Harness harness(directory.path());
        script.configure(harness);
        harness.options.vfs_name = vfs.name();
        harness.options.on_applied = [&](LogIndex index) { progress.applied = index.value(); };
        vfs.arm({.fault = Fault::io_error, .at_call = call});
        const auto opened = harness.open();
        if (opened) {
            script.run(harness, progress, script.end_step);
            if (vfs.reached() && !harness.fatal_reports.empty()) {
                // Nothing is tried again: the process must end.
                raft::Write vote;
                vote.hard_state = {.term = Term{1'000'000}, .vote = {}};
                EXPECT_FALSE(harness.write(std::move(vote)));
            }
            harness.close();
            EXPECT_EQ(harness.fatal_reports.size(), vfs.reached() ? 1u : 0u);
            EXPECT_TRUE(harness.read_only_reports.empty());
        } else {
            EXPECT_EQ(opened.error().code, ErrorCode::unavailable) << opened.error().message;
        }
        const bool reached = vfs.reached();
        vfs.disarm();
        script.expect_intact(directory.path(), progress);
        if (HasFailure()) return;
        if (!reached) break;
        ++faults;
    }
    EXPECT_GT(faults, script.calls_min);
    EXPECT_LT(faults, script.calls_max);
    RecordProperty("faults", static_cast<int>(faults));
}

TEST_P(FaultTest, AfterDiskFullWorkGoesOnAndNothingIsLost) {
    const Script script = GetParam();
    const Start start(script);
    std::uint64_t faults = 0;
    for (std::uint64_t call = 1; call <= script.calls_max; ++call) {
        SCOPED_TRACE(call);
        TempDirectory directory(TempDirectory::Medium::memory);
        Progress progress = start.copy_to(directory.path());
        Harness harness(directory.path());
        script.configure(harness);
        harness.options.vfs_name = vfs.name();
        harness.options.on_applied = [&](LogIndex index) { progress.applied = index.value(); };
        vfs.arm({.fault = Fault::disk_full, .at_call = call});
        auto opened = harness.open();
        if (!opened) {
            EXPECT_EQ(opened.error().code, ErrorCode::insufficient_storage)
                << opened.error().message;
            opened = harness.open();
            ASSERT_TRUE(opened) << opened.error().message;
        }
        // A refused write leaves everything as it was, so that the same is tried again.
        for (int attempts = 0; attempts < 3 && progress.acknowledged < script.end_step; ++attempts)
            script.run(harness, progress, script.end_step);
        EXPECT_GE(progress.acknowledged, script.end_step);
        harness.close();
        EXPECT_TRUE(harness.fatal_reports.empty());
        const bool reached = vfs.reached();
        vfs.disarm();
        script.expect_intact(directory.path(), progress);
        if (HasFailure()) return;
        if (!reached) break;
        ++faults;
    }
    EXPECT_GT(faults, script.calls_min / 2);
    EXPECT_LT(faults, script.calls_max);
    RecordProperty("faults", static_cast<int>(faults));
}

INSTANTIATE_TEST_SUITE_P(, FaultTest, testing::ValuesIn(all_scripts()),
                         [](const auto& row) { return row.param.name; });

}  // namespace

}  // namespace trivet::store
