// The steps of one Service at a time, and what they look like.
#include "cloud/reconcile.hpp"

#include <gmock/gmock.h>

#include "tests/cloud/cloud_world.hpp"

namespace trivet::cloud {
namespace {

using namespace std::chrono_literals;
using test::CloudWorld;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* lan = R"("addresses": ["192.0.2.1-192.0.2.4", "fd00::1-fd00::4"])";

TEST(Reconcile, AllocatesStepByStep) {
    CloudWorld world;
    world.pool("lan", lan);
    world.create("web");
    world.run("web");
    EXPECT_THAT(
        world.steps(),
        ElementsAre(AllOf(StartsWith("patch service"), HasSubstr("load-balancer-cleanup"),
                          HasSubstr(R"("trivet.dev/held-by":"c1")")),
                    "create VIP 'c1.shop/web'", "event Allocated: VIP 'c1.shop/web' has 192.0.2.1",
                    AllOf(StartsWith("patch status"), HasSubstr("192.0.2.1"))));
    EXPECT_EQ(world.shown("web"), "192.0.2.1");
    EXPECT_EQ(world.object("web")["status"]["loadBalancer"]["ingress"][0]["ipMode"], "VIP");
    EXPECT_EQ(world.run("web"), 0) << "and then there is nothing to do";
    const Vip* vip = world.vip("web");
    ASSERT_NE(vip, nullptr);
    EXPECT_EQ(vip->ports, (std::vector<Port>{{80, Protocol::tcp}}));
    EXPECT_EQ(vip->ip_families, std::vector{IpFamily::ipv4});
    EXPECT_EQ(vip->delivery, Delivery::none);
}

TEST(Reconcile, ReleasesStepByStep) {
    CloudWorld world;
    world.pool("lan", lan);
    world.create("web");
    world.run("web");
    world.erase("web");
    EXPECT_TRUE(world.exists("web")) << "the finalizer holds it";
    const auto before = world.steps().size();
    world.run("web");
    const std::vector<std::string> steps(world.steps().begin() + static_cast<long>(before),
                                         world.steps().end());
    EXPECT_THAT(steps,
                ElementsAre("event Released: VIP 'c1.shop/web' gives 192.0.2.1 back",
                            "delete VIP 'c1.shop/web'",
                            AllOf(StartsWith("patch service"), HasSubstr(R"("finalizers":null)"))));
    EXPECT_FALSE(world.exists("web"));
    EXPECT_EQ(world.held("c1.shop", "web"), "no VIP");
}

TEST(Reconcile, OtherFinalizersAndEntriesAreKept) {
    CloudWorld world;
    world.pool("lan", lan);
    world.create("web", R"({"metadata": {"finalizers": ["example.org/other"]}})");
    world.run("web");
    EXPECT_EQ(
        world.object("web")["metadata"]["finalizers"],
        test::json_of(R"(["example.org/other", "service.kubernetes.io/load-balancer-cleanup"])"));
    world.change("web", R"({"status": {"loadBalancer": {"ingress":
        [{"ip": "192.0.2.1", "ipMode": "Proxy", "ports": [{"port": 80}]}, {"hostname": "old"}]}}})");
    world.run("web");
    EXPECT_EQ(
        world.object("web")["status"]["loadBalancer"]["ingress"],
        test::json_of(R"([{"ip": "192.0.2.1", "ipMode": "Proxy", "ports": [{"port": 80}]}])"));
    world.erase("web");
    world.run("web");
    EXPECT_EQ(world.object("web")["metadata"]["finalizers"],
              test::json_of(R"(["example.org/other"])"));
}

TEST(Reconcile, AServiceThatIsGoneIsTheGarbageCollectors) {
    CloudWorld world;
    world.pool("lan", lan);
    world.create("web");
    world.run("web");
    world.change("web", R"({"metadata": {"finalizers": null}})");
    world.erase("web");
    EXPECT_FALSE(world.exists("web"));
    EXPECT_EQ(world.run("web"), 0);
    EXPECT_EQ(world.held("c1.shop", "web"), "192.0.2.1")
        << "absence alone proves nothing: the list may be wrong";
}

TEST(Reconcile, TellsOwnersAtMostOnceAMinute) {
    CloudWorld world;
    world.pool("lan", lan);
    world.create("web");
    world.run("web");
    const auto count = world.events().size();
    world.set_owner("n2");
    world.run("web");
    EXPECT_EQ(world.last_event(),
              "OwnerChanged: VIP 'c1.shop/web' has moved from node 'n1' to node 'n2'");
    world.pass(10s);
    world.set_owner("n3");
    EXPECT_EQ(world.run("web"), 0);
    ASSERT_TRUE(world.look_again());
    world.set_owner("n2");
    EXPECT_EQ(world.run("web"), 0);
    EXPECT_FALSE(world.look_again()) << "it has come back";
    world.set_owner("n3");
    world.pass(51s);
    EXPECT_EQ(world.run("web"), 1);
    EXPECT_EQ(world.events().size(), count + 2);
}

TEST(Reconcile, TellsAnAddressConflictOnce) {
    CloudWorld world;
    world.pool("lan", lan);
    world.create("web");
    world.run("web");
    world.set_conflict("the machine with the MAC address 02:00:00:00:00:99 uses it too");
    EXPECT_EQ(world.run("web"), 1);
    EXPECT_THAT(world.last_event(), StartsWith("Conflict: the machine with"));
    EXPECT_EQ(world.run("web"), 0);
    EXPECT_EQ(world.shown("web"), "192.0.2.1") << "the address stays";
}

TEST(Reconcile, PreferredNodesAreTheOperators) {
    CloudWorld world;
    world.pool("lan", lan);
    world.create("web");
    world.run("web");
    Vip vip = *world.vip("web");
    vip.preferred_nodes = {"n3"};
    ASSERT_TRUE(world.put_vip(to_json(Object(vip)).dump()));
    EXPECT_EQ(world.run("web"), 0);
    world.change("web", R"({"spec": {"ports": [{"port": 81}]}})");
    world.run("web");
    EXPECT_EQ(world.vip("web")->preferred_nodes, std::vector<std::string>{"n3"});
    EXPECT_EQ(world.vip("web")->ports.front().port, 81);
}

TEST(Reconcile, AVipOfSomebodyElseIsNotTouched) {
    CloudWorld world;
    world.pool("lan", lan);
    ASSERT_TRUE(world.put_vip(R"({"namespace": "c1.shop", "name": "web", "ports": ["22"]})"));
    world.create("web");
    world.run("web");
    EXPECT_TRUE(world.wants_retry());
    EXPECT_THAT(world.last_event(), StartsWith("Conflict: VIP 'c1.shop/web' exists already"));
    EXPECT_EQ(world.run("web"), 0);
    EXPECT_EQ(world.vip("web")->ports.front().port, 22);
    world.erase("web");
    EXPECT_EQ(world.held("c1.shop", "web"), "192.0.2.1");
}

TEST(Reconcile, TwoShimsOfDifferentClustersDoNotFight) {
    CloudWorld world;
    world.pool("lan", lan);
    world.create("web", R"({"metadata": {"annotations": {"trivet.dev/held-by": "c2"},
        "finalizers": ["service.kubernetes.io/load-balancer-cleanup"]}})");
    EXPECT_EQ(world.run("web"), 1);
    EXPECT_THAT(world.last_event(), HasSubstr("cluster 'c2' holds this Service"));
    world.erase("web");
    EXPECT_EQ(world.run("web"), 0);
    EXPECT_TRUE(world.exists("web"));
}

TEST(Reconcile, ClustersShareAPoolAndNothingElse) {
    CloudWorld world;
    world.pool("lan", lan);
    ASSERT_TRUE(world.put_vip(R"({"namespace": "c2.shop", "name": "web", "ports": ["80"],
        "labels": {"trivet.dev/cluster": "c2"}})"));
    world.create("web");
    world.run("web");
    EXPECT_EQ(world.shown("web"), "192.0.2.2");
    world.erase("web");
    world.run("web");
    EXPECT_EQ(world.held("c1.shop", "web"), "no VIP");
    EXPECT_EQ(world.held("c2.shop", "web"), "192.0.2.1");
}

TEST(ServiceEvent, LongMessagesAreCutBetweenCharacters) {
    const auto service = test::service("web");
    std::string message(1020, 'a');
    for (int i = 0; i < 10; ++i) message += "\xc3\xa4";
    const auto event = make_event(service, ServiceEvent::Reason::conflict, message, "");
    EXPECT_LE(event.message.size(), 1024u);
    const auto body = event_body(service, event, "2026-01-01T00:00:00Z", "lb-cloud-controller");
    EXPECT_FALSE(body.dump().empty()) << "valid UTF-8";
    EXPECT_EQ(body["type"], "Warning");
    EXPECT_EQ(body["involvedObject"]["uid"], "uid-of-web");
    EXPECT_THAT(event.name, StartsWith("web."));
}

TEST(ServiceEvent, TheSameHasTheSameName) {
    const auto service = test::service("web");
    using Reason = ServiceEvent::Reason;
    const auto name = [&](Reason reason, const char* message, const char* occasion) {
        return make_event(service, reason, message, occasion).name;
    };
    EXPECT_EQ(name(Reason::allocated, "m", "1"), name(Reason::allocated, "m", "1"));
    EXPECT_NE(name(Reason::allocated, "m", "1"), name(Reason::allocated, "m", "2"));
    EXPECT_NE(name(Reason::allocated, "m", "1"), name(Reason::released, "m", "1"));
    EXPECT_NE(name(Reason::allocated, "m", "1"), name(Reason::allocated, "n", "1"));
    EXPECT_NE(name(Reason::allocated, "m1", ""), name(Reason::allocated, "m", "1"));
}

}  // namespace
}  // namespace trivet::cloud
