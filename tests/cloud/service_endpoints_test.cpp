#include "cloud/service_endpoints.hpp"

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

TEST(Backends, NodePortsAndPods) {
    Cluster cluster;
    cluster.kube[2].ready = false;
    const Service service = test::service("web");
    const auto one = slice("a", R"([{"addresses": ["10.1.0.1"], "nodeName": "n1"},
        {"addresses": ["10.1.0.2"], "nodeName": "n2", "conditions": {"ready": false}}])");
    const EndpointSlice* list[]{&one};
    const Port http{80, Protocol::tcp};
    using Kind = ServiceBackend::Kind;
    EXPECT_EQ(
        backends_of(service, list, cluster.nodes()),
        (std::vector<ServiceBackend>{{Kind::node_port, http, address("10.0.0.1"), 30080, "n1"},
                                     {Kind::node_port, http, address("10.0.0.2"), 30080, "n2"},
                                     {Kind::pod, http, address("10.1.0.1"), 8080, "n1"}}));
    EXPECT_EQ(
        backends_of(test::service("web", local), list, cluster.nodes()),
        (std::vector<ServiceBackend>{{Kind::node_port, http, address("10.0.0.1"), 30080, "n1"},
                                     {Kind::pod, http, address("10.1.0.1"), 8080, "n1"}}));
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
