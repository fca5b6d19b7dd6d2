#include "core/single_node_log.hpp"

#include <optional>

#include <gtest/gtest.h>

namespace trivet {
namespace {

/// Keeps appends until the test lets them finish.
class HeldStorage : public LogStorage {
public:
    std::vector<std::vector<LogEntry>> appended;
    std::vector<std::function<void(Result<void>)>> pending;
    std::optional<Result<void>> answer_at_once;

    void append(std::vector<LogEntry> entries, std::function<void(Result<void>)> done) override {
        appended.push_back(std::move(entries));
        if (answer_at_once) return done(*answer_at_once);
        pending.push_back(std::move(done));
    }
    void finish(Result<void> result = {}) {
        ASSERT_FALSE(pending.empty());
        auto done = std::move(pending.front());
        pending.erase(pending.begin());
        done(std::move(result));
    }
};

class SingleNode : public testing::Test {
protected:
    HeldStorage storage;
    SingleNodeLog log{storage, {LogIndex(7), Term(3)}};
    std::vector<std::string> journal;

    SingleNode() {
        log.subscribe([this](const LogEntry& entry) {
            journal.push_back("apply " + std::to_string(entry.index.value()) + " " + entry.payload);
            EXPECT_EQ(entry.term, Term(3));
        });
    }
    void propose(const std::string& payload) {
        log.propose(payload, [this, payload](Result<LogIndex> result) {
            journal.push_back((result ? "done " : "failed ") + payload);
        });
    }
};

TEST_F(SingleNode, AnswersOnlyWhenDurableAndApplied) {
    propose("a");
    ASSERT_EQ(storage.appended.size(), 1u);
    EXPECT_EQ(storage.appended[0][0].index, LogIndex(8));
    EXPECT_TRUE(journal.empty());
    storage.finish();
    EXPECT_EQ(journal, (std::vector<std::string>{"apply 8 a", "done a"}));
    EXPECT_EQ(log.last_index(), LogIndex(8));
}

TEST_F(SingleNode, WhatComesMeanwhileGoesTogether) {
    propose("a");
    propose("b");
    propose("c");
    EXPECT_EQ(storage.appended.size(), 1u);
    storage.finish();
    ASSERT_EQ(storage.appended.size(), 2u);
    EXPECT_EQ(storage.appended[1].size(), 2u);
    storage.finish();
    EXPECT_EQ(journal, (std::vector<std::string>{"apply 8 a", "done a", "apply 9 b", "done b",
                                                 "apply 10 c", "done c"}));
}

TEST_F(SingleNode, AFailedBatchFailsWholeAndItsIndicesAreUsedAgain) {
    propose("a");
    propose("b");
    storage.finish(fail(ErrorCode::insufficient_storage, "full"));
    EXPECT_EQ(journal, (std::vector<std::string>{"failed a"}));
    ASSERT_EQ(storage.appended.size(), 2u);
    EXPECT_EQ(storage.appended[1][0].index, LogIndex(8));
    storage.finish();
    EXPECT_EQ(journal.back(), "done b");
    EXPECT_EQ(log.last_index(), LogIndex(8));
}

TEST_F(SingleNode, TheErrorIsTheStorages) {
    std::optional<ErrorCode> code;
    log.propose("a", [&](Result<LogIndex> result) { code = result.error().code; });
    storage.finish(fail(ErrorCode::insufficient_storage, "full"));
    EXPECT_EQ(code, ErrorCode::insufficient_storage);
}

TEST_F(SingleNode, RefusesTooLargePayloads) {
    std::optional<ErrorCode> code;
    log.propose(std::string(SingleNodeLog::payload_bytes_max + 1, 'x'),
                [&](Result<LogIndex> result) { code = result.error().code; });
    EXPECT_EQ(code, ErrorCode::too_large);
    EXPECT_TRUE(storage.appended.empty());
}

TEST_F(SingleNode, RefusesMoreThanItsQueueHolds) {
    propose("first");
    for (std::size_t i = 0; i < SingleNodeLog::waiting_max; ++i) propose("x");
    EXPECT_TRUE(journal.empty());
    std::optional<ErrorCode> code;
    log.propose("y", [&](Result<LogIndex> result) { code = result.error().code; });
    EXPECT_EQ(code, ErrorCode::unavailable);
    storage.finish();
    EXPECT_EQ(storage.appended[1].size(), SingleNodeLog::batch_entries_max);
    propose("z");  // there is room again
    EXPECT_EQ(journal.size(), 2u);
}

TEST_F(SingleNode, BatchesAreBoundedInBytes) {
    propose("first");
    for (int i = 0; i < 5; ++i) propose(std::string(SingleNodeLog::payload_bytes_max, 'x'));
    storage.finish();
    EXPECT_EQ(storage.appended[1].size(), 2u);
}

TEST_F(SingleNode, ReadsAtOnceWhenAtRest) {
    bool read = false;
    log.read_barrier([&](Result<void> result) { read = result.has_value(); });
    EXPECT_TRUE(read);
}

TEST_F(SingleNode, AReadWithinABatchWaitsForTheWholeBatch) {
    log.subscribe([this](const LogEntry& entry) {
        journal.push_back("apply " + entry.payload);
        if (entry.payload == "b")
            log.read_barrier([this](Result<void>) { journal.push_back("read"); });
    });
    propose("a");
    propose("b");
    propose("c");
    storage.finish();
    storage.finish();
    EXPECT_EQ(journal, (std::vector<std::string>{"apply a", "done a", "apply b", "done b",
                                                 "apply c", "done c", "read"}));
}

TEST_F(SingleNode, ProposesFromWithinACallback) {
    int left = 3;
    std::function<void(Result<LogIndex>)> again = [&](Result<LogIndex>) {
        if (left-- > 0) log.propose("again", again);
    };
    storage.answer_at_once = Result<void>{};
    log.propose("start", again);
    EXPECT_EQ(storage.appended.size(), 4u);
    EXPECT_EQ(log.last_index(), LogIndex(11));
}

TEST_F(SingleNode, AnsweringAtOnceDoesNotRecurse) {
    storage.answer_at_once = Result<void>{};
    int left = 100'000;
    std::function<void(Result<LogIndex>)> again = [&](Result<LogIndex>) {
        if (left-- > 0) log.propose("again", again);
    };
    log.propose("start", again);
    EXPECT_EQ(left, -1);
}

TEST(SingleNodeLifetime, MayEndWhileAnAppendIsInFlight) {
    HeldStorage storage;
    auto log = std::make_unique<SingleNodeLog>(storage, SingleNodeLog::Start{});
    bool answered = false;
    log->propose("a", [&](Result<LogIndex>) { answered = true; });
    log.reset();
    storage.finish();
    EXPECT_FALSE(answered);
}

TEST(SingleNodeLifetime, MayEndWithinACallback) {
    HeldStorage storage;
    auto log = std::make_unique<SingleNodeLog>(storage, SingleNodeLog::Start{});
    log->propose("a", [&](Result<LogIndex>) { log.reset(); });
    log->propose("b", [](Result<LogIndex>) {});
    storage.finish();
    EXPECT_FALSE(log);
}

}  // namespace
}  // namespace trivet
