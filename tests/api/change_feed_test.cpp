#include "api/change_feed.hpp"

#include <gmock/gmock.h>

#include "tests/core/placement_fixture.hpp"

namespace trivet::api {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

class Feed : public testing::Test, protected trivet::test::PlacementFixture {
protected:
    Feed() {
        feed.restart(state);
        EXPECT_TRUE(pool("lan", R"("addresses": ["10.0.0.0/16"])"));
        join("n1");
        join("n2");
    }
    /// Applies, notes, and tells what the feed has of it.
    std::vector<std::string> noted(std::vector<Action> actions) {
        const auto begin = feed.end();
        const Applied applied = apply(std::move(actions));
        EXPECT_TRUE(applied.result) << applied.result.error().message;
        feed.note(state, applied.changed);
        return since(begin);
    }
    std::vector<std::string> since(std::uint64_t place) const {
        std::vector<std::string> subjects;
        for (; place < feed.end(); ++place) subjects.push_back(text_of(feed.at(place).subject));
        return subjects;
    }
    std::string text_of(const ChangeFeed::Subject& subject) const {
        if (const auto* key = std::get_if<ObjectKey>(&subject)) return key->to_string();
        if (const auto* address = std::get_if<IpAddress>(&subject)) return address->to_string();
        return "node:" + state.node_name(std::get<NodeId>(subject));
    }
    static Action put_vip(const std::string& name) {
        return PutObject{trivet::test::object(Kind::vip, R"({"name": ")" + name + "\"}"),
                         PutMode::create_or_replace,
                         false,
                         {}};
    }

    ChangeFeed feed{{.changes_max = 8}};
};

TEST_F(Feed, AnAllocationIsTheVipAndItsAddress) {
    EXPECT_THAT(noted({put_vip("web")}), ElementsAre("10.0.0.0", "vip/default/web"))
        << "not all VIPs of the node, whose generation grew";
    EXPECT_THAT(noted({put_vip("web")}), IsEmpty()) << "nothing changed";
    EXPECT_THAT(noted({DeleteObject{{Kind::vip, "default", "web"}}}),
                AllOf(Contains("vip/default/web"), Contains("10.0.0.0")));
}

TEST_F(Feed, AFenceAndAnAdmissionAreOfTheNode) {
    noted({put_vip("web")});
    const std::string dead = owner("web");
    const std::string other = dead == "n1" ? "n2" : "n1";
    EXPECT_THAT(noted({RecordFence{ids.at(dead), epoch_of(dead), ids.at(other), "silent", 9}}),
                ElementsAre("node:" + dead));
    EXPECT_THAT(noted({AdmitNode{ids.at(dead), epoch_of(dead)}}), Contains("node:" + dead));
}

TEST_F(Feed, BgpSessionsAreOfTheirNode) {
    EXPECT_THAT(noted({ReportBgpSessions{"n2", {.established = {"tor1"}, .withdrawn = false}}}),
                ElementsAre("node/n2"));
}

TEST_F(Feed, OtherRowsAreNobodysBusiness) {
    EXPECT_THAT(noted({MakeJoinToken{std::string(64, 'a'), state.time() + std::chrono::hours{1}}}),
                IsEmpty());
    EXPECT_THAT(noted({AdvanceTime{}}), IsEmpty());
    EXPECT_THAT(noted({DrainNode{"n1", true}}), ElementsAre("node/n1"));
    noted({put_vip("web")});
    EXPECT_THAT(noted({ReportTrouble{record("web").assigned.at(0), "n2", Trouble{}}}),
                ElementsAre("10.0.0.0"));
}

TEST_F(Feed, ARevisionFindsItsPlace) {
    noted({put_vip("a")});
    const std::uint64_t first = index();
    noted({put_vip("b")});
    EXPECT_EQ(feed.place_after(first + 1), feed.end());
    EXPECT_THAT(since(*feed.place_after(first)), Contains("vip/default/b"));
    EXPECT_THAT(since(*feed.place_after(first)), Not(Contains("vip/default/a")));
    EXPECT_THAT(since(*feed.place_after(first - 1)), Contains("vip/default/a"));
    EXPECT_EQ(feed.place_after(first + 100), feed.end()) << "whatever comes will be later";
}

TEST_F(Feed, WhatThisNodeSawComesAgainAfterItsRevision) {
    noted({put_vip("a")});
    feed.note_local(state, record("a").assigned.at(0));
    const auto again = feed.place_after(index());
    EXPECT_THAT(since(*again), ElementsAre("10.0.0.0"));
    EXPECT_TRUE(feed.at(*again).is_local);
    noted({put_vip("b")});
    EXPECT_EQ(feed.at(*feed.place_after(index() - 1)).is_local, true);
}

TEST_F(Feed, ForgetsTheOldestBeyondItsBound) {
    const std::uint64_t before = index();
    const auto begin = feed.end();
    for (int i = 0; i < 10; ++i) noted({put_vip("v" + std::to_string(i))});
    EXPECT_EQ(feed.end() - feed.limits().changes_max, begin + 20 - 8);
    EXPECT_TRUE(feed.has_lost(begin));
    EXPECT_EQ(feed.place_after(before), std::nullopt);
    EXPECT_TRUE(feed.place_after(index() - 1));
    EXPECT_TRUE(feed.place_after(feed.oldest_revision()));
    EXPECT_EQ(feed.place_after(feed.oldest_revision() - 1), std::nullopt);
}

TEST_F(Feed, ARestoredStateBeginsAnew) {
    noted({put_vip("a")});
    const auto end = feed.end();
    feed.restart(state);
    EXPECT_TRUE(feed.has_lost(end)) << "also who had seen everything";
    EXPECT_EQ(feed.place_after(index()), feed.end());
    EXPECT_EQ(feed.place_after(index() - 1), std::nullopt);
    EXPECT_FALSE(feed.has_lost(feed.end()));
}

TEST_F(Feed, CountsWatchersWhileTheyLive) {
    ChangeFeed small{{.watchers_max = 2}};
    auto first = small.admit_watcher(), second = small.admit_watcher();
    ASSERT_TRUE(first);
    ASSERT_TRUE(second);
    EXPECT_FALSE(small.admit_watcher());
    EXPECT_EQ(small.watchers(), 2u);
    first.reset();
    EXPECT_EQ(small.watchers(), 1u);
    EXPECT_TRUE(small.admit_watcher());
}

}  // namespace
}  // namespace trivet::api
