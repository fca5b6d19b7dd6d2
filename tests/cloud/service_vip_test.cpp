#include "cloud/service_vip.hpp"

#include <gmock/gmock.h>

#include "tests/cloud/kube_values.hpp"

namespace trivet::cloud {
namespace {

using test::address;
using test::annotated;
using test::service;
using testing::HasSubstr;

const CloudOptions options{.cluster = "c1"};

struct Class {
    const char* name;
    const char* spec;
    bool handle_unclassed;
    bool asks;
};

void PrintTo(const Class& row, std::ostream* out) { *out << row.name; }

class AsksUs : public testing::TestWithParam<Class> {};

TEST_P(AsksUs, ByTypeAndClass) {
    const Class& row = GetParam();
    const CloudOptions wanted{.cluster = "c1", .handle_unclassed = row.handle_unclassed};
    EXPECT_EQ(asks_us(service("web", std::string(R"({"spec": )") + row.spec + "}"), wanted),
              row.asks);
}

INSTANTIATE_TEST_SUITE_P(
    All, AsksUs,
    testing::Values(Class{"Unclassed", "{}", true, true},
                    Class{"UnclassedIsLeftToOthers", "{}", false, false},
                    Class{"Ours", R"({"loadBalancerClass": "trivet.dev/lb"})", false, true},
                    Class{"Foreign", R"({"loadBalancerClass": "other.org/lb"})", true, false},
                    Class{"EmptyIsForeign", R"({"loadBalancerClass": ""})", true, false},
                    Class{"ClusterIP", R"({"type": "ClusterIP"})", true, false},
                    Class{"NodePort", R"({"type": "NodePort"})", true, false},
                    Class{"ExternalName", R"({"type": "ExternalName"})", true, false}),
    [](const auto& row) { return row.param.name; });

struct Families {
    const char* name;
    const char* spec;
    std::vector<IpFamily> families;
    IpFamilyPolicy policy;
};

void PrintTo(const Families& row, std::ostream* out) { *out << row.name; }

class VipFamilies : public testing::TestWithParam<Families> {};

TEST_P(VipFamilies, AreTheApiServers) {
    const Families& row = GetParam();
    const auto vip = vip_of(service("web", std::string(R"({"spec": )") + row.spec + "}"), {}, {},
                            options, nullptr);
    ASSERT_TRUE(vip) << vip.error().message;
    EXPECT_EQ(vip->ip_families, row.families);
    EXPECT_EQ(vip->ip_family_policy, row.policy);
}

constexpr IpFamily v4 = IpFamily::ipv4;
constexpr IpFamily v6 = IpFamily::ipv6;

INSTANTIATE_TEST_SUITE_P(
    All, VipFamilies,
    testing::Values(
        Families{"Single", "{}", {v4}, IpFamilyPolicy::single},
        Families{"SingleOfTheOther", R"({"ipFamilies": ["IPv6"]})", {v6}, IpFamilyPolicy::single},
        Families{"PreferWithOne",
                 R"({"ipFamilyPolicy": "PreferDualStack"})",
                 {v4},
                 IpFamilyPolicy::single},
        Families{"PreferWithBoth",
                 R"({"ipFamilies": ["IPv6", "IPv4"], "ipFamilyPolicy": "PreferDualStack"})",
                 {v6, v4},
                 IpFamilyPolicy::prefer_dual},
        Families{"Require",
                 R"({"ipFamilies": ["IPv4", "IPv6"], "ipFamilyPolicy": "RequireDualStack"})",
                 {v4, v6},
                 IpFamilyPolicy::require_dual},
        Families{"OldServer",
                 R"({"ipFamilies": null, "ipFamilyPolicy": null, "clusterIP": "fd00::7"})",
                 {v6},
                 IpFamilyPolicy::single},
        Families{"Headless",
                 R"({"ipFamilies": null, "ipFamilyPolicy": null, "clusterIP": "None"})",
                 {},
                 IpFamilyPolicy::single}),
    [](const auto& row) { return row.param.name; });

TEST(VipOf, CarriesWhatTheServiceSays) {
    const KubeNode kube =
        test::kube_node("worker1", "10.0.0.1", R"({"kubernetes.io/hostname": "n1"})");
    const KubeNode* const kube_list[]{&kube};
    const TrivetNode trivet[]{{"n1"}, {"n2"}};
    const NodeMap nodes(kube_list, trivet);
    const EndpointSlice slice =
        test::slice("a", R"([{"addresses": ["10.1.0.1"], "nodeName": "worker1"}])");
    const EndpointSlice* const list[]{&slice};
    const auto vip =
        vip_of(service("web", R"({"metadata": {"labels": {"app": "web", "trivet.dev/cluster": "c9"},
            "annotations": {"trivet.dev/pool": "lan", "trivet.dev/sharing-key": "k"}},
            "spec": {"externalTrafficPolicy": "Local",
                     "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "name": "http"}]}})"),
               list, nodes, options, nullptr);
    ASSERT_TRUE(vip) << vip.error().message;
    EXPECT_EQ(vip->name_space, "c1.shop");
    EXPECT_EQ(vip->name, "web");
    EXPECT_EQ(vip->pool, "lan");
    EXPECT_EQ(vip->sharing_key, "k");
    EXPECT_EQ(vip->traffic_policy, TrafficPolicy::local);
    EXPECT_EQ(vip->eligible_nodes, std::set<std::string>{"n1"});
    EXPECT_EQ(vip->delivery, Delivery::none);
    EXPECT_EQ(vip->ports, (std::vector<Port>{{53, Protocol::udp}, {53, Protocol::tcp}}));
    EXPECT_EQ(vip->backends,
              (std::vector<Backend>{
                  {Backend::Kind::server, {53, Protocol::tcp}, address("10.1.0.1"), 8080, "n1"}}));
    EXPECT_EQ(vip->labels, (Labels{{"app", "web"},
                                   {"trivet.dev/cluster", "c1"},
                                   {"trivet.dev/service-uid", "uid-of-web"}}))
        << "a Service cannot say that it is another cluster's";
    EXPECT_TRUE(made_by_us(*vip, options));
    EXPECT_FALSE(made_by_us(*vip, {.cluster = "c2"}));
}

TEST(VipOf, RefusesInTheWordsOfTheService) {
    const auto refusal = [](const Service& wants) {
        const auto vip = vip_of(wants, {}, {}, options, nullptr);
        return vip ? std::string("(none)") : vip.error().message;
    };
    const auto family = refusal(annotated("{}", R"({"loadBalancerIP": "fd00::1"})"));
    EXPECT_THAT(family, HasSubstr("fd00::1"));
    EXPECT_THAT(family, HasSubstr("spec.ipFamilies have no IPv6"));
    EXPECT_THAT(refusal(annotated(R"({"trivet.dev/pool": "No Pool"})")), HasSubstr("No Pool"));
    EXPECT_THAT(refusal(annotated(R"({"trivet.dev/sharing-key": "a b"})")),
                HasSubstr("sharing_key"));
    EXPECT_THAT(refusal(annotated(R"({"trivet.dev/addresses": "127.0.0.1"})")),
                HasSubstr("loopback"));
}

}  // namespace
}  // namespace trivet::cloud
