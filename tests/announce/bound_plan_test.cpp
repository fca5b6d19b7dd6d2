#include "announce/bound_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trivet::announce {
namespace {

using testing::ElementsAre;

IpAddress ip(const std::string& text) { return IpAddress::parse(text).value(); }

TEST(BoundPlan, AddsWhatIsMissingAndRemovesOnlyOurOwn) {
    const BoundPlan plan =
        plan_bound_addresses({ip("192.0.2.1"), ip("192.0.2.2"), ip("fd77::1")},
                             {{ip("127.0.0.1"), 8, 0},
                              {ip("192.0.2.2"), 32, bound_address_protocol},
                              {ip("192.0.2.3"), 32, bound_address_protocol},  // left by a crash
                              {ip("192.0.2.4"), 32, 0},                       // somebody else's
                              {ip("fd77::9"), 128, bound_address_protocol}});
    EXPECT_THAT(plan.add, ElementsAre(ip("192.0.2.1"), ip("fd77::1")));
    EXPECT_THAT(plan.remove, ElementsAre(ip("192.0.2.3"), ip("fd77::9")));
    EXPECT_THAT(plan.foreign, ElementsAre());
}

TEST(BoundPlan, LeavesAnAddressThatSomebodyElsePutThere) {
    const BoundPlan plan = plan_bound_addresses({ip("192.0.2.1")}, {{ip("192.0.2.1"), 32, 4}});
    EXPECT_EQ(plan, (BoundPlan{.add = {}, .remove = {}, .foreign = {ip("192.0.2.1")}}));
}

/// Our number on something that we never make (a network): another program chose it too.
TEST(BoundPlan, RemovesHostAddressesAlone) {
    const BoundPlan plan =
        plan_bound_addresses({}, {{ip("192.0.2.1"), 24, bound_address_protocol}});
    EXPECT_EQ(plan, BoundPlan{});
}

}  // namespace
}  // namespace trivet::announce
