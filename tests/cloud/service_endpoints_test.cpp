#include "cloud/service_endpoints.hpp"

#include <algorithm>
#include <fmt/format.h>

#include <gtest/gtest.h>

#include "cloud/slice_index.hpp"
#include "tests/cloud/kube_values.hpp"

namespace trivet::cloud {
namespace {

using test::address;
using test::kube_node;
using test::slice;
using Names = std::set<std::string>;

constexpr const char* local = R"({"spec": {"externalTrafficPolicy": "Local"}})";
constexpr const char* exclude =
    R"({"node.kubernetes.io/exclude-from-external-load-balancers": "false"})";

struct Cluster {
    std::vector<KubeNode> kube{kube_node("n1", "10.0.0.1"), kube_node("n2", "10.0.0.2"),
                               kube_node("n3", "10.0.0.3")};
    std::vector<TrivetNode> trivet{{"n1"}, {"machine-2", {address("10.0.0.2")}}, {"n3"}};

    NodeMap nodes() const {
        std::vector<const KubeNode*> list;
        for (const KubeNode& node : kube) list.push_back(&node);
        return NodeMap(list, trivet);
    }
};

Names eligible(const Service& service, const std::vector<EndpointSlice>& slices,
               const NodeMap& nodes) {
    std::vector<const EndpointSlice*> list;
    for (const EndpointSlice& one : slices) list.push_back(&one);
    return eligible_nodes(service, list, nodes);
}

TEST(NodeMap, ByNameByHostNameByAddress) {
    Cluster cluster;
    cluster.kube.push_back(
        kube_node("n4.example", "10.0.0.4", R"({"kubernetes.io/hostname": "n4"})"));
    cluster.trivet.push_back({"n4"});
    const NodeMap nodes = cluster.nodes();
    EXPECT_EQ(nodes.trivet_name("n1"), "n1");
    EXPECT_EQ(nodes.trivet_name("n2"), "machine-2");
    EXPECT_EQ(nodes.trivet_name("n4.example"), "n4");
    EXPECT_EQ(nodes.trivet_name("n5"), "");
    EXPECT_TRUE(nodes.any_mapped());
}

TEST(NodeMap, ReadsTrivetsNodes) {
    const auto read = [](const char* text) {
        return read_trivet_node(test::json_of(text), "items[0]");
    };
    const auto node = read(R"({"name": "n1", "labels": {}, "drained": false, "weight": 100,
        "status": {"addresses": ["10.0.0.1", "lb1.example", "fd00::1"], "more": 1}})");
    ASSERT_TRUE(node) << node.error().message;
    EXPECT_EQ(*node, (TrivetNode{"n1", {address("10.0.0.1"), address("fd00::1")}}));
    EXPECT_EQ(*read(R"({"name": "n2"})"), (TrivetNode{"n2", {}})) << "of an older lbd";
    EXPECT_EQ(read(R"({"status": {}})").error().field, "items[0].name");
    EXPECT_EQ(read(R"({"name": "n1", "status": {"addresses": "10.0.0.1"}})").error().field,
              "items[0].status.addresses");
}

TEST(NodeMap, DecidesLikeTheOneBeforeUnlessSomethingThatCountsChanged) {
    const Cluster before;
    Cluster after;
    after.kube[0].meta.resource_version = "99";
    EXPECT_TRUE(after.nodes().decides_like(before.nodes())) << "a heartbeat";
    after.kube[0].addresses = {address("10.0.0.9")};
    EXPECT_FALSE(after.nodes().decides_like(before.nodes())) << "its backends change";
    after = before;
    after.kube[0].excluded = true;
    EXPECT_FALSE(after.nodes().decides_like(before.nodes()));
    after = before;
    after.kube.pop_back();
    EXPECT_FALSE(after.nodes().decides_like(before.nodes()));
}

TEST(EligibleNodes, EveryNodeUnlessOneIsExcluded) {
    Cluster cluster;
    EXPECT_EQ(eligible(test::service("web"), {}, cluster.nodes()), Names{});
    cluster.kube[0] = kube_node("n1", "10.0.0.1", exclude);
    EXPECT_EQ(eligible(test::service("web"), {}, cluster.nodes()), (Names{"machine-2", "n3"}));
    for (KubeNode& node : cluster.kube) node.excluded = true;
    EXPECT_EQ(eligible(test::service("web"), {}, cluster.nodes()), Names{no_node})
        << "an empty list would mean every node";
}

TEST(EligibleNodes, LocalFollowsReadyEndpoints) {
    Cluster cluster;
    const Service service = test::service("web", local);
    const auto ready = slice("a", R"([{"addresses": ["10.1.0.1"], "nodeName": "n1"},
        {"addresses": ["10.1.0.2"], "nodeName": "n2", "conditions": {"ready": false}}])");
    EXPECT_EQ(eligible(service, {ready}, cluster.nodes()), Names{"n1"});
    const auto other = slice("b", R"([{"addresses": ["10.1.0.3"], "nodeName": "n2"}])");
    EXPECT_EQ(eligible(service, {ready, other}, cluster.nodes()), (Names{"machine-2", "n1"}));
    cluster.kube[0].excluded = true;
    EXPECT_EQ(eligible(service, {ready, other}, cluster.nodes()), Names{"machine-2"});
}

TEST(EligibleNodes, LocalWithoutAReadyEndpointIsServedByThoseThatEnd) {
    const Cluster cluster;
    const Service service = test::service("web", local);
    EXPECT_EQ(eligible(service, {}, cluster.nodes()), Names{no_node});
    const auto ending = slice("a", R"([{"addresses": ["10.1.0.1"], "nodeName": "n3",
        "conditions": {"ready": false, "serving": true, "terminating": true}}])");
    EXPECT_EQ(eligible(service, {ending}, cluster.nodes()), Names{"n3"});
    const auto elsewhere = slice("b", R"([{"addresses": ["10.1.0.2"], "nodeName": "worker"}])");
    EXPECT_EQ(eligible(service, {elsewhere}, cluster.nodes()), Names{no_node})
        << "nobody of Trivet runs there";
}

TEST(EligibleNodes, TrivetOnOtherMachinesIsNotRestricted) {
    Cluster cluster;
    cluster.trivet = {{"lb1"}, {"lb2"}};
    EXPECT_EQ(eligible(test::service("web", local), {}, cluster.nodes()), Names{});
}

constexpr Port http{80, Protocol::tcp};
using Backends = std::vector<Backend>;
using enum Backend::Kind;

Backends backends(const Service& service, const std::vector<EndpointSlice>& slices,
                  const NodeMap& nodes) {
    std::vector<const EndpointSlice*> list;
    for (const EndpointSlice& one : slices) list.push_back(&one);
    return backends_of(service, list, nodes);
}

TEST(Backends, PodsAndNodePorts) {
    Cluster cluster;
    cluster.kube[2].excluded = true;
    const auto one = slice("a", R"([{"addresses": ["10.1.0.1"], "nodeName": "n1"},
        {"addresses": ["10.1.0.2"], "nodeName": "n2", "conditions": {"ready": false}}])");
    const auto again = slice("b", R"([{"addresses": ["10.1.0.1"], "nodeName": "n1"}])");
    EXPECT_EQ(backends(test::service("web"), {one, again}, cluster.nodes()),
              (Backends{{server, http, address("10.1.0.1"), 8080, "n1"},
                        {node_port, http, address("10.0.0.1"), 30080, "n1"},
                        {node_port, http, address("10.0.0.2"), 30080, "machine-2"}}));
    EXPECT_EQ(backends(test::service("web", local), {one}, cluster.nodes()),
              (Backends{{server, http, address("10.1.0.1"), 8080, "n1"},
                        {node_port, http, address("10.0.0.1"), 30080, "n1"}}));
}

TEST(Backends, OneAddressOfEachFamilyThatTrivetTakes) {
    Cluster cluster;
    cluster.kube = {kube_node("n1", "10.0.0.1")};
    for (const char* more : {"10.0.0.9", "::1", "fd00::1"})
        cluster.kube[0].addresses.push_back(address(more));
    const auto odd = slice("a", R"([{"addresses": ["127.0.0.1", "fd00::7", "a name"]}])");
    EXPECT_EQ(backends(test::service("web"), {odd}, cluster.nodes()),
              (Backends{{node_port, http, address("10.0.0.1"), 30080, "n1"},
                        {node_port, http, address("fd00::1"), 30080, "n1"}}));
}

TEST(Backends, TwoNodesThatClaimOneAddressAreOne) {
    const KubeNode one = kube_node("w1", "10.2.0.1");
    const KubeNode two = kube_node("w2", "10.2.0.1");
    const KubeNode* const list[]{&one, &two};
    EXPECT_EQ(backends(test::service("web"), {}, NodeMap(list, {})),
              (Backends{{node_port, http, address("10.2.0.1"), 30080, ""}}));
}

TEST(Backends, AllBelongToPortsOfTheService) {
    const Cluster cluster;
    const Service none = test::service(
        "web", R"({"spec": {"ports": [{"name": "other", "port": 80, "nodePort": 0}]}})");
    const auto one = slice("a", R"([{"addresses": ["10.1.0.1"], "nodeName": "n1"}])");
    EXPECT_EQ(backends(none, {one}, cluster.nodes()), Backends{});
}

/// `count` nodes w0, w1, ... that run no Trivet.
NodeMap many_nodes(std::size_t count) {
    std::vector<KubeNode> kube;
    for (std::size_t i = 0; i < count; ++i)
        kube.push_back(
            kube_node(fmt::format("w{}", i), fmt::format("10.2.{}.{}", i / 200, i % 200 + 1)));
    std::vector<const KubeNode*> list;
    for (const KubeNode& node : kube) list.push_back(&node);
    return NodeMap(list, {});
}

std::size_t in_common(const Backends& one, const Backends& two) {
    Backends both;
    std::ranges::set_intersection(one, two, std::back_inserter(both));
    return both.size();
}

TEST(Backends, SomeOfManyNodesAndTheSameAsBefore) {
    const Service web = test::service("web");
    const Backends before = backends(web, {}, many_nodes(100));
    EXPECT_EQ(before.size(), passing_nodes_max);
    const Backends after = backends(web, {}, many_nodes(101));
    EXPECT_GE(in_common(before, after), passing_nodes_max - 1);
    EXPECT_LT(in_common(before, backends(test::service("dns"), {}, many_nodes(100))),
              passing_nodes_max)
        << "every Service on the same nodes would be no balance";
}

TEST(Backends, AreBounded) {
    auto endpoints = nlohmann::json::array();
    for (int i = 0; i < 3000; ++i)
        endpoints.push_back({{"addresses", {fmt::format("10.1.{}.{}", i / 200, i % 200 + 1)}},
                             {"nodeName", fmt::format("w{}", i % 900)}});
    std::vector<EndpointSlice> slices;
    for (std::size_t first = 0; first < endpoints.size(); first += 1000)
        slices.push_back(slice(fmt::format("s{}", first),
                               nlohmann::json(endpoints.begin() + static_cast<long>(first),
                                              endpoints.begin() + static_cast<long>(first) + 1000)
                                   .dump()));
    const Backends some = backends(test::service("web", local), slices, many_nodes(900));
    EXPECT_EQ(std::ranges::count(some, server, &Backend::kind), 1000);
    EXPECT_EQ(std::ranges::count(some, node_port, &Backend::kind), 500);
    EXPECT_TRUE(check_backends(some, {http}));
}

TEST(SliceIndex, AChangeTouchesTheServicesBeforeAndAfter) {
    ObjectCache<EndpointSlice> cache(read_endpoint_slice);
    SliceIndex index(cache);
    const auto put = [&](const std::string& version, const std::string& service) {
        auto object = test::json_of(
            R"({"metadata": {"name": "s", "namespace": "shop", "labels": {}}, "addressType": "IPv4"})");
        object["metadata"]["resourceVersion"] = version;
        if (!service.empty()) object["metadata"]["labels"]["kubernetes.io/service-name"] = service;
        EXPECT_TRUE(cache.put(object));
        return index.update({"shop/s"});
    };
    EXPECT_EQ(put("1", "web"), Names{"shop/web"});
    EXPECT_EQ(index.slices_of("shop/web").size(), 1u);
    EXPECT_EQ(put("2", "dns"), (Names{"shop/dns", "shop/web"}));
    EXPECT_TRUE(index.slices_of("shop/web").empty());
    EXPECT_EQ(put("3", ""), Names{"shop/dns"});
    EXPECT_TRUE(index.slices_of("shop/dns").empty());
    EXPECT_EQ(put("4", "web"), Names{"shop/web"});
    EXPECT_TRUE(cache.erase(test::json_of(
        R"({"metadata": {"name": "s", "namespace": "shop", "resourceVersion": "5"}})")));
    EXPECT_EQ(index.update({"shop/s"}), Names{"shop/web"});
}

}  // namespace
}  // namespace trivet::cloud
