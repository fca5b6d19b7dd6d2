// The same run of work, once for every call of the file system that may fail in it.
#include "tests/store/fault_vfs.hpp"
#include "tests/store/script.hpp"

namespace trivet::store {

namespace {

class FaultTest : public testing::Test {
protected:
    FaultVfs vfs;
};

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

}  // namespace

}  // namespace trivet::store
