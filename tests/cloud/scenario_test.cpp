// Stories of several Services: how each ends, and that a shim that is killed after any step of any
// act, however far it has come, brings it to the same end.
#include <functional>

#include <gmock/gmock.h>

#include "tests/cloud/cloud_world.hpp"

namespace trivet::cloud {
namespace {

using namespace std::chrono_literals;
using test::CloudWorld;
using testing::HasSubstr;

using Act = std::function<void(CloudWorld&)>;

struct Scenario {
    const char* name;
    std::vector<Act> acts;  // what people do; the shim works after each
    std::function<void(const CloudWorld&)> check;
};

void PrintTo(const Scenario& scenario, std::ostream* out) { *out << scenario.name; }

constexpr const char* both = R"("addresses": ["192.0.2.1-192.0.2.4", "fd00::1-fd00::4"])";

Act pool(const char* fields) {
    return [=](CloudWorld& world) { world.pool("lan", fields); };
}
Act create(const char* name, const char* patch = "{}") {
    return [=](CloudWorld& world) { world.create(name, patch); };
}
Act change(const char* name, const char* patch) {
    return [=](CloudWorld& world) { world.change(name, patch); };
}
Act erase(const char* name) {
    return [=](CloudWorld& world) { world.erase(name); };
}

/// What was refused is asked for again, and what one Service frees another may get.
void work(CloudWorld& world) {
    for (int round = 0; round < 3; ++round) world.run_all();
}

bool has_event(const CloudWorld& world, const std::string& text) {
    return std::ranges::any_of(world.events(), [&text](const std::string& event) {
        return event.find(text) != std::string::npos;
    });
}

std::vector<EndpointSlice> pods_on(const std::vector<std::string>& nodes) {
    std::string endpoints;
    for (const std::string& node : nodes)
        endpoints += (endpoints.empty() ? "" : ",") +
                     (R"({"addresses": ["10.1.0.1"], "nodeName": ")" + node + "\"}");
    return {test::slice("web-1", "[" + endpoints + "]")};
}

Act pods(const std::vector<std::string>& nodes) {
    return [=](CloudWorld& world) {
        const KubeNode kube[]{test::kube_node("n1", "10.0.0.1"), test::kube_node("n2", "10.0.0.2")};
        const KubeNode* list[]{&kube[0], &kube[1]};
        const TrivetNode trivet[]{{"n1"}, {"n2"}};
        world.set_nodes(NodeMap(list, trivet));
        world.set_slices(pods_on(nodes));
    };
}

constexpr const char* shared_8080 =
    R"({"metadata": {"annotations": {"metallb.io/allow-shared-ip": "k",
    "metallb.io/loadBalancerIPs": "192.0.2.1"}}, "spec": {"ports": [{"port": 8080}]}})";
constexpr const char* shared_80 = R"({"metadata": {"annotations": {"trivet.dev/sharing-key": "k"}},
    "spec": {"loadBalancerIP": "192.0.2.1"}})";
constexpr const char* wants_1 = R"({"spec": {"loadBalancerIP": "192.0.2.1"}})";
constexpr const char* dual_prefer =
    R"({"spec": {"ipFamilies": ["IPv4", "IPv6"], "ipFamilyPolicy": "PreferDualStack"}})";
constexpr const char* dual_require =
    R"({"spec": {"ipFamilies": ["IPv4", "IPv6"], "ipFamilyPolicy": "RequireDualStack"}})";
constexpr const char* cluster_ip = R"({"spec": {"type": "ClusterIP", "loadBalancerClass": null}})";
constexpr const char* load_balancer = R"({"spec": {"type": "LoadBalancer"}})";
constexpr const char* foreign =
    R"({"spec": {"type": "LoadBalancer", "loadBalancerClass": "other.org/lb"}})";
constexpr const char* ours = R"({"spec": {"loadBalancerClass": "trivet.dev/lb"}})";

std::vector<Scenario> scenarios() {
    return {
        {"PlainServiceAndItsEnd",
         {pool(both), create("web"), erase("web")},
         [](const CloudWorld& world) {
             EXPECT_FALSE(world.exists("web"));
             EXPECT_TRUE(world.trivet().vips().empty());
             EXPECT_TRUE(has_event(world, "Allocated: VIP 'c1.shop/web' has 192.0.2.1"));
             EXPECT_TRUE(has_event(world, "Released: VIP 'c1.shop/web' gives 192.0.2.1 back"));
         }},
        {"TwoShareAnAddress",
         {pool(both), create("a", shared_80), create("b", shared_8080)},
         [](const CloudWorld& world) {
             EXPECT_EQ(world.shown("a"), "192.0.2.1");
             EXPECT_EQ(world.shown("b"), "192.0.2.1");
         }},
        {"PortCollisionIsRefused",
         {pool(both), create("a", shared_80), create("b", shared_80)},
         [](const CloudWorld& world) {
             EXPECT_EQ(world.shown("a"), "192.0.2.1");
             EXPECT_EQ(world.shown("b"), "");
             EXPECT_TRUE(has_event(world, "AllocationFailed"));
             EXPECT_TRUE(has_event(world, "c1.shop/a")) << "the holder is named";
         }},
        {"WantedAddressIsTaken",
         {pool(both), create("a", wants_1), create("b", wants_1)},
         [](const CloudWorld& world) {
             EXPECT_EQ(world.shown("b"), "");
             EXPECT_TRUE(has_event(world, "AllocationFailed"));
         }},
        {"WantedAddressBecomesFree",
         {pool(both), create("a", wants_1), create("b", wants_1), erase("a")},
         [](const CloudWorld& world) { EXPECT_EQ(world.shown("b"), "192.0.2.1"); }},
        {"PoolIsExhausted",
         {pool(R"("addresses": ["192.0.2.1"])"), create("a"), create("b")},
         [](const CloudWorld& world) {
             EXPECT_EQ(world.shown("b"), "");
             EXPECT_EQ(world.held("c1.shop", "b"), "pending");
             EXPECT_TRUE(has_event(world, "AllocationFailed"));
         }},
        {"ThenServedWhenOneIsFreed",
         {pool(R"("addresses": ["192.0.2.1"])"), create("a"), create("b"), erase("a")},
         [](const CloudWorld& world) { EXPECT_EQ(world.shown("b"), "192.0.2.1"); }},
        {"NoPoolYet",
         {create("a"), pool(both)},
         [](const CloudWorld& world) { EXPECT_EQ(world.shown("a"), "192.0.2.1"); }},
        {"DualPrefer",
         {pool(both), create("a", dual_prefer)},
         [](const CloudWorld& world) { EXPECT_EQ(world.shown("a"), "192.0.2.1 fd00::1"); }},
        {"DualPreferOfOneFamily",
         {pool(R"("addresses": ["192.0.2.1"])"), create("a", dual_prefer)},
         [](const CloudWorld& world) { EXPECT_EQ(world.shown("a"), "192.0.2.1"); }},
        {"DualRequireOfOneFamilyWaits",
         {pool(R"("addresses": ["192.0.2.1"])"), create("a", dual_require)},
         [](const CloudWorld& world) { EXPECT_EQ(world.shown("a"), ""); }},
        {"DualUpgradeKeepsTheAddress",
         {pool(both), create("x"), create("y"), erase("x"), change("y", dual_require)},
         [](const CloudWorld& world) { EXPECT_EQ(world.shown("y"), "192.0.2.2 fd00::1"); }},
        {"TypeChangesBackAndForth",
         {pool(both), create("a"), change("a", cluster_ip), create("b"),
          change("a", load_balancer)},
         [](const CloudWorld& world) {
             EXPECT_NE(world.shown("a"), "");
             EXPECT_NE(world.shown("b"), "");
             EXPECT_NE(world.shown("a"), world.shown("b"));
         }},
        {"NoBalancerAnyMore",
         {pool(both), create("a"), change("a", cluster_ip)},
         [](const CloudWorld& world) {
             EXPECT_EQ(world.shown("a"), "");
             EXPECT_TRUE(world.trivet().vips().empty());
             EXPECT_FALSE(world.object("a")["metadata"].contains("finalizers"));
             EXPECT_EQ(world.object("a")["metadata"]["annotations"], nlohmann::json::object());
         }},
        {"ClassChangesToAnother",
         {pool(both), create("a", ours), change("a", foreign)},
         [](const CloudWorld& world) {
             EXPECT_EQ(world.shown("a"), "");
             EXPECT_TRUE(world.trivet().vips().empty());
             EXPECT_FALSE(world.object("a")["metadata"].contains("finalizers"));
         }},
        {"ForeignClassIsNotTouched",
         {pool(both),
          create("a",
                 R"({"metadata": {"finalizers": ["service.kubernetes.io/load-balancer-cleanup"]},
              "spec": {"loadBalancerClass": "other.org/lb"},
              "status": {"loadBalancer": {"ingress": [{"ip": "198.51.100.1"}]}}})"),
          erase("a")},
         [](const CloudWorld& world) {
             EXPECT_TRUE(world.exists("a")) << "its own controller lets it go";
             EXPECT_EQ(world.shown("a"), "198.51.100.1");
             EXPECT_TRUE(world.events().empty());
             EXPECT_TRUE(world.trivet().vips().empty());
         }},
        {"LocalFollowsEndpoints",
         {pool(both), pods({"n1"}),
          create("web", R"({"spec": {"externalTrafficPolicy": "Local"}})"), pods({"n2"})},
         [](const CloudWorld& world) {
             EXPECT_EQ(world.vip("web")->eligible_nodes, std::set<std::string>{"n2"});
             EXPECT_EQ(world.vip("web")->traffic_policy, TrafficPolicy::local);
             EXPECT_EQ(world.shown("web"), "192.0.2.1");
         }},
        {"SameAddressAfterReCreation",
         {pool(R"("addresses": ["192.0.2.1-192.0.2.4"], "reuse_cooldown": 300)"), create("a"),
          create("b"), erase("b"), create("c"), create("b")},
         [](const CloudWorld& world) {
             EXPECT_EQ(world.shown("b"), "192.0.2.2");
             EXPECT_EQ(world.shown("c"), "192.0.2.3");
         }},
        {"ContradictionLeavesWhatIsThere",
         {pool(both), create("a"),
          change("a", R"({"metadata": {"annotations": {"trivet.dev/addresses": "192.0.2.2"}},
              "spec": {"loadBalancerIP": "192.0.2.3"}})")},
         [](const CloudWorld& world) {
             EXPECT_EQ(world.shown("a"), "192.0.2.1");
             EXPECT_THAT(world.last_event(), HasSubstr("annotation trivet.dev/addresses"));
             EXPECT_THAT(world.last_event(), HasSubstr("spec.loadBalancerIP"));
         }},
        {"AVipThatWasDeletedByHandComesBack",
         {pool(both), create("a"), create("b"),
          [](CloudWorld& world) { world.erase_vip("c1.shop", "b"); }},
         [](const CloudWorld& world) { EXPECT_EQ(world.shown("b"), "192.0.2.2"); }},
        {"PoolTakenByForce",
         {pool(R"("addresses": ["192.0.2.1"])"), create("a"),
          [](CloudWorld& world) {
              EXPECT_TRUE(world.try_pool("lan", R"("addresses": ["198.51.100.1"])", true));
          }},
         [](const CloudWorld& world) { EXPECT_EQ(world.shown("a"), world.held("c1.shop", "a")); }},
    };
}

class CloudScenario : public testing::TestWithParam<Scenario> {};

TEST_P(CloudScenario, Ends) {
    CloudWorld world;
    for (const Act& act : GetParam().acts) {
        act(world);
        work(world);
    }
    GetParam().check(world);
}

TEST_P(CloudScenario, EndsTheSameWhereverTheShimIsKilled) {
    const Scenario& scenario = GetParam();
    CloudWorld whole;
    std::vector<int> steps;
    for (const Act& act : scenario.acts) {
        act(whole);
        CloudWorld before = whole;
        steps.push_back(before.run_all());
        work(whole);
    }
    int kills = 0;
    for (std::size_t killed_in = 0; killed_in < scenario.acts.size(); ++killed_in)
        for (int after = 0; after <= steps[killed_in]; ++after) {
            CloudWorld world;
            for (std::size_t i = 0; i < scenario.acts.size(); ++i) {
                scenario.acts[i](world);
                if (i == killed_in) world.run_all(after);
                work(world);
            }
            ++kills;
            ASSERT_EQ(world.picture(), whole.picture())
                << "killed after step " << after << " of act " << killed_in;
        }
    RecordProperty("kills", kills);
}

// Killed again and again: it gets there all the same.
TEST_P(CloudScenario, EndsTheSameWithAKillAfterEverySecondStep) {
    CloudWorld whole, world;
    for (const Act& act : GetParam().acts) {
        act(whole);
        work(whole);
        act(world);
        for (int i = 0; i < 40; ++i) world.run_all(2);
        work(world);
    }
    EXPECT_EQ(world.picture(), whole.picture());
}

INSTANTIATE_TEST_SUITE_P(Stories, CloudScenario, testing::ValuesIn(scenarios()),
                         [](const auto& row) { return row.param.name; });

TEST(CloudScenarios, AThousandServicesAtOnceAndEachHasItsOwnAddress) {
    CloudWorld world;
    world.pool("lan", R"("addresses": ["10.9.0.0/22"])");
    std::set<std::string> seen;
    for (int i = 0; i < 1000; ++i) world.create("s" + std::to_string(i));
    EXPECT_EQ(world.run_all(), 4000);
    EXPECT_EQ(world.run_all(), 0);
    for (int i = 0; i < 1000; ++i) seen.insert(world.shown("s" + std::to_string(i)));
    EXPECT_EQ(seen.size(), 1000u);
}

}  // namespace
}  // namespace trivet::cloud
