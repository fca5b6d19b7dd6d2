#include "cloud/object_cache.hpp"

#include <gtest/gtest.h>

#include "tests/cloud/kube_values.hpp"

namespace trivet::cloud {
namespace {

using test::json_of;
using test::service_json;
using Keys = std::vector<std::string>;

nlohmann::json at_version(const std::string& name, const std::string& version) {
    return service_json(name, R"({"metadata": {"resourceVersion": ")" + version + "\"}}");
}

TEST(ObjectCache, AListReplacesAllAtOnce) {
    ObjectCache<Service> cache(read_service);
    cache.begin_list();
    for (const char* name : {"a", "b", "c"}) ASSERT_TRUE(cache.stage(at_version(name, "1")));
    EXPECT_TRUE(cache.entries().empty()) << "not before the last page";
    EXPECT_EQ(cache.commit_list().changed, (Keys{"shop/a", "shop/b", "shop/c"}));
    cache.begin_list();
    ASSERT_TRUE(cache.stage(at_version("z", "1")));
    cache.begin_list();  // that list did not come to its end
    ASSERT_TRUE(cache.stage(at_version("a", "1")));
    ASSERT_TRUE(cache.stage(at_version("b", "2")));
    ASSERT_TRUE(cache.stage(at_version("d", "2")));
    const CacheChange change = cache.commit_list();
    EXPECT_EQ(change.changed, (Keys{"shop/b", "shop/c", "shop/d"}));
    EXPECT_EQ(change.vanished, Keys{"shop/c"});
    EXPECT_EQ(cache.object("shop/c"), nullptr);
    EXPECT_NE(cache.object("shop/d"), nullptr);
}

// Nobody may take what cannot be read for gone.
TEST(ObjectCache, WhatCannotBeReadIsThereWithItsReason) {
    ObjectCache<Service> cache(read_service);
    auto odd = at_version("odd", "1");
    odd["spec"]["ports"][0]["protocol"] = "QUIC";
    EXPECT_EQ(*cache.put(odd), "shop/odd");
    EXPECT_EQ(cache.object("shop/odd"), nullptr);
    ASSERT_NE(cache.find("shop/odd"), nullptr);
    EXPECT_NE(cache.find("shop/odd")->problem.find("QUIC"), std::string::npos);
    EXPECT_EQ(*cache.put(at_version("odd", "2")), "shop/odd");
    EXPECT_NE(cache.object("shop/odd"), nullptr);
}

TEST(ObjectCache, TheSameVersionChangesNothing) {
    ObjectCache<Service> cache(read_service);
    EXPECT_EQ(*cache.put(at_version("a", "1")), "shop/a");
    EXPECT_EQ(*cache.put(at_version("a", "1")), std::nullopt);
    EXPECT_EQ(*cache.put(at_version("a", "2")), "shop/a");
    EXPECT_EQ(*cache.erase(at_version("a", "3")), "shop/a");
    EXPECT_EQ(*cache.erase(at_version("a", "3")), std::nullopt);
    EXPECT_FALSE(cache.put(json_of(R"({"metadata": {"name": "a"}})")));
    EXPECT_FALSE(cache.erase(json_of("{}")));
    EXPECT_FALSE(cache.stage(json_of("[]")));
}

}  // namespace
}  // namespace trivet::cloud
