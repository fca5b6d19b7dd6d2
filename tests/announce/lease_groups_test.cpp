#include "announce/lease_groups.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/announce/l2_frames.hpp"

namespace trivet::announce {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const IpAddress a = ip("192.0.2.1"), b = ip("192.0.2.2");

TEST(LeaseGroups, OpenAndCloseWithTheirMembers) {
    LeaseGroups groups;
    groups.enter(7, a);
    groups.enter(7, b);
    EXPECT_FALSE(groups.is_open(7));
    EXPECT_TRUE(groups.set_open(7, true));
    EXPECT_FALSE(groups.set_open(7, true));
    EXPECT_TRUE(groups.is_open(7));
    EXPECT_THAT(groups.members(7), ElementsAre(a, b));
    groups.leave(7, a);
    EXPECT_THAT(groups.members(7), ElementsAre(b));
    EXPECT_TRUE(groups.set_open(7, false));
    EXPECT_FALSE(groups.set_open(7, false));
}

TEST(LeaseGroups, MayBeToldOfBeforeTheyHaveMembers) {
    LeaseGroups groups;
    EXPECT_TRUE(groups.set_open(7, true));
    groups.enter(7, a);
    EXPECT_TRUE(groups.is_open(7));
    groups.leave(7, a);
    EXPECT_TRUE(groups.is_open(7));
    EXPECT_THAT(groups.members(7), IsEmpty());
}

TEST(LeaseGroups, GroupZeroIsNeverOpen) {
    LeaseGroups groups;
    groups.enter(0, a);
    EXPECT_FALSE(groups.set_open(0, true));
    EXPECT_FALSE(groups.is_open(0));
}

}  // namespace
}  // namespace trivet::announce
