#include "tests/cli/metallb_texts.hpp"

namespace trivet::cli {
namespace {

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

}  // namespace
}  // namespace trivet::cli
