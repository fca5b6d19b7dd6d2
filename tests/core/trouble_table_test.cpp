#include "core/trouble_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trivet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const IpAddress v4 = IpAddress::parse("10.0.0.1").value();
const IpAddress v6 = IpAddress::parse("fd00::1").value();
const MacAddress mac{{2, 0, 0, 0, 0, 9}};

WallTime at(int seconds) { return WallTime(std::chrono::seconds(seconds)); }

Trouble conflict(int since, std::string message = "somebody else") {
    return {.kind = TroubleKind::conflict,
            .mac = mac,
            .message = std::move(message),
            .since = at(since)};
}

TEST(TroubleTable, KeepsWhatEachNodeSaysUntilItIsOver) {
    TroubleTable table;
    TroubleTable::Changed changed;
    EXPECT_FALSE(table.report(v4, "n1", conflict(1), changed));
    EXPECT_FALSE(table.report(v4, "n2", conflict(2), changed));
    EXPECT_THAT(changed, ElementsAre("trouble/10.0.0.1/n1", "trouble/10.0.0.1/n2"));
    EXPECT_TRUE(table.report(v4, "n1", std::nullopt, changed));
    ASSERT_NE(table.find(v4), nullptr);
    EXPECT_EQ(table.find(v4)->size(), 1U);
    EXPECT_TRUE(table.report(v4, "n2", std::nullopt, changed));
    EXPECT_EQ(table.find(v4), nullptr);
    EXPECT_THAT(table.row_keys(), IsEmpty());
}

TEST(TroubleTable, TheSameAgainChangesNothing) {
    TroubleTable table;
    TroubleTable::Changed changed;
    table.report(v4, "n1", conflict(1), changed);
    changed.clear();
    table.report(v4, "n1", conflict(5), changed);
    table.report(v6, "n1", std::nullopt, changed);
    EXPECT_THAT(changed, IsEmpty());
    EXPECT_EQ(table.find(v4)->at("n1").since, at(1));
}

TEST(TroubleTable, OtherWordsForTheSameTroubleKeepItsBeginning) {
    TroubleTable table;
    TroubleTable::Changed changed;
    table.report(v4, "n1", conflict(1), changed);
    table.report(v4, "n1", conflict(5, "still"), changed);
    EXPECT_EQ(table.find(v4)->at("n1").since, at(1));
    table.report(v4, "n1", Trouble{.kind = TroubleKind::not_announced, .since = at(7)}, changed);
    EXPECT_EQ(table.find(v4)->at("n1").since, at(7));
}

TEST(TroubleTable, ForgetsAddressesAndNodesThatAreGone) {
    TroubleTable table;
    TroubleTable::Changed changed;
    for (const IpAddress address : {v4, v6})
        for (const char* node : {"n1", "n2"}) table.report(address, node, conflict(1), changed);
    changed.clear();
    table.forget_node("n1", changed);
    EXPECT_THAT(changed, ElementsAre("trouble/10.0.0.1/n1", "trouble/fd00::1/n1"));
    changed.clear();
    table.forget(v6, changed);
    EXPECT_THAT(changed, ElementsAre("trouble/fd00::1/n2"));
    EXPECT_THAT(table.row_keys(), ElementsAre("trouble/10.0.0.1/n2"));
}

TEST(TroubleTable, ComesBackFromItsRows) {
    TroubleTable table, again;
    TroubleTable::Changed changed;
    table.report(v6, "n1", conflict(3), changed);
    table.report(v4, "n2", Trouble{.kind = TroubleKind::not_announced, .message = "no carrier"},
                 changed);
    for (const std::string& key : table.row_keys())
        ASSERT_TRUE(again.restore(key, *table.row(key)));
    EXPECT_EQ(again.row_keys(), table.row_keys());
    EXPECT_TRUE(again.find(v6)->at("n1").tells_as(conflict(3)));
    EXPECT_EQ(again.find(v6)->at("n1").since, at(3));
    EXPECT_EQ(again.find(v4)->at("n2").kind, TroubleKind::not_announced);
}

TEST(TroubleTable, RefusesWhatItCannotHaveWritten) {
    const std::string good = R"({"kind":"conflict","message":"m","since":1})";
    for (const auto& [key, row] : std::vector<std::pair<std::string, std::string>>{
             {"trouble/10.0.0.1", good},
             {"trouble/10.0.0/n1", good},
             {"trouble/10.0.0.1/", good},
             {"trouble/10.0.0.1/n1", ""},
             {"trouble/10.0.0.1/n1", R"({"kind":"other","message":"m","since":1})"},
             {"trouble/10.0.0.1/n1", R"({"kind":"conflict","message":"m","since":-1})"},
             {"trouble/10.0.0.1/n1", R"({"kind":"conflict","mac":"02:","since":1})"},
             {"trouble/10.0.0.1/n1", R"({"kind":"conflict","since":1,"more":1})"}}) {
        TroubleTable table;
        const auto restored = table.restore(key, row);
        ASSERT_FALSE(restored) << key << " " << row;
        EXPECT_EQ(restored.error().code, ErrorCode::corrupt);
    }
}

}  // namespace
}  // namespace trivet
