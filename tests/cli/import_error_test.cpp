#include <gmock/gmock.h>

#include "tests/cli/metallb_texts.hpp"

namespace trivet::cli {
namespace {

using testing::HasSubstr;

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

}  // namespace
}  // namespace trivet::cli
