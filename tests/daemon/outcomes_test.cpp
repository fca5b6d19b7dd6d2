#include "daemon/outcomes.hpp"

#include <gtest/gtest.h>

namespace trivet::daemon {

namespace {

Applied refused() {
    Applied applied;
    applied.result = fail(ErrorCode::conflict, "taken");
    return applied;
}

Applied repeated(LogIndex of) {
    Applied applied;
    applied.repeats = of;
    return applied;
}

TEST(Outcomes, WhatWasNotRefusedSucceededUnderItsOwnIndex) {
    Outcomes outcomes;
    outcomes.note(LogIndex{3}, Applied{});
    EXPECT_EQ(outcomes.of(LogIndex{3}), LogIndex{3});
}

TEST(Outcomes, ARefusalAndARepetitionAreToldOfAsOftenAsAsked) {
    Outcomes outcomes;
    outcomes.note(LogIndex{3}, refused());
    outcomes.note(LogIndex{4}, repeated(LogIndex{2}));
    for (int i = 0; i < 2; ++i) {
        ASSERT_FALSE(outcomes.of(LogIndex{3}));
        EXPECT_EQ(outcomes.of(LogIndex{3}).error().code, ErrorCode::conflict);
        EXPECT_EQ(outcomes.of(LogIndex{4}), LogIndex{2});
    }
}

TEST(Outcomes, ARefusedRepetitionIsARefusal) {
    Outcomes outcomes;
    Applied applied = refused();
    applied.repeats = LogIndex{1};
    outcomes.note(LogIndex{3}, applied);
    EXPECT_FALSE(outcomes.of(LogIndex{3}));
}

// Success must never be claimed for a command whose refusal was forgotten.
TEST(Outcomes, WhatIsForgottenIsUnknown) {
    Outcomes outcomes;
    for (std::uint64_t index = 1; index <= Outcomes::kept_max + 1; ++index)
        outcomes.note(LogIndex{index}, refused());
    EXPECT_EQ(outcomes.of(LogIndex{1}).error().code, ErrorCode::timeout);
    EXPECT_EQ(outcomes.of(LogIndex{2}).error().code, ErrorCode::conflict);
}

TEST(Outcomes, WhatASnapshotBroughtIsUnknown) {
    Outcomes outcomes;
    outcomes.note(LogIndex{3}, refused());
    outcomes.skip_to(LogIndex{10});
    EXPECT_EQ(outcomes.of(LogIndex{3}).error().code, ErrorCode::timeout);
    EXPECT_EQ(outcomes.of(LogIndex{10}).error().code, ErrorCode::timeout);
    EXPECT_EQ(outcomes.of(LogIndex{11}), LogIndex{11});
}

}  // namespace

}  // namespace trivet::daemon
