#include "store/storage.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

#include <sys/stat.h>

#include "store/database.hpp"
#include "tests/store/fault_vfs.hpp"
#include "tests/store/storage_fixture.hpp"

namespace trivet::store {

namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class StorageTest : public testing::Test {
protected:
    TempDirectory directory;
    Harness harness{directory.path()};
    const std::filesystem::path& file() const { return harness.options.path; }
    std::uint64_t transactions() const { return harness.storage->statistics().transactions; }
};

Event event(std::uint64_t index, std::string object, std::string message = "text") {
    return {.index = index,
            .at = WallTime(1700000000123ms),
            .type = "vip_assigned",
            .object = std::move(object),
            .message = std::move(message)};
}

TEST_F(StorageTest, NewFileIsEmptyAndReadableByItsOwnerAlone) {
    ASSERT_TRUE(harness.open());
    EXPECT_TRUE(harness.loaded.rows.empty());
    EXPECT_TRUE(harness.loaded.entries.empty());
    EXPECT_EQ(harness.loaded.last_index, LogIndex{});
    EXPECT_EQ(harness.loaded.last_applied, LogIndex{});
    struct stat status{};
    ASSERT_EQ(::stat(file().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(StorageTest, EverythingIsThereAfterReopening) {
    ASSERT_TRUE(harness.open());
    const std::string binary("nul \0 and \xff", 11);
    ASSERT_TRUE(harness.append({entry(1, "one"), entry(2, binary, 2), entry(3, "", 2)}));
    harness.storage->save_applied({.last_applied = LogIndex{1},
                                   .rows = {{"pool/lan", "v1"}, {"pool/old", "x"}},
                                   .events = {event(1, "pool/lan")}});
    harness.storage->save_applied({.last_applied = LogIndex{2},
                                   .rows = {{"pool/lan", binary}, {"pool/old", std::nullopt}},
                                   .events = {}});
    harness.close();

    ASSERT_TRUE(harness.open());
    EXPECT_EQ(harness.loaded.last_index, LogIndex{3});
    EXPECT_EQ(harness.loaded.term, Term{2});
    EXPECT_EQ(harness.loaded.last_applied, LogIndex{2});
    ASSERT_EQ(harness.loaded.rows.size(), 1u);
    EXPECT_EQ(harness.loaded.rows[0].key, "pool/lan");
    EXPECT_EQ(harness.loaded.rows[0].value, binary);
    ASSERT_EQ(harness.loaded.entries.size(), 1u);
    EXPECT_EQ(harness.loaded.entries[0].index, LogIndex{3});
    EXPECT_EQ(harness.loaded.entries[0].payload, "");
    const auto events = harness.read_events(10);
    ASSERT_TRUE(events);
    ASSERT_EQ(events->size(), 1u);
    EXPECT_EQ((*events)[0].at, WallTime(1700000000123ms));
    EXPECT_EQ((*events)[0].object, "pool/lan");
    EXPECT_TRUE(harness.append({entry(4, "", 2)}));
}

TEST_F(StorageTest, AnEntryThatDoesNotFollowTheLastIsRefused) {
    ASSERT_TRUE(harness.open());
    ASSERT_TRUE(harness.append({entry(1)}));
    for (auto& entries :
         std::vector<std::vector<LogEntry>>{{entry(3)}, {entry(1)}, {entry(2), entry(4)}, {}}) {
        const auto refused = harness.append(entries);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, ErrorCode::internal);
    }
    EXPECT_TRUE(harness.append({entry(2, "{}", 5)}));
}

TEST_F(StorageTest, APayloadAboveTheLimitIsRefused) {
    ASSERT_TRUE(harness.open());
    const auto refused =
        harness.append({entry(1, std::string(Storage::payload_bytes_max + 1, 'x'))});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::too_large);
    EXPECT_TRUE(harness.append({entry(1)}));
}

TEST_F(StorageTest, AppendsThatWaitForOneSyncShareTheNextTransaction) {
    FaultVfs vfs;
    harness.options.vfs_name = vfs.name();
    ASSERT_TRUE(harness.open());
    const std::uint64_t before = vfs.syncs();
    std::vector<std::uint64_t> done;
    const auto submit = [&](std::uint64_t index) {
        harness.storage->append({entry(index)}, [&done, index](const Result<void>& result) {
            if (result) done.push_back(index);
        });
    };
    vfs.hold_syncs();
    submit(1);
    ASSERT_TRUE(vfs.wait_until_held());
    for (std::uint64_t index = 2; index <= 100; ++index) submit(index);
    EXPECT_TRUE(done.empty());  // nothing is acknowledged before its fsync
    vfs.release_syncs();
    ASSERT_TRUE(harness.wait_until([&] { return done.size() == 100; }));
    EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
    EXPECT_EQ(transactions(), 2u);
    EXPECT_EQ(harness.storage->statistics().entries, 100u);
    EXPECT_GE(vfs.syncs() - before, 2u);
    harness.close();
}

TEST_F(StorageTest, EachTransactionSyncsTheWriteAheadLog) {
    FaultVfs vfs;
    harness.options.vfs_name = vfs.name();
    ASSERT_TRUE(harness.open());
    ASSERT_TRUE(harness.append({entry(1)}));
    for (std::uint64_t index = 2; index <= 10; ++index) {
        const std::uint64_t before = vfs.syncs();
        ASSERT_TRUE(harness.append({entry(index)}));
        EXPECT_EQ(vfs.syncs(), before + 1);
    }
    harness.close();
}

TEST_F(StorageTest, AppliedBatchRidesWithTheNextAppend) {
    harness.options.applied_delay = 1h;
    ASSERT_TRUE(harness.open());
    ASSERT_TRUE(harness.append({entry(1)}));
    harness.storage->save_applied(
        {.last_applied = LogIndex{1}, .rows = {{"k", "v"}}, .events = {}});
    ASSERT_TRUE(harness.append({entry(2)}));
    EXPECT_EQ(transactions(), 2u);
    harness.close();
    ASSERT_TRUE(harness.open());
    EXPECT_EQ(harness.loaded.last_applied, LogIndex{1});
}

TEST_F(StorageTest, AppliedBatchAloneIsWrittenAfterItsDelay) {
    harness.options.applied_delay = 20ms;
    ASSERT_TRUE(harness.open());
    ASSERT_TRUE(harness.append({entry(1)}));
    const auto started = std::chrono::steady_clock::now();
    harness.storage->save_applied({.last_applied = LogIndex{1}, .rows = {}, .events = {}});
    ASSERT_TRUE(harness.wait_until([&] { return transactions() == 2; }));
    EXPECT_GE(std::chrono::steady_clock::now() - started, 20ms);
}

TEST_F(StorageTest, EventsAreTheNewestOldestFirstAndOfOneObjectIfAsked) {
    harness.options.applied_delay = 1h;
    ASSERT_TRUE(harness.open());
    ASSERT_TRUE(harness.append({entry(1)}));
    AppliedBatch batch{.last_applied = LogIndex{1}, .rows = {}, .events = {}};
    for (int i = 1; i <= 5; ++i)
        batch.events.push_back(event(1, i % 2 == 0 ? "vip/a" : "vip/b", std::to_string(i)));
    harness.storage->save_applied(std::move(batch));

    const auto messages = [&](std::size_t limit, std::optional<std::string> object = {}) {
        std::string joined;
        const auto events = harness.read_events(limit, object);
        for (const Event& one : events.value()) joined += one.message + " ";
        return joined;
    };
    EXPECT_EQ(messages(3), "3 4 5 ");  // a read sees what was saved before it, without the delay
    EXPECT_EQ(messages(100), "1 2 3 4 5 ");
    EXPECT_EQ(messages(1, "vip/b"), "5 ");
    EXPECT_EQ(messages(10, "vip/a"), "2 4 ");
    EXPECT_EQ(messages(10, "vip/none"), "");
    EXPECT_EQ(messages(0), "");
    EXPECT_EQ(messages(std::numeric_limits<std::size_t>::max()), "1 2 3 4 5 ");
}

TEST_F(StorageTest, LogAndEventsAreTrimmedToWhatIsKept) {
    harness.options.log_keep = 20;
    harness.options.events_keep = 10;
    ASSERT_TRUE(harness.open());
    for (std::uint64_t index = 1; index <= 100; ++index) {
        ASSERT_TRUE(harness.append({entry(index)}));
        harness.storage->save_applied({.last_applied = LogIndex{index},
                                       .rows = {{"counter", std::to_string(index)}},
                                       .events = {event(index, "vip/a")}});
    }
    EXPECT_LE(harness.read_events(1000)->size(), 11u);
    harness.close();
    EXPECT_LE(std::stoi(query(file(), "SELECT count(*) FROM log")), 22);
    EXPECT_GE(std::stoi(query(file(), "SELECT count(*) FROM log")), 20);
    EXPECT_GE(std::stoi(query(file(), "SELECT count(*) FROM events")), 10);
    ASSERT_TRUE(harness.open());
    EXPECT_EQ(harness.loaded.last_index, LogIndex{100});
    EXPECT_TRUE(harness.append({entry(101)}));
}

TEST_F(StorageTest, ALogTrimmedToNothingKeepsItsEnd) {
    harness.options.log_keep = 0;
    harness.options.events_keep = 0;
    ASSERT_TRUE(harness.open());
    ASSERT_TRUE(harness.append({entry(1, "a", 7), entry(2, "b", 7)}));
    harness.storage->save_applied(
        {.last_applied = LogIndex{2}, .rows = {}, .events = {event(2, "vip/a")}});
    harness.close();
    EXPECT_EQ(query(file(), "SELECT count(*) FROM log"), "0");
    ASSERT_TRUE(harness.open());
    EXPECT_EQ(harness.loaded.last_index, LogIndex{2});
    EXPECT_EQ(harness.loaded.term, Term{7});
    EXPECT_TRUE(harness.append({entry(3, "c", 7)}));
    harness.close();
    ASSERT_TRUE(harness.open());
    ASSERT_EQ(harness.loaded.entries.size(), 1u);
}

TEST_F(StorageTest, TheWriteAheadLogIsMovedIntoTheFileAndStaysSmall) {
    harness.options.checkpoint_pages = 20;
    ASSERT_TRUE(harness.open());
    for (std::uint64_t index = 1; index <= 200; ++index)
        ASSERT_TRUE(harness.append({entry(index, std::string(1000, 'x'))}));
    EXPECT_GT(harness.storage->statistics().checkpoints, 5u);
    EXPECT_LT(std::filesystem::file_size(file().native() + "-wal"), 60u * 4096);
    harness.close();
    EXPECT_EQ(std::filesystem::file_size(file().native() + "-wal"), 0u);
    EXPECT_EQ(query(file(), "PRAGMA integrity_check"), "ok");
}

TEST_F(StorageTest, CloseWritesWhatWaitsAndAnswersIt) {
    harness.options.applied_delay = 1h;
    ASSERT_TRUE(harness.open());
    ASSERT_TRUE(harness.append({entry(1)}));
    int answered = 0;
    for (std::uint64_t index = 2; index <= 50; ++index)
        harness.storage->append({entry(index)},
                                [&](const Result<void>& result) { answered += result ? 1 : 0; });
    harness.storage->save_applied(
        {.last_applied = LogIndex{1}, .rows = {{"k", "v"}}, .events = {}});
    harness.storage->close();
    harness.storage->close();
    const auto late = harness.append({entry(51)});
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, ErrorCode::unavailable);
    EXPECT_FALSE(harness.read_events(1));
    EXPECT_EQ(answered, 49);
    harness.storage.reset();
    ASSERT_TRUE(harness.open());
    EXPECT_EQ(harness.loaded.last_index, LogIndex{50});
    EXPECT_EQ(harness.loaded.last_applied, LogIndex{1});
}

TEST_F(StorageTest, CallbacksMayRunAfterTheStorageIsGone) {
    ASSERT_TRUE(harness.open());
    std::optional<Result<void>> answer;
    harness.storage->append({entry(1)}, [&](Result<void> result) { answer = result; });
    harness.storage.reset();
    ASSERT_TRUE(harness.wait_until([&] { return answer.has_value(); }));
    EXPECT_TRUE(answer->has_value());
}

TEST_F(StorageTest, TooManyReadsAtOnceAreRefused) {
    FaultVfs vfs;
    harness.options.vfs_name = vfs.name();
    ASSERT_TRUE(harness.open());
    vfs.hold_syncs();
    harness.storage->append({entry(1)}, [](const Result<void>&) {});
    ASSERT_TRUE(vfs.wait_until_held());
    int answered = 0;
    int refused = 0;
    for (int i = 0; i < 300; ++i)
        harness.storage->read_events(1, {}, [&](const Result<std::vector<Event>>& events) {
            ++answered;
            refused += !events && events.error().code == ErrorCode::unavailable ? 1 : 0;
        });
    vfs.release_syncs();
    ASSERT_TRUE(harness.wait_until([&] { return answered == 300; }));
    EXPECT_EQ(refused, 44);
    harness.close();
}

TEST_F(StorageTest, StatisticsMayBeReadByAnotherThread) {
    ASSERT_TRUE(harness.open());
    std::atomic<bool> stop = false;
    std::thread reader([&] {
        while (!stop) harness.storage->statistics();
    });
    for (std::uint64_t index = 1; index <= 200; ++index) {
        harness.storage->append({entry(index)}, [](const Result<void>&) {});
        if (index % 10 == 0) {
            EXPECT_TRUE(harness.read_events(5));
        }
    }
    stop = true;
    reader.join();
    EXPECT_EQ(harness.storage->statistics().entries, 200u);
    EXPECT_GT(harness.storage->statistics().transaction_time, 0ns);
}

}  // namespace

}  // namespace trivet::store
