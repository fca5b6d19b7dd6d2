#include "daemon/lease/gate_keeper.hpp"

#include <gmock/gmock.h>

#include "tests/daemon/lease/recording_gate.hpp"

namespace trivet::daemon {

namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

IpAddress vip(std::uint32_t number) { return IpAddress::v4(0x0a000000u + number); }

constexpr Instant start{1000s};
constexpr Duration right = 80ms;

/// One node's keeper: group 1 is open for 10.0.0.1 and 10.0.0.2, group 2 closed for 10.0.0.3.
class GateKeeperTest : public testing::Test {
protected:
    GateKeeperTest() {
        EXPECT_TRUE(keeper.close_at_start());
        adopt({{vip(1), 0, 1}, {vip(2), 0, 1}, {vip(3), 0, 2}}, {{1, now + right}, {2, Instant{}}});
        gate.calls.clear();
    }

    using Deadlines = std::vector<std::pair<lease::Group, Instant>>;
    /// As the machine does it with a view: first deadlines, then addresses, then old groups close.
    void adopt(const std::vector<GateMove>& moves, const Deadlines& deadlines,
               const std::vector<lease::Group>& retracted = {}) {
        LeaseLinger::Entries spare;
        for (const GateMove& move : moves)
            if (move.before != 0) spare[move.address];
        keeper.remember_open();
        for (const auto& [group, until] : deadlines) keeper.set_deadline(group, until, now);
        keeper.adopt(moves, spare, lease_deadline(), now);
        for (const lease::Group group : retracted) keeper.set_deadline(group, Instant{}, now);
        keeper.flush(now);
    }
    void renew(const std::vector<lease::Group>& groups) {
        for (const lease::Group group : groups) keeper.set_deadline(group, now + right, now);
        keeper.extend_linger(lease_deadline(), now);
        keeper.flush(now);
    }
    /// Time passes; `groups` are renewed every 20 ms, and timers fire when they are due.
    void pass(Duration duration, const std::vector<lease::Group>& groups) {
        for (const Instant end = now + duration; now < end;) {
            now += 1ms;
            if (const auto next = keeper.next_deadline(); next && *next <= now) {
                keeper.on_timer(now);
                keeper.flush(now);
            }
            if ((now - start) % 20ms == 0ms) renew(groups);
        }
    }
    Instant lease_deadline() const { return now + right; }
    bool announces(std::uint32_t number) const { return gate.announces(vip(number), now); }
    bool accepts(std::uint32_t number) const { return gate.accepts(vip(number), now); }

    Instant now = start;
    test::RecordingGate gate;
    GateKeeper keeper{gate};
};

TEST_F(GateKeeperTest, AtStartEveryGroupIsClosed) {  // H1
    test::RecordingGate fresh;
    GateKeeper first(fresh);
    EXPECT_TRUE(first.close_at_start());
    EXPECT_EQ(fresh.deadlines.size(), gate_groups_max - 1);  // 0 is never opened
    for (const auto& [group, deadlines] : fresh.deadlines) EXPECT_EQ(deadlines, GateDeadlines{});
}

TEST_F(GateKeeperTest, AGroupIsOpenUntilItsDeadlineAndNoLonger) {
    EXPECT_TRUE(announces(1) && accepts(1));
    EXPECT_FALSE(announces(3) || accepts(3));
    now += right - 1ns;
    EXPECT_TRUE(announces(1) && accepts(1));
    now += 1ns;  // a missed renewal ends both
    EXPECT_FALSE(announces(1) || accepts(1));
}

TEST_F(GateKeeperTest, WhatDoesNotChangeIsNotWritten) {
    const auto calls = gate.deadline_calls;
    keeper.flush(now);
    renew({1});
    EXPECT_EQ(gate.deadline_calls, calls);  // the same deadline
    now += 20ms;
    renew({1});
    EXPECT_EQ(gate.deadline_calls, calls + 1);
}

TEST_F(GateKeeperTest, ALostAddressStopsAnnouncingAtOnceAndAcceptsForASecond) {
    adopt({{vip(1), 1, 3}}, {{1, now + right}, {3, Instant{}}});
    EXPECT_THAT(gate.calls, ElementsAre("10.0.0.1 -> linger"));
    EXPECT_FALSE(announces(1));
    EXPECT_TRUE(accepts(1));
    EXPECT_TRUE(announces(2));  // not moved, and not disturbed
    pass(999ms, {1});
    EXPECT_TRUE(accepts(1));
    EXPECT_TRUE(announces(2));
    pass(1ms, {1});
    EXPECT_FALSE(accepts(1));
    EXPECT_THAT(gate.calls, ElementsAre("10.0.0.1 -> linger", "10.0.0.1 -> 3"));
    EXPECT_EQ(keeper.next_deadline(), std::nullopt);
}

TEST_F(GateKeeperTest, AnErasedAddressLingersAndIsErasedAfterwards) {
    adopt({{vip(1), 1, 0, true}, {vip(3), 2, 0, true}}, {{1, now + right}});
    EXPECT_THAT(gate.calls, ElementsAre("10.0.0.1 -> linger", "erase 10.0.0.3"));
    pass(1s, {1});
    EXPECT_THAT(gate.calls, ElementsAre("10.0.0.1 -> linger", "erase 10.0.0.3", "erase 10.0.0.1"));
}

TEST_F(GateKeeperTest, WhatIsLostIsClosedBeforeWhatIsWonOpens) {  // H5
    adopt({{vip(3), 2, 1}, {vip(4), 0, 1}, {vip(1), 1, 0}}, {{1, now + right}});
    EXPECT_THAT(gate.calls, ElementsAre("10.0.0.1 -> linger", "10.0.0.3 -> 1", "10.0.0.4 -> 1"));
}

TEST_F(GateKeeperTest, AnAddressBetweenTwoOpenGroupsNeverCloses) {
    adopt({{vip(1), 1, 5}, {vip(2), 1, 5}}, {{5, now + right}}, {1});
    EXPECT_THAT(gate.calls, ElementsAre("10.0.0.1 -> 5", "10.0.0.2 -> 5"));
    EXPECT_TRUE(announces(1) && announces(2));
    EXPECT_EQ(gate.deadlines[1], GateDeadlines{});
}

TEST_F(GateKeeperTest, LingerEndsAtOnceWhenTheNewGroupOpens) {
    adopt({{vip(1), 1, 3}, {vip(2), 1, 4}}, {{3, Instant{}}, {4, Instant{}}}, {1});
    pass(10ms, {});
    renew({3});
    EXPECT_THAT(gate.calls,
                ElementsAre("10.0.0.1 -> linger", "10.0.0.2 -> linger", "10.0.0.1 -> 3"));
    EXPECT_TRUE(announces(1));
    EXPECT_FALSE(announces(2));
}

TEST_F(GateKeeperTest, LingerEndsWithTheLeaseAndDoesNotComeBack) {
    adopt({{vip(1), 1, 3}}, {{3, Instant{}}}, {1});
    now += right;
    EXPECT_FALSE(accepts(1));
    keeper.extend_linger(lease_deadline(), now);  // a majority is there again
    keeper.flush(now);
    EXPECT_FALSE(accepts(1));
    keeper.on_timer(now);
    EXPECT_THAT(gate.calls, ElementsAre("10.0.0.1 -> linger", "10.0.0.1 -> 3"));
}

TEST_F(GateKeeperTest, WhileItLingersTheNewestPlanSaysWhereAnAddressGoes) {
    adopt({{vip(1), 1, 3}}, {{1, now + right}, {3, Instant{}}});
    pass(500ms, {1});
    adopt({{vip(1), 3, 4}}, {{1, now + right}, {3, now + right}, {4, Instant{}}});
    // Group 3 opened in the same moment: the address is not in it any more.
    EXPECT_FALSE(announces(1));
    EXPECT_TRUE(accepts(1));
    pass(500ms, {1, 3});
    EXPECT_FALSE(accepts(1));
    EXPECT_THAT(gate.calls, ElementsAre("10.0.0.1 -> linger", "10.0.0.1 -> 4"));
}

TEST_F(GateKeeperTest, AnErasedAddressThatComesBackWhileItLingers) {
    adopt({{vip(1), 1, 0, true}}, {{1, now + right}});
    pass(100ms, {1});
    adopt({{vip(1), 0, 3}}, {{1, now + right}, {3, now + right}});
    EXPECT_THAT(gate.calls, ElementsAre("10.0.0.1 -> linger", "10.0.0.1 -> 3"));
    EXPECT_TRUE(announces(1));
    pass(1s, {1, 3});
    EXPECT_TRUE(announces(1));
}

TEST_F(GateKeeperTest, ReleasedGroupsAcceptUntilTheirLeaseRunsOut) {  // H6
    keeper.close_all(true, now);
    keeper.set_deadline(1, Instant{}, now);  // what the machine publishes afterwards
    keeper.flush(now);
    EXPECT_FALSE(announces(1));
    EXPECT_TRUE(accepts(1));
    // The plan takes its addresses away: the linger goes no further than the old lease.
    LeaseLinger::Entries spare{{vip(1), {}}};
    keeper.remember_open();
    keeper.adopt(std::vector<GateMove>{{vip(1), 1, 3}}, spare, Instant{}, now);
    keeper.flush(now);
    EXPECT_FALSE(announces(1));
    now += right - 1ns;
    EXPECT_TRUE(accepts(1) && accepts(2));
    now += 1ns;
    EXPECT_FALSE(accepts(1) || accepts(2));
}

TEST_F(GateKeeperTest, TheEndOfALeaseClosesWhatLingersToo) {  // H7
    adopt({{vip(1), 1, 3}}, {{1, now + right}, {3, Instant{}}});
    keeper.close_all(false, now);
    EXPECT_FALSE(accepts(1) || accepts(2));
    keeper.on_timer(now);
    EXPECT_THAT(gate.calls, ElementsAre("10.0.0.1 -> linger", "10.0.0.1 -> 3"));
}

TEST_F(GateKeeperTest, PlansOfASecondShareTheGroupsThatLinger) {
    for (std::uint32_t i = 10; i < 1510; ++i) adopt({{vip(i), 0, 1}}, {{1, now + right}});
    gate.calls.clear();
    for (std::uint32_t i = 10; i < 1510; ++i) {  // 500 plans a second
        adopt({{vip(i), 1, 3}}, {{1, now + right}, {3, Instant{}}});
        pass(2ms, {1});
        EXPECT_TRUE(accepts(i));
    }
    pass(1s, {1});
    for (std::uint32_t i = 10; i < 1510; ++i) EXPECT_EQ(gate.groups[vip(i)], 3u);
    EXPECT_EQ(gate.calls.size(), 3000u);
}

TEST_F(GateKeeperTest, ManyAddressesMoveInBatches) {
    std::vector<GateMove> moves;
    for (std::uint32_t i = 10; i < 1010; ++i) moves.push_back({vip(i), 0, 1});
    adopt(moves, {{1, now + right}});
    for (GateMove& move : moves) move = {move.address, 1, 3};
    adopt(moves, {{1, now + right}, {3, Instant{}}});
    for (const GateMove& move : moves) EXPECT_TRUE(gate.accepts(move.address, now));
    LeaseLinger::Spent spent;
    pass(1s, {1});
    keeper.take_spent(spent);
    EXPECT_EQ(spent.size(), 1000u);
}

// ---- a gate that refuses ------------------------------------------------------------------------

TEST_F(GateKeeperTest, WhatTheGateDoesNotCloseIsUnsureUntilItClosesByItself) {
    gate.refuses_deadlines = true;
    keeper.set_deadline(1, Instant{}, now);
    keeper.flush(now);
    EXPECT_EQ(keeper.unsure_until(), now + right);
    EXPECT_EQ(keeper.refusals(), 1u);
    gate.refuses_deadlines = false;  // it is tried again
    keeper.flush(now);
    EXPECT_FALSE(announces(1) || accepts(1));
}

TEST_F(GateKeeperTest, ARenewalThatTheGateRefusesIsTriedAgain) {
    const Instant before = now + right;
    now += 20ms;
    gate.refuses_deadlines = true;
    renew({1});
    EXPECT_EQ(keeper.unsure_until(), Instant{});
    EXPECT_EQ(gate.of(vip(1)).announce_until, before);
    gate.refuses_deadlines = false;
    keeper.flush(now);
    EXPECT_EQ(gate.of(vip(1)).announce_until, now + right);
}

TEST_F(GateKeeperTest, WhereAddressesCannotMoveNothingOpensAnyMore) {
    gate.refuses_vips = true;
    adopt({{vip(1), 1, 3}}, {{1, now + right}, {3, Instant{}}});
    EXPECT_TRUE(keeper.is_broken());
    EXPECT_FALSE(announces(1) || accepts(1) || announces(2) || accepts(2));
    gate.refuses_vips = false;
    renew({1, 3});
    EXPECT_FALSE(announces(1) || announces(2));
}

}  // namespace

}  // namespace trivet::daemon
