#include <gtest/gtest.h>

#include "cloud/known_vip.hpp"
#include "cloud/kube_lease.hpp"
#include "cloud/kube_list.hpp"
#include "cloud/kube_node.hpp"
#include "cloud/kube_service.hpp"
#include "cloud/kube_slice.hpp"
#include "cloud/kube_status.hpp"
#include "tests/core/test_objects.hpp"

namespace trivet::cloud {
namespace {

using test::address;
using test::json_of;

constexpr const char* service_text = R"({
  "apiVersion": "v1", "kind": "Service",
  "metadata": {"name": "web", "namespace": "shop", "uid": "u-1", "resourceVersion": "41",
    "generation": 3, "labels": {"app": "web"},
    "annotations": {"metallb.io/address-pool": "lan", "kubectl.kubernetes.io/last-applied-configuration": "{}"},
    "finalizers": ["service.kubernetes.io/load-balancer-cleanup"],
    "managedFields": [{"manager": "kubectl", "fieldsV1": {"f:spec": {}}}]},
  "spec": {"type": "LoadBalancer", "loadBalancerClass": "trivet.dev/lb", "clusterIP": "10.0.0.7",
    "ports": [{"name": "http", "protocol": "TCP", "port": 80, "targetPort": "web", "nodePort": 30080},
              {"name": "dns", "protocol": "UDP", "port": 53, "targetPort": 5353}],
    "ipFamilies": ["IPv4", "IPv6"], "ipFamilyPolicy": "PreferDualStack",
    "loadBalancerIP": "192.0.2.7", "externalTrafficPolicy": "Local", "sessionAffinity": "None",
    "futureField": {"of": ["a", "newer", "server"]}},
  "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.7", "ipMode": "VIP", "future": 1},
                                          {"hostname": "lb.example"}]}}})";

TEST(KubeService, IsReadWithWhatWeUse) {
    const auto service = read_service(json_of(service_text));
    ASSERT_TRUE(service) << service.error().message;
    EXPECT_EQ(service->meta.key(), "shop/web");
    EXPECT_EQ(service->meta.resource_version, "41");
    EXPECT_EQ(service->meta.generation, 3u);
    EXPECT_EQ(service->meta.labels.at("app"), "web");
    EXPECT_EQ(service->meta.annotations.size(), 1u) << "those that nobody reads are not kept";
    EXPECT_TRUE(service->meta.has_finalizer("service.kubernetes.io/load-balancer-cleanup"));
    EXPECT_FALSE(service->meta.deleting());
    EXPECT_TRUE(service->is_load_balancer());
    EXPECT_EQ(service->load_balancer_class, "trivet.dev/lb");
    ASSERT_EQ(service->ports.size(), 2u);
    EXPECT_EQ(service->ports[0], (ServicePort{"http", Protocol::tcp, 80, 0, "web", 30080}));
    EXPECT_EQ(service->ports[1], (ServicePort{"dns", Protocol::udp, 53, 5353, "", 0}));
    EXPECT_EQ(service->ip_families, (std::vector{IpFamily::ipv4, IpFamily::ipv6}));
    EXPECT_EQ(service->ip_family_policy, IpFamilyPolicy::prefer_dual);
    EXPECT_EQ(service->external_traffic_policy, TrafficPolicy::local);
    ASSERT_EQ(service->ingress.size(), 2u);
    EXPECT_EQ(service->ingress[0].ip, "192.0.2.7");
    EXPECT_EQ(service->ingress[0].whole["future"], 1);
    EXPECT_EQ(service->ingress[1].ip, "");
}

struct BadService {
    const char* name;
    const char* patch;  // merged into the good one
    const char* field;
};

void PrintTo(const BadService& row, std::ostream* out) { *out << row.name; }

class KubeServiceErrors : public testing::TestWithParam<BadService> {};

TEST_P(KubeServiceErrors, NameTheField) {
    auto object = json_of(service_text);
    object.merge_patch(json_of(GetParam().patch));
    const auto service = read_service(object);
    ASSERT_FALSE(service);
    EXPECT_EQ(service.error().field, GetParam().field) << service.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    All, KubeServiceErrors,
    testing::Values(
        BadService{"NoName", R"({"metadata": {"name": null}})", "metadata.name"},
        BadService{"NoVersion", R"({"metadata": {"resourceVersion": null}})",
                   "metadata.resourceVersion"},
        BadService{"LabelsOfNumbers", R"({"metadata": {"labels": {"a": 1}}})", "metadata.labels"},
        BadService{"OddAnnotation", R"({"metadata": {"annotations": {"trivet.dev/pool": []}}})",
                   "metadata.annotations"},
        BadService{"PortTooLarge", R"({"spec": {"ports": [{"port": 70000}]}})",
                   "spec.ports[0].port"},
        BadService{"PortMissing", R"({"spec": {"ports": [{"name": "a"}]}})", "spec.ports[0].port"},
        BadService{"PortNegative", R"({"spec": {"ports": [{"port": -1}]}})", "spec.ports[0].port"},
        BadService{"Protocol", R"({"spec": {"ports": [{"port": 1, "protocol": "QUIC"}]}})",
                   "spec.ports[0].protocol"},
        BadService{"Family", R"({"spec": {"ipFamilies": ["IPv5"]}})", "spec.ipFamilies"},
        BadService{"ThreeFamilies", R"({"spec": {"ipFamilies": ["IPv4", "IPv6", "IPv4"]}})",
                   "spec.ipFamilies"},
        BadService{"Policy", R"({"spec": {"ipFamilyPolicy": "Both"}})", "spec.ipFamilyPolicy"},
        BadService{"SpecIsAList", R"({"spec": []})", "spec"},
        BadService{"IngressOfTexts", R"({"status": {"loadBalancer": {"ingress": ["a"]}}})",
                   "status.loadBalancer.ingress[0]"}),
    [](const auto& row) { return row.param.name; });

TEST(KubeService, NullIsAbsent) {
    auto object = json_of(service_text);
    object["spec"]["ports"] = nullptr;
    object["spec"]["externalTrafficPolicy"] = "";
    object["status"] = nullptr;
    const auto service = read_service(object);
    ASSERT_TRUE(service) << service.error().message;
    EXPECT_TRUE(service->ports.empty());
    EXPECT_TRUE(service->ingress.empty());
}

TEST(EndpointSlice, OfBothVersions) {
    const auto v1 = read_endpoint_slice(json_of(R"({
      "metadata": {"name": "web-x", "namespace": "shop", "resourceVersion": "1",
                   "labels": {"kubernetes.io/service-name": "web"}},
      "addressType": "IPv4", "ports": [{"name": "http", "protocol": "TCP", "port": 8080}],
      "endpoints": [{"addresses": ["10.1.0.4"], "nodeName": "n1",
                     "conditions": {"ready": false, "serving": true, "terminating": true}},
                    {"addresses": ["10.1.0.5"], "conditions": {}}]})"));
    ASSERT_TRUE(v1) << v1.error().message;
    EXPECT_EQ(v1->service_key(), "shop/web");
    EXPECT_EQ(v1->family, IpFamily::ipv4);
    EXPECT_EQ(v1->endpoints[0], (Endpoint{{"10.1.0.4"}, false, true, true, "n1"}));
    EXPECT_EQ(v1->endpoints[1], (Endpoint{{"10.1.0.5"}, true, true, false, ""}));
    const auto beta = read_endpoint_slice(json_of(R"({
      "metadata": {"name": "web-y", "namespace": "shop", "resourceVersion": "2"},
      "addressType": "FQDN", "ports": null,
      "endpoints": [{"addresses": ["a.example"], "topology": {"kubernetes.io/hostname": "n2"}}]})"));
    ASSERT_TRUE(beta) << beta.error().message;
    EXPECT_EQ(beta->service_key(), "");
    EXPECT_FALSE(beta->family);
    EXPECT_EQ(beta->endpoints[0].node, "n2");
}

TEST(EndpointSlice, NewestVersionThatTheServerHas) {
    const auto group = [](const char* versions) {
        return json_of(std::string(R"({"kind": "APIGroup", "versions": )") + versions + "}");
    };
    EXPECT_EQ(*endpoint_slice_path(group(R"([{"version": "v1beta1"}, {"version": "v1"}])")),
              "/apis/discovery.k8s.io/v1/endpointslices");
    EXPECT_EQ(*endpoint_slice_path(group(R"([{"version": "v1beta1"}])")),
              "/apis/discovery.k8s.io/v1beta1/endpointslices");
    EXPECT_EQ(endpoint_slice_path(group(R"([{"version": "v2"}])")).error().code,
              ErrorCode::not_found);
}

TEST(KubeNode, LabelsAndAddressesTheInternalOnesFirst) {
    const auto node = read_kube_node(json_of(R"({
      "metadata": {"name": "n1", "resourceVersion": "5", "labels": {"kubernetes.io/hostname": "h1",
        "node.kubernetes.io/exclude-from-external-load-balancers": ""}},
      "status": {"addresses": [{"type": "ExternalIP", "address": "192.0.2.1"},
                               {"type": "Hostname", "address": "h1"},
                               {"type": "InternalIP", "address": "10.0.0.1"},
                               {"type": "InternalIP", "address": "fd00::1"}],
                 "conditions": [{"type": "MemoryPressure", "status": "False"},
                                {"type": "Ready", "status": "True"}]}})"));
    ASSERT_TRUE(node) << node.error().message;
    EXPECT_EQ(node->meta.key(), "n1");
    EXPECT_EQ(node->host_name, "h1");
    EXPECT_TRUE(node->excluded);
    EXPECT_EQ(node->addresses,
              (std::vector{address("10.0.0.1"), address("fd00::1"), address("192.0.2.1")}));
}

TEST(KubeLease, GoesThereAndBack) {
    const auto lease = read_kube_lease(json_of(R"({
      "metadata": {"name": "lb", "namespace": "kube-system", "resourceVersion": "9"},
      "spec": {"holderIdentity": "a", "leaseDurationSeconds": 15, "leaseTransitions": 2,
               "acquireTime": "2026-01-01T00:00:00.000000Z", "renewTime": "2026-01-01T00:00:05.000000Z"}})"));
    ASSERT_TRUE(lease) << lease.error().message;
    const auto again = read_kube_lease(to_json(*lease));
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->holder_identity, "a");
    EXPECT_EQ(again->lease_duration_s, 15u);
    EXPECT_EQ(again->lease_transitions, 2u);
    EXPECT_EQ(again->renew_time, "2026-01-01T00:00:05.000000Z");
    EXPECT_EQ(again->meta.resource_version, "9");
}

TEST(KubeStatus, SaysWhatToDo) {
    const auto gone = read_status(410, R"({"kind": "Status", "code": 410, "reason": "Expired"})");
    EXPECT_TRUE(gone.is_expired());
    EXPECT_TRUE(read_status(200, R"({"reason": "Gone"})").is_expired());
    const auto busy = read_status(429, R"({"code": 429, "details": {"retryAfterSeconds": 7}})");
    EXPECT_EQ(busy.retry_after, std::chrono::seconds(7));
    const auto future = read_status(504, R"({"code": 504, "reason": "Timeout",
        "details": {"causes": [{"reason": "ResourceVersionTooLarge"}]}})");
    EXPECT_TRUE(future.is_future_version());
    EXPECT_TRUE(read_status(504, R"({"code": 504, "message": "Too large resource version: 9"})")
                    .is_future_version());
    EXPECT_FALSE(read_status(504, R"({"code": 504, "reason": "Timeout"})").is_future_version());
    EXPECT_EQ(read_status(502, "<html>").to_string(), "HTTP 502");
}

TEST(ListPage, ItemsVersionAndToken) {
    const auto page = read_list_page(
        R"({"metadata": {"resourceVersion": "7", "continue": "t"}, "items": [{"a": 1}]})");
    ASSERT_TRUE(page) << page.error().message;
    EXPECT_EQ(page->resource_version, "7");
    EXPECT_EQ(page->continue_token, "t");
    EXPECT_EQ(page->items.size(), 1u);
    EXPECT_TRUE(read_list_page(R"({"metadata": {"resourceVersion": "7"}, "items": null})"));
    EXPECT_FALSE(read_list_page(R"({"metadata": {"resourceVersion": "7"}})"));
    EXPECT_FALSE(read_list_page(R"({"metadata": {}, "items": []})"));
    EXPECT_FALSE(read_list_page(R"({"metadata": {"resourceVersion": "7"}, "items": {}})"));
    EXPECT_FALSE(read_list_page("[]"));
    EXPECT_FALSE(read_list_page("{"));
}

TEST(KnownVip, IsReadFromTheRestForm) {
    const auto known = read_known_vip(json_of(R"({"namespace": "c1.shop", "name": "web",
      "ports": [{"port": 80, "protocol": "tcp"}], "revision": 17,
      "status": {"phase": "announced", "reason": "", "addresses": ["192.0.2.1"], "owner": "n2",
                 "standbys": ["n3"], "epoch": 4}})"));
    ASSERT_TRUE(known) << known.error().message;
    EXPECT_EQ(known->revision, 17u);
    EXPECT_EQ(known->phase, KnownVip::Phase::announced);
    EXPECT_EQ(known->addresses, std::vector{address("192.0.2.1")});
    EXPECT_EQ(known->owner, "n2");
}

TEST(KnownVip, FieldsOfANewerLbdArePassedOver) {
    const auto known = read_known_vip(json_of(R"({"namespace": "c1.shop", "name": "web",
      "kind": "vip", "pool": "lan", "health_check": {"every": 5}, "revision": 17,
      "status": {"phase": "assigned", "more": []}})"));
    ASSERT_TRUE(known) << known.error().message;
    EXPECT_EQ(known->vip.pool, "lan");
    EXPECT_FALSE(read_known_vip(json_of(R"({"name": "web", "pool": 7})")));
    EXPECT_FALSE(read_known_vip(json_of("[]")));
}

}  // namespace
}  // namespace trivet::cloud
