#include "cloud/service_wishes.hpp"

#include <gtest/gtest.h>

#include "tests/cloud/kube_values.hpp"

namespace trivet::cloud {
namespace {

using test::address;
using test::annotated;

struct Row {
    const char* name;
    const char* annotations;
    const char* load_balancer_ip;
    ServiceWishes expected;
    std::vector<const char*> refusal = {};  // what its text names; not empty: it is refused
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

class ServiceWishesOf : public testing::TestWithParam<Row> {};

TEST_P(ServiceWishesOf, AreReadFromAllPlaces) {
    const Row& row = GetParam();
    const auto wishes = wishes_of(annotated(
        row.annotations, std::string(R"({"loadBalancerIP": ")") + row.load_balancer_ip + "\"}"));
    ASSERT_EQ(wishes.has_value(), row.refusal.empty());
    if (wishes) {
        EXPECT_EQ(*wishes, row.expected);
        return;
    }
    for (const char* text : row.refusal)
        EXPECT_NE(wishes.error().message.find(text), std::string::npos) << wishes.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    All, ServiceWishesOf,
    testing::Values(
        Row{"None", "{}", "", {}},
        Row{"Ours",
            R"({"trivet.dev/pool": "lan", "trivet.dev/addresses": "192.0.2.1, fd00::1",
                "trivet.dev/sharing-key": "k"})",
            "",
            {"lan", {address("192.0.2.1"), address("fd00::1")}, "k"}},
        Row{"MetallbNew",
            R"({"metallb.io/address-pool": "lan", "metallb.io/loadBalancerIPs": "192.0.2.1",
                "metallb.io/allow-shared-ip": "k"})",
            "",
            {"lan", {address("192.0.2.1")}, "k"}},
        Row{"MetallbOld",
            R"({"metallb.universe.tf/address-pool": "lan",
                "metallb.universe.tf/loadBalancerIPs": "192.0.2.1",
                "metallb.universe.tf/allow-shared-ip": "k"})",
            "",
            {"lan", {address("192.0.2.1")}, "k"}},
        Row{"TheSameTwice",
            R"({"trivet.dev/pool": "lan", "metallb.io/address-pool": " lan ",
                "metallb.io/loadBalancerIPs": "fd00::1,192.0.2.1",
                "trivet.dev/addresses": "192.0.2.1,fd00:0::1"})",
            "192.0.2.1",
            {"lan", {address("192.0.2.1"), address("fd00::1")}, ""}},
        Row{"EmptyOnesSayNothing",
            R"({"trivet.dev/pool": "", "metallb.io/address-pool": "lan", "trivet.dev/addresses": " "})",
            " ",
            {"lan", {}, ""}},
        Row{"FieldAlone", "{}", "192.0.2.9", {"", {address("192.0.2.9")}, ""}},
        Row{"TwoPools",
            R"({"trivet.dev/pool": "lan", "metallb.io/address-pool": "wan"})",
            "",
            {},
            {"trivet.dev/pool", "'lan'", "metallb.io/address-pool", "'wan'"}},
        Row{"TwoPrefixes",
            R"({"metallb.universe.tf/allow-shared-ip": "a", "metallb.io/allow-shared-ip": "b"})",
            "",
            {},
            {"metallb.io/allow-shared-ip", "metallb.universe.tf/allow-shared-ip"}},
        Row{"TwoAddresses",
            R"({"trivet.dev/addresses": "192.0.2.1", "metallb.io/loadBalancerIPs": "192.0.2.2"})",
            "",
            {},
            {"192.0.2.1", "192.0.2.2", "trivet.dev/addresses", "metallb.io/loadBalancerIPs"}},
        Row{"FieldAgainstAnnotation",
            R"({"metallb.io/loadBalancerIPs": "192.0.2.2"})",
            "192.0.2.1",
            {},
            {"spec.loadBalancerIP", "metallb.io/loadBalancerIPs"}},
        Row{"NoAddress", R"({"trivet.dev/addresses": "192.0.2.1,web"})", "", {}, {"'web'"}},
        Row{"FieldIsNoAddress", "{}", "web", {}, {"spec.loadBalancerIP", "'web'"}}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace trivet::cloud
