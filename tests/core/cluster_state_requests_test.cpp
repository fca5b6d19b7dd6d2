// Requests that are sent again take effect once (Raft paper, section 8).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/core/state_fixture.hpp"

namespace trivet {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

class RepeatedRequests : public testing::Test, public test::StateFixture {
protected:
    RepeatedRequests() { EXPECT_TRUE(pool("lan", R"("addresses": ["192.0.2.10-192.0.2.20"])")); }

    static std::vector<Action> create(const std::string& name) {
        return {PutObject{
            test::object(Kind::vip, R"({"name": ")" + name + "\"}"), PutMode::create, false, {}}};
    }
    static RequestId id(const std::string& key, const std::vector<Action>& actions) {
        return {key, 1, fingerprint_of(actions)};
    }
};

TEST_F(RepeatedRequests, TakeEffectOnceAndGetTheFirstAnswer) {
    const auto actions = create("web");
    const Applied first = apply(actions, id("k1", actions));
    ASSERT_TRUE(first.result);
    EXPECT_FALSE(first.repeats);
    EXPECT_THAT(first.changed, Contains("client/k1"));
    const LogIndex index = state.last_applied();

    const Applied again = apply(actions, id("k1", actions));
    EXPECT_TRUE(again.result) << "without the key it would be a conflict";
    EXPECT_EQ(again.repeats, index);
    EXPECT_THAT(again.changed, IsEmpty());
    EXPECT_THAT(again.events, IsEmpty());
    EXPECT_EQ(state.last_applied().value(), index.value() + 1);
}

TEST_F(RepeatedRequests, AreRefusedAgainAsTheFirstTime) {
    ASSERT_TRUE(vip("web"));
    const auto actions = create("web");
    const Applied first = apply(actions, id("k1", actions));
    ASSERT_FALSE(first.result);
    ASSERT_TRUE(erase(Kind::vip, "web"));
    const Applied again = apply(actions, id("k1", actions));
    ASSERT_FALSE(again.result) << "although it would succeed now";
    EXPECT_EQ(again.result.error().message, first.result.error().message);
    EXPECT_EQ(state.find_vip("default", "web"), nullptr);
}

TEST_F(RepeatedRequests, OfOtherContentAreAConflict) {
    const auto actions = create("web");
    ASSERT_TRUE(apply(actions, id("k1", actions)).result);
    const auto others = create("dns");
    const Applied other = apply(others, id("k1", others));
    ASSERT_FALSE(other.result);
    EXPECT_EQ(other.result.error().code, ErrorCode::conflict);
    EXPECT_THAT(other.result.error().message, HasSubstr("Idempotency-Key"));
    EXPECT_EQ(state.find_vip("default", "dns"), nullptr);
}

TEST_F(RepeatedRequests, AreKnownAfterARestart) {
    const auto actions = create("web");
    ASSERT_TRUE(apply(actions, id("k1", actions)).result);
    const LogIndex index = state.last_applied();
    std::vector<StateRow> stored;
    for (const auto& [key, value] : rows) stored.push_back({key, value});
    auto restored = ClusterState::restore(stored, index);
    ASSERT_TRUE(restored) << restored.error().message;
    const Applied again =
        restored->apply(LogIndex(index.value() + 1), {state.time(), actions, id("k1", actions)});
    EXPECT_TRUE(again.result);
    EXPECT_EQ(again.repeats, index);
}

TEST_F(RepeatedRequests, OfOneClientGoUpwards) {
    const auto actions = create("web");
    ASSERT_TRUE(apply(actions, RequestId{"c", 2, 0}).result);
    const Applied older = apply(create("dns"), RequestId{"c", 1, 0});
    ASSERT_FALSE(older.result);
    EXPECT_THAT(older.result.error().message, HasSubstr("newer request"));
    EXPECT_TRUE(apply(create("dns"), RequestId{"c", 3, 0}).result);
}

TEST_F(RepeatedRequests, WithSeveralActionsTakeEffectWhollyOrNot) {
    ASSERT_TRUE(vip("dns"));
    auto actions = create("web");
    actions.push_back(create("dns").front());  // is there already
    ASSERT_FALSE(apply(actions, id("k1", actions)).result);
    EXPECT_EQ(state.find_vip("default", "web"), nullptr);
    EXPECT_TRUE(apply(actions, id("k1", actions)).repeats);
}

}  // namespace
}  // namespace trivet
