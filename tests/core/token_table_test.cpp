#include "core/token_table.hpp"

#include <fmt/format.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trivet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

WallTime at(int seconds) { return WallTime(std::chrono::seconds(1'000'000 + seconds)); }
std::string hash(unsigned number) { return fmt::format("{:064x}", number); }

CreateToken cloud(const std::string& name, unsigned number) {
    return {.name = name, .hash = hash(number), .limits = {{"prod.*"}, {"lan"}}};
}

TokenTable small_table() {
    TokenTable table;
    TokenTable::Changed changed;
    CreateToken brief = cloud("brief", 1);
    brief.valid_for = std::chrono::seconds{60};
    EXPECT_TRUE(table.create(brief, at(0), 7, changed));
    EXPECT_TRUE(table.create(cloud("shim", 2), at(1), 8, changed));
    const CreateToken ops{.name = "ops", .hash = hash(3), .role = TokenRole::admin};
    EXPECT_TRUE(table.create(ops, at(2), 9, changed));
    EXPECT_THAT(changed, ElementsAre("token/brief", "token/ops", "token/shim"));
    return table;
}

struct Match {
    const char* pattern;
    const char* name_space;
    bool fits;
};

TEST(TokenLimits, PatternsCoverNamespaces) {
    for (const auto& [pattern, name_space, fits] :
         {Match{"prod", "prod", true}, Match{"prod", "prod.web", false},
          Match{"prod", "production", false}, Match{"prod.*", "prod.web", true},
          Match{"prod.*", "prod.web.eu", true}, Match{"prod.*", "prod", false},
          Match{"prod.*", "prod.", false}, Match{"prod.*", "production.web", false},
          Match{"prod.*", "prod.*", true}, Match{"*", "default", true}, Match{"*", "", true},
          Match{"prod", "", false}, Match{"prod.*", "", false}})
        EXPECT_EQ(matches_namespace(pattern, name_space), fits) << pattern << " " << name_space;
    const TokenLimits limits{{"a", "b.*"}, {}};
    EXPECT_TRUE(limits.covers_namespace("a"));
    EXPECT_TRUE(limits.covers_namespace("b.c"));
    EXPECT_FALSE(limits.covers_namespace("c"));
}

TEST(TokenLimits, PatternsAreNamesOrAllBelowAName) {
    for (const char* good : {"prod", "a.b", "prod.*", "a.b.*", "*"})
        EXPECT_TRUE(check_namespace_pattern(good)) << good;
    for (const char* bad : {"", "prod*", "pro*d", "*.prod", ".*", "**", "Prod", "prod.", "prod.**"})
        EXPECT_FALSE(check_namespace_pattern(bad)) << bad;
}

TEST(TokenLimits, WithoutPoolsEveryPoolAndNoneByName) {
    EXPECT_TRUE((TokenLimits{{"a"}, {}}).covers_pool("lan"));
    EXPECT_TRUE((TokenLimits{{"a"}, {}}).covers_pool(""));
    EXPECT_TRUE((TokenLimits{{"a"}, {"lan"}}).covers_pool("lan"));
    EXPECT_FALSE((TokenLimits{{"a"}, {"lan"}}).covers_pool("wan"));
    EXPECT_FALSE((TokenLimits{{"a"}, {"lan"}}).covers_pool("")) << "Trivet might choose another";
}

struct Refusal {
    const char* what;
    CreateToken token;
    ErrorCode code;
    const char* field;
};

TEST(TokenTable, RefusesWhatMakesNoSense) {
    const auto with = [](auto change) {
        CreateToken token = cloud("new", 9);
        change(token);
        return token;
    };
    const std::vector<Refusal> cases{
        {"no name", with([](auto& t) { t.name = ""; }), ErrorCode::invalid_argument, "name"},
        {"no hash", with([](auto& t) { t.hash = "abc"; }), ErrorCode::invalid_argument, "hash"},
        {"limits of an admin", with([](auto& t) { t.role = TokenRole::admin; }),
         ErrorCode::invalid_argument, "namespaces"},
        {"no namespaces", with([](auto& t) { t.limits.namespaces.clear(); }),
         ErrorCode::invalid_argument, "namespaces"},
        {"a bad pattern", with([](auto& t) { t.limits.namespaces = {"prod*"}; }),
         ErrorCode::invalid_argument, "namespaces"},
        {"a bad pool", with([](auto& t) { t.limits.pools = {""}; }), ErrorCode::invalid_argument,
         "pools"},
        {"too many pools", with([](auto& t) { t.limits.pools.assign(65, "lan"); }),
         ErrorCode::invalid_argument, "pools"},
        {"no life", with([](auto& t) { t.valid_for = std::chrono::seconds{0}; }),
         ErrorCode::invalid_argument, "valid_for_s"},
        {"too long a life",
         with([](auto& t) { t.valid_for = TokenTable::life_max + std::chrono::seconds{1}; }),
         ErrorCode::invalid_argument, "valid_for_s"},
        {"a name in use", with([](auto& t) { t.name = "shim"; }), ErrorCode::conflict, "name"},
        {"a hash in use", with([](auto& t) { t.hash = hash(2); }), ErrorCode::conflict, ""}};
    for (const Refusal& c : cases) {
        TokenTable table = small_table();
        TokenTable::Changed changed;
        const auto made = table.create(c.token, at(5), 10, changed);
        ASSERT_FALSE(made) << c.what;
        EXPECT_EQ(made.error().code, c.code) << c.what;
        EXPECT_EQ(made.error().field, c.field) << c.what;
        EXPECT_THAT(changed, IsEmpty());
        EXPECT_EQ(table.all().size(), 3u);
    }
}

TEST(TokenTable, HasABound) {
    TokenTable table;
    TokenTable::Changed changed;
    for (unsigned i = 0; i < TokenTable::tokens_max; ++i)
        ASSERT_TRUE(table.create(cloud(fmt::format("t{}", i), i), at(0), 1, changed));
    const auto more = table.create(cloud("more", 1000), at(0), 1, changed);
    ASSERT_FALSE(more);
    EXPECT_EQ(more.error().code, ErrorCode::exhausted);
    EXPECT_THAT(more.error().message, HasSubstr("delete some"));
    EXPECT_TRUE(table.erase("t0", changed));
    EXPECT_TRUE(table.create(cloud("more", 1000), at(0), 1, changed));
}

TEST(TokenTable, ForgetsTokensAtTheirEnd) {
    TokenTable table = small_table();
    TokenTable::Changed changed;
    EXPECT_EQ(table.next_expiry(), at(60));
    EXPECT_THAT(table.expire(at(59), changed), IsEmpty());
    EXPECT_NE(table.find("brief"), nullptr);
    EXPECT_THAT(table.expire(at(60), changed), ElementsAre("brief"));
    EXPECT_THAT(changed, ElementsAre("token/brief"));
    EXPECT_EQ(table.find("brief"), nullptr);
    EXPECT_EQ(table.next_expiry(), std::nullopt);
    EXPECT_FALSE(table.erase("brief", changed));
}

TEST(TokenTable, ComesBackFromItsRows) {
    const TokenTable table = small_table();
    TokenTable again;
    for (const std::string& key : table.row_keys())
        ASSERT_TRUE(again.restore(key, *table.row(key)));
    EXPECT_EQ(again.row_keys(), table.row_keys());
    for (const std::string& key : table.row_keys()) EXPECT_EQ(again.row(key), table.row(key));
    const TokenTable::Token& brief = *again.find("brief");
    EXPECT_EQ(brief.hash, hash(1));
    EXPECT_EQ(brief.limits, (TokenLimits{{"prod.*"}, {"lan"}}));
    EXPECT_EQ(brief.created, at(0));
    EXPECT_EQ(brief.expires, at(60));
    EXPECT_EQ(brief.revision, 7u);
    EXPECT_EQ(again.find("ops")->role, TokenRole::admin);
    EXPECT_FALSE(again.find("shim")->expires);
    EXPECT_EQ(table.row("token/none"), std::nullopt);
    EXPECT_EQ(table.row("join/ops"), std::nullopt);
}

TEST(TokenTable, RefusesWhatItCannotHaveWritten) {
    const std::string good = *small_table().row("token/shim");
    const auto with = [&](const std::string& from, const std::string& to) {
        std::string row = good;
        const auto place = row.find(from);
        EXPECT_NE(place, std::string::npos) << from;
        return row.replace(place, from.size(), to);
    };
    for (const auto& [key, row] : std::vector<std::pair<std::string, std::string>>{
             {"tokens/shim", good},
             {"token/", good},
             {"token/No Name", good},
             {"token/shim", ""},
             {"token/shim", "{}"},
             {"token/shim", with(hash(2), "00")},
             {"token/shim", with("\"cloud\"", "\"root\"")},
             {"token/shim", with("\"cloud\"", "\"admin\"")},
             {"token/shim", with("\"prod.*\"", "")},
             {"token/shim", with("\"created\":", "\"created\":-")},
             {"token/shim", with("\"created\":", "\"made\":")},
             {"token/shim", with("\"pools\":", "\"more\":1,\"pools\":")}}) {
        TokenTable table;
        const auto restored = table.restore(key, row);
        ASSERT_FALSE(restored) << key << " " << row;
        EXPECT_EQ(restored.error().code, ErrorCode::corrupt);
    }
}

}  // namespace
}  // namespace trivet
