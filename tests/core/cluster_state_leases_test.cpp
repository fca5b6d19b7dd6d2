// Who owns the VIPs, as commands on the whole state.
#include <gtest/gtest.h>

#include "tests/core/placement_fixture.hpp"

namespace trivet {
namespace {

using test::address;

class ClusterStateLeases : public testing::Test, protected test::PlacementFixture {
protected:
    ClusterStateLeases() {
        EXPECT_TRUE(pool("lan", R"("addresses": ["10.0.0.0/16", "fd00::/64"])"));
    }
    ~ClusterStateLeases() override { expect_restored_the_same(); }

    std::string refused(const Result<void>& result) {
        EXPECT_FALSE(result);
        return result ? "" : result.error().message;
    }
    NodeFacts on(std::vector<NodeInterface> interfaces) {
        NodeFacts facts;
        facts.interfaces = std::move(interfaces);
        return facts;
    }
    static NodeInterface interface(const std::string& name, std::vector<std::string> prefixes) {
        NodeInterface made{name, {}};
        for (const std::string& text : prefixes) made.prefixes.push_back(*Prefix::parse(text));
        return made;
    }
    std::string why_not(const std::string& vip, const std::string& node) {
        for (const Standing& standing : explain(state, record(vip).assigned.at(0)))
            if (standing.node == node)
                return (standing.place ? std::to_string(*standing.place) + " " : "") +
                       standing.reason;
        return "not there";
    }
};

TEST_F(ClusterStateLeases, AVipCreatedHasAListInItsOwnCommand) {
    join("n1");
    join("n2");
    const auto object = test::object(Kind::vip, R"({"name": "web"})");
    const Applied created = apply({PutObject{object, PutMode::create, false, {}}});
    ASSERT_TRUE(created.result);
    EXPECT_EQ(list("web"), (Names{"n1", "n2"}));
    EXPECT_EQ(created.changed, (Names{"lease/address/10.0.0.0", "lease/node/0000000000000101",
                                      "lease/node/0000000000000102", "vip/default/web"}));
    EXPECT_TRUE(messages(created, "vip_moved").empty());
    EXPECT_EQ(state.lease_plan().find(ids["n1"])->generation, LogIndex{});
    ASSERT_TRUE(erase(Kind::vip, "web"));
    EXPECT_TRUE(state.lease_plan().entries().empty());
}

TEST_F(ClusterStateLeases, ANodeWithoutAStartIsNotEligible) {
    ASSERT_TRUE(apply({RegisterNode{"n1", {}}}).result);
    ASSERT_TRUE(vip("web"));
    EXPECT_EQ(list("web"), Names{});
    EXPECT_EQ(state.node_id("n1"), NodeId{});
    EXPECT_EQ(place(state, record("web").assigned[0]).reason,
              "no node is in service ('n1': it was not seen at a start yet)");
    ASSERT_TRUE(apply({RecordBoot{"n1", 7, 1, 1}}).result);
    EXPECT_EQ(owner("web"), "n1");
    EXPECT_EQ(state.node_id("n1"), NodeId(7));
    EXPECT_EQ(state.node_name(NodeId(7)), "n1");
    EXPECT_EQ(state.node_name(NodeId(8)), "0000000000000008");
}

TEST_F(ClusterStateLeases, ANameWithAnotherDirectoryIsAnotherNode) {
    join("n1");
    join("n2");
    vips(4);
    const NodeId old = ids["n2"];
    ASSERT_TRUE(apply({RecordBoot{"n2", 0x999, 1, 1}}).result);
    ids["n2"] = NodeId(0x999);
    for (const auto& [at, entry] : state.lease_plan().entries())
        EXPECT_EQ(std::ranges::count(entry.nodes(), old), 0);
    EXPECT_NE(state.lease_plan().find(old), nullptr);  // others may still wait for it
    EXPECT_EQ(owned(), (std::map<std::string, std::size_t>{{"n1", 2}, {"n2", 2}}));
}

TEST_F(ClusterStateLeases, OneDirectoryUnderTwoNamesIsOneNode) {
    join("n1");
    vips(2);
    ASSERT_TRUE(apply({RegisterNode{"n0", {}}, RecordBoot{"n0", ids["n1"].value(), 2, 1}}).result);
    EXPECT_EQ(state.node_id("n1"), NodeId{});
    EXPECT_EQ(list("v1"), Names{"n0"});
    EXPECT_NE(why_not("v1", "n1").find("same data directory"), std::string::npos);
}

TEST_F(ClusterStateLeases, AFenceMovesTheOwnersOnAndLeavesTheLists) {
    join("n1");
    join("n2");
    join("n3");
    vips(6);
    const auto before = owners();
    const auto plan = state.lease_plan();
    const Applied fenced = fence("n1", "n2");
    ASSERT_TRUE(fenced.result);
    EXPECT_EQ(plan.entries(), state.lease_plan().entries());
    EXPECT_EQ(moves_since(before), 2u);
    EXPECT_EQ(owned(), (std::map<std::string, std::size_t>{{"n2", 3}, {"n3", 3}}));
    EXPECT_EQ(messages(fenced, "node_fenced"),
              Names{"node 'n1' was fenced in epoch 1 by node 'n2': not heard, 93 ms"});
    const Names moves = messages(fenced, "vip_moved");
    ASSERT_EQ(moves.size(), 2u);
    EXPECT_EQ(moves[0], "VIP 'default/v1' moved from node 'n1' to node 'n2': not heard, 93 ms");
    EXPECT_EQ(fenced.changed, Names{"lease/node/" + to_text(ids["n1"])});
}

TEST_F(ClusterStateLeases, AFenceThatIsKnownOrOldIsNoNews) {
    join("n1");
    join("n2");
    vips(1);
    ASSERT_TRUE(fence("n1").result);
    for (const Action& action :
         {Action(RecordFence{ids["n1"], Epoch(1), ids["n2"], "again", 1}),
          Action(RecordFence{ids["n1"], Epoch(9), ids["n2"], "far", 1}),
          Action(RecordFence{NodeId(9), Epoch(1), ids["n2"], "who", 1}),
          Action(AdmitNode{ids["n1"], Epoch(2)}), Action(AdmitNode{NodeId(9), Epoch(1)})}) {
        const Applied applied = apply({action});
        EXPECT_TRUE(applied.result);
        EXPECT_TRUE(applied.changed.empty());
        EXPECT_TRUE(applied.events.empty());
    }
    const Applied too_long =
        apply({RecordFence{ids["n1"], Epoch(1), {}, std::string(257, 'x'), 1}});
    EXPECT_EQ(too_long.result.error().code, ErrorCode::invalid_argument);
}

TEST_F(ClusterStateLeases, ManyMovesAreOneEvent) {
    join("n1");
    join("n2");
    vips(202);
    const Applied fenced = fence("n1", "n2");
    EXPECT_TRUE(messages(fenced, "vip_moved").empty());
    EXPECT_EQ(messages(fenced, "vips_moved"),
              Names{"101 VIPs have another owner: not heard, 93 ms"});
}

TEST_F(ClusterStateLeases, AnAdmittedNodeGetsNothingBackByItself) {
    join("n1");
    join("n2");
    vips(4);
    ASSERT_TRUE(fence("n1").result);
    const auto before = owners();
    const Applied admitted = admit("n1");
    ASSERT_TRUE(admitted.result);
    EXPECT_EQ(messages(admitted, "node_admitted").size(), 1u);
    EXPECT_EQ(moves_since(before), 0u);
    EXPECT_EQ(epoch_of("n1"), Epoch(2));
    EXPECT_EQ(list("v1"), (Names{"n2", "n1"}));
    join("n3");  // gets its own share alone
    EXPECT_EQ(owned(), (std::map<std::string, std::size_t>{{"n2", 2}, {"n3", 2}}));
    ASSERT_TRUE(apply({Rebalance{}}).result);
    EXPECT_EQ(owned(), (std::map<std::string, std::size_t>{{"n1", 1}, {"n2", 2}, {"n3", 1}}));
}

TEST_F(ClusterStateLeases, AnAdmissionWithoutAFenceGivesTheVipsAway) {
    join("n1");
    join("n2");
    vips(2);
    const Applied admitted = admit("n1");
    EXPECT_EQ(messages(admitted, "vip_moved").size(), 1u);
    EXPECT_EQ(owned(), (std::map<std::string, std::size_t>{{"n2", 2}}));
}

TEST_F(ClusterStateLeases, AnAdmissionStandsAlone) {
    join("n1");
    join("n2");
    vips(1);
    const Applied both = apply({AdmitNode{ids["n1"], Epoch(1)}, DrainNode{"n2", true}});
    EXPECT_EQ(both.result.error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(epoch_of("n1"), Epoch(1));
    EXPECT_FALSE(state.nodes().at("n2").object.drained);
}

TEST_F(ClusterStateLeases, ANodeThatFlapsIsDampedUntilItIsQuiet) {
    join("n1");
    join("n2");
    vips(2);
    at(2000);
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(fence("n1").result);
        ASSERT_TRUE(admit("n1").result);
    }
    const Applied fourth = fence("n1");
    EXPECT_EQ(messages(fourth, "node_damped").size(), 1u);
    ASSERT_TRUE(admit("n1").result);
    EXPECT_NE(why_not("v1", "n1").find("2 it was fenced often lately"), std::string::npos);
    vips(4);
    ASSERT_TRUE(apply({Rebalance{}}).result);
    EXPECT_EQ(owned(), (std::map<std::string, std::size_t>{{"n2", 6}}));
    expect_restored_the_same();
    at(2000 + 8 * 60);
    vips(2);
    EXPECT_EQ(owned(), (std::map<std::string, std::size_t>{{"n1", 2}, {"n2", 6}}));
    ASSERT_TRUE(apply({Rebalance{}}).result);
    EXPECT_EQ(owned(), (std::map<std::string, std::size_t>{{"n1", 4}, {"n2", 4}}));
}

TEST_F(ClusterStateLeases, AMoveByHand) {
    join("n1");
    join("n2");
    join("n3");
    ASSERT_TRUE(vip("web"));
    ASSERT_EQ(list("web"), (Names{"n1", "n2", "n3"}));
    const Applied moved = apply({MoveVip{{Kind::vip, "default", "web"}, "n3"}});
    ASSERT_TRUE(moved.result);
    EXPECT_EQ(list("web"), (Names{"n3", "n1", "n2"}));
    EXPECT_EQ(messages(moved, "vip_moved"),
              Names{"VIP 'default/web' moved from node 'n1' to node 'n3': moved by hand"});
    EXPECT_TRUE(move("web", "n3"));
    EXPECT_TRUE(apply({MoveVip{{Kind::vip, "default", "web"}, "n3"}}).changed.empty());
}

TEST_F(ClusterStateLeases, AMoveIsRefusedWithTheReason) {
    join("n1");
    join("n2");
    join("n3");
    join("n4");
    ASSERT_TRUE(vip("web", R"("eligible_nodes": ["n1", "n2", "n3"])"));
    ASSERT_TRUE(fence("n2").result);
    ASSERT_TRUE(drain("n3").result);
    EXPECT_NE(refused(move("web", "n2")).find("it was fenced"), std::string::npos);
    EXPECT_NE(refused(move("web", "n3")).find("it is drained"), std::string::npos);
    EXPECT_NE(refused(move("web", "n4")).find("not among the eligible_nodes"), std::string::npos);
    EXPECT_NE(refused(move("web", "n5")).find("there is no node 'n5'"), std::string::npos);
    EXPECT_NE(refused(move("wob", "n1")).find("there is no VIP 'default/wob'"), std::string::npos);
}

TEST_F(ClusterStateLeases, AVipMadeAndMovedInOneCommand) {
    join("n1");
    join("n2");
    const auto object = test::object(Kind::vip, R"({"name": "web"})");
    ASSERT_TRUE(apply({PutObject{object, PutMode::create, false, {}},
                       MoveVip{{Kind::vip, "default", "web"}, "n2"}})
                    .result);
    EXPECT_EQ(list("web"), (Names{"n2", "n1"}));
}

TEST_F(ClusterStateLeases, ARefusedCommandLeavesTheListsAlone) {
    join("n1");
    join("n2");
    vips(3);
    const auto plan = state.lease_plan();
    EXPECT_FALSE(apply({DrainNode{"n1", true}, RecordFence{ids["n2"], Epoch(1), {}, "", 0},
                        MoveVip{{Kind::vip, "default", "v1"}, "n9"}})
                     .result);
    EXPECT_EQ(state.lease_plan(), plan);
    ASSERT_TRUE(apply({Rebalance{}}).changed.empty());
}

TEST_F(ClusterStateLeases, DrainAndBack) {
    join("n1");
    join("n2");
    join("n3");
    vips(9);
    auto before = owners();
    const Applied drained = drain("n2");
    EXPECT_EQ(moves_since(before), 3u);
    EXPECT_EQ(messages(drained, "vip_moved").size(), 3u);
    EXPECT_NE(messages(drained, "vip_moved")[0].find(": node 'n2' is drained"), std::string::npos);
    const auto moved = owned();
    EXPECT_EQ(moved.size(), 2u);
    EXPECT_NEAR(static_cast<double>(moved.at("n1")), 4.5, 0.5);
    before = owners();
    ASSERT_TRUE(drain("n2", false).result);
    EXPECT_EQ(moves_since(before), 3u);
    EXPECT_EQ(owned(), (std::map<std::string, std::size_t>{{"n1", 3}, {"n2", 3}, {"n3", 3}}));
}

TEST_F(ClusterStateLeases, RemovingADeadNodeMovesNothingMore) {
    join("n1");
    join("n2");
    join("n3");
    vips(6);
    ASSERT_TRUE(fence("n3").result);
    const auto before = owners();
    ASSERT_TRUE(apply({RemoveNode{"n3"}}).result);
    EXPECT_EQ(moves_since(before), 0u);
    EXPECT_EQ(list("v1").size(), 2u);
    EXPECT_NE(state.lease_plan().find(ids["n3"]), nullptr);
}

TEST_F(ClusterStateLeases, AWitnessCarriesNothing) {
    join("n1");
    join("w1", {}, {.weight = 100, .witness = true, .interfaces = {}});
    vips(2);
    EXPECT_EQ(list("v1"), Names{"n1"});
    EXPECT_EQ(why_not("v1", "w1"), "it is a witness, which carries no traffic");
    const auto row = nlohmann::json::parse(rows["node/w1"]);
    EXPECT_EQ(row["object"]["witness"], true);
    EXPECT_EQ(row["object"]["weight"], 100);
}

TEST_F(ClusterStateLeases, FactsAreChecked) {
    const auto refuse = [&](NodeFacts facts) {
        return refused(apply({RegisterNode{"n1", {}, std::move(facts)}}).result);
    };
    EXPECT_NE(refuse({.weight = 0}).find("1-10000"), std::string::npos);
    EXPECT_NE(refuse({.weight = 10'001}).find("1-10000"), std::string::npos);
    EXPECT_NE(refuse(on({{"eth 0", {}}})).find("no interface name"), std::string::npos);
    EXPECT_NE(refuse(on({{"eth0", {}}, {"eth0", {}}})).find("listed twice"), std::string::npos);
    EXPECT_NE(refuse(on(std::vector<NodeInterface>(257))).find("at most 256"), std::string::npos);
}

TEST_F(ClusterStateLeases, InterfacesDecideWhoCanReachAnAddress) {
    join("n1", {}, on({interface("eth0", {"10.0.0.0/16"})}));
    join("n2", {}, on({interface("eth0", {"10.1.0.0/16"})}));
    join("n3");  // has not told
    ASSERT_TRUE(vip("web"));
    EXPECT_EQ(list("web"), (Names{"n1", "n3"}));
    EXPECT_EQ(why_not("web", "n2"),
              "none of its interfaces that are up has a subnet that holds 10.0.0.0");
    ASSERT_TRUE(put(Kind::l2_advertisement, "named", R"("interfaces": ["eth0"])", false));
    EXPECT_EQ(list("web"), (Names{"n1", "n3", "n2"}));
    ASSERT_TRUE(put(Kind::l2_advertisement, "named", R"("interfaces": ["eth1"])", false));
    EXPECT_EQ(list("web"), Names{"n3"});
    ASSERT_TRUE(drain("n3").result);
    EXPECT_EQ(
        place(state, address("10.0.0.0")).reason,
        "none of the interfaces that l2-advertisement 'named' names (eth1) is up on the nodes "
        "'n1', 'n2'");
    ASSERT_TRUE(erase(Kind::l2_advertisement, "named"));
    join("n1", {}, on({}));
    ASSERT_TRUE(vip("late"));
    EXPECT_NE(place(state, address("10.0.0.1"))
                  .reason.find("no interface that is up on the nodes 'n1', 'n2' has a subnet "
                               "that holds"),
              std::string::npos);
}

TEST_F(ClusterStateLeases, AnInterfaceThatComesBackTakesNothingBack) {
    const NodeFacts up = on({interface("eth0", {"10.0.0.0/16"})});
    join("n1", {}, up);
    join("n2", {}, up);
    vips(4);
    join("n1", {}, on({}));  // the carrier is lost
    EXPECT_EQ(owned(), (std::map<std::string, std::size_t>{{"n2", 4}}));
    const auto before = owners();
    join("n1", {}, up);
    EXPECT_EQ(moves_since(before), 0u);
    EXPECT_EQ(list("v1"), (Names{"n2", "n1"}));
}

TEST_F(ClusterStateLeases, AnotherMacChangesNoList) {
    NodeFacts facts = on({interface("eth0", {"10.0.0.0/16"})});
    join("n1", {}, facts);
    vips(1);
    facts.interfaces->at(0).mac = MacAddress{{2, 0, 0, 0, 0, 1}};
    const Applied told = apply({RegisterNode{"n1", {}, facts}});
    EXPECT_EQ(told.changed, Names{"node/n1"});
}

TEST_F(ClusterStateLeases, AnOutageOfEveryInterfaceForgetsNoList) {
    const NodeFacts up = on({interface("eth0", {"10.0.0.0/16"})});
    join("n1", {}, up);
    join("n2", {}, up);
    vips(2);
    join("n1", {}, on({}));
    EXPECT_EQ(list("v1"), Names{"n2"});
    const auto before = owners();
    join("n2", {}, on({}));  // nobody is left who could do better
    EXPECT_EQ(moves_since(before), 0u);
    EXPECT_EQ(list("v1"), Names{"n2"});
    join("n1", {}, up);  // the first who comes back does better
    EXPECT_EQ(list("v1"), Names{"n1"});
    ASSERT_TRUE(vip("new"));
    ASSERT_TRUE(drain("n1").result);
    EXPECT_EQ(list("new"), Names{});
}

TEST_F(ClusterStateLeases, BothAddressesOfADualStackVipStayTogether) {
    join("n1", {}, on({interface("eth0", {"10.0.0.0/16"})}));
    join("n2", {}, on({interface("eth0", {"10.0.0.0/16", "fd00::/64"})}));
    ASSERT_TRUE(vip("both", R"("ip_family_policy": "require_dual")"));
    ASSERT_TRUE(vip("one"));
    EXPECT_EQ(list_at(address("10.0.0.0")), Names{"n2"});
    EXPECT_EQ(list_at(address("fd00::")), Names{"n2"});
    EXPECT_EQ(list("one"), (Names{"n1", "n2"}));
    EXPECT_NE(why_not("both", "n1").find("stay together"), std::string::npos);
}

TEST_F(ClusterStateLeases, AnAddressThatNobodyCanReachDoesNotTakeTheOtherAway) {
    join("n1", {}, on({interface("eth0", {"10.0.0.0/16"})}));
    ASSERT_TRUE(vip("both", R"("ip_family_policy": "require_dual")"));
    EXPECT_EQ(list_at(address("10.0.0.0")), Names{"n1"});
    EXPECT_EQ(list_at(address("fd00::")), Names{});
    EXPECT_NE(place(state, address("fd00::")).reason.find("has a subnet that holds fd00::"),
              std::string::npos);
    join("n2", {}, on({interface("eth0", {"fd00::/64"})}));
    EXPECT_EQ(list_at(address("fd00::")), Names{});
    EXPECT_EQ(place(state, address("fd00::")).reason,
              "the addresses of a VIP stay together, and the nodes 'n1' that can announce 10.0.0.0 "
              "cannot announce this one");
}

TEST_F(ClusterStateLeases, VipsThatShareAnAddressStayTogether) {
    join("n1");
    join("n2");
    ASSERT_TRUE(vip("a", R"("sharing_key": "k", "ports": ["1"])"));
    ASSERT_TRUE(vip("b", R"("addresses": ["10.0.0.9"], "sharing_key": "k", "ports": ["2"])"));
    ASSERT_EQ(owned(), (std::map<std::string, std::size_t>{{"n1", 1}, {"n2", 1}}));
    const Applied joined = [&] {
        const auto object = test::object(
            Kind::vip, R"({"name": "c", "addresses": ["10.0.0.0", "10.0.0.9"], "sharing_key": "k",
                           "ports": ["3"]})");
        return apply({PutObject{object, PutMode::create, false, {}}});
    }();
    ASSERT_TRUE(joined.result) << joined.result.error().message;
    EXPECT_EQ(list_at(address("10.0.0.0")), list_at(address("10.0.0.9")));
    EXPECT_EQ(owned(), (std::map<std::string, std::size_t>{{"n1", 3}}));
    EXPECT_EQ(messages(joined, "vip_moved").size(), 1u);  // b, the younger one
    ASSERT_TRUE(vip("d"));
    EXPECT_EQ(owner("d"), "n2");  // the three count once
    ASSERT_TRUE(erase(Kind::vip, "c"));
    ASSERT_TRUE(vip("e"));
    EXPECT_EQ(owner("e"), "n2");  // now they are two again, both owned by n1
}

TEST_F(ClusterStateLeases, LocalTrafficIsStrictForEveryHolder) {
    join("n1");
    join("n2");
    const std::string local = R"("traffic_policy": "local", "sharing_key": "k", )";
    ASSERT_TRUE(vip("a", local + R"("ports": ["1"], "eligible_nodes": ["n2"])"));
    EXPECT_EQ(list("a"), Names{"n2"});
    ASSERT_TRUE(vip("a", local + R"("ports": ["1"], "eligible_nodes": ["n9"])"));
    EXPECT_EQ(list("a"), Names{});
    EXPECT_EQ(place(state, record("a").assigned[0]).reason,
              "VIP 'default/a' is eligible on 'n9' only; the nodes that may announce it are 'n1', "
              "'n2'");
}

TEST_F(ClusterStateLeases, PreferredNodesOwnANewVip) {
    join("n1");
    join("n2");
    join("n3");
    vips(3, R"("preferred_nodes": ["n9", "n3"])");
    EXPECT_EQ(owned(), (std::map<std::string, std::size_t>{{"n3", 3}}));
}

TEST_F(ClusterStateLeases, TheProfileIsKept) {
    EXPECT_EQ(state.lease_profile(), "default");
    const Applied set = apply({SetLeaseProfile{"fast"}});
    EXPECT_EQ(set.changed, Names{"lease/profile"});
    EXPECT_EQ(messages(set, "lease_profile_changed"),
              Names{"the lease profile is 'fast' now; it was 'default'"});
    EXPECT_EQ(state.lease_profile(), "fast");
    EXPECT_TRUE(apply({SetLeaseProfile{"fast"}}).changed.empty());
    EXPECT_NE(refused(apply({SetLeaseProfile{"slow"}}).result).find("fastest"), std::string::npos);
    ASSERT_TRUE(apply({SetLeaseProfile{"default"}}).result);
    EXPECT_FALSE(rows.contains("lease/profile"));
}

TEST_F(ClusterStateLeases, MoreThanEightNodesAreExplained) {
    for (int i = 10; i < 20; ++i) join("n" + std::to_string(i));
    ASSERT_TRUE(vip("web"));
    EXPECT_EQ(list("web").size(), placement::candidates_max);
    const auto standings = explain(state, record("web").assigned[0]);
    ASSERT_EQ(standings.size(), 10u);
    EXPECT_TRUE(standings[0].is_owner);
    EXPECT_EQ(standings[7].place, 8u);
    EXPECT_FALSE(standings[8].place);
    EXPECT_NE(standings[8].reason.find("8 candidates already"), std::string::npos);
    for (const std::string& name : list("web")) ASSERT_TRUE(fence(name, "n10").result);
    EXPECT_EQ(owner("web"), standings[8].node);
}

TEST_F(ClusterStateLeases, AStateOfBeforeTheListsGetsThemWithTheNextCommand) {
    join("n1");
    join("n2");
    vips(4);
    std::vector<StateRow> old;
    for (const StateRow& row : saved())
        if (!row.key.starts_with("lease/")) old.push_back(row);
    auto restored = ClusterState::restore(old, LogIndex(index()));
    ASSERT_TRUE(restored) << restored.error().message;
    EXPECT_TRUE(restored->lease_plan().entries().empty());
    EXPECT_TRUE(restored->apply(LogIndex(index() + 1), {{}, {AdvanceTime{}}}).result);
    EXPECT_EQ(restored->lease_plan().entries().size(), 4u);
}

TEST_F(ClusterStateLeases, AListOfAnAddressThatNobodyHoldsIsDamage) {
    join("n1");
    vips(1);
    auto damaged = saved();
    std::erase_if(damaged, [](const StateRow& row) { return row.key == "vip/default/v1"; });
    const auto restored = ClusterState::restore(damaged);
    ASSERT_FALSE(restored);
    EXPECT_EQ(restored.error().code, ErrorCode::corrupt);
    EXPECT_NE(restored.error().message.find("lease/address/10.0.0.0"), std::string::npos);
}

}  // namespace
}  // namespace trivet
