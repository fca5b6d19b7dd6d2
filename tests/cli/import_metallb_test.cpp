#include "cli/import_metallb.hpp"

#include <ostream>

#include <gmock/gmock.h>

namespace trivet::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;

std::string indented(const std::string& text, const std::string& indent) {
    std::string result = indent;
    for (const char c : text) {
        result += c;
        if (c == '\n') result += indent;
    }
    return result;
}

std::string config_map(const std::string& config) {
    return "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: config\ndata:\n  config: |\n" +
           indented(config, "    ") + "\n";
}

std::string resource(const std::string& kind, const std::string& spec,
                     const std::string& version = "metallb.io/v1beta1") {
    return "apiVersion: " + version + "\nkind: " + kind + "\nmetadata: {name: x}\nspec:\n" +
           indented(spec, "  ") + "\n";
}

std::string service(const std::string& spec, const std::string& metadata = "") {
    return "apiVersion: v1\nkind: Service\nmetadata:\n  name: x\n" + metadata +
           "spec:\n  type: LoadBalancer\n" + indented(spec, "  ") + "\n";
}

std::string pool_config(const std::string& fields) {
    return config_map(
        "address-pools:\n- name: x\n  protocol: layer2\n  addresses: [10.0.0.0/24]\n" +
        indented(fields, "  "));
}

std::string peer_config(const std::string& fields) {
    return config_map("peers:\n- peer-address: 10.0.0.1\n  peer-asn: 1\n  my-asn: 2\n" +
                      indented(fields, "  "));
}

std::string peer(const std::string& fields, const std::string& version = "metallb.io/v1beta2") {
    return resource("BGPPeer", "peerAddress: 10.0.0.1\npeerASN: 1\nmyASN: 2\n" + fields, version);
}

/// One field of theirs and what it becomes in the object of ours of this kind.
struct Imported {
    const char* name;
    std::string text;
    Kind kind;
    const char* field;
    json value;
};
void PrintTo(const Imported& c, std::ostream* out) { *out << c.name; }

class FieldOfMetallb : public testing::TestWithParam<Imported> {};

TEST_P(FieldOfMetallb, BecomesOneOfOurs) {
    const auto plan = plan_metallb_import({{"file", GetParam().text}});
    for (const auto& error : plan.errors) ADD_FAILURE() << error.to_string();
    for (const auto& object : plan.objects) {
        if (object.kind != GetParam().kind) continue;
        ASSERT_TRUE(object.fields.value.contains(GetParam().field)) << object.fields.value;
        EXPECT_EQ(object.fields.value.at(GetParam().field), GetParam().value);
        return;
    }
    FAIL() << "no such object is planned";
}

json selector(const json& labels, const json& expressions = json::array()) {
    return json::array({{{"match_labels", labels}, {"match_expressions", expressions}}});
}
json in_expression(const char* key, const char* op, const json& values) {
    return json::array({{{"key", key}, {"operator", op}, {"values", values}}});
}

INSTANTIATE_TEST_SUITE_P(
    ConfigMap, FieldOfMetallb,
    testing::Values(
        Imported{"Addresses", pool_config(""), Kind::pool, "addresses", {"10.0.0.0/24"}},
        Imported{"Layer2BecomesAnAdvertisement",
                 pool_config(""),
                 Kind::l2_advertisement,
                 "pools",
                 {"x"}},
        Imported{
            "L2IsLayer2",
            config_map("address-pools:\n- name: x\n  protocol: l2\n  addresses: [10.0.0.1/32]"),
            Kind::l2_advertisement, "name", "x"},
        Imported{
            "BgpBecomesAnAdvertisement",
            config_map("address-pools:\n- name: x\n  protocol: bgp\n  addresses: [10.0.0.1/32]"),
            Kind::bgp_advertisement,
            "pools",
            {"x"}},
        Imported{"AutoAssign", pool_config("auto-assign: false"), Kind::pool, "auto_assign", false},
        Imported{"AutoAssignOfYaml11", pool_config("auto-assign: off"), Kind::pool, "auto_assign",
                 false},
        Imported{"AvoidBuggyIps", pool_config("avoid-buggy-ips: yes"), Kind::pool,
                 "avoid_buggy_ips", true},
        Imported{"PeerAddress", peer_config(""), Kind::bgp_peer, "peer_address", "10.0.0.1"},
        Imported{"PeerAsn", peer_config(""), Kind::bgp_peer, "peer_asn", 1},
        Imported{"MyAsn", peer_config(""), Kind::bgp_peer, "my_asn", 2},
        Imported{"PeerName", peer_config(""), Kind::bgp_peer, "name", "peer-10.0.0.1"},
        Imported{"PeerNameOfIpv6",
                 config_map("peers:\n- {peer-address: 'fd00::', peer-asn: 1, my-asn: 2}"),
                 Kind::bgp_peer, "name", "peer-fd00--0"},
        Imported{"SourceAddress", peer_config("source-address: 10.0.0.9"), Kind::bgp_peer,
                 "source_address", "10.0.0.9"},
        Imported{"PeerPort", peer_config("peer-port: 1179"), Kind::bgp_peer, "peer_port", 1179},
        Imported{"HoldTime", peer_config("hold-time: 120s"), Kind::bgp_peer, "hold_time", "120s"},
        Imported{"KeepaliveTime", peer_config("keepalive-time: 10s"), Kind::bgp_peer,
                 "keepalive_time", "10s"},
        Imported{"RouterId", peer_config("router-id: 10.0.0.7"), Kind::bgp_peer, "router_id",
                 "10.0.0.7"},
        Imported{"Password", peer_config("password: 12345"), Kind::bgp_peer, "password", "12345"},
        Imported{"BfdProfile", peer_config("bfd-profile: fast"), Kind::bgp_peer, "bfd_profile",
                 "fast"},
        Imported{"EbgpMultihop", peer_config("ebgp-multihop: true"), Kind::bgp_peer,
                 "ebgp_multi_hop", true},
        Imported{"NodeSelectors",
                 peer_config("node-selectors:\n- match-labels: {rack: a}\n- match-expressions:\n"
                             "  - {key: h, operator: In, values: [n1, n2]}"),
                 Kind::bgp_peer,
                 "node_selectors",
                 {{{"match_labels", {{"rack", "a"}}}, {"match_expressions", json::array()}},
                  {{"match_labels", json::object()},
                   {"match_expressions", in_expression("h", "in", {"n1", "n2"})}}}},
        Imported{"Communities",
                 config_map("bgp-communities:\n  nope: 65535:65282\n"),
                 Kind::community,
                 "communities",
                 {{{"name", "nope"}, {"value", "65535:65282"}}}},
        Imported{
            "AdvertisementFields",
            config_map(
                "address-pools:\n- name: x\n  protocol: bgp\n  addresses: [10.0.0.0/24]\n"
                "  bgp-advertisements:\n  - aggregation-length: 24\n    aggregation-length-v6: 64\n"
                "    localpref: 100\n    communities: [65000:1, nope]\n    peers: [r]"),
            Kind::bgp_advertisement,
            "communities",
            {"65000:1", "nope"}},
        Imported{"ReceiveInterval", config_map("bfd-profiles:\n- {name: f, receive-interval: 50}"),
                 Kind::bfd_profile, "receive_interval", 50},
        Imported{"TransmitInterval",
                 config_map("bfd-profiles:\n- {name: f, transmit-interval: 50}"), Kind::bfd_profile,
                 "transmit_interval", 50},
        Imported{"DetectMultiplier", config_map("bfd-profiles:\n- {name: f, detect-multiplier: 3}"),
                 Kind::bfd_profile, "detect_multiplier", 3},
        Imported{"EchoInterval", config_map("bfd-profiles:\n- {name: f, echo-interval: 50}"),
                 Kind::bfd_profile, "echo_interval", 50},
        Imported{"EchoMode", config_map("bfd-profiles:\n- {name: f, echo-mode: true}"),
                 Kind::bfd_profile, "echo_mode", true},
        Imported{"PassiveMode", config_map("bfd-profiles:\n- {name: f, passive-mode: true}"),
                 Kind::bfd_profile, "passive_mode", true},
        Imported{"MinimumTtl", config_map("bfd-profiles:\n- {name: f, minimum-ttl: 254}"),
                 Kind::bfd_profile, "minimum_ttl", 254}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Resources, FieldOfMetallb,
    testing::Values(
        Imported{"PoolAddresses",
                 resource("IPAddressPool", "addresses: [10.0.0.0/24]"),
                 Kind::pool,
                 "addresses",
                 {"10.0.0.0/24"}},
        Imported{"PoolLabels",
                 "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: x, labels: "
                 "{rack: 1}}\nspec: {addresses: [10.0.0.1]}\n",
                 Kind::pool,
                 "labels",
                 {{"rack", "1"}}},
        Imported{"AutoAssign",
                 resource("IPAddressPool", "addresses: [10.0.0.1]\nautoAssign: false"), Kind::pool,
                 "auto_assign", false},
        Imported{"AvoidBuggyIPs",
                 resource("IPAddressPool", "addresses: [10.0.0.1]\navoidBuggyIPs: true"),
                 Kind::pool, "avoid_buggy_ips", true},
        Imported{
            "Priority",
            resource("IPAddressPool", "addresses: [10.0.0.1]\nserviceAllocation: {priority: 50}"),
            Kind::pool, "priority", 50},
        Imported{"Namespaces",
                 resource("IPAddressPool",
                          "addresses: [10.0.0.1]\nserviceAllocation: {namespaces: [a, b]}"),
                 Kind::pool,
                 "namespaces",
                 {"a", "b"}},
        Imported{"NamespaceSelectors",
                 resource("IPAddressPool",
                          "addresses: [10.0.0.1]\nserviceAllocation: {namespaceSelectors: "
                          "[{matchLabels: {a: b}}]}"),
                 Kind::pool, "namespace_selectors", selector({{"a", "b"}})},
        Imported{"ServiceSelectors",
                 resource("IPAddressPool",
                          "addresses: [10.0.0.1]\nserviceAllocation: {serviceSelectors: "
                          "[{matchExpressions: [{key: a, operator: DoesNotExist}]}]}"),
                 Kind::pool, "vip_selectors",
                 selector(json::object(), in_expression("a", "does_not_exist", json::array()))},
        Imported{"L2Pools",
                 resource("L2Advertisement", "ipAddressPools: [a, b]"),
                 Kind::l2_advertisement,
                 "pools",
                 {"a", "b"}},
        Imported{"L2PoolSelectors",
                 resource("L2Advertisement",
                          "ipAddressPoolSelectors: [{matchExpressions: [{key: a, operator: NotIn, "
                          "values: [b]}]}]"),
                 Kind::l2_advertisement, "pool_selectors",
                 selector(json::object(), in_expression("a", "not_in", {"b"}))},
        Imported{"L2NodeSelectors",
                 resource("L2Advertisement",
                          "nodeSelectors: [{matchLabels: {kubernetes.io/hostname: n1}}]"),
                 Kind::l2_advertisement, "node_selectors",
                 selector({{"kubernetes.io/hostname", "n1"}})},
        Imported{"L2Interfaces",
                 resource("L2Advertisement", "interfaces: [eth0]"),
                 Kind::l2_advertisement,
                 "interfaces",
                 {"eth0"}},
        Imported{"L2WithoutSpec",
                 "apiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata: {name: x}\n",
                 Kind::l2_advertisement, "name", "x"},
        Imported{"AggregationLength", resource("BGPAdvertisement", "aggregationLength: 24"),
                 Kind::bgp_advertisement, "aggregation_length", 24},
        Imported{"AggregationLengthV6", resource("BGPAdvertisement", "aggregationLengthV6: 64"),
                 Kind::bgp_advertisement, "aggregation_length_v6", 64},
        Imported{"LocalPref", resource("BGPAdvertisement", "localPref: 150"),
                 Kind::bgp_advertisement, "local_pref", 150},
        Imported{"Communities",
                 resource("BGPAdvertisement", "communities: [65535:65282]"),
                 Kind::bgp_advertisement,
                 "communities",
                 {"65535:65282"}},
        Imported{"BgpPools",
                 resource("BGPAdvertisement", "ipAddressPools: [a]"),
                 Kind::bgp_advertisement,
                 "pools",
                 {"a"}},
        Imported{"BgpPoolSelectors",
                 resource("BGPAdvertisement", "ipAddressPoolSelectors: [{matchLabels: {a: b}}]"),
                 Kind::bgp_advertisement, "pool_selectors", selector({{"a", "b"}})},
        Imported{"BgpNodeSelectors",
                 resource("BGPAdvertisement", "nodeSelectors: [{matchLabels: {a: b}}]"),
                 Kind::bgp_advertisement, "node_selectors", selector({{"a", "b"}})},
        Imported{"Peers",
                 resource("BGPAdvertisement", "peers: [r1]"),
                 Kind::bgp_advertisement,
                 "peers",
                 {"r1"}},
        Imported{"BgpServiceSelectors",
                 resource("BGPAdvertisement", "serviceSelectors: [{matchLabels: {a: b}}]"),
                 Kind::bgp_advertisement, "vip_selectors", selector({{"a", "b"}})},
        Imported{"BfdAllFields",
                 resource("BFDProfile",
                          "receiveInterval: 20\ntransmitInterval: 21\ndetectMultiplier: "
                          "4\nechoInterval: 22\nechoMode: true\npassiveMode: true\nminimumTtl: 10"),
                 Kind::bfd_profile, "minimum_ttl", 10},
        Imported{"CommunityAlias",
                 resource("Community", "communities: [{name: A, value: 65000:1}]"),
                 Kind::community,
                 "communities",
                 {{{"name", "A"}, {"value", "65000:1"}}}},
        Imported{"LegacyPool",
                 resource("AddressPool",
                          "protocol: layer2\naddresses: [10.0.0.0/24]\nautoAssign: false"),
                 Kind::l2_advertisement,
                 "pools",
                 {"x"}},
        Imported{
            "LegacyBgpPool",
            resource(
                "AddressPool",
                "protocol: bgp\naddresses: [10.0.0.0/24]\nbgpAdvertisements: [{localPref: 7}]"),
            Kind::bgp_advertisement, "local_pref", 7},
        Imported{"NamespaceLabels",
                 "apiVersion: v1\nkind: Namespace\nmetadata: {name: a, labels: {foo: bar}}\n",
                 Kind::name_space,
                 "labels",
                 {{"foo", "bar"}}}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Peers, FieldOfMetallb,
    testing::Values(
        Imported{"V1beta1", peer("", "metallb.io/v1beta1"), Kind::bgp_peer, "my_asn", 2},
        Imported{"SourceAddress", peer("sourceAddress: 10.0.0.9"), Kind::bgp_peer, "source_address",
                 "10.0.0.9"},
        Imported{"PeerPort", peer("peerPort: 1179"), Kind::bgp_peer, "peer_port", 1179},
        Imported{"HoldTime", peer("holdTime: 9m0s"), Kind::bgp_peer, "hold_time", "9m0s"},
        Imported{"KeepaliveTime", peer("keepaliveTime: 3s"), Kind::bgp_peer, "keepalive_time",
                 "3s"},
        Imported{"ConnectTime", peer("connectTime: 120s"), Kind::bgp_peer, "connect_time", "120s"},
        Imported{"RouterId", peer("routerID: 10.0.0.7"), Kind::bgp_peer, "router_id", "10.0.0.7"},
        Imported{"NodeSelectors",
                 peer("nodeSelectors: [{matchExpressions: [{key: a, operator: Exists}]}]"),
                 Kind::bgp_peer, "node_selectors",
                 selector(json::object(), in_expression("a", "exists", json::array()))},
        Imported{"Password", peer("password: x"), Kind::bgp_peer, "password", "x"},
        Imported{"PasswordSecret",
                 peer("passwordSecret: {name: s, namespace: n}"),
                 Kind::bgp_peer,
                 "password_secret",
                 {{"name", "s"}, {"namespace", "n"}}},
        Imported{"BfdProfile", peer("bfdProfile: f"), Kind::bgp_peer, "bfd_profile", "f"},
        Imported{"GracefulRestart", peer("enableGracefulRestart: true"), Kind::bgp_peer,
                 "enable_graceful_restart", true},
        Imported{"EbgpMultiHop", peer("ebgpMultiHop: true"), Kind::bgp_peer, "ebgp_multi_hop",
                 true},
        Imported{"Vrf", peer("vrf: red"), Kind::bgp_peer, "vrf", "red"},
        Imported{"DisableMp", peer("disableMP: true"), Kind::bgp_peer, "disable_mp", true},
        Imported{"DualStack", peer("dualStackAddressFamily: true"), Kind::bgp_peer,
                 "dual_stack_address_family", true},
        Imported{"LocalAsn", peer("localASN: 7"), Kind::bgp_peer, "local_asn", 7},
        Imported{"DynamicAsn",
                 resource("BGPPeer", "myASN: 2\ndynamicASN: external\npeerAddress: 10.0.0.1"),
                 Kind::bgp_peer, "dynamic_asn", "external"},
        Imported{"Interface", resource("BGPPeer", "myASN: 2\npeerASN: 1\ninterface: eth0"),
                 Kind::bgp_peer, "interface", "eth0"}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Services, FieldOfMetallb,
    testing::Values(
        Imported{"Ports",
                 service("ports: [{port: 80}, {port: 53, protocol: UDP}]"),
                 Kind::vip,
                 "ports",
                 {{{"port", 80}}, {{"port", 53}, {"protocol", "udp"}}}},
        Imported{"DefaultNamespace", service(""), Kind::vip, "namespace", "default"},
        Imported{"Namespace", service("", "  namespace: team\n"), Kind::vip, "namespace", "team"},
        Imported{
            "Labels", service("", "  labels: {app: web}\n"), Kind::vip, "labels", {{"app", "web"}}},
        Imported{"LoadBalancerIp",
                 service("loadBalancerIP: 10.0.0.7"),
                 Kind::vip,
                 "addresses",
                 {"10.0.0.7"}},
        Imported{"LoadBalancerIps",
                 service("ipFamilyPolicy: PreferDualStack",
                         "  annotations: {metallb.io/loadBalancerIPs: '10.0.0.7, fd00::7'}\n"),
                 Kind::vip,
                 "addresses",
                 {"10.0.0.7", "fd00::7"}},
        Imported{"OldLoadBalancerIps",
                 service("", "  annotations: {metallb.universe.tf/loadBalancerIPs: 10.0.0.7}\n"),
                 Kind::vip,
                 "addresses",
                 {"10.0.0.7"}},
        Imported{"AddressPool",
                 service("", "  annotations: {metallb.universe.tf/address-pool: lan}\n"), Kind::vip,
                 "pool", "lan"},
        Imported{"NewPrefixHolds",
                 service("",
                         "  annotations: {metallb.universe.tf/address-pool: old, "
                         "metallb.io/address-pool: new}\n"),
                 Kind::vip, "pool", "new"},
        Imported{"AllowSharedIp", service("", "  annotations: {metallb.io/allow-shared-ip: key}\n"),
                 Kind::vip, "sharing_key", "key"},
        Imported{"IpFamilies",
                 service("ipFamilies: [IPv6, IPv4]"),
                 Kind::vip,
                 "ip_families",
                 {"ipv6", "ipv4"}},
        Imported{"SingleStack", service("ipFamilyPolicy: SingleStack"), Kind::vip,
                 "ip_family_policy", "single"},
        Imported{"PreferDualStack", service("ipFamilyPolicy: PreferDualStack"), Kind::vip,
                 "ip_family_policy", "prefer_dual"},
        Imported{"RequireDualStack", service("ipFamilyPolicy: RequireDualStack"), Kind::vip,
                 "ip_family_policy", "require_dual"},
        Imported{"Local", service("externalTrafficPolicy: Local"), Kind::vip, "traffic_policy",
                 "local"},
        Imported{"InAList",
                 "apiVersion: v1\nkind: List\nmetadata: {}\nitems:\n- apiVersion: v1\n  kind: "
                 "Service\n  metadata: {name: x}\n  spec: {type: LoadBalancer}\n",
                 Kind::vip, "name", "x"}),
    [](const auto& test) { return test.param.name; });

/// A field that is reported: the remark's text without the file's name.
struct Reported {
    const char* name;
    std::string text;
    const char* remark;
};
void PrintTo(const Reported& c, std::ostream* out) { *out << c.name; }

class ImportReport : public testing::TestWithParam<Reported> {};

TEST_P(ImportReport, NamesPlaceFieldAndReason) {
    const auto plan = plan_metallb_import({{"file", GetParam().text}});
    for (const auto& error : plan.errors) ADD_FAILURE() << error.to_string();
    std::string all;
    for (const auto& remark : plan.report) all += remark.to_string() + "\n";
    EXPECT_THAT(all, HasSubstr(GetParam().remark));
}

INSTANTIATE_TEST_SUITE_P(
    All, ImportReport,
    testing::Values(
        Reported{"UnknownFieldInsideTheConfigMap", pool_config("auto-asign: false"),
                 "file:11:7: address-pool 'x': data.config.address-pools[0].auto-asign: not "
                 "imported: no such "
                 "field is known; did you mean 'auto-assign'?"},
        Reported{"UnknownSection", config_map("address-pool: []"),
                 "file:7:5: ConfigMap 'config': data.config.address-pool: not imported"},
        Reported{"OtherKeyOfData",
                 "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {other: x}\n",
                 "data.other: not imported"},
        Reported{"ConfigMapOfSomebodyElse",
                 "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: x}\n",
                 "this is no configuration of MetalLB"},
        Reported{"ConfigMapLabels",
                 "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, labels: {a: b}}\ndata: "
                 "{config: ''}\n",
                 "metadata.labels: not imported"},
        Reported{"PeerName", peer_config(""), "named 'peer-10.0.0.1'"},
        Reported{"BgpIsKept", peer_config(""), "does not speak BGP or BFD yet"},
        Reported{
            "BgpPoolIsNotReachable",
            config_map("address-pools:\n- name: x\n  protocol: bgp\n  addresses: [10.0.0.1/32]"),
            "its VIPs are not reachable until then"},
        Reported{"BgpAdvertisementsOfALayer2Pool", pool_config("bgp-advertisements: []"),
                 "bgp-advertisements: not imported: the pool is not announced by BGP"},
        Reported{"Annotation",
                 "apiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata: {name: x, "
                 "annotations: {a/b: c}}\n",
                 "file:3:35: L2Advertisement 'x': metadata.annotations.a/b: not imported: there "
                 "are no annotations here"},
        Reported{"Bookkeeping",
                 "apiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata: {name: x, uid: "
                 "u, creationTimestamp: null}\n",
                 "metadata.uid: Kubernetes' own bookkeeping"},
        Reported{"BookkeepingWithoutValue",
                 "apiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata: {name: x, "
                 "creationTimestamp: null}\n",
                 "metadata.creationTimestamp"},
        Reported{"MetadataNamespace",
                 "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: x, "
                 "namespace: metallb-system}\nspec: {addresses: [10.0.0.1]}\n",
                 "metadata.namespace: not imported: a pool belongs to the whole cluster"},
        Reported{"Status",
                 resource("IPAddressPool", "addresses: [10.0.0.1]") + "status: {assignedIPv4: 1}\n",
                 "status: not imported"},
        Reported{"NotAnnounced", resource("IPAddressPool", "addresses: [10.0.0.1]"),
                 "differs: no advertisement in these files selects it"},
        Reported{"PasswordSecret", peer("passwordSecret: {name: s}"),
                 "the session has no password until"},
        Reported{"L2ServiceSelectors", resource("L2Advertisement", "serviceSelectors: []"),
                 "selects pools, not VIPs"},
        Reported{"UnknownVersion", resource("L2Advertisement", "interfaces: [a]", "metallb.io/v2"),
                 "file:1:1: L2Advertisement: apiVersion: 'metallb.io/v2' is not known"},
        Reported{"Deployment", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n",
                 "file:1:1: Deployment 'd': not ours"},
        Reported{"ClusterIpService",
                 "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {type: ClusterIP}\n",
                 "only Services of type LoadBalancer"},
        Reported{"ServiceWithoutType",
                 "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {}\n",
                 "only Services of type LoadBalancer"},
        Reported{"OtherKindOfMetallb",
                 "apiVersion: metallb.io/v1beta1\nkind: ServiceL2Status\nmetadata: {name: s}\n",
                 "not ours: metallb.io/v1beta1 ServiceL2Status"},
        Reported{"PoolOfAnotherGroup",
                 "apiVersion: example.io/v1\nkind: IPAddressPool\nmetadata: {name: s}\n",
                 "not ours"},
        Reported{"TargetPort", service("ports: [{port: 80, targetPort: 8080}]"),
                 "spec.ports[0].targetPort: not imported: Trivet moves addresses, your backends "
                 "stay yours"},
        Reported{"NodePort", service("ports: [{port: 80, nodePort: 30080}]"),
                 "spec.ports[0].nodePort"},
        Reported{"PortName", service("ports: [{port: 80, name: http}]"), "spec.ports[0].name"},
        Reported{"Selector", service("selector: {app: x}"), "spec.selector: not imported"},
        Reported{"SourceRanges", service("loadBalancerSourceRanges: [10.0.0.0/8]"),
                 "use a firewall"},
        Reported{"Class", service("loadBalancerClass: metallb"), "spec.loadBalancerClass"},
        Reported{"ClusterIp", service("clusterIP: 10.96.0.1"), "spec.clusterIP: not imported"},
        Reported{"LocalNeedsNodes", service("externalTrafficPolicy: Local"), "eligible_nodes"},
        Reported{"ServiceStatus",
                 service("") + "status: {loadBalancer: {ingress: [{ip: 10.0.0.5}]}}\n",
                 "to keep the addresses that stand there"},
        Reported{"AllocatedAnnotation",
                 service("", "  annotations: {metallb.io/ip-allocated-from-pool: a}\n"),
                 "what MetalLB did"},
        Reported{"UnknownMetallbAnnotation",
                 service("", "  annotations: {metallb.io/adress-pool: a}\n"),
                 "no such annotation of MetalLB is known"},
        Reported{"OverriddenAnnotation",
                 service("",
                         "  annotations: {metallb.universe.tf/address-pool: old, "
                         "metallb.io/address-pool: new}\n"),
                 "metallb.universe.tf/address-pool: not imported: the same annotation of the other "
                 "prefix holds"},
        Reported{"UnknownServiceField", service("prots: []"),
                 "spec.prots: not imported: no such field is known; did you mean 'ports'?"},
        Reported{"ListMetadata",
                 "apiVersion: v1\nkind: List\nmetadata: {resourceVersion: ''}\nitems: []\n",
                 "metadata: not imported: concerns the list itself"}),
    [](const auto& test) { return test.param.name; });

/// Nothing is imported when this is in the files.
class ImportError : public testing::TestWithParam<Reported> {};

TEST_P(ImportError, NamesPlaceAndReason) {
    const auto plan = plan_metallb_import({{"file", GetParam().text}});
    std::string all;
    for (const auto& error : plan.errors) all += error.to_string() + "\n";
    EXPECT_THAT(all, HasSubstr(GetParam().remark));
}

INSTANTIATE_TEST_SUITE_P(
    All, ImportError,
    testing::Values(
        Reported{"NoYaml", "a: [", "file:2:1: "},
        Reported{"NoMapping", "- a\n", "file:1:1: a Kubernetes object is expected, not a list"},
        Reported{"NoKind", "apiVersion: v1\n", "file:1:1: kind: is missing"},
        Reported{"NoVersion", "kind: Service\n", "file:1:1: apiVersion: is missing"},
        Reported{"EmbeddedSyntax", config_map("a: [1\nb: 2"), "ConfigMap 'config': data.config: "},
        Reported{"EmbeddedDuplicateKey", config_map("peers: []\npeers: []"),
                 "file:8:5: ConfigMap 'config': data.config: key 'peers' is given twice; it stands "
                 "already in line 1, column 1"},
        Reported{"ConfigIsAMapping", "apiVersion: v1\nkind: ConfigMap\ndata: {config: {a: 1}}\n",
                 "data.config: must be text"},
        Reported{"Protocol",
                 config_map("address-pools:\n- {name: x, protocol: l3, addresses: [10.0.0.1]}"),
                 "'l3' is neither layer2 nor bgp"},
        Reported{"BadAddress",
                 pool_config("").replace(pool_config("").find("10.0.0.0/24"), 11, "10.0.0.300 "),
                 "file:10:19: address-pool 'x': addresses[0]: "},
        Reported{"BadAddressInABlock",
                 resource("IPAddressPool", "addresses:\n- 10.0.0.1\n- 10.0.0.9-10.0.0.2"),
                 "file:7:5: IPAddressPool 'x': addresses[1]: '10.0.0.9-10.0.0.2' is reversed"},
        Reported{"NoAddresses", resource("IPAddressPool", "autoAssign: true"), "has no addresses"},
        Reported{"NoName", "apiVersion: metallb.io/v1beta1\nkind: L2Advertisement\n",
                 "'name' is missing"},
        Reported{"BadName",
                 config_map(
                     "address-pools:\n- {name: My_Pool, protocol: layer2, addresses: [10.0.0.1]}"),
                 "My_Pool"},
        Reported{"BoolIsAWord", pool_config("auto-assign: maybe"),
                 "file:11:7: address-pool 'x': data.config.address-pools[0].auto-assign: must be "
                 "true or false"},
        Reported{"NumberIsAWord", peer_config("peer-port: http"),
                 "peer-port: must be a number, not a string"},
        Reported{"ListIsAWord", resource("L2Advertisement", "ipAddressPools: a"),
                 "spec.ipAddressPools: must be a list, not a string"},
        Reported{"TextIsAList", peer_config("router-id: [1]"),
                 "router-id: must be text, not a list"},
        Reported{"SpecIsAList",
                 "apiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata: {name: "
                 "x}\nspec: []\n",
                 "spec: must be a mapping, not a list"},
        Reported{
            "Operator",
            resource(
                "L2Advertisement",
                "nodeSelectors: [{matchExpressions: [{key: a, operator: Gt, values: ['1']}]}]"),
            "file:5:19: L2Advertisement 'x': node_selectors[0].match_expressions[0].operator: "},
        Reported{"HoldTime", peer_config("hold-time: 1500ms"), "hold_time"},
        Reported{"BadPort", service("ports: [{port: 80, protocol: QUIC}]"), "protocol"},
        Reported{"TwoAddressFields",
                 service("loadBalancerIP: 10.0.0.1",
                         "  annotations: {metallb.io/loadBalancerIPs: 10.0.0.2}\n"),
                 "file:8:3: Service 'x': spec.loadBalancerIP: the addresses are given twice"},
        Reported{"Twice",
                 resource("L2Advertisement", "interfaces: [a]") + "---\n" +
                     resource("L2Advertisement", "interfaces: [b]"),
                 "l2-advertisement/x is defined twice, here and in file:1:1"},
        Reported{"Overlap",
                 resource("IPAddressPool", "addresses: [10.0.0.0/24]") +
                     "---\napiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: "
                     "y}\nspec:\n  addresses:\n  - 10.0.0.255-10.0.1.5\n",
                 "file:12:5: IPAddressPool 'y': addresses[0]: '10.0.0.255-10.0.1.5' overlaps with "
                 "'10.0.0.0/24' of pool/x in file:5:15"},
        Reported{"DeepLists",
                 "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: List, items: "
                 "[{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: List, items: "
                 "[{apiVersion: v1, kind: List, items: []}]}]}]}]\n",
                 "nested too deep"}),
    [](const auto& test) { return test.param.name; });

TEST(ImportMetallb, SeveralAdvertisementsOfAPoolGetNumbers) {
    const auto plan = plan_metallb_import(
        {{"file",
          config_map("address-pools:\n- name: x\n  protocol: bgp\n  addresses: [10.0.0.0/24]\n"
                     "  bgp-advertisements:\n  - {localpref: 1}\n  - {localpref: 2}\n")}});
    std::vector<std::string> names;
    for (const auto& object : plan.objects) names.push_back(object.reference());
    EXPECT_THAT(names,
                testing::ElementsAre("pool/x", "bgp-advertisement/x", "bgp-advertisement/x-2"));
}

TEST(ImportMetallb, PeersOfOneAddressGetNumbers) {
    const auto plan = plan_metallb_import(
        {{"file", config_map("peers:\n- {peer-address: 10.0.0.1, peer-asn: 1, my-asn: 2}\n"
                             "- {peer-address: 10.0.0.1, peer-asn: 1, my-asn: 3}\n")}});
    EXPECT_TRUE(plan.errors.empty());
    ASSERT_EQ(plan.objects.size(), 2U);
    EXPECT_EQ(plan.objects[1].reference(), "bgp-peer/peer-10.0.0.1-2");
}

TEST(ImportMetallb, PortZeroIsTheDefault) {
    const auto plan = plan_metallb_import({{"file", peer("peerPort: 0\npasswordSecret: {}")}});
    EXPECT_TRUE(plan.errors.empty());
    ASSERT_EQ(plan.objects.size(), 1U);
    EXPECT_FALSE(plan.objects[0].fields.value.contains("peer_port"));
    EXPECT_FALSE(plan.objects[0].fields.value.contains("password_secret"));
}

TEST(ImportMetallb, ASelectedPoolIsNotReportedAsUnannounced) {
    const auto pool =
        "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\n"
        "metadata: {name: x, labels: {rack: a}}\nspec: {addresses: [10.0.0.1]}\n---\n";
    for (const char* spec :
         {"ipAddressPools: [x]", "ipAddressPoolSelectors: [{matchLabels: {rack: a}}]",
          "interfaces: [eth0]"}) {
        for (const char* kind : {"L2Advertisement", "BGPAdvertisement"}) {
            if (std::string(spec) == "interfaces: [eth0]" && kind[0] == 'B') continue;
            const auto plan = plan_metallb_import({{"file", pool + resource(kind, spec)}});
            for (const auto& remark : plan.report) {
                EXPECT_THAT(remark.reason, testing::Not(HasSubstr("differs"))) << kind << spec;
            }
        }
    }
}

TEST(ImportMetallb, WhatIsReferredToComesFirst) {
    const auto plan = plan_metallb_import(
        {{"file", service("") + "---\n" + peer("") + "---\n" +
                      resource("IPAddressPool", "addresses: [10.0.0.1]") + "---\n" +
                      "apiVersion: v1\nkind: Namespace\nmetadata: {name: n}\n"}});
    std::vector<std::string> names;
    for (const auto& object : plan.objects) names.push_back(object.reference());
    EXPECT_THAT(names,
                testing::ElementsAre("namespace/n", "pool/x", "bgp-peer/x", "vip/default/x"));
}

TEST(ImportMetallb, EmptyDocumentsAreSkipped) {
    const auto plan = plan_metallb_import({{"a", ""}, {"b", "---\n---\n# nothing\n"}});
    EXPECT_TRUE(plan.objects.empty());
    EXPECT_TRUE(plan.report.empty());
    EXPECT_TRUE(plan.errors.empty());
}

TEST(ImportMetallb, AQuotedConfigPointsAtItsText) {
    const auto plan = plan_metallb_import({{"file",
                                            "apiVersion: v1\nkind: ConfigMap\ndata:\n  config: "
                                            "\"address-pools:\\n- name: x\\n\"\n"}});
    ASSERT_FALSE(plan.errors.empty());
    EXPECT_THAT(plan.errors[0].to_string(), HasSubstr("file:4:11"));
}

}  // namespace
}  // namespace trivet::cli
