#include "core/bgp_session_table.hpp"

#include <gtest/gtest.h>

namespace trivet {
namespace {

TEST(BgpSessionTable, KeepsWhatEachNodeSaidLast) {
    BgpSessionTable table;
    BgpSessionTable::Changed changed;
    table.report("n1", {.established = {"tor1", "tor2"}}, changed);
    table.report("n2", {.established = {"tor1"}}, changed);
    EXPECT_EQ(changed, (BgpSessionTable::Changed{"bgp-sessions/n1", "bgp-sessions/n2"}));
    changed.clear();
    table.report("n1", {.established = {"tor2"}}, changed);
    table.report("n2", {.established = {"tor1"}}, changed);
    EXPECT_EQ(changed, BgpSessionTable::Changed{"bgp-sessions/n1"}) << "n2 said the same again";
    EXPECT_EQ(table.of("n1").established, std::set<std::string>{"tor2"});
    EXPECT_TRUE(table.of("n3").empty());
}

TEST(BgpSessionTable, ANodeWithNothingToTellHasNoRow) {
    BgpSessionTable table;
    BgpSessionTable::Changed changed;
    table.report("n1", {.established = {}, .withdrawn = true}, changed);
    EXPECT_EQ(table.row_keys(), std::vector<std::string>{"bgp-sessions/n1"});
    changed.clear();
    table.forget("n1", changed);
    EXPECT_EQ(changed, BgpSessionTable::Changed{"bgp-sessions/n1"});
    EXPECT_FALSE(table.row("bgp-sessions/n1"));
    EXPECT_TRUE(table.row_keys().empty());
}

TEST(BgpSessionTable, ComesBackFromItsRows) {
    BgpSessionTable table, again;
    BgpSessionTable::Changed changed;
    table.report("n1", {.established = {"tor1"}, .withdrawn = true}, changed);
    for (const std::string& key : table.row_keys()) {
        EXPECT_TRUE(BgpSessionTable::has_row(key));
        ASSERT_TRUE(again.restore(key, *table.row(key)));
    }
    EXPECT_EQ(again.all(), table.all());
}

TEST(BgpSessionTable, RefusesWhatItCannotHaveWritten) {
    struct Case {
        const char* key;
        const char* row;
    };
    for (const auto& [key, row] : {
             Case{"bgp-sessions/", R"({"established": [], "withdrawn": true})"},
             Case{"bgp-sessions/n1", "{"},
             Case{"bgp-sessions/n1", R"({"established": "tor1"})"},
             Case{"bgp-sessions/n1", R"({"established": [], "other": 1})"},
         }) {
        BgpSessionTable table;
        const auto restored = table.restore(key, row);
        ASSERT_FALSE(restored) << key << " " << row;
        EXPECT_EQ(restored.error().code, ErrorCode::corrupt);
    }
}

}  // namespace
}  // namespace trivet
