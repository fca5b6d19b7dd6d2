#include "core/placement.hpp"

#include <gtest/gtest.h>

namespace trivet::placement {
namespace {

using Ids = std::vector<NodeId>;

NodeId node(std::uint64_t number) { return NodeId(number); }

/// Nodes 1 to `count`, all calm and alike, named in the order of their ids.
Hosts hosts_of(std::uint64_t count) {
    Hosts hosts;
    for (std::uint64_t i = 1; i <= count; ++i)
        hosts[node(i)] = {.name = "n" + std::string(i < 10 ? "0" : "") + std::to_string(i),
                          .weight = 100,
                          .is_fenced = false,
                          .is_damped = false};
    return hosts;
}

Ids all_of(const Hosts& hosts) {
    Ids ids;
    for (const auto& [id, host] : hosts) ids.push_back(id);
    return ids;
}

class Cluster {
public:
    Hosts hosts;
    std::vector<Unit> units;

    explicit Cluster(std::uint64_t nodes) : hosts(hosts_of(nodes)) {}

    /// One after the other, as VIPs are created.
    void create(std::size_t count, Ids preferred = {}) {
        for (std::size_t i = 0; i < count; ++i) {
            std::vector<Unit> one(1);
            one[0].eligible = all_of(hosts);
            one[0].preferred = preferred;
            arrange(one, balance_, hosts, {});
            units.push_back(one[0]);
        }
    }
    /// All of them anew, when nodes have changed.
    void arrange_all(const Task& task = {}, const Ids& eligible = {}) {
        for (Unit& unit : units) {
            unit.owner = owner(unit);
            unit.eligible = eligible.empty() ? all_of(hosts) : eligible;
        }
        balance_ = {};
        arrange(units, balance_, hosts, task);
    }
    NodeId owner(const Unit& unit) const {
        for (const NodeId candidate : unit.list) {
            const auto host = hosts.find(candidate);
            if (host == hosts.end() || host->second.is_live()) return candidate;
        }
        return {};
    }
    Ids owners() const {
        Ids ids;
        for (const Unit& unit : units) ids.push_back(owner(unit));
        return ids;
    }
    std::size_t owned(std::uint64_t number) const {
        return static_cast<std::size_t>(std::ranges::count(owners(), node(number)));
    }
    /// Greatest minus smallest number of units with these lists' node at this place.
    std::size_t spread(std::size_t place, NodeId owner_of_them = {}) const {
        std::map<NodeId, std::size_t> counts;
        for (const auto& [id, host] : hosts)
            if (id != owner_of_them) counts[id] = 0;
        for (const Unit& unit : units)
            if (owner_of_them == NodeId{} || unit.list.at(0) == owner_of_them)
                ++counts[unit.list.at(place)];
        std::size_t most = 0;
        std::size_t least = SIZE_MAX;
        for (const auto& [id, count] : counts) {
            most = std::max(most, count);
            least = std::min(least, count);
        }
        return most - least;
    }
    const Balance& balance() const { return balance_; }

private:
    Balance balance_;
};

std::size_t differing(const Ids& before, const Ids& after) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < before.size(); ++i) count += before[i] == after[i] ? 0 : 1;
    return count;
}

TEST(Placement, NewUnitsAreOwnedEvenly) {
    Cluster cluster(5);
    cluster.create(103);
    EXPECT_LE(cluster.spread(0), 1u);
}

TEST(Placement, ADeadNodesUnitsFallToAllOthersEvenly) {
    Cluster cluster(5);
    cluster.create(400);
    for (const auto& [id, host] : cluster.hosts) EXPECT_LE(cluster.spread(1, id), 1u);
}

TEST(Placement, SoDoThoseOfTwoDeadNodes) {
    Cluster cluster(5);
    cluster.create(1000);
    cluster.hosts[node(2)].is_fenced = true;
    cluster.hosts[node(4)].is_fenced = true;
    for (const std::uint64_t alive : {1, 3, 5})
        EXPECT_NEAR(static_cast<double>(cluster.owned(alive)), 333, 15);
}

TEST(Placement, WeightsGiveShares) {
    Cluster cluster(3);
    cluster.hosts[node(1)].weight = 200;
    cluster.create(400);
    EXPECT_EQ(cluster.owned(1), 200u);
    EXPECT_EQ(cluster.owned(2), 100u);
    EXPECT_EQ(cluster.owned(3), 100u);
}

TEST(Placement, PreferredNodesComeFirstInTheirOrder) {
    Cluster cluster(4);
    cluster.create(10, {node(3), node(2)});
    for (const Unit& unit : cluster.units) {
        EXPECT_EQ(unit.list[0], node(3));
        EXPECT_EQ(unit.list[1], node(2));
    }
}

TEST(Placement, NodesThatFlapAndFencedOnesComeLast) {
    Cluster cluster(4);
    cluster.hosts[node(1)].is_fenced = true;
    cluster.hosts[node(2)].is_damped = true;
    cluster.create(6, {node(1), node(2)});
    for (const Unit& unit : cluster.units) {
        EXPECT_EQ(unit.list[2], node(2));
        EXPECT_EQ(unit.list[3], node(1));
    }
    EXPECT_EQ(cluster.owned(3), 3u);
}

TEST(Placement, ADampedNodeOwnsWhatNobodyElseCan) {
    Cluster cluster(2);
    cluster.hosts[node(1)].is_fenced = true;
    cluster.hosts[node(2)].is_damped = true;
    cluster.create(1);
    EXPECT_EQ(cluster.units[0].list, (Ids{node(2), node(1)}));
}

TEST(Placement, ListsAreBounded) {
    Cluster cluster(20);
    cluster.create(200);
    for (const Unit& unit : cluster.units) EXPECT_EQ(unit.list.size(), candidates_max);
    EXPECT_LE(cluster.spread(0), 1u);
}

TEST(Placement, ANodeThatJoinsGetsItsShareWithTheFewestMoves) {
    Cluster cluster(3);
    cluster.create(100);
    const Ids before = cluster.owners();
    cluster.hosts = hosts_of(4);
    cluster.arrange_all({.joined = {node(4)}, .rebalance = false});
    EXPECT_EQ(cluster.owned(4), 25u);
    EXPECT_EQ(differing(before, cluster.owners()), 25u);
    EXPECT_LE(cluster.spread(0), 1u);
    // And its part of what falls when another one dies.
    for (const auto& [id, host] : cluster.hosts) EXPECT_LE(cluster.spread(1, id), 1u);
}

TEST(Placement, WithoutAShareItIsAppendedAndNothingMoves) {
    Cluster cluster(3);
    cluster.create(100);
    std::vector<Unit> before = cluster.units;
    cluster.hosts = hosts_of(4);
    cluster.arrange_all();
    for (std::size_t i = 0; i < before.size(); ++i) {
        before[i].list.push_back(node(4));
        EXPECT_EQ(cluster.units[i].list, before[i].list);
    }
}

TEST(Placement, NodesThatJoinAtOnceShareToo) {
    Cluster cluster(1);
    cluster.create(99);
    cluster.hosts = hosts_of(3);
    cluster.arrange_all({.joined = {node(2), node(3)}, .rebalance = false});
    for (const std::uint64_t number : {1, 2, 3}) EXPECT_EQ(cluster.owned(number), 33u);
}

TEST(Placement, ANodeThatJoinsDoesNotMendWhatItDidNotCause) {
    Cluster cluster(3);
    cluster.create(90);
    for (Unit& unit : cluster.units) {  // node 2 was fenced and admitted again: it owns nothing
        std::erase(unit.list, node(2));
        unit.list.push_back(node(2));
    }
    cluster.hosts = hosts_of(4);
    cluster.arrange_all({.joined = {node(4)}, .rebalance = false});
    EXPECT_EQ(cluster.owned(4), 23u);  // a quarter, rounded up
    EXPECT_EQ(cluster.owned(2), 0u);
}

TEST(Placement, ALeavingNodesUnitsSpreadAndNothingElseMoves) {
    Cluster cluster(4);
    cluster.create(101);
    const Ids before = cluster.owners();
    const std::size_t had = cluster.owned(2);
    cluster.hosts.erase(node(2));
    cluster.arrange_all();
    EXPECT_EQ(differing(before, cluster.owners()), had);
    EXPECT_LE(cluster.spread(0), 1u);
    for (const Unit& unit : cluster.units) EXPECT_EQ(std::ranges::count(unit.list, node(2)), 0);
}

TEST(Placement, RebalancingMovesTheFewest) {
    Cluster cluster(4);
    cluster.create(100);
    for (Unit& unit : cluster.units)
        if (unit.list[0] == node(1)) {
            std::erase(unit.list, node(3));
            unit.list.insert(unit.list.begin(), node(3));
        }
    cluster.arrange_all();
    ASSERT_EQ(cluster.owned(3), 50u);
    const Ids before = cluster.owners();
    cluster.arrange_all({.joined = {}, .rebalance = true});
    EXPECT_EQ(differing(before, cluster.owners()), 25u);
    for (const auto& [id, host] : cluster.hosts) {
        EXPECT_EQ(cluster.owned(id.value()), 25u);
        EXPECT_LE(cluster.spread(1, id), 1u);
    }
}

TEST(Placement, RebalancingLeavesAUnitWhereItsUserWantsIt) {
    Cluster cluster(2);
    cluster.create(10, {node(1)});
    cluster.arrange_all({.joined = {}, .rebalance = true});
    EXPECT_EQ(cluster.owned(1), 10u);
}

TEST(Placement, NothingIsMovedToANodeThatFlaps) {
    Cluster cluster(2);
    cluster.create(10);
    cluster.hosts[node(2)].is_fenced = true;
    cluster.arrange_all();
    cluster.hosts[node(2)] = hosts_of(2)[node(2)];
    for (Unit& unit : cluster.units) unit.list = {node(1), node(2)};
    cluster.hosts[node(2)].is_damped = true;
    cluster.arrange_all({.joined = {node(2)}, .rebalance = true});
    EXPECT_EQ(cluster.owned(2), 0u);
}

TEST(Placement, MovesGoOnlyWhereAUnitMayBe) {
    Cluster cluster(3);
    cluster.create(9);
    cluster.arrange_all({}, {node(1), node(2)});
    EXPECT_EQ(cluster.owned(3), 0u);
    cluster.arrange_all({.joined = {node(3)}, .rebalance = true}, {node(1), node(2)});
    EXPECT_EQ(cluster.owned(3), 0u);
}

TEST(Placement, AWishComesFirst) {
    Cluster cluster(20);
    cluster.create(1);
    const Ids before = cluster.units[0].list;
    const NodeId outside = node(20);
    ASSERT_EQ(std::ranges::count(before, outside), 0);
    cluster.units[0].wanted = outside;
    cluster.arrange_all();
    Ids wanted{outside};
    wanted.insert(wanted.end(), before.begin(), before.end() - 1);
    EXPECT_EQ(cluster.units[0].list, wanted);
}

TEST(Placement, WhenAllInAListAreFencedAnotherOneComesFirst) {
    Cluster cluster(10);
    cluster.create(1);
    const Ids before = cluster.units[0].list;
    for (const NodeId id : before) cluster.hosts[id].is_fenced = true;
    cluster.arrange_all();
    EXPECT_EQ(std::ranges::count(before, cluster.units[0].list[0]), 0);
    EXPECT_EQ(cluster.units[0].list.size(), candidates_max);
}

TEST(Placement, TheBalanceIsThatOfTheLists) {
    Cluster cluster(6);
    cluster.create(50);
    Balance anew;
    for (const Unit& unit : cluster.units) anew.add(live_of(unit.list, cluster.hosts));
    EXPECT_EQ(cluster.balance(), anew);
    for (const Unit& unit : cluster.units) anew.remove(live_of(unit.list, cluster.hosts));
    EXPECT_EQ(anew, Balance{});
}

}  // namespace
}  // namespace trivet::placement
