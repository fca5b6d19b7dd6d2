#include "core/cluster_state.hpp"

#include <gtest/gtest.h>

#include "tests/core/state_fixture.hpp"

namespace trivet {
namespace {

using test::StateFixture;

TEST(ClusterState, FirstVipGetsTheFirstAddress) {
    StateFixture f;
    ASSERT_TRUE(f.pool("default", R"("addresses": ["192.168.245.100-192.168.245.150"])"));
    ASSERT_TRUE(f.vip("web", R"("ports": ["80/tcp"])"));
    EXPECT_EQ(f.addresses("web"), "192.168.245.100");
    EXPECT_EQ(f.reason("web"), "");
    const auto restored = ClusterState::restore(f.saved(), LogIndex(f.index()));
    ASSERT_TRUE(restored) << restored.error().message;
    EXPECT_EQ(test::picture(*restored, f.saved()), test::picture(f.state, f.saved()));
}

}  // namespace
}  // namespace trivet
