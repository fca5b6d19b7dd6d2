// The storage as Raft's disk: what a write does, and what is refused.
#include <algorithm>

#include "core/raft/configuration_codec.hpp"
#include "core/state_snapshot.hpp"
#include "tests/store/fault_vfs.hpp"
#include "tests/store/storage_fixture.hpp"

namespace trivet::store {

namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr raft::RaftId peer{77};

raft::HardState hard_state(std::uint64_t term, raft::RaftId vote = {}) {
    return {.term = Term{term}, .vote = vote};
}

raft::Configuration configuration_of(std::uint64_t id) {
    raft::Configuration configuration;
    configuration.members[raft::RaftId{id}] = {raft::MemberRole::voter, "node", "192.0.2.1:7000"};
    return configuration;
}

LogEntry configuration_entry(std::uint64_t index, std::uint64_t term, std::uint64_t id) {
    LogEntry made = entry(index, raft::encode(configuration_of(id)), term);
    made.kind = EntryKind::configuration;
    return made;
}

raft::Snapshot snapshot(std::uint64_t index, std::uint64_t term, const std::vector<StateRow>& rows,
                        std::uint64_t member = 1) {
    return {{LogIndex{index}, Term{term}, configuration_of(member)},
            std::make_shared<const std::string>(encode_snapshot(rows))};
}

void put(raft::Write& write, raft::HardState state) { write.hard_state = state; }
void put(raft::Write& write, raft::Snapshot whole) { write.snapshot = std::move(whole); }
void put(raft::Write& write, LogIndex from) { write.truncate_from = from; }

template <class... Part>
raft::Write of(Part... parts) {
    raft::Write write;
    (put(write, std::move(parts)), ...);
    return write;
}

class RaftWriteTest : public testing::Test {
protected:
    void SetUp() override {
        harness.options.log_keep.reset();
        harness.options.applied_delay = 0ms;
        harness.options.on_applied = [this](LogIndex index) { applied = index; };
        ASSERT_TRUE(harness.open());
    }
    Result<void> write(raft::Write write) { return harness.write(std::move(write)); }
    Result<void> append(std::uint64_t from, std::uint64_t to, std::uint64_t term) {
        raft::Write job;
        for (std::uint64_t index = from; index <= to; ++index)
            job.append.push_back(entry(index, "entry " + std::to_string(index), term));
        return write(std::move(job));
    }
    bool apply(std::uint64_t index) {
        harness.storage->save_applied({.last_applied = LogIndex{index},
                                       .rows = {{"k", std::to_string(index)}},
                                       .events = {}});
        return harness.wait_until([&] { return applied == LogIndex{index}; });
    }
    void reopen() {
        harness.close();
        ASSERT_TRUE(harness.open());
    }
    std::string refusal(raft::Write job) {
        const auto refused = write(std::move(job));
        if (refused) return "it was written";
        EXPECT_EQ(refused.error().code, ErrorCode::internal);
        return refused.error().message;
    }

    TempDirectory directory;
    Harness harness{directory.path()};
    Loaded& loaded = harness.loaded;
    LogIndex applied;
};

TEST_F(RaftWriteTest, VoteEntriesAndKindsAreThereAfterReopening) {
    raft::Write job;
    job.hard_state = hard_state(3, peer);
    job.append = {entry(1, "one", 2), configuration_entry(2, 3, 5)};
    job.append.push_back({LogIndex{3}, Term{3}, "", EntryKind::no_op});
    ASSERT_TRUE(write(job));
    reopen();
    EXPECT_EQ(loaded.hard_state, hard_state(3, peer));
    EXPECT_EQ(loaded.entries, job.append);
    EXPECT_EQ(loaded.term, Term{3});
    EXPECT_EQ(harness.storage->statistics().entries, 0u);
}

TEST_F(RaftWriteTest, AVoteAloneIsWritten) {
    ASSERT_TRUE(write(of(hard_state(1))));
    ASSERT_TRUE(write(of(hard_state(1, peer))));
    reopen();
    EXPECT_EQ(loaded.hard_state, hard_state(1, peer));
    EXPECT_TRUE(loaded.entries.empty());
}

TEST_F(RaftWriteTest, TheEndIsTruncatedBeforeEntriesAreAppended) {
    ASSERT_TRUE(write(of(hard_state(1))));
    ASSERT_TRUE(append(1, 5, 1));
    raft::Write job = of(hard_state(2), LogIndex{3});
    job.append = {entry(3, "other", 2)};
    ASSERT_TRUE(write(job));
    reopen();
    ASSERT_EQ(loaded.entries.size(), 3u);
    EXPECT_EQ(loaded.entries[2].payload, "other");
    EXPECT_EQ(loaded.term, Term{2});
    ASSERT_TRUE(write(of(LogIndex{1})));
    reopen();
    EXPECT_EQ(loaded.last_index, LogIndex{});
    EXPECT_EQ(loaded.term, Term{});
    EXPECT_TRUE(append(1, 1, 1));
}

TEST_F(RaftWriteTest, ASnapshotTakesThePlaceOfLogAndState) {
    ASSERT_TRUE(write(of(hard_state(4))));
    ASSERT_TRUE(append(1, 9, 1));
    harness.storage->save_applied(
        {.last_applied = LogIndex{2},
         .rows = {{"gone", "x"}, {"k", "old"}},
         .events = {{.index = 2, .at = {}, .type = "t", .object = "o", .message = "kept"}}});
    raft::Write job = of(snapshot(6, 3, {{"k", "new"}, {"l", "1"}}, 9));
    job.append = {entry(7, "behind", 4)};
    ASSERT_TRUE(write(job));
    EXPECT_TRUE(harness.wait_until([&] { return applied == LogIndex{6}; }));
    EXPECT_EQ(harness.read_events(10)->size(), 1u);  // what was saved before went before
    ASSERT_TRUE(apply(7));
    reopen();
    EXPECT_EQ(loaded.base.index, LogIndex{6});
    EXPECT_EQ(loaded.base.term, Term{3});
    EXPECT_EQ(loaded.base.configuration, configuration_of(9));
    EXPECT_EQ(loaded.last_applied, LogIndex{7});
    ASSERT_EQ(loaded.rows.size(), 2u);
    EXPECT_EQ(loaded.rows[0].value, "7");
    EXPECT_EQ(loaded.rows[1].value, "1");
    ASSERT_EQ(loaded.applied_entries.size(), 1u);
    EXPECT_EQ(loaded.applied_entries[0].payload, "behind");
    EXPECT_TRUE(append(8, 8, 4));
}

TEST_F(RaftWriteTest, ABatchThatWaitsGoesBeforeTheSnapshot) {
    FaultVfs vfs;
    harness.close();
    harness.options.vfs_name = vfs.name();
    harness.options.applied_delay = 1h;
    ASSERT_TRUE(harness.open());
    ASSERT_TRUE(write(of(hard_state(1))));
    ASSERT_TRUE(append(1, 3, 1));
    harness.storage->save_applied(
        {.last_applied = LogIndex{3}, .rows = {{"k", "3"}, {"own", "3"}}, .events = {}});
    ASSERT_TRUE(write(of(snapshot(5, 1, {{"k", "5"}}))));
    reopen();
    EXPECT_EQ(loaded.last_applied, LogIndex{5});
    ASSERT_EQ(loaded.rows.size(), 1u);
    EXPECT_EQ(loaded.rows[0].value, "5");
    harness.close();
}

TEST_F(RaftWriteTest, EventsOfThisNodeAloneMayComeLate) {
    ASSERT_TRUE(write(of(hard_state(1))));
    ASSERT_TRUE(append(1, 3, 1));
    ASSERT_TRUE(apply(3));
    std::optional<Result<void>> answer;
    harness.storage->write(of(snapshot(5, 1, {})), [&](Result<void> result) { answer = result; });
    const AppliedBatch late{
        .last_applied = LogIndex{3},
        .rows = {},
        .events = {{.index = 0, .at = {}, .type = "t", .object = "o", .message = "m"}}};
    harness.storage->save_applied(late);
    ASSERT_TRUE(harness.wait_until([&] { return answer.has_value(); }));
    harness.storage->save_applied(late);
    EXPECT_EQ(harness.read_events(10)->size(), 2u);
    reopen();
    EXPECT_EQ(loaded.last_applied, LogIndex{5});
}

#ifndef __SANITIZE_THREAD__  // which does not follow a fork
TEST_F(RaftWriteTest, RowsNotAboveTheSnapshotAreABug) {
    ASSERT_TRUE(write(of(hard_state(1))));
    ASSERT_TRUE(append(1, 3, 1));
    ASSERT_TRUE(write(of(snapshot(5, 1, {}))));
    EXPECT_DEATH(harness.storage->save_applied(
                     {.last_applied = LogIndex{5}, .rows = {{"k", "5"}}, .events = {}}),
                 "not true");
}
#endif

TEST_F(RaftWriteTest, WhatBreaksARuleIsRefusedAndNothingOfItIsWritten) {
    ASSERT_TRUE(write(of(hard_state(4, peer))));
    ASSERT_TRUE(append(1, 3, 2));
    ASSERT_TRUE(append(4, 6, 4));
    ASSERT_TRUE(apply(3));
    const auto with = [](raft::Write job, std::vector<LogEntry> entries) {
        job.append = std::move(entries);
        return job;
    };
    EXPECT_THAT(refusal({}), HasSubstr("nothing was given to write"));
    EXPECT_THAT(refusal(with({}, {entry(8, "", 4)})), HasSubstr("where entry 7 belongs"));
    EXPECT_THAT(refusal(with({}, {entry(6, "", 4)})), HasSubstr("where entry 7 belongs"));
    EXPECT_THAT(refusal(with({}, {entry(7, "", 3)})), HasSubstr("older than term 4 before it"));
    EXPECT_THAT(refusal(with({}, {entry(7, "", 5)})), HasSubstr("newer than the term 4"));
    EXPECT_THAT(refusal(with(of(LogIndex{4}), {entry(4, "", 1)})),
                HasSubstr("older than term 2 before it"));
    EXPECT_THAT(refusal(of(LogIndex{3})), HasSubstr("entry 3 is applied"));
    EXPECT_THAT(refusal(of(LogIndex{8})), HasSubstr("it ends at 6"));
    EXPECT_THAT(refusal(of(hard_state(3))), HasSubstr("term 3"));
    EXPECT_THAT(refusal(of(hard_state(4))), HasSubstr("a second vote"));
    EXPECT_THAT(refusal(of(hard_state(4, raft::RaftId{78}))), HasSubstr("a second vote"));
    EXPECT_THAT(refusal(of(snapshot(2, 2, {}))), HasSubstr("after entry 3 was applied"));
    EXPECT_THAT(refusal(of(snapshot(9, 5, {}))), HasSubstr("newer than the term 4"));
    LogEntry unreadable = entry(7, "x", 4);
    unreadable.kind = EntryKind::configuration;
    EXPECT_THAT(refusal(with({}, {unreadable})), HasSubstr("entry 7 is no configuration"));
    reopen();
    EXPECT_EQ(loaded.hard_state, hard_state(4, peer));
    EXPECT_EQ(loaded.last_index, LogIndex{6});
    EXPECT_EQ(loaded.last_applied, LogIndex{3});
    EXPECT_TRUE(append(7, 7, 4));
}

TEST_F(RaftWriteTest, ASnapshotThatCannotBeReadIsFatal) {
    ASSERT_TRUE(write(of(hard_state(1))));
    raft::Snapshot bad = snapshot(5, 1, {{"k", "v"}});
    bad.data = std::make_shared<const std::string>("no snapshot");
    EXPECT_FALSE(write(of(bad)));
    ASSERT_EQ(harness.fatal_reports.size(), 1u);
    EXPECT_THAT(harness.fatal_reports[0].message, HasSubstr("the snapshot is damaged"));
    reopen();
    EXPECT_EQ(loaded.last_index, LogIndex{});
}

TEST_F(RaftWriteTest, AfterAFullDiskAllGoesOnWithTheWriteThatWasRefused) {
    FaultVfs vfs;
    harness.close();
    harness.options.vfs_name = vfs.name();
    ASSERT_TRUE(harness.open());
    ASSERT_TRUE(write(of(hard_state(2))));
    ASSERT_TRUE(append(1, 5, 2));
    vfs.arm({.fault = Fault::disk_full, .at_call = 1, .repeat = true});
    raft::Write job = of(hard_state(3, peer), snapshot(9, 3, {{"k", "9"}}));
    job.append = {entry(10, "ten", 3)};
    const auto refused = write(job);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::insufficient_storage);
    vfs.disarm();
    // As if it had never been given.
    ASSERT_TRUE(append(6, 6, 2));
    ASSERT_TRUE(apply(6));
    ASSERT_TRUE(write(job));
    reopen();
    EXPECT_EQ(loaded.hard_state, hard_state(3, peer));
    EXPECT_EQ(loaded.base.index, LogIndex{9});
    EXPECT_EQ(loaded.last_index, LogIndex{10});
    EXPECT_TRUE(harness.fatal_reports.empty());
    harness.close();
}

TEST_F(RaftWriteTest, WritesThatWaitForOneSyncShareTheNextTransaction) {
    FaultVfs vfs;
    harness.close();
    harness.options.vfs_name = vfs.name();
    ASSERT_TRUE(harness.open());
    vfs.hold_syncs();
    int submitted = 0;
    std::vector<int> done;
    const auto submit = [&](raft::Write job) {
        const int number = ++submitted;
        harness.storage->write(std::move(job), [&done, number](const Result<void>& result) {
            if (result) done.push_back(number);
        });
    };
    submit(of(hard_state(1)));
    ASSERT_TRUE(vfs.wait_until_held());
    for (std::uint64_t term = 2; term <= 40; ++term) {
        raft::Write job = of(hard_state(term, peer), LogIndex{1});
        job.append = {entry(1, "a", term), entry(2, "b", term)};
        submit(std::move(job));
    }
    submit(of(snapshot(7, 40, {})));
    EXPECT_TRUE(done.empty());
    vfs.release_syncs();
    ASSERT_TRUE(harness.wait_until([&] { return done.size() == 41; }));
    EXPECT_TRUE(std::ranges::is_sorted(done));
    EXPECT_EQ(harness.storage->statistics().transactions, 2u);
    reopen();
    EXPECT_EQ(loaded.last_index, LogIndex{7});
    EXPECT_EQ(loaded.hard_state, hard_state(40, peer));
    harness.close();
}

}  // namespace

}  // namespace trivet::store
