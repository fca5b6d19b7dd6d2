#include "daemon/lease/lease_orders.hpp"

#include <gtest/gtest.h>

namespace trivet::daemon {

namespace {

IpAddress vip(std::uint32_t number) { return IpAddress::v4(0x0a000000u + number); }

std::shared_ptr<const lease::View> view_of(std::uint64_t index) {
    auto view = std::make_shared<lease::View>();
    view->index = LogIndex(index);
    return view;
}

lease::GroupTable::Changes changes(std::vector<std::pair<IpAddress, lease::Group>> set,
                                   std::vector<IpAddress> erased = {}) {
    lease::GroupTable::Changes changes;
    changes.set = std::move(set);
    changes.erased = std::move(erased);
    return changes;
}

class LeaseOrderQueueTest : public testing::Test {
protected:
    std::unique_ptr<LeasePlan> next_plan() {
        auto order = channel.orders.pop();
        return order ? std::move(std::get<std::unique_ptr<LeasePlan>>(*order)) : nullptr;
    }
    void give_back(std::unique_ptr<LeasePlan> plan) {
        ASSERT_TRUE(channel.returns.push(std::move(plan)));
        channel.returns.publish();
    }
    LeaseOrderChannel channel;
    LeaseOrderQueue queue{channel};
};

TEST_F(LeaseOrderQueueTest, MovesSayWhereAnAddressWas) {
    queue.add_plan(view_of(1), changes({{vip(1), 1}, {vip(2), 2}}));
    EXPECT_EQ(next_plan()->moves,
              (std::vector<GateMove>{{vip(1), 0, 1, false}, {vip(2), 0, 2, false}}));
    queue.add_plan(view_of(2), changes({{vip(1), 3}}, {vip(2), vip(9)}));
    const auto plan = next_plan();
    EXPECT_EQ(plan->moves, (std::vector<GateMove>{{vip(1), 1, 3, false}, {vip(2), 2, 0, true}}));
    EXPECT_EQ(plan->spare.size(), 2u);
    queue.add_plan(view_of(3), changes({{vip(1), 3}, {vip(2), 4}}));  // 3 is no news
    EXPECT_EQ(next_plan()->moves, (std::vector<GateMove>{{vip(2), 0, 4, false}}));
}

TEST_F(LeaseOrderQueueTest, PlansThatWaitBecomeOne) {
    const auto all = LeaseOrderChannel::packages_max;
    for (std::uint64_t i = 1; i <= all; ++i) queue.add_plan(view_of(i), changes({{vip(1), 1}}));
    queue.add_plan(view_of(100), changes({{vip(1), 2}, {vip(2), 2}}));
    queue.add_plan(view_of(101), changes({{vip(1), 3}}, {vip(2)}));
    std::vector<std::unique_ptr<LeasePlan>> taken;
    while (auto plan = next_plan()) taken.push_back(std::move(plan));
    ASSERT_EQ(taken.size(), all);
    queue.pump();
    EXPECT_EQ(next_plan(), nullptr);  // nothing came back
    give_back(std::move(taken.front()));
    queue.pump();
    const auto plan = next_plan();
    ASSERT_NE(plan, nullptr);
    EXPECT_EQ(plan->view->index, LogIndex(101));
    EXPECT_EQ(plan->moves, (std::vector<GateMove>{{vip(1), 1, 3, false}}));
}

TEST_F(LeaseOrderQueueTest, APlanDoesNotOvertakeARelease) {
    for (std::uint64_t i = 1; i <= LeaseOrderChannel::packages_max; ++i)
        queue.add_plan(view_of(i), changes({}));
    queue.add_plan(view_of(100), changes({}));
    queue.add_release();
    queue.add_plan(view_of(101), changes({}));
    for (std::uint64_t i = 1; i <= LeaseOrderChannel::packages_max; ++i) give_back(next_plan());
    queue.pump();
    EXPECT_EQ(next_plan()->view->index, LogIndex(100));
    EXPECT_TRUE(std::holds_alternative<ReleaseOrder>(*channel.orders.pop()));
    EXPECT_EQ(next_plan()->view->index, LogIndex(101));
}

TEST_F(LeaseOrderQueueTest, KeysThatWaitHaveALimit) {
    const auto room = LeaseOrderChannel::orders_max + LeaseOrderQueue::waiting_max;
    for (std::size_t i = 0; i < room; ++i)
        ASSERT_TRUE(queue.add_key({.peer = NodeId(1), .use = LeaseKeyUse::send, .key = {}}));
    const auto refused = queue.add_key({.peer = NodeId(1), .use = LeaseKeyUse::send, .key = {}});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::exhausted);
}

}  // namespace

}  // namespace trivet::daemon
