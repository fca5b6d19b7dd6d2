#include <gmock/gmock.h>

#include "tests/cli/metallb_texts.hpp"

namespace trivet::cli {
namespace {

using testing::HasSubstr;

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
                 "spec.passwordSecret: differs: secrets of Kubernetes are not read here"},
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

}  // namespace
}  // namespace trivet::cli
