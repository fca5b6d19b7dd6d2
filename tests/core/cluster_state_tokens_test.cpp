#include <gmock/gmock.h>

#include "tests/core/state_fixture.hpp"

namespace trivet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ClusterStateTokens : public testing::Test, protected test::StateFixture {
protected:
    ~ClusterStateTokens() override {
        const auto restored = ClusterState::restore(saved(), LogIndex(index()));
        EXPECT_TRUE(restored) << restored.error().message;
        if (!restored) return;
        EXPECT_EQ(test::picture(*restored, saved()), test::picture(state, saved()));
    }

    static CreateToken shim(std::optional<std::chrono::seconds> valid_for = {}) {
        return {.name = "shim",
                .hash = std::string(64, 'a'),
                .limits = {{"prod.*"}, {"lan"}},
                .valid_for = valid_for};
    }
};

TEST_F(ClusterStateTokens, AreMadeAndDeletedByCommands) {
    const Applied made = apply({shim()});
    ASSERT_TRUE(made.result) << made.result.error().message;
    EXPECT_THAT(made.changed, testing::Contains("token/shim"));
    ASSERT_EQ(made.events.size(), 1u);
    EXPECT_EQ(made.events[0].type, "token_created");
    EXPECT_EQ(made.events[0].object, "token/shim");
    EXPECT_THAT(made.events[0].message, HasSubstr("prod.*"));
    EXPECT_EQ(made.events[0].message.find(std::string(64, 'a')), std::string::npos);
    const TokenTable::Token* token = state.tokens().find("shim");
    ASSERT_NE(token, nullptr);
    EXPECT_EQ(token->revision, index());
    EXPECT_EQ(token->created, state.time());
    EXPECT_FALSE(apply({shim()}).result);
    EXPECT_THAT(apply({DeleteToken{"shin"}}).result.error().message, HasSubstr("'shim'"));
    const Applied deleted = apply({DeleteToken{"shim"}});
    ASSERT_TRUE(deleted.result);
    EXPECT_THAT(deleted.changed, ElementsAre("token/shim"));
    EXPECT_EQ(deleted.events.at(0).type, "token_deleted");
    EXPECT_EQ(state.row("token/shim"), std::nullopt);
}

TEST_F(ClusterStateTokens, ExpireByTheTimeOfCommands) {
    at(2000);
    ASSERT_TRUE(apply({shim(std::chrono::seconds{60})}).result);
    EXPECT_EQ(state.next_deadline(), WallTime(std::chrono::seconds(2060)));
    at(2059);
    tick();
    EXPECT_NE(state.tokens().find("shim"), nullptr);
    at(2060);
    const Applied expired = tick();
    EXPECT_THAT(expired.changed, ElementsAre("meta/time", "token/shim"));
    EXPECT_EQ(expired.events.at(0).type, "token_expired");
    EXPECT_EQ(state.tokens().find("shim"), nullptr);
    EXPECT_EQ(state.next_deadline(), std::nullopt);
}

TEST_F(ClusterStateTokens, ExpireAlsoWithACommandThatIsRefused) {
    at(2000);
    ASSERT_TRUE(apply({shim(std::chrono::seconds{60})}).result);
    at(3000);
    const Applied refused = apply({DeleteToken{"none"}, DeleteToken{"none"}});
    EXPECT_FALSE(refused.result);
    EXPECT_THAT(refused.changed, testing::Contains("token/shim"));
    EXPECT_EQ(state.tokens().find("shim"), nullptr);
}

TEST_F(ClusterStateTokens, OfACommandAreMadeAllOrNone) {
    CreateToken other = shim();
    other.name = "other";  // and the same hash
    EXPECT_FALSE(apply({shim(), other}).result);
    EXPECT_TRUE(state.tokens().all().empty());
}

}  // namespace
}  // namespace trivet
