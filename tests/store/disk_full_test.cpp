// A full disk makes the node read-only, and it heals by itself.
#include <cerrno>
#include <cstring>
#include <fstream>

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "tests/store/fault_vfs.hpp"
#include "tests/store/storage_fixture.hpp"

namespace trivet::store {

namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;

constexpr std::uint64_t more_than_any_disk = std::uint64_t{1} << 60;

class DiskFullTest : public testing::Test {
protected:
    TempDirectory directory;
    FaultVfs vfs;
    Harness harness{directory.path()};

    ErrorCode refusal(LogEntry one) {
        const auto refused = harness.append({std::move(one)});
        EXPECT_FALSE(refused);
        return refused ? ErrorCode::internal : refused.error().code;
    }
};

TEST_F(DiskFullTest, TooLittleFreeSpaceIsReportedAtTheStartAndRefusesAppends) {
    ASSERT_TRUE(harness.open());
    harness.close();
    harness.options.free_bytes_min = more_than_any_disk;
    ASSERT_TRUE(harness.open());
    ASSERT_TRUE(harness.wait_until([&] { return harness.read_only_reports.size() == 1; }));
    ASSERT_TRUE(harness.read_only_reports[0].has_value());
    EXPECT_THAT(*harness.read_only_reports[0],
                AllOf(HasSubstr(directory.path().native()), HasSubstr("bytes free"),
                      HasSubstr(std::to_string(more_than_any_disk))));
    EXPECT_EQ(refusal(entry(1)), ErrorCode::insufficient_storage);
    EXPECT_EQ(refusal(entry(1)), ErrorCode::insufficient_storage);
    EXPECT_TRUE(harness.read_events(1));  // reading goes on
    EXPECT_EQ(harness.storage->statistics().transactions, 0u);
    EXPECT_EQ(harness.read_only_reports.size(), 1u);  // once
    EXPECT_TRUE(harness.fatal_reports.empty());
}

TEST_F(DiskFullTest, AKeptBatchIsWrittenWhenThereIsSpaceAgain) {
    harness.options.vfs_name = vfs.name();
    harness.options.applied_delay = 0ms;
    ASSERT_TRUE(harness.open());
    ASSERT_TRUE(harness.append({entry(1), entry(2)}));
    vfs.arm({.fault = Fault::disk_full, .at_call = 1, .repeat = true});
    harness.storage->save_applied(
        {.last_applied = LogIndex{1}, .rows = {{"k", "1"}}, .events = {}});
    harness.storage->save_applied(
        {.last_applied = LogIndex{2}, .rows = {{"k", "2"}}, .events = {}});
    ASSERT_TRUE(harness.wait_until([&] { return harness.read_only_reports.size() == 1; }));
    vfs.disarm();
    // The writer looks by itself, nobody appends.
    ASSERT_TRUE(harness.wait_until([&] { return harness.read_only_reports.size() == 2; }));
    EXPECT_FALSE(harness.read_only_reports[1].has_value());
    harness.close();
    ASSERT_TRUE(harness.open());
    EXPECT_EQ(harness.loaded.last_applied, LogIndex{2});
    EXPECT_EQ(harness.loaded.rows.at(0).value, "2");
}

TEST_F(DiskFullTest, WithoutAnythingToWriteItHealsAsWell) {
    harness.options.vfs_name = vfs.name();
    ASSERT_TRUE(harness.open());
    vfs.arm({.fault = Fault::disk_full, .at_call = 1, .repeat = true});
    const auto refused = harness.append({entry(1)});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::insufficient_storage);
    EXPECT_THAT(refused.error().message,
                AllOf(HasSubstr(directory.path().native()), HasSubstr("is full"),
                      HasSubstr("bytes free"), HasSubstr("free some space")));
    vfs.disarm();
    ASSERT_TRUE(harness.wait_until([&] { return harness.read_only_reports.size() == 2; }));
    EXPECT_TRUE(harness.append({entry(1)}));
}

TEST_F(DiskFullTest, AnAppendHealsAtOnce) {
    harness.options.vfs_name = vfs.name();
    ASSERT_TRUE(harness.open());
    vfs.arm({.fault = Fault::disk_full, .at_call = 1, .repeat = true});
    EXPECT_EQ(refusal(entry(1)), ErrorCode::insufficient_storage);
    vfs.disarm();
    EXPECT_TRUE(harness.append({entry(1)}));
    ASSERT_EQ(harness.read_only_reports.size(), 2u);
    EXPECT_FALSE(harness.read_only_reports[1].has_value());
}

TEST_F(DiskFullTest, AppendsBehindARefusedOneAreRefusedToo) {
    harness.options.vfs_name = vfs.name();
    ASSERT_TRUE(harness.open());
    vfs.hold_syncs();
    std::vector<std::pair<std::uint64_t, bool>> answers;
    const auto submit = [&](std::uint64_t index) {
        harness.storage->append({entry(index)}, [&, index](const Result<void>& result) {
            answers.emplace_back(index, result.has_value());
            EXPECT_TRUE(result || result.error().code == ErrorCode::insufficient_storage);
        });
    };
    submit(1);
    ASSERT_TRUE(vfs.wait_until_held());
    vfs.arm({.fault = Fault::disk_full, .at_call = 1, .repeat = true});
    submit(2);  // refused by the disk
    vfs.release_syncs();
    // The answer to 1, the report and the answer to 2 are on their way; before the strand hears of
    // them it sends more, and the disk has space again.
    ASSERT_TRUE(harness.strand.wait_for_posted(3));
    vfs.disarm();
    for (std::uint64_t index = 3; index <= 50; ++index) submit(index);
    ASSERT_TRUE(harness.wait_until([&] { return answers.size() == 50; }));
    EXPECT_EQ(answers[0], std::pair(std::uint64_t{1}, true));
    for (std::size_t i = 1; i < answers.size(); ++i)
        EXPECT_EQ(answers[i], std::pair(std::uint64_t{i + 1}, false));
    EXPECT_TRUE(harness.append({entry(2)}));
    harness.close();
    ASSERT_TRUE(harness.open());
    EXPECT_EQ(harness.loaded.last_index, LogIndex{2});
}

TEST_F(DiskFullTest, EventsOfALongFullDiskStayBounded) {
    harness.options.events_keep = 10;
    harness.options.vfs_name = vfs.name();
    harness.options.applied_delay = 0ms;
    ASSERT_TRUE(harness.open());
    vfs.arm({.fault = Fault::disk_full, .at_call = 1, .repeat = true});
    for (int i = 0; i < 100; ++i)
        harness.storage->save_applied({.last_applied = LogIndex{},
                                       .rows = {},
                                       .events = {{.index = 0,
                                                   .at = {},
                                                   .type = "t",
                                                   .object = "o",
                                                   .message = std::to_string(i)}}});
    ASSERT_TRUE(harness.wait_until([&] { return harness.read_only_reports.size() == 1; }));
    vfs.disarm();
    ASSERT_TRUE(harness.append({entry(1)}));
    const auto events = harness.read_events(100);
    ASSERT_TRUE(events);
    EXPECT_LE(events->size(), 11u);
    EXPECT_EQ(events->back().message, "99");
}

TEST_F(DiskFullTest, ADirectoryThatIsGoneIsFatal) {
    harness.options.free_bytes_min = 1;
    ASSERT_TRUE(harness.open());
    ASSERT_TRUE(harness.append({entry(1)}));
    std::filesystem::remove_all(directory.path());
    std::uint64_t next = 2;
    // The free space is looked at ten times a second.
    ASSERT_TRUE(harness.wait_until([&] {
        harness.storage->append({entry(next)}, [](const Result<void>&) {});
        ++next;
        return !harness.fatal_reports.empty();
    }));
    EXPECT_THAT(harness.fatal_reports[0].message, HasSubstr(directory.path().native()));
}

/// A file system of its own, of two megabytes.
class SmallDiskTest : public testing::Test {
protected:
    void SetUp() override {
        if (::mount("trivet-test", directory.path().c_str(), "tmpfs", 0, "size=2m") != 0)
            GTEST_SKIP() << "cannot mount a tmpfs (needs root): " << std::strerror(errno);
        mounted = true;
    }
    void TearDown() override {
        if (harness.storage) harness.close();
        if (mounted) {
            EXPECT_EQ(::umount2(directory.path().c_str(), MNT_DETACH), 0);
        }
    }

    std::filesystem::path filler() const { return directory.path() / "filler"; }
    void fill_disk() {
        std::ofstream stream(filler(), std::ios::binary);
        const std::string block(4096, 'f');
        while (stream.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
        }
    }
    void free_disk() { std::filesystem::remove(filler()); }

    TempDirectory directory;
    bool mounted = false;
    Harness harness{directory.path()};
};

TEST_F(SmallDiskTest, AFullDiskRefusesAppendsAndHealsByItself) {
    ASSERT_TRUE(harness.open());
    ASSERT_TRUE(harness.append({entry(1), entry(2)}));
    harness.storage->save_applied(
        {.last_applied = LogIndex{1}, .rows = {{"k", "1"}}, .events = {}});
    ASSERT_TRUE(harness.read_events(1));
    fill_disk();
    Result<void> answer;
    std::uint64_t next = 3;
    // What the file system has already given to the log may still be used.
    while ((answer = harness.append({entry(next, std::string(2000, 'p'))}))) {
        ++next;
        ASSERT_LT(next, 1000u);
    }
    EXPECT_EQ(answer.error().code, ErrorCode::insufficient_storage) << answer.error().message;
    EXPECT_THAT(answer.error().message, AllOf(HasSubstr(directory.path().native() + " is full"),
                                              HasSubstr("(0 bytes free)")));
    harness.storage->save_applied(
        {.last_applied = LogIndex{2}, .rows = {{"k", "2"}}, .events = {}});
    ASSERT_EQ(harness.read_only_reports.size(), 1u);
    EXPECT_TRUE(harness.fatal_reports.empty());

    free_disk();
    ASSERT_TRUE(harness.wait_until([&] { return harness.read_only_reports.size() == 2; }));
    EXPECT_FALSE(harness.read_only_reports[1].has_value());
    EXPECT_TRUE(harness.append({entry(next)}));
    harness.close();
    ASSERT_TRUE(harness.open());
    EXPECT_EQ(harness.loaded.last_index, LogIndex{next});
    EXPECT_EQ(harness.loaded.last_applied, LogIndex{2});
    EXPECT_EQ(harness.loaded.rows.at(0).value, "2");
}

TEST_F(SmallDiskTest, ANodeStartsAndStopsOnAFullDisk) {
    harness.options.free_bytes_min = 100'000;
    ASSERT_TRUE(harness.open());
    ASSERT_TRUE(harness.append({entry(1)}));
    harness.storage->save_applied(
        {.last_applied = LogIndex{1}, .rows = {{"k", "1"}}, .events = {}});
    harness.close();
    fill_disk();
    for (int start = 0; start < 2; ++start) {
        const auto opened = harness.open();
        ASSERT_TRUE(opened) << opened.error().message;
        EXPECT_EQ(harness.loaded.rows.at(0).value, "1");
        ASSERT_TRUE(harness.wait_until([&] { return harness.read_only_reports.size() == 1; }));
        EXPECT_FALSE(harness.append({entry(2)}));
        harness.close();
        EXPECT_TRUE(harness.fatal_reports.empty());
    }
    ASSERT_TRUE(harness.open());
    ASSERT_TRUE(harness.wait_until([&] { return harness.read_only_reports.size() == 1; }));
    free_disk();
    ASSERT_TRUE(harness.wait_until([&] { return harness.read_only_reports.size() == 2; }));
    EXPECT_TRUE(harness.append({entry(2)}));
}

TEST_F(SmallDiskTest, AFullDiskInACheckpointLosesNothing) {
    harness.options.checkpoint_pages = 1 << 20;
    ASSERT_TRUE(harness.open());
    for (std::uint64_t index = 1; index <= 40; ++index)
        ASSERT_TRUE(harness.append({entry(index, std::string(5000, 'p'))}));
    fill_disk();
    harness.close();  // there is no room to move the log into the file
    EXPECT_TRUE(harness.fatal_reports.empty());
    EXPECT_GT(std::filesystem::file_size(directory.path() / "lbd.db-wal"), 0u);
    ASSERT_TRUE(harness.open());
    EXPECT_EQ(harness.loaded.last_index, LogIndex{40});
    harness.close();
    free_disk();
    ASSERT_TRUE(harness.open());
    harness.close();
    EXPECT_EQ(std::filesystem::file_size(directory.path() / "lbd.db-wal"), 0u);
    EXPECT_EQ(query(directory.path() / "lbd.db", "SELECT count(*) FROM log"), "40");
}

TEST_F(SmallDiskTest, ANewFileOnAFullDiskIsRefusedWithTheRemedy) {
    fill_disk();
    const auto opened = harness.open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::insufficient_storage);
    EXPECT_THAT(opened.error().message, HasSubstr("free some space"));
    free_disk();
    EXPECT_TRUE(harness.open());
}

TEST_F(SmallDiskTest, AFileSystemMountedReadOnlyIsNamed) {
    ASSERT_TRUE(harness.open());
    harness.close();
    ASSERT_EQ(::mount("trivet-test", directory.path().c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY,
                      "size=2m"),
              0);
    const auto opened = harness.open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::unavailable);
    EXPECT_THAT(opened.error().message, HasSubstr("lbd.db"));
}

}  // namespace

}  // namespace trivet::store
