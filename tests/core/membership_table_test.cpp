#include "core/membership_table.hpp"

#include <fmt/format.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trivet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

constexpr std::chrono::hours day{24};

WallTime at(int seconds) { return WallTime(std::chrono::seconds(1'000'000 + seconds)); }
std::string hash(unsigned number) { return fmt::format("{:064x}", number); }

/// Tokens 1 (unused) and 2 (used by 7 for n2), both until at(100); n1 and n2 have started.
MembershipTable small_table() {
    MembershipTable table;
    EXPECT_TRUE(table.make_token({hash(1), at(100)}, at(0)));
    EXPECT_TRUE(table.make_token({hash(2), at(100)}, at(0)));
    EXPECT_TRUE(table.use_token({hash(2), 7, "n2"}, false, at(1)));
    EXPECT_TRUE(table.record_boot({"n1", 5, 3, 33}));
    EXPECT_TRUE(table.record_boot({"n2", 7, 1, 11}));
    return table;
}

std::string rows_of(const MembershipTable& table) {
    std::string text;
    for (const std::string& key : table.row_keys())
        text += key + "=" + table.row(key).value() + "\n";
    return text;
}

/// The code of an error in words; "" is none.
struct Outcome {
    std::optional<ErrorCode> code;
    std::string message;
};

template <class Value>
Outcome outcome(const Result<Value>& result) {
    if (result) return {};
    return {result.error().code, result.error().message};
}

constexpr const char* used_up =
    "the token is not valid: it may be used up or have expired; 'lbctl "
    "cluster invite' makes a new one";

struct MakeCase {
    const char* name;
    MakeJoinToken token;
    std::optional<ErrorCode> code;
    const char* message = "";
};

class MakeToken : public testing::TestWithParam<MakeCase> {};

TEST_P(MakeToken, IsDecidedByHashAndTime) {
    MembershipTable table = small_table();
    const std::string before = rows_of(table);
    const Outcome made = outcome(table.make_token(GetParam().token, at(2)));
    EXPECT_EQ(made.code, GetParam().code);
    EXPECT_THAT(made.message, HasSubstr(GetParam().message));
    if (made.code) {
        EXPECT_EQ(rows_of(table), before);
    }
}

INSTANTIATE_TEST_SUITE_P(
    Table, MakeToken,
    testing::Values(
        MakeCase{"new", {hash(3), at(3)}, {}},
        MakeCase{"for_a_week", {hash(3), at(2) + 7 * day}, {}},
        MakeCase{"sent_again", {hash(1), at(100)}, {}},
        MakeCase{"another_of_one_hash", {hash(1), at(99)}, ErrorCode::conflict, "draw another"},
        MakeCase{"used_already", {hash(2), at(100)}, ErrorCode::conflict, "draw another"},
        MakeCase{"expires_now", {hash(3), at(2)}, ErrorCode::invalid_argument, "later than now"},
        MakeCase{"expires_late",
                 {hash(3), at(2) + 7 * day + std::chrono::milliseconds(1)},
                 ErrorCode::invalid_argument,
                 "within 7 days"},
        MakeCase{"no_hash", {"", at(3)}, ErrorCode::invalid_argument, "64 hexadecimal digits"},
        MakeCase{"half_a_hash", {"ab12", at(3)}, ErrorCode::invalid_argument, "64"},
        MakeCase{"capitals", {std::string(64, 'A'), at(3)}, ErrorCode::invalid_argument, "64"},
        MakeCase{"a_slash", {std::string(64, '/'), at(3)}, ErrorCode::invalid_argument, "64"}),
    [](const auto& row) { return row.param.name; });

struct UseCase {
    const char* name;
    UseJoinToken use;
    bool is_registered;
    int seconds;
    std::optional<ErrorCode> code;
    const char* message = "";
    bool is_first_use = false;
};

class UseToken : public testing::TestWithParam<UseCase> {};

TEST_P(UseToken, IsDecidedByTokenAndName) {
    const UseCase& row = GetParam();
    MembershipTable table = small_table();
    const std::string before = rows_of(table);
    const auto used = table.use_token(row.use, row.is_registered, at(row.seconds));
    EXPECT_EQ(outcome(used).code, row.code);
    EXPECT_THAT(outcome(used).message, HasSubstr(row.message));
    EXPECT_EQ(used && used->is_first_use, row.is_first_use);
    EXPECT_EQ(used && !used->rows.empty(), row.is_first_use);
    EXPECT_EQ(rows_of(table) == before, !row.is_first_use);
}

INSTANTIATE_TEST_SUITE_P(
    Table, UseToken,
    testing::Values(
        UseCase{"first_use", {hash(1), 9, "n3"}, false, 99, {}, "", true},
        UseCase{"by_the_same_again", {hash(2), 7, "n2"}, true, 99, {}},
        UseCase{"by_the_same_before_it_is_a_node", {hash(2), 7, "n2"}, false, 2, {}},
        UseCase{"by_another", {hash(2), 8, "n2"}, true, 2, ErrorCode::unauthenticated, used_up},
        UseCase{"by_nobody", {hash(2), 0, "n2"}, true, 2, ErrorCode::unauthenticated, used_up},
        UseCase{"unknown", {hash(3), 9, "n3"}, false, 2, ErrorCode::unauthenticated, used_up},
        UseCase{"no_hash", {"", 9, "n3"}, false, 2, ErrorCode::unauthenticated, used_up},
        UseCase{"expired", {hash(1), 9, "n3"}, false, 100, ErrorCode::unauthenticated, used_up},
        UseCase{"by_the_same_too_late",
                {hash(2), 7, "n2"},
                true,
                100,
                ErrorCode::unauthenticated,
                used_up},
        UseCase{"unknown_for_a_name_in_use",
                {hash(3), 9, "n1"},
                true,
                2,
                ErrorCode::unauthenticated,
                used_up},
        UseCase{"a_name_in_use",
                {hash(1), 9, "n1"},
                true,
                2,
                ErrorCode::conflict,
                "a node of this name is a member already; 'lbctl cluster remove n1' first, or give "
                "the new one another name"},
        UseCase{"a_name_whose_node_is_gone", {hash(1), 9, "n1"}, false, 2, {}, "", true},
        UseCase{"a_node_that_never_started", {hash(1), 9, "n3"}, true, 2, {}, "", true},
        UseCase{"its_own_name", {hash(1), 5, "n1"}, true, 2, {}, "", true},
        UseCase{"by_the_same_for_another_name",
                {hash(2), 7, "n3"},
                false,
                2,
                ErrorCode::conflict,
                "let the node in as 'n2'"},
        UseCase{"unused_by_nobody",
                {hash(1), 0, "n3"},
                false,
                2,
                ErrorCode::invalid_argument,
                "raft id 0"},
        UseCase{"a_bad_name", {hash(1), 9, "N 3"}, false, 2, ErrorCode::invalid_argument, "name"}),
    [](const auto& row) { return row.param.name; });

struct BootCase {
    const char* name;
    RecordBoot boot;
    std::optional<ErrorCode> code;
    bool changes = false;
};

class Boots : public testing::TestWithParam<BootCase> {};

TEST_P(Boots, NeverGoBackForOneDataDirectory) {
    MembershipTable table = small_table();  // n1 has raft id 5, number 3, nonce 33
    const std::string before = rows_of(table);
    const RecordBoot& boot = GetParam().boot;
    const auto recorded = table.record_boot(boot);
    EXPECT_EQ(outcome(recorded).code, GetParam().code) << outcome(recorded).message;
    EXPECT_EQ(rows_of(table) != before, GetParam().changes);
    EXPECT_EQ(recorded && !recorded->rows.empty(), GetParam().changes);
    if (recorded) {
        EXPECT_EQ(table.boots().at(boot.node), (BootRecord{boot.raft_id, boot.number, boot.nonce}));
    }
}

INSTANTIATE_TEST_SUITE_P(
    Table, Boots,
    testing::Values(BootCase{"the_next", {"n1", 5, 4, 44}, {}, true},
                    BootCase{"a_later_one", {"n1", 5, 40, 0}, {}, true},
                    BootCase{"the_same", {"n1", 5, 3, 33}, {}},
                    BootCase{"the_same_of_a_copy", {"n1", 5, 3, 34}, ErrorCode::conflict},
                    BootCase{"an_older_one", {"n1", 5, 2, 22}, ErrorCode::conflict},
                    BootCase{"another_directory", {"n1", 6, 1, 1}, {}, true},
                    BootCase{"a_new_node", {"n3", 8, 1, 1}, {}, true},
                    BootCase{"of_nobody", {"n1", 0, 4, 44}, ErrorCode::invalid_argument},
                    BootCase{"no_start", {"n1", 6, 0, 44}, ErrorCode::invalid_argument},
                    BootCase{"a_bad_name", {"a/b", 6, 1, 1}, ErrorCode::invalid_argument}),
    [](const auto& row) { return row.param.name; });

TEST(MembershipTable, ARefusedBootSaysWhatToDo) {
    MembershipTable table = small_table();
    EXPECT_THAT(table.record_boot({"n1", 5, 2, 22}).error().message,
                HasSubstr("its data are an old copy; empty its data directory and let it join"));
}

TEST(MembershipTable, ATokenLetsOneNodeIn) {
    MembershipTable table = small_table();
    ASSERT_TRUE(table.use_token({hash(1), 9, "n3"}, false, at(5)));
    EXPECT_EQ(outcome(table.use_token({hash(1), 10, "n4"}, false, at(6))).message, used_up);
    EXPECT_TRUE(table.use_token({hash(1), 9, "n3"}, true, at(6)));
}

TEST(MembershipTable, ARefusedJoinLeavesTheTokenUnused) {
    MembershipTable table = small_table();
    ASSERT_FALSE(table.use_token({hash(1), 9, "n1"}, true, at(5)));
    EXPECT_TRUE(table.use_token({hash(1), 10, "n3"}, false, at(6)));
}

TEST(MembershipTable, ExpiredTokensGoWhenOneIsMade) {
    MembershipTable table = small_table();
    const auto made = table.make_token({hash(3), at(200)}, at(100));
    ASSERT_TRUE(made);
    EXPECT_THAT(made->rows,
                UnorderedElementsAre("join/" + hash(1), "join/" + hash(2), "join/" + hash(3)));
    EXPECT_EQ(table.tokens().size(), 1u);
    EXPECT_EQ(table.row("join/" + hash(1)), std::nullopt);
    // One that expired may come back, as a new one.
    EXPECT_TRUE(table.make_token({hash(2), at(200)}, at(100)));
    EXPECT_TRUE(table.use_token({hash(2), 8, "n4"}, false, at(101)));
}

TEST(MembershipTable, KeepsSoManyTokensAndNoMore) {
    MembershipTable table;
    for (unsigned i = 0; i < MembershipTable::tokens_max; ++i)
        ASSERT_TRUE(table.make_token({hash(i), at(i == 0 ? 10 : 100)}, at(0)));
    const std::string before = rows_of(table);
    const Outcome refused = outcome(table.make_token({hash(5000), at(100)}, at(9)));
    EXPECT_EQ(refused.code, ErrorCode::exhausted);
    EXPECT_THAT(refused.message, HasSubstr("wait until some of them expire"));
    EXPECT_EQ(rows_of(table), before);
    EXPECT_TRUE(table.make_token({hash(5000), at(100)}, at(10)));
    EXPECT_EQ(table.tokens().size(), MembershipTable::tokens_max);
}

TEST(MembershipTable, KeepsSoManyBootsAndNoMore) {
    MembershipTable table;
    for (unsigned i = 0; i < MembershipTable::boots_max; ++i)
        ASSERT_TRUE(table.record_boot({fmt::format("n{}", i), 1, 1, 1}));
    EXPECT_EQ(outcome(table.record_boot({"one-more", 1, 1, 1})).code, ErrorCode::exhausted);
    EXPECT_TRUE(table.record_boot({"n0", 1, 2, 1}));
    table.forget("n1");
    EXPECT_TRUE(table.record_boot({"one-more", 1, 1, 1}));
}

TEST(MembershipTable, WhoIsForgottenNeedsANewToken) {
    MembershipTable table = small_table();
    EXPECT_THAT(table.forget("n2").rows, ElementsAre("join/" + hash(2), "boot/n2"));
    EXPECT_EQ(outcome(table.use_token({hash(2), 7, "n2"}, false, at(3))).message, used_up);
    EXPECT_FALSE(table.boots().contains("n2"));
    EXPECT_TRUE(table.forget("n2").rows.empty());
    EXPECT_EQ(table.tokens().size(), 1u);
}

TEST(MembershipTable, ForgettingANodeSparesWhoTakesItsName) {
    MembershipTable table = small_table();
    ASSERT_TRUE(table.use_token({hash(1), 9, "n1"}, false, at(3)));  // n1 of raft id 5 is dead
    EXPECT_THAT(table.forget("n1").rows, ElementsAre("boot/n1"));
    EXPECT_TRUE(table.use_token({hash(1), 9, "n1"}, false, at(4)));
}

TEST(MembershipTable, ComesBackFromItsRows) {
    const MembershipTable table = small_table();
    MembershipTable restored;
    for (const std::string& key : table.row_keys()) {
        EXPECT_TRUE(MembershipTable::has_row(key));
        ASSERT_TRUE(restored.restore(key, *table.row(key)));
    }
    EXPECT_EQ(rows_of(restored), rows_of(table));
    EXPECT_EQ(restored.boots(), table.boots());
    EXPECT_EQ(outcome(restored.use_token({hash(2), 8, "n2"}, false, at(3))).message, used_up);
    EXPECT_EQ(table.row("boot/n9"), std::nullopt);
    EXPECT_EQ(table.row("join/" + hash(9)), std::nullopt);
    EXPECT_EQ(table.row("client/a"), std::nullopt);
}

TEST(MembershipTable, NumbersOfAllSizesComeBack) {
    MembershipTable table;
    ASSERT_TRUE(table.record_boot({"n1", UINT64_MAX, UINT64_MAX, UINT64_MAX}));
    MembershipTable restored;
    ASSERT_TRUE(restored.restore("boot/n1", *table.row("boot/n1")));
    EXPECT_EQ(restored.boots(), table.boots());
}

struct BadRow {
    std::string key;
    const char* row;
};

class MembershipRows : public testing::TestWithParam<BadRow> {};

TEST_P(MembershipRows, ThatItDidNotWriteAreCorrupt) {
    MembershipTable table;
    const auto restored = table.restore(GetParam().key, GetParam().row);
    ASSERT_FALSE(restored);
    EXPECT_EQ(restored.error().code, ErrorCode::corrupt);
    EXPECT_THAT(restored.error().message, HasSubstr(GetParam().key));
    EXPECT_TRUE(table.row_keys().empty());
}

INSTANTIATE_TEST_SUITE_P(
    All, MembershipRows,
    testing::Values(BadRow{"vip/a", R"({"expires":1})"}, BadRow{"join/" + hash(1), "{"},
                    BadRow{"join/" + hash(1), "[]"}, BadRow{"join/" + hash(1), "{}"},
                    BadRow{"join/" + hash(1), R"({"expires":0})"},
                    BadRow{"join/" + hash(1), R"({"expires":253402300800000})"},
                    BadRow{"join/ab", R"({"expires":1})"},
                    BadRow{"join/" + hash(1), R"({"expires":1,"more":1})"},
                    BadRow{"join/" + hash(1), R"({"expires":1,"raft_id":1})"},
                    BadRow{"join/" + hash(1), R"({"expires":1,"node":"n1"})"},
                    BadRow{"join/" + hash(1), R"({"expires":1,"raft_id":0,"node":"n1"})"},
                    BadRow{"join/" + hash(1), R"({"expires":1,"raft_id":1,"node":"N"})"},
                    BadRow{"boot/n1", R"({"raft_id":1,"number":1})"},
                    BadRow{"boot/n1", R"({"raft_id":1,"nonce":1})"},
                    BadRow{"boot/n1", R"({"number":1,"nonce":1})"},
                    BadRow{"boot/n1", R"({"raft_id":0,"number":1,"nonce":1})"},
                    BadRow{"boot/n1", R"({"raft_id":1,"number":1,"nonce":-1})"},
                    BadRow{"boot/n1", R"({"raft_id":1,"number":1,"nonce":1,"more":1})"},
                    BadRow{"boot/N", R"({"raft_id":1,"number":1,"nonce":1})"}));

}  // namespace
}  // namespace trivet
