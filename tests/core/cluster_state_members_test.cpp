// Who may join, who did and who left, as commands on the whole state.
#include <gtest/gtest.h>

#include "core/state_snapshot.hpp"
#include "tests/core/state_fixture.hpp"

namespace trivet {
namespace {

using test::StateFixture;

const std::string first_hash(64, 'a');
const std::string second_hash(64, 'b');

WallTime seconds(int count) { return WallTime(std::chrono::seconds(count)); }

/// n1 is a node; two tokens are good until 2000 s.
StateFixture with_tokens() {
    StateFixture f;
    f.at(1000);
    EXPECT_TRUE(f.apply({InitCluster{"c1", "ab12"}, RegisterNode{"n1", {}},
                         RecordBoot{"n1", 5, 1, 11}, MakeJoinToken{first_hash, seconds(2000)}})
                    .result);
    EXPECT_TRUE(f.apply({MakeJoinToken{second_hash, seconds(2000)}}).result);
    return f;
}

void expect_restored_the_same(const StateFixture& f) {
    const auto rows = decode_snapshot(encode_snapshot(f.saved()));
    ASSERT_TRUE(rows) << rows.error().message;
    const auto restored = ClusterState::restore(*rows, LogIndex(f.index()));
    ASSERT_TRUE(restored) << restored.error().message;
    EXPECT_EQ(restored->boots(), f.state.boots());
    EXPECT_EQ(test::picture(*restored, *rows), test::picture(f.state, *rows));
    for (const StateRow& row : *rows) EXPECT_EQ(restored->row(row.key), row.value) << row.key;
}

TEST(ClusterStateMembers, ANodeJoinsStartsAndRegisters) {
    StateFixture f = with_tokens();
    const Applied joined = f.apply({UseJoinToken{first_hash, 7, "n2"}});
    ASSERT_TRUE(joined.result);
    EXPECT_EQ(joined.changed, std::vector<std::string>{"join/" + first_hash});
    ASSERT_EQ(joined.events.size(), 1u);
    EXPECT_EQ(joined.events[0].type, "node_joined");
    EXPECT_EQ(joined.events[0].object, "node/n2");
    const Applied booted = f.apply({RecordBoot{"n2", 7, 1, 70}});
    EXPECT_EQ(booted.changed, std::vector<std::string>{"boot/n2"});
    EXPECT_TRUE(booted.events.empty());
    EXPECT_TRUE(f.apply({RegisterNode{"n2", {}}}).result);
    EXPECT_EQ(f.state.boots().at("n2"), (BootRecord{7, 1, 70}));
    expect_restored_the_same(f);
}

TEST(ClusterStateMembers, ARepeatedJoinIsAnsweredTheSameWithoutAnEvent) {
    StateFixture f = with_tokens();
    ASSERT_TRUE(f.apply({UseJoinToken{first_hash, 7, "n2"}}).result);
    const Applied again = f.apply({UseJoinToken{first_hash, 7, "n2"}});
    EXPECT_TRUE(again.result);
    EXPECT_TRUE(again.changed.empty());
    EXPECT_TRUE(again.events.empty());
}

TEST(ClusterStateMembers, TheStatesTimeEndsATokenNotTheProposersClock) {
    StateFixture f = with_tokens();
    f.at(2000);
    ASSERT_TRUE(f.tick().result);
    f.at(1500);  // a proposer whose clock is behind
    EXPECT_EQ(f.apply({UseJoinToken{first_hash, 7, "n2"}}).result.error().code,
              ErrorCode::unauthenticated);
    EXPECT_EQ(f.apply({MakeJoinToken{std::string(64, 'c'), seconds(2000)}}).result.error().code,
              ErrorCode::invalid_argument);
    const Applied made = f.apply({MakeJoinToken{std::string(64, 'c'), seconds(2001)}});
    ASSERT_TRUE(made.result);
    EXPECT_EQ(made.changed.size(), 3u);  // the two expired ones have gone
    EXPECT_FALSE(f.rows.contains("join/" + first_hash));
    expect_restored_the_same(f);
}

TEST(ClusterStateMembers, ANameIsTakenWhileItsNodeIsRegisteredAndHasStarted) {
    StateFixture f = with_tokens();
    const Applied taken = f.apply({UseJoinToken{first_hash, 7, "n1"}});
    ASSERT_FALSE(taken.result);
    EXPECT_EQ(taken.result.error().code, ErrorCode::conflict);
    EXPECT_TRUE(taken.changed.empty());
    EXPECT_TRUE(taken.events.empty());
    ASSERT_TRUE(f.apply({RemoveNode{"n1"}}).result);
    EXPECT_TRUE(f.apply({UseJoinToken{first_hash, 7, "n1"}}).result);
    EXPECT_TRUE(f.apply({RecordBoot{"n1", 7, 1, 70}}).result);
    expect_restored_the_same(f);
}

TEST(ClusterStateMembers, ARemovedNodeLeavesNothingButWhatUsersWrote) {
    StateFixture f = with_tokens();
    ASSERT_TRUE(f.pool("lan", R"("addresses": ["10.0.0.0/30"])"));
    ASSERT_TRUE(f.vip("web", R"("eligible_nodes": ["n1"])"));
    const Applied removed = f.apply({RemoveNode{"n1"}});
    ASSERT_TRUE(removed.result);
    EXPECT_EQ(removed.changed,
              (std::vector<std::string>{"boot/n1", "lease/address/10.0.0.0",
                                        "lease/node/0000000000000005", "node/n1"}));
    ASSERT_EQ(removed.events.size(), 2u);
    EXPECT_EQ(removed.events[1].type, "vip_moved");
    EXPECT_EQ(removed.events[0].type, "node_removed");
    EXPECT_EQ(removed.events[0].object, "node/n1");
    EXPECT_TRUE(f.state.nodes().empty());
    EXPECT_TRUE(f.state.boots().empty());
    EXPECT_TRUE(f.state.lease_plan().entries().empty());
    EXPECT_EQ(f.record("web").vip.eligible_nodes, decltype(Vip::eligible_nodes){"n1"});
    expect_restored_the_same(f);
    const Applied again = f.apply({RemoveNode{"n1"}});
    ASSERT_FALSE(again.result);
    EXPECT_EQ(again.result.error().code, ErrorCode::not_found);
}

TEST(ClusterStateMembers, WhoJoinedAndNeverRegisteredCanBeRemoved) {
    StateFixture f = with_tokens();
    ASSERT_TRUE(f.apply({UseJoinToken{first_hash, 7, "n2"}, RecordBoot{"n2", 7, 1, 70}}).result);
    const Applied removed = f.apply({RemoveNode{"n2"}});
    ASSERT_TRUE(removed.result);
    EXPECT_EQ(removed.changed, (std::vector<std::string>{"boot/n2", "join/" + first_hash}));
    EXPECT_EQ(f.apply({UseJoinToken{first_hash, 7, "n2"}}).result.error().code,
              ErrorCode::unauthenticated);
}

TEST(ClusterStateMembers, ARemovalThatFindsNothingSuggests) {
    StateFixture f = with_tokens();
    const Applied removed = f.apply({RemoveNode{"n11"}});
    ASSERT_FALSE(removed.result);
    EXPECT_NE(removed.result.error().message.find("did you mean 'n1'?"), std::string::npos);
}

TEST(ClusterStateMembers, ARefusedCommandTakesItsTokensBack) {
    StateFixture f = with_tokens();
    const auto before = f.rows;
    const Applied refused =
        f.apply({UseJoinToken{first_hash, 7, "n2"}, RecordBoot{"n2", 7, 1, 70},
                 MakeJoinToken{std::string(64, 'c'), seconds(2000)}, RemoveNode{"nobody"}});
    ASSERT_FALSE(refused.result);
    EXPECT_TRUE(refused.changed.empty());
    EXPECT_TRUE(refused.events.empty());
    EXPECT_EQ(f.rows, before);
    EXPECT_EQ(f.state.row("boot/n2"), std::nullopt);
    EXPECT_TRUE(f.apply({UseJoinToken{first_hash, 8, "n3"}}).result);
}

TEST(ClusterStateMembers, AnOldCopyOfANodesDataIsFound) {
    StateFixture f = with_tokens();
    ASSERT_TRUE(f.apply({RecordBoot{"n1", 5, 2, 22}}).result);
    EXPECT_EQ(f.apply({RecordBoot{"n1", 5, 1, 11}}).result.error().code, ErrorCode::conflict);
    EXPECT_EQ(f.apply({RecordBoot{"n1", 5, 2, 23}}).result.error().code, ErrorCode::conflict);
    EXPECT_TRUE(f.apply({RecordBoot{"n1", 5, 2, 22}}).changed.empty());
}

TEST(ClusterStateMembers, DamagedRowsAreNamed) {
    for (const auto& [key, value] :
         {std::pair{"join/xy", R"({"expires":1})"}, std::pair{"boot/n1", "{}"}}) {
        const auto restored = ClusterState::restore({{key, value}});
        ASSERT_FALSE(restored);
        EXPECT_EQ(restored.error().code, ErrorCode::corrupt);
        EXPECT_NE(restored.error().message.find("row '" + std::string(key) + "'"),
                  std::string::npos);
    }
}

}  // namespace
}  // namespace trivet
