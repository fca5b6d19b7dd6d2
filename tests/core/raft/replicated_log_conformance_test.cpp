// What every engine behind ReplicatedLog must do, whichever it is.
#include <algorithm>

#include <gtest/gtest.h>

#include "core/single_node_log.hpp"
#include "tests/core/raft/engines.hpp"

namespace trivet::raft {
namespace {

struct Kind {
    const char* name;
    MakeEngine make;
};
void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }

class ReplicatedLogConformance : public testing::TestWithParam<Kind> {
protected:
    void SetUp() override {
        engine = GetParam().make();
        engine->log().subscribe([this](const LogEntry& entry) {
            if (entry.index <= last_applied) ADD_FAILURE() << "applied twice or out of order";
            last_applied = entry.index;
            if (entry.kind != EntryKind::command) return;
            journal.push_back("apply " + entry.payload);
            if (on_apply) on_apply(entry);
        });
        engine->get_ready();
    }
    void propose(const std::string& payload) {
        engine->log().propose(payload, [this, payload](Result<LogIndex> result) {
            journal.push_back((result ? "done " : "failed ") + payload);
            if (result)
                EXPECT_LE(*result, last_applied);
            else
                errors.push_back(result.error().code);
        });
    }
    void read(const std::string& name) {
        engine->log().read_barrier([this, name](Result<void> result) {
            journal.push_back((result ? "read " : "no read ") + name);
        });
    }
    std::size_t place(const std::string& line) const {
        return static_cast<std::size_t>(std::ranges::find(journal, line) - journal.begin());
    }
    bool has(const std::string& line) const { return place(line) < journal.size(); }

    std::unique_ptr<Engine> engine;
    std::vector<std::string> journal;
    std::vector<ErrorCode> errors;
    std::function<void(const LogEntry&)> on_apply;
    LogIndex last_applied;
};

using Journal = std::vector<std::string>;

TEST_P(ReplicatedLogConformance, AnswersOnlyWhenDurableAndApplied) {
    propose("a");
    EXPECT_TRUE(journal.empty());
    ASSERT_TRUE(engine->has_writes());
    engine->finish_writes();
    EXPECT_EQ(journal, (Journal{"apply a", "done a"}));
    EXPECT_EQ(engine->durable(), Journal{"a"});
}

TEST_P(ReplicatedLogConformance, EveryCommandComesOnceInOrder) {
    Journal wanted;
    for (int i = 0; i < 50; ++i) {
        wanted.push_back(std::to_string(i));
        propose(wanted.back());
        if (i % 7 == 0 && engine->has_writes()) engine->finish_write({});
    }
    engine->finish_writes();
    EXPECT_EQ(engine->durable(), wanted);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        ASSERT_TRUE(has("done " + wanted[i]));
        EXPECT_LT(place("apply " + wanted[i]), place("done " + wanted[i]));
        EXPECT_LE(place("apply " + wanted[i > 0 ? i - 1 : 0]), place("apply " + wanted[i]));
    }
}

TEST_P(ReplicatedLogConformance, WhatComesDuringAWriteSharesTheNext) {
    for (int i = 0; i < 100; ++i) propose(std::to_string(i));
    int writes = 0;
    for (; engine->has_writes(); ++writes) engine->finish_write({});
    EXPECT_LE(writes, 2);
    EXPECT_EQ(engine->durable().size(), 100u);
}

TEST_P(ReplicatedLogConformance, AReadSeesWhatWasAnsweredBefore) {
    propose("a");
    engine->finish_writes();
    read("first");
    propose("b");
    engine->finish_writes();
    read("second");
    engine->finish_writes();
    ASSERT_TRUE(has("read first"));
    ASSERT_TRUE(has("read second"));
    EXPECT_LT(place("apply a"), place("read first"));
    EXPECT_LT(place("apply b"), place("read second"));
}

TEST_P(ReplicatedLogConformance, AReadWithinApplyWaitsForTheRestOfTheBatch) {
    on_apply = [this](const LogEntry& entry) {
        if (entry.payload == "b") read("within");
    };
    for (const char* payload : {"a", "b", "c", "d"}) propose(payload);
    engine->finish_writes();
    ASSERT_TRUE(has("read within"));
    EXPECT_LT(place("apply b"), place("read within"));
}

TEST_P(ReplicatedLogConformance, ACommandProposedWithinApplyIsTaken) {
    on_apply = [this](const LogEntry& entry) {
        if (entry.payload == "a") propose("b");
    };
    propose("a");
    engine->finish_writes();
    EXPECT_EQ(journal, (Journal{"apply a", "done a", "apply b", "done b"}));
}

TEST_P(ReplicatedLogConformance, RefusesWhatIsTooLarge) {
    propose(std::string(SingleNodeLog::payload_bytes_max + 1, 'x'));
    EXPECT_EQ(errors, std::vector{ErrorCode::too_large});
    EXPECT_FALSE(engine->has_writes());
    propose(std::string(SingleNodeLog::payload_bytes_max, 'x'));
    engine->finish_writes();
    EXPECT_EQ(errors.size(), 1u);
}

TEST_P(ReplicatedLogConformance, RefusesWhenTooManyWait) {
    for (std::size_t i = 0; i < SingleNodeLog::waiting_max + 10; ++i) propose("p");
    EXPECT_FALSE(errors.empty());
    EXPECT_EQ(errors.front(), ErrorCode::unavailable);
    const std::size_t refused = errors.size();
    engine->finish_writes();
    EXPECT_EQ(errors.size(), refused);
    EXPECT_EQ(engine->durable().size(), SingleNodeLog::waiting_max + 10 - refused);
}

TEST_P(ReplicatedLogConformance, AFullDiskLosesNothingAndIsLeftBehind) {
    propose("before");
    engine->finish_writes();
    propose("refused or late");
    engine->finish_write(fail(ErrorCode::insufficient_storage, "full"));
    EXPECT_FALSE(has("done refused or late"));
    propose("while full");
    while (engine->has_writes())
        engine->finish_write(fail(ErrorCode::insufficient_storage, "full"));
    EXPECT_FALSE(has("done while full"));
    for (int i = 0; i < 20; ++i) {  // there is space again
        engine->let_time_pass();
        engine->finish_writes();
    }
    propose("after");
    engine->finish_writes();
    EXPECT_TRUE(has("done after"));
    EXPECT_TRUE(has("done refused or late") != has("failed refused or late"));
    const Journal durable = engine->durable();
    EXPECT_EQ(durable.front(), "before");
    EXPECT_EQ(durable.back(), "after");
    EXPECT_EQ(std::ranges::count(durable, "refused or late") == 1, has("done refused or late"));
}

TEST_P(ReplicatedLogConformance, MayBeDestroyedWithProposalsOutstanding) {
    propose("a");
    propose("b");
    read("r");
    const Journal before = journal;
    engine->destroy();
    engine->finish_writes();
    EXPECT_EQ(journal, before);
}

INSTANTIATE_TEST_SUITE_P(All, ReplicatedLogConformance,
                         testing::Values(Kind{"SingleNode", make_single_node},
                                         Kind{"RaftOfOne", make_raft_of_one},
                                         Kind{"RaftOfThree", make_raft_of_three}),
                         [](const auto& kind) { return std::string(kind.param.name); });

}  // namespace
}  // namespace trivet::raft
