// The log's base, and who moves it.
#include "core/raft/configuration_codec.hpp"
#include "tests/store/fault_vfs.hpp"
#include "tests/store/storage_fixture.hpp"

namespace trivet::store {

namespace {

using testing::HasSubstr;

raft::Configuration configuration_of(std::uint64_t id) {
    raft::Configuration configuration;
    configuration.members[raft::RaftId{id}] = {raft::MemberRole::voter, "node", "192.0.2.1:7000"};
    return configuration;
}

/// Entries 1 to 1000: term 1, from 301 on 2, from 601 on 3; every hundredth is a configuration.
class CompactionTest : public testing::Test {
protected:
    void fill(std::optional<std::uint64_t> log_keep = std::nullopt) {
        harness.options.log_keep = log_keep;
        harness.options.on_applied = [this](LogIndex index) { applied = index; };
        ASSERT_TRUE(harness.open());
        std::vector<LogEntry> entries;
        for (std::uint64_t index = 1; index <= 1000; ++index) {
            entries.push_back(entry(index, "payload", term_of(index)));
            if (index % 100 != 0) continue;
            entries.back().kind = EntryKind::configuration;
            entries.back().payload = raft::encode(configuration_of(index));
        }
        ASSERT_TRUE(harness.append(entries));
        harness.storage->save_applied(
            {.last_applied = LogIndex{900}, .rows = {{"k", "v"}}, .events = {}});
        ASSERT_TRUE(harness.wait_until([&] { return applied == LogIndex{900}; }));
    }
    static std::uint64_t term_of(std::uint64_t index) { return 1 + (index - 1) / 300; }
    static raft::LogBase base_at(std::uint64_t index) {
        return {LogIndex{index}, Term{term_of(index)},
                index < 100 ? raft::Configuration{} : configuration_of(index / 100 * 100)};
    }
    std::uint64_t rows() {
        return std::stoul(query(harness.options.path, "SELECT count(*) FROM log"));
    }
    void expect_base(const raft::LogBase& base) {
        EXPECT_EQ(harness.loaded.base.index, base.index);
        EXPECT_EQ(harness.loaded.base.term, base.term);
        EXPECT_EQ(harness.loaded.base.configuration, base.configuration);
    }
    std::uint64_t transactions() { return harness.storage->statistics().transactions; }

    TempDirectory directory;
    Harness harness{directory.path()};
    LogIndex applied;
};

TEST_F(CompactionTest, TheBaseMovesInPortionsOfOneTransactionEach) {
    fill();
    const std::uint64_t before = transactions();
    harness.storage->compact(base_at(850));
    ASSERT_TRUE(harness.wait_until([&] { return transactions() == before + 4; }));
    harness.close();
    EXPECT_EQ(rows(), 150u);
    ASSERT_TRUE(harness.open());
    expect_base(base_at(850));
    EXPECT_EQ(harness.loaded.applied_entries.size(), 50u);
    EXPECT_EQ(harness.loaded.entries.size(), 100u);
    EXPECT_TRUE(harness.append({entry(1001, "", 4)}));
}

TEST_F(CompactionTest, PortionsAreBoundedInBytesToo) {
    harness.options.log_keep.reset();
    harness.options.on_applied = [this](LogIndex index) { applied = index; };
    ASSERT_TRUE(harness.open());
    for (std::uint64_t index = 1; index <= 6; ++index)
        ASSERT_TRUE(harness.append({entry(index, std::string(3u << 20, 'x'))}));
    harness.storage->save_applied({.last_applied = LogIndex{6}, .rows = {}, .events = {}});
    ASSERT_TRUE(harness.wait_until([&] { return applied == LogIndex{6}; }));
    const std::uint64_t before = transactions();
    harness.storage->compact({LogIndex{6}, Term{1}, {}});
    ASSERT_TRUE(harness.wait_until([&] { return transactions() == before + 2; }));
    harness.close();
    EXPECT_EQ(rows(), 0u);
    ASSERT_TRUE(harness.open());
    EXPECT_EQ(harness.loaded.base.index, LogIndex{6});
}

TEST_F(CompactionTest, EveryPortionLeavesABaseThatAgreesWithTheLog) {
    fill();
    harness.storage->compact(base_at(850));
    harness.close();  // after the first portion, or some more
    ASSERT_TRUE(harness.open());
    expect_base(base_at(harness.loaded.base.index.value()));
    harness.storage->compact(base_at(900));
    harness.storage->compact(base_at(850));  // does not take it back
    harness.close();
}

TEST_F(CompactionTest, AnotherTermOrConfigurationThanTheLogHasIsFatal) {
    fill();
    raft::LogBase wrong = base_at(150);
    wrong.configuration = configuration_of(5);
    harness.storage->compact(wrong);
    ASSERT_TRUE(harness.wait_until([&] { return !harness.fatal_reports.empty(); }));
    EXPECT_EQ(harness.fatal_reports[0].code, ErrorCode::internal);
    EXPECT_THAT(harness.fatal_reports[0].message, HasSubstr("up to entry 150 of term 1"));
    harness.close();
    ASSERT_TRUE(harness.open());
    EXPECT_EQ(harness.loaded.base.index, LogIndex{});  // it was rolled back
}

TEST_F(CompactionTest, OnAFullDiskItWaits) {
    FaultVfs vfs;
    harness.options.vfs_name = vfs.name();
    fill();
    vfs.arm({.fault = Fault::disk_full, .at_call = 1, .repeat = true});
    harness.storage->compact(base_at(850));
    ASSERT_TRUE(harness.wait_until([&] { return harness.read_only_reports.size() == 1; }));
    vfs.disarm();
    const std::uint64_t before = transactions();
    ASSERT_TRUE(harness.wait_until([&] { return transactions() == before + 4; }));
    harness.close();
    EXPECT_EQ(rows(), 150u);
}

TEST_F(CompactionTest, ALogThatTrimsItselfKeepsItsBaseAndLoadsNothingThatIsApplied) {
    fill(250);
    harness.close();
    ASSERT_TRUE(harness.open());
    const std::uint64_t base = harness.loaded.base.index.value();
    EXPECT_LE(base, 650u);
    EXPECT_GT(base, 0u);
    expect_base(base_at(base));
    EXPECT_TRUE(harness.loaded.applied_entries.empty());
    EXPECT_EQ(harness.loaded.entries.size(), 100u);
    harness.close();
    harness.options.log_keep.reset();  // the same file becomes Raft's
    ASSERT_TRUE(harness.open());
    // The run before may have trimmed another portion.
    const std::uint64_t now = harness.loaded.base.index.value();
    EXPECT_GE(now, base);
    EXPECT_EQ(harness.loaded.applied_entries.size(), 900 - now);
    EXPECT_EQ(harness.loaded.hard_state.term, Term{4});
}

}  // namespace

}  // namespace trivet::store
