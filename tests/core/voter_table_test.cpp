#include "core/voter_table.hpp"

#include <gtest/gtest.h>

namespace trivet {
namespace {

const NodeId a{1}, b{2}, c{3};

TEST(VoterTable, AChangeOfTheVotersIsDatedWithItsEntry) {
    VoterTable table;
    EXPECT_TRUE(table.apply(LogIndex(4), {a}));
    EXPECT_TRUE(table.apply(LogIndex(9), {c, a, b}));
    EXPECT_EQ(table.index(), LogIndex(9));
    EXPECT_EQ(table.before(), LogIndex(4));
    EXPECT_EQ(table.voters(), (std::vector{a, b, c}));
}

TEST(VoterTable, ALearnerThatComesIsNoChange) {
    VoterTable table;
    table.apply(LogIndex(4), {a, b});
    EXPECT_FALSE(table.apply(LogIndex(9), {b, a}));
    EXPECT_EQ(table.index(), LogIndex(4));
}

TEST(VoterTable, ComesBackFromItsRow) {
    VoterTable table, again;
    EXPECT_FALSE(table.row());
    table.apply(LogIndex(4), {a});
    table.apply(LogIndex(7), {a, b});
    ASSERT_TRUE(again.restore(*table.row()));
    EXPECT_EQ(again.index(), LogIndex(7));
    EXPECT_EQ(again.before(), LogIndex(4));
    EXPECT_EQ(again.voters(), (std::vector{a, b}));
}

TEST(VoterTable, RefusesWhatItCannotHaveWritten) {
    for (const char* row :
         {"", "{}", R"({"index":0,"before":0,"voters":[1]})",
          R"({"index":4,"before":4,"voters":[1]})", R"({"index":4,"before":1,"voters":[2,1]})",
          R"({"index":4,"before":1,"voters":[1,1]})", R"({"index":4,"before":1,"voters":[0]})",
          R"({"index":4,"before":1,"voters":["a"]})",
          R"({"index":4,"before":1,"voters":[1],"more":1})"}) {
        VoterTable table;
        const auto restored = table.restore(row);
        ASSERT_FALSE(restored) << row;
        EXPECT_EQ(restored.error().code, ErrorCode::corrupt);
    }
}

}  // namespace
}  // namespace trivet
