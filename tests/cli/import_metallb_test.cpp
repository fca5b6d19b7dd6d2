#include "cli/import_metallb.hpp"

#include <gmock/gmock.h>

#include "tests/cli/metallb_texts.hpp"

namespace trivet::cli {
namespace {

using testing::HasSubstr;

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
