#include "cloud/vip_names.hpp"

#include <random>
#include <set>

#include <gtest/gtest.h>

namespace trivet::cloud {
namespace {

TEST(VipNames, APlainServiceKeepsItsName) {
    const auto key = vip_key_of("c1", {"shop", "web"});
    ASSERT_TRUE(key) << key.error().message;
    EXPECT_EQ(key->to_string(), "vip/c1.shop/web");
    EXPECT_EQ(service_key_of("c1", *key), (ServiceKey{"shop", "web"}));
    EXPECT_EQ(service_key_of("c2", *key), std::nullopt);
    EXPECT_EQ(service_key_of("c", *key), std::nullopt) << "a prefix of the name is another cluster";
}

TEST(VipNames, ClustersHaveNoDot) {
    for (const char* good : {"c1", "a", "prod-eu-1"}) EXPECT_TRUE(check_cluster_name(good)) << good;
    EXPECT_TRUE(check_cluster_name(std::string(63, 'c')));
    for (const char* bad : {"", "a.b", "-a", "a-", "A", "a b"})
        EXPECT_FALSE(check_cluster_name(bad)) << bad;
    EXPECT_FALSE(check_cluster_name(std::string(64, 'c')));
}

TEST(VipNames, TheLongestOfKubernetesFit) {
    const ServiceKey longest{std::string(63, 'n'), std::string(63, 's')};
    const auto key = vip_key_of(std::string(63, 'c'), longest);
    ASSERT_TRUE(key) << key.error().message;
    EXPECT_EQ(service_key_of(std::string(63, 'c'), *key), longest);
}

TEST(VipNames, WhatTrivetCannotTakeIsEscaped) {
    for (const std::string& name :
         {std::string("Web"), std::string("a_b"), std::string("x--web"), std::string("x--"),
          std::string("\xc3\xa4"), std::string("-"), std::string(155, '_'), std::string(1, '\0')}) {
        const auto key = vip_key_of("c1", {"shop", name});
        ASSERT_TRUE(key) << name;
        EXPECT_TRUE(check_name("name", key->name)) << key->name;
        EXPECT_EQ(service_key_of("c1", *key), (ServiceKey{"shop", name})) << key->name;
    }
    EXPECT_FALSE(vip_key_of("c1", {"shop", std::string(157, '_')}));
    EXPECT_FALSE(vip_key_of("c1", {"a.b", "web"})) << "a dot would end the cluster's name";
    EXPECT_FALSE(vip_key_of("c1", {"", "web"}));
}

TEST(VipNames, WhatWeDidNotWriteIsNobodys) {
    for (const char* name : {"x--", "x--0", "x--zz", "x--1", "x--xyz", "x--00"}) {
        const auto service = service_key_of("c1", {Kind::vip, "c1.shop", name});
        if (!service) continue;
        EXPECT_EQ(vip_key_of("c1", *service)->name, name);
    }
    EXPECT_FALSE(service_key_of("c1", {Kind::vip, "c1.shop.more", "web"}));
    EXPECT_FALSE(service_key_of("c1", {Kind::vip, "c1", "web"}));
    EXPECT_FALSE(service_key_of("c1", {Kind::pool, "c1.shop", "web"}));
}

TEST(VipNames, NoTwoServicesHaveOneVip) {
    std::mt19937 random(7);
    std::set<std::string> services, vips;
    for (int i = 0; i < 20'000; ++i) {
        std::string name;
        const auto size = 1 + random() % 4;
        for (unsigned j = 0; j < size; ++j) name += "xX-a0_."[random() % 7];
        if (random() % 3 == 0) name = "x--" + name;
        if (!services.insert(name).second) continue;
        const auto key = vip_key_of("c1", {"shop", name});
        ASSERT_TRUE(key) << name;
        EXPECT_TRUE(vips.insert(key->name).second) << name << " is " << key->name << " again";
        ASSERT_EQ(service_key_of("c1", *key), (ServiceKey{"shop", name}));
    }
}

}  // namespace
}  // namespace trivet::cloud
