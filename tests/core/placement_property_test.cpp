// Random nodes and VIPs: balance, fewest moves, eligibility, and a twin restored from rows.
#include <cstdlib>
#include <fmt/format.h>
#include <random>

#include <gtest/gtest.h>

#include "tests/core/placement_fixture.hpp"

namespace trivet {
namespace {

using Owners = std::map<std::string, std::string>;

/// Random commands on one state, each followed by what must hold whatever came before.
class RandomCluster : public test::PlacementFixture {
public:
    RandomCluster(std::uint64_t seed, std::size_t nodes_max)
        : random_(seed), nodes_max_(nodes_max) {
        EXPECT_TRUE(pool("lan", R"("addresses": ["10.0.0.0/16", "fd00::/64"])"));
        join("n10");
    }
    int number(int first, int last) { return std::uniform_int_distribution(first, last)(random_); }
    std::string one_of(const std::vector<std::string>& names) {
        return names[static_cast<std::size_t>(number(0, static_cast<int>(names.size()) - 1))];
    }
    std::vector<std::string> nodes() const {
        std::vector<std::string> names;
        for (const auto& [name, stored] : state.nodes()) names.push_back(name);
        return names;
    }
    std::vector<std::string> vip_names() const {
        std::vector<std::string> names;
        for (const auto& [key, record] : state.vips()) names.push_back(key.name);
        return names;
    }
    std::string fresh_node() { return "n" + std::to_string(10 + number(0, 89)); }
    bool is_fenced(const std::string& node) const { return state.leases().is_fenced(ids.at(node)); }
    bool is_drained(const std::string& node) const { return state.nodes().at(node).object.drained; }
    bool may_add_node() const { return state.nodes().size() < nodes_max_; }
    /// Long enough that no fence of before counts.
    void pass_time() { at(seconds_ += 4 * 3600); }

    void renew_twin() {
        auto restored = ClusterState::restore(saved(), LogIndex(index()));
        ASSERT_TRUE(restored) << restored.error().message;
        twin = std::move(*restored);
    }

    /// What must hold at any time.
    void check() const {
        for (const auto& [at, entry] : state.lease_plan().entries()) {
            ASSERT_FALSE(state.holders(at).empty()) << at.to_string();
            const auto list = entry.nodes();
            ASSERT_LE(list.size(), placement::candidates_max);
            ASSERT_EQ(std::set<NodeId>(list.begin(), list.end()).size(), list.size());
            for (const std::string& name : list_at(at)) check_candidate(name, at);
        }
        for (const auto& [key, record] : state.vips()) check_together(record);
    }

private:
    void check_candidate(const std::string& name, IpAddress at) const {
        ASSERT_TRUE(state.nodes().contains(name)) << name;
        const Node& node = state.nodes().at(name).object;
        ASSERT_FALSE(node.drained) << name;
        ASSERT_FALSE(node.facts.witness) << name;
        // A list is kept, too, when nobody reaches the unit any more.
        ASSERT_TRUE(reaches(node, at) || !is_reached(state.placement_unit(at)))
            << name << " " << at.to_string();
        const Vip& oldest = state.placement_unit(at).holders.front()->vip;
        if (!oldest.eligible_nodes.empty()) {
            ASSERT_TRUE(oldest.eligible_nodes.contains(name)) << name;
        }
    }
    static bool reaches(const Node& node, IpAddress at) {
        const auto holds = [&](const NodeInterface& interface) {
            return std::ranges::any_of(interface.prefixes,
                                       [&](const Prefix& prefix) { return prefix.contains(at); });
        };
        return !node.facts.interfaces || std::ranges::any_of(*node.facts.interfaces, holds);
    }
    bool is_reached(const PlacementUnit& unit) const {
        return std::ranges::any_of(state.nodes(), [&](const auto& entry) {
            const Node& node = entry.second.object;
            const bool serves =
                !node.drained && !node.facts.witness && state.node_id(entry.first) != NodeId{};
            return serves && std::ranges::any_of(unit.addresses,
                                                 [&](IpAddress at) { return reaches(node, at); });
        });
    }
    void check_together(const VipRecord& record) const {
        std::set<Names> lists;
        for (const IpAddress at : record.assigned)
            if (const auto list = list_at(at); !list.empty()) lists.insert(list);
        ASSERT_LE(lists.size(), 1u) << record.vip.name;
    }

    std::mt19937_64 random_;
    std::size_t nodes_max_;
    std::int64_t seconds_ = 1000;
};

/// Everybody is eligible and alike: then what moves, and how even it is, can be said exactly.
class AlikeNodes : public RandomCluster {
public:
    using RandomCluster::RandomCluster;

    std::map<std::string, std::size_t> loads() const {
        std::map<std::string, std::size_t> loads;
        for (const auto& [name, stored] : state.nodes())
            if (!stored.object.drained && !is_fenced(name)) loads[name] = 0;
        for (const auto& [vip, owner] : owners())
            if (!owner.empty()) ++loads.at(owner);
        return loads;
    }
    static std::size_t unevenness(const std::map<std::string, std::size_t>& loads) {
        if (loads.empty()) return 0;
        std::size_t most = 0;
        std::size_t least = SIZE_MAX;
        for (const auto& [name, load] : loads) {
            most = std::max(most, load);
            least = std::min(least, load);
        }
        return most - least;
    }
    void step() {
        const Owners before = owners();
        const auto loads_before = loads();
        const int dice = number(1, 100);
        if (dice <= 40) return create(before, loads_before);
        if (dice <= 60) return remove(before);
        if (dice <= 68) return fence_one(before, loads_before);
        if (dice <= 78) return admit_one(before, loads_before);
        if (dice <= 84) return drain_one(before, loads_before);
        if (dice <= 90) return undrain_one(before, loads_before);
        if (dice <= 94) return join_one(before, loads_before);
        if (dice <= 96) return leave(before, loads_before);
        rebalance(before, loads_before);
    }

private:
    void create(const Owners& before, const std::map<std::string, std::size_t>& loads_before) {
        const std::string name = "v" + std::to_string(number(0, 60));
        const bool is_new = !before.contains(name);
        ASSERT_TRUE(vip(name));
        ASSERT_EQ(moves_since(before), 0u);
        if (!is_new || loads_before.empty()) return;
        std::size_t least = SIZE_MAX;
        for (const auto& [node, load] : loads_before) least = std::min(least, load);
        ASSERT_EQ(loads_before.at(owner(name)), least);
    }
    void remove(const Owners& before) {
        if (before.empty()) return;
        ASSERT_TRUE(erase(Kind::vip, one_of(vip_names())));
        ASSERT_EQ(moves_since(before), 0u);
    }
    void fence_one(const Owners& before, const std::map<std::string, std::size_t>& loads_before) {
        const std::string node = one_of(nodes());
        if (is_fenced(node)) return;
        pass_time();
        ASSERT_TRUE(fence(node, node).result);
        if (is_fenced(node) && loads_before.contains(node)) {
            ASSERT_EQ(moves_since(before), loads_before.at(node));
        }
    }
    void admit_one(const Owners& before, const std::map<std::string, std::size_t>& loads_before) {
        const std::string node = one_of(nodes());
        if (!is_fenced(node)) return;
        ASSERT_TRUE(admit(node).result);
        if (!loads_before.empty()) {
            ASSERT_EQ(moves_since(before), 0u);
        }
    }
    void drain_one(const Owners& before, const std::map<std::string, std::size_t>& loads_before) {
        const std::string node = one_of(nodes());
        if (is_drained(node)) return;
        ASSERT_TRUE(drain(node).result);
        expect_given_away(node, before, loads_before);
    }
    void leave(const Owners& before, const std::map<std::string, std::size_t>& loads_before) {
        const std::string node = one_of(nodes());
        if (state.nodes().size() == 1) return;
        ASSERT_TRUE(apply({RemoveNode{node}}).result);
        ids.erase(node);
        expect_given_away(node, before, loads_before);
    }
    void expect_given_away(const std::string& node, const Owners& before,
                           const std::map<std::string, std::size_t>& loads_before) {
        const auto had = loads_before.find(node);
        ASSERT_EQ(moves_since(before), had == loads_before.end() ? 0u : had->second);
        auto others = loads_before;
        others.erase(node);
        if (unevenness(others) <= 1) {
            ASSERT_LE(unevenness(loads()), 1u);
        }
    }
    void undrain_one(const Owners& before, const std::map<std::string, std::size_t>& loads_before) {
        const std::string node = one_of(nodes());
        if (!is_drained(node)) return;
        ASSERT_TRUE(drain(node, false).result);
        expect_fair_share(node, before, loads_before);
    }
    void join_one(const Owners& before, const std::map<std::string, std::size_t>& loads_before) {
        const std::string node = fresh_node();
        if (state.nodes().contains(node) || !may_add_node()) return;
        join(node);
        expect_fair_share(node, before, loads_before);
    }
    void expect_fair_share(const std::string& node, const Owners& before,
                           const std::map<std::string, std::size_t>& loads_before) {
        if (is_fenced(node)) {
            ASSERT_EQ(moves_since(before), 0u);
            return;
        }
        if (loads_before.empty()) return;
        const auto after = loads();
        ASSERT_EQ(moves_since(before), after.at(node));
        if (unevenness(loads_before) > 1) return;
        ASSERT_LE(unevenness(after), 1u);
        ASSERT_EQ(after.at(node), before.size() / after.size());
    }
    void rebalance(const Owners& before, const std::map<std::string, std::size_t>& loads_before) {
        ASSERT_TRUE(apply({Rebalance{}}).result);
        if (loads_before.empty()) return;
        ASSERT_LE(unevenness(loads()), 1u);
        const std::size_t low = before.size() / loads_before.size();
        const std::size_t high = low + (before.size() % loads_before.size() == 0 ? 0 : 1);
        std::size_t too_many = 0;
        std::size_t too_few = 0;
        for (const auto& [node, load] : loads_before) {
            if (load > high) too_many += load - high;
            if (load < low) too_few += low - load;
        }
        ASSERT_EQ(moves_since(before), std::max(too_many, too_few));
    }
};

constexpr int steps_of_each = 600;
constexpr int steps_between_twins = 50;

class PlacementProperty : public testing::TestWithParam<std::uint64_t> {};

TEST_P(PlacementProperty, NodesThatAreAlikeCarryAlike) {
    AlikeNodes cluster(GetParam(), 4 + 4 * (GetParam() % 3));
    for (int i = 0; i < steps_of_each; ++i) {
        SCOPED_TRACE(fmt::format("seed {}, step {}", GetParam(), i));
        if (i % steps_between_twins == 0) cluster.renew_twin();
        cluster.step();
        cluster.check();
        if (testing::Test::HasFailure()) return;
    }
    cluster.expect_restored_the_same();
}

/// Selectors, interfaces, shared and dual-stack addresses, witnesses, weights, many in a command.
class UnlikeNodes : public RandomCluster {
public:
    using RandomCluster::RandomCluster;

    void step() {
        std::vector<Action> actions;
        const int count = number(1, 100) <= 10 ? number(2, 5) : 1;
        for (int i = 0; i < count; ++i) actions.push_back(action());
        std::erase_if(actions,
                      [](const Action& one) { return std::holds_alternative<AdmitNode>(one); });
        if (actions.empty()) actions.push_back(admission());
        apply(std::move(actions));
    }

private:
    Action action() {
        const int dice = number(1, 100);
        if (dice <= 35) return put_vip();
        if (dice <= 50) return DeleteObject{{Kind::vip, "default", vip_name()}, false};
        if (dice <= 62) return put_node();
        if (dice <= 67) return DrainNode{one_of(nodes()), number(0, 1) == 1};
        if (dice <= 74) return fencing();
        if (dice <= 82) return admission();
        if (dice <= 86) return MoveVip{{Kind::vip, "default", vip_name()}, one_of(nodes())};
        if (dice <= 88) return Rebalance{};
        if (dice <= 91) return advertisement();
        if (dice <= 93)
            return DeleteObject{{Kind::l2_advertisement, "", "l" + std::to_string(number(0, 2))},
                                false};
        if (dice <= 96) return AdvanceTime{};
        return RecordBoot{one_of(nodes()), static_cast<std::uint64_t>(number(1, 14)),
                          static_cast<std::uint64_t>(number(1, 9)), 1};
    }
    std::string vip_name() { return "v" + std::to_string(number(0, 30)); }
    std::string node_name() { return "n" + std::to_string(10 + number(0, 13)); }
    NodeId id_of(const std::string& name) const {
        const auto boot = state.boots().find(name);
        return boot == state.boots().end() ? NodeId(1) : NodeId(boot->second.raft_id);
    }
    std::string subset(const std::string& prefix, int first, int last) {
        std::string list;
        for (int i = first; i <= last; ++i)
            if (number(0, 2) == 0)
                list += (list.empty() ? "\"" : ", \"") + prefix + std::to_string(i) + "\"";
        return list;
    }
    Action put_vip() {
        const std::string name = vip_name();
        // Ports differ, so that addresses can be shared.
        std::string text =
            R"({"name": ")" + name + R"(", "ports": [{"port": 1)" + name.substr(1) + "}]";
        if (number(0, 2) == 0) text += R"(, "ip_family_policy": "require_dual")";
        if (number(0, 3) == 0) text += R"(, "sharing_key": "k")";
        if (number(0, 3) == 0) text += R"(, "eligible_nodes": [)" + subset("n", 10, 23) + "]";
        if (number(0, 3) == 0) text += R"(, "preferred_nodes": [)" + subset("n", 10, 23) + "]";
        return PutObject{test::object(Kind::vip, text + "}"), PutMode::create_or_replace, {}, {}};
    }
    Action put_node() {
        NodeFacts facts;
        facts.weight = static_cast<std::uint32_t>(number(1, 3) * 100);
        facts.witness = number(0, 9) == 0;
        if (number(0, 1) == 0) {
            facts.interfaces.emplace();
            if (number(0, 3) != 0)
                facts.interfaces->push_back({"eth0", {*Prefix::parse("10.0.0.0/16")}});
            if (number(0, 3) != 0)
                facts.interfaces->push_back({"eth1", {*Prefix::parse("fd00::/64")}});
        }
        return RegisterNode{node_name(), {{"rack", number(0, 1) == 0 ? "a" : "b"}}, facts};
    }
    Action fencing() {
        const NodeId id = id_of(one_of(nodes()));
        const lease::Plan::Node* known = state.lease_plan().find(id);
        return RecordFence{id, known == nullptr ? Epoch(1) : known->epoch, id, "x", 1};
    }
    Action admission() {
        const NodeId id = id_of(one_of(nodes()));
        const lease::Plan::Node* known = state.lease_plan().find(id);
        return AdmitNode{id, known == nullptr ? Epoch(1) : known->epoch};
    }
    Action advertisement() {
        const std::string name = "l" + std::to_string(number(0, 2));
        std::string text = R"({"name": ")" + name + "\"";
        if (number(0, 1) == 0) text += R"(, "node_selectors": [{"match_labels": {"rack": "a"}}])";
        return PutObject{
            test::object(Kind::l2_advertisement, text + "}"), PutMode::create_or_replace, {}, {}};
    }
};

TEST_P(PlacementProperty, WhoeverIsInAListMayBeThere) {
    UnlikeNodes cluster(GetParam(), 14);
    for (int i = 0; i < steps_of_each; ++i) {
        SCOPED_TRACE(fmt::format("seed {}, step {}", GetParam(), i));
        if (i % steps_between_twins == 0) cluster.renew_twin();
        cluster.step();
        cluster.check();
        if (testing::Test::HasFailure()) return;
    }
    cluster.expect_restored_the_same();
}

INSTANTIATE_TEST_SUITE_P(Seeds, PlacementProperty, testing::Range<std::uint64_t>(1, 7));

// ---- what it costs ------------------------------------------------------------------------------

/// Printed, not judged. docs/internals/placement.md has the numbers of an optimised build.
TEST(PlacementCost, OfVipsAndNodes) {
    const auto from_environment = [](const char* name, std::size_t otherwise) {
        const char* wanted = std::getenv(name);
        return wanted == nullptr ? otherwise : std::strtoul(wanted, nullptr, 10);
    };
    const std::size_t vips = from_environment("TRIVET_PLACEMENT_VIPS", 500);
    const std::size_t nodes = from_environment("TRIVET_PLACEMENT_NODES", 64);
    test::PlacementFixture cluster;
    ASSERT_TRUE(cluster.pool("lan", R"("addresses": ["10.0.0.0/8"])"));
    for (std::size_t i = 0; i < nodes; ++i) cluster.join("n" + std::to_string(100 + i));
    const auto timed = [&](const std::string& what, std::size_t count, auto act) {
        const std::clock_t before = cluster.processor_time;
        act();
        const double us = 1e6 * static_cast<double>(cluster.processor_time - before) /
                          static_cast<double>(CLOCKS_PER_SEC);
        std::cout << fmt::format("{:<28} {:>10.1f} us each\n", what,
                                 us / static_cast<double>(count));
    };
    timed(fmt::format("create {} VIPs", vips), vips, [&] { cluster.vips(vips); });
    timed("fence of a node", 1, [&] { cluster.fence("n100", "n101"); });
    timed("admission of a node", 1, [&] { cluster.admit("n100"); });
    timed("rebalancing", 1, [&] { cluster.apply({Rebalance{}}); });
    timed("drain of a node", 1, [&] { cluster.drain("n102"); });
    timed("its return", 1, [&] { cluster.drain("n102", false); });
    timed("a node joins", 1, [&] { cluster.join("n200"); });
    timed(fmt::format("delete {} VIPs", vips), vips, [&] {
        for (std::size_t i = 1; i <= vips; ++i)
            ASSERT_TRUE(cluster.erase(Kind::vip, "v" + std::to_string(i)));
    });
    EXPECT_TRUE(cluster.state.lease_plan().entries().empty());
}

}  // namespace
}  // namespace trivet
