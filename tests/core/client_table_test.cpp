#include "core/client_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trivet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

ClientTable::Answer answer(std::uint64_t sequence, std::uint64_t index) {
    return {sequence, LogIndex(index), std::nullopt};
}

TEST(ClientTable, KnowsARequestThatIsSentAgain) {
    ClientTable table;
    EXPECT_EQ(table.find("a", 1), nullptr);
    EXPECT_THAT(table.record("a", answer(1, 10)), ElementsAre("client/a"));
    ASSERT_NE(table.find("a", 1), nullptr);
    EXPECT_EQ(table.find("a", 1)->index, LogIndex(10));
    EXPECT_EQ(table.find("a", 2), nullptr);
    EXPECT_EQ(table.find("b", 1), nullptr);
}

TEST(ClientTable, ARequestBelowTheNewestIsNotNew) {
    ClientTable table;
    table.record("a", answer(5, 10));
    ASSERT_NE(table.find("a", 4), nullptr);
    EXPECT_EQ(table.find("a", 4)->sequence, 5u);
}

TEST(ClientTable, KeepsRefusals) {
    ClientTable table;
    table.record("a", {1, LogIndex(10), Error{ErrorCode::conflict, "taken", "addresses[0]"}});
    ClientTable restored;
    ASSERT_TRUE(restored.restore("client/a", *table.row("client/a")));
    const auto* kept = restored.find("a", 1);
    ASSERT_NE(kept, nullptr);
    EXPECT_EQ(kept->error->code, ErrorCode::conflict);
    EXPECT_EQ(kept->error->message, "taken");
    EXPECT_EQ(kept->error->field, "addresses[0]");
}

TEST(ClientTable, ComesBackFromItsRows) {
    ClientTable table;
    table.record("a", answer(1, 10));
    table.record("b/c", answer(7, 11));
    table.record("a", answer(2, 12));
    ClientTable restored;
    for (const std::string& key : table.row_keys())
        ASSERT_TRUE(restored.restore(key, *table.row(key)));
    EXPECT_EQ(restored.row_keys(), table.row_keys());
    for (const std::string& key : table.row_keys()) EXPECT_EQ(restored.row(key), table.row(key));
    EXPECT_EQ(restored.find("b/c", 7)->index, LogIndex(11));
}

TEST(ClientTable, ForgetsTheClientThatWasQuietLongest) {
    ClientTable table;
    for (std::uint64_t i = 0; i < ClientTable::clients_max; ++i)
        table.record(std::to_string(i), answer(1, i + 1));
    table.record("0", answer(2, 20'000));  // no longer the oldest
    EXPECT_THAT(table.record("one more", answer(1, 20'001)),
                ElementsAre("client/one more", "client/1"));
    EXPECT_EQ(table.size(), ClientTable::clients_max);
    EXPECT_EQ(table.row("client/1"), std::nullopt);
    EXPECT_NE(table.find("0", 2), nullptr);
}

struct BadRow {
    const char* key;
    const char* row;
};

class ClientTableRows : public testing::TestWithParam<BadRow> {};

TEST_P(ClientTableRows, ThatItDidNotWriteAreCorrupt) {
    ClientTable table;
    const auto restored = table.restore(GetParam().key, GetParam().row);
    ASSERT_FALSE(restored);
    EXPECT_EQ(restored.error().code, ErrorCode::corrupt);
    EXPECT_THAT(restored.error().message, HasSubstr(GetParam().key));
    EXPECT_EQ(table.size(), 0u);
}

INSTANTIATE_TEST_SUITE_P(
    All, ClientTableRows,
    testing::Values(BadRow{"vip/a", R"({"sequence":1,"index":1})"}, BadRow{"client/a", "{"},
                    BadRow{"client/a", "[]"}, BadRow{"client/a", R"({"sequence":-1,"index":1})"},
                    BadRow{"client/a", R"({"sequence":1,"index":0})"},
                    BadRow{"client/a", R"({"sequence":1,"index":1,"more":1})"},
                    BadRow{"client/a", R"({"sequence":1,"index":1,"error":{"code":99}})"},
                    BadRow{"client/a", R"({"sequence":1,"index":1,"error":7})"}));

}  // namespace
}  // namespace trivet
