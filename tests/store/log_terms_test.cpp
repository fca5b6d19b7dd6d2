#include "store/log_terms.hpp"

#include <gtest/gtest.h>

namespace trivet::store {

namespace {

/// Base 10 of term 2; 11, 12 of term 2; 13 of term 4; 14, 15 of term 5.
LogTerms terms() {
    LogTerms terms(LogIndex{10}, Term{2});
    const std::uint64_t of[] = {2, 2, 4, 5, 5};
    for (std::uint64_t i = 0; i < 5; ++i) terms.append(LogIndex{11 + i}, Term{of[i]});
    return terms;
}

std::vector<std::uint64_t> list(const LogTerms& terms, std::uint64_t from, std::uint64_t to) {
    std::vector<std::uint64_t> list;
    for (std::uint64_t index = from; index <= to; ++index)
        list.push_back(terms.at(LogIndex{index}).value());
    return list;
}

TEST(LogTerms, EveryEntryHasItsTerm) {
    EXPECT_EQ(list(terms(), 10, 15), (std::vector<std::uint64_t>{2, 2, 2, 4, 5, 5}));
    EXPECT_EQ(terms().last(), Term{5});
    EXPECT_EQ(LogTerms{}.last(), Term{});
}

TEST(LogTerms, TruncationGivesTheTermBeforeBack) {
    LogTerms cut = terms();
    cut.truncate_from(LogIndex{15});
    EXPECT_EQ(cut.last(), Term{5});
    cut.truncate_from(LogIndex{14});
    EXPECT_EQ(cut.last(), Term{4});
    cut.truncate_from(LogIndex{11});
    EXPECT_EQ(cut.last(), Term{2});
    cut.append(LogIndex{11}, Term{9});
    EXPECT_EQ(list(cut, 10, 11), (std::vector<std::uint64_t>{2, 9}));
}

TEST(LogTerms, AMovedBaseKeepsItsTermAndAllBehindIt) {
    for (std::uint64_t base = 10; base <= 15; ++base) {
        LogTerms moved = terms();
        moved.move_base(LogIndex{base});
        EXPECT_EQ(list(moved, base, 15), list(terms(), base, 15)) << base;
        EXPECT_DEATH(moved.at(LogIndex{base - 1}), "not true");
    }
}

}  // namespace

}  // namespace trivet::store
