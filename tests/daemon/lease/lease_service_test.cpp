#include "daemon/lease/lease_service.hpp"

#include <sched.h>
#include <thread>

#include <boost/asio/steady_timer.hpp>

#include "daemon/lease/boot_clock.hpp"
#include "tests/daemon/lease/lease_cluster.hpp"
#include "tests/support/allocation_count.hpp"

namespace trivet::daemon {

namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using LeaseServiceTest = test::LeaseCluster;

const IpAddress vip = IpAddress::v4(0x0a4d0001);
const IpAddress other_vip = IpAddress::v4(0x0a4d0002);

// Node 1 is nodes[0]. V1: voters are silent for half a second first.

TEST_F(LeaseServiceTest, TheFirstCandidateOpensAndNobodyElse) {
    set_list(vip, {1, 2, 3});
    ASSERT_TRUE(run_until([&] { return announces(0, vip); }));
    ASSERT_TRUE(run_until([&] { return nodes[0].count<GroupOpened>() == 1; }));
    EXPECT_GE(nodes[0].count<PlanApplied>(), 1u);
    EXPECT_TRUE(accepts(0, vip));
    EXPECT_FALSE(announces(1, vip) || announces(2, vip));
    const auto& group =
        std::get<GroupOpened>(*std::ranges::find_if(nodes[0].events, [](const LeaseEvent& event) {
            return std::holds_alternative<GroupOpened>(event);
        }));
    EXPECT_TRUE(nodes[0].service->board()->is_open(group.group));
    EXPECT_EQ(nodes[0].service->status().open_groups, 1u);
    expect_one_announcer(vip);
}

TEST_F(LeaseServiceTest, WhenTheOwnersThreadStandsStillTheNextOpensAndTheOwnerStaysClosed) {
    set_list(vip, {1, 2, 3});
    ASSERT_TRUE(run_until([&] { return announces(0, vip); }));
    nodes[0].socket->pause();
    ASSERT_TRUE(run_until([&] { return announces(1, vip); }));
    EXPECT_FALSE(announces(0, vip) || accepts(0, vip));  // by itself
    ASSERT_TRUE(run_until([&] { return nodes[1].count<NodeFenced>() > 0; }));
    const auto fenced = std::ranges::find_if(nodes[1].events, [](const LeaseEvent& event) {
        return std::holds_alternative<NodeFenced>(event);
    });
    EXPECT_EQ(std::get<NodeFenced>(*fenced).node, NodeId(1));
    EXPECT_EQ(std::get<NodeFenced>(*fenced).epoch, Epoch(1));
    nodes[0].socket->resume();
    // H7: it is refused, gives all up, and asks to come back.
    ASSERT_TRUE(run_until([&] { return nodes[0].count<AdmissionWanted>() > 0; }));
    EXPECT_GT(nodes[0].count<ThreadStalled>(), 0u);
    record(std::get<NodeFenced>(*fenced));
    admit(1, Epoch(1));
    ASSERT_TRUE(run_until([&] {  // it serves again, at the end of the list
        return nodes[0].service->status().plan == index && announces(1, vip);
    }));
    EXPECT_FALSE(announces(0, vip));
    nodes[1].socket->cut(true);
    nodes[2].socket->cut(true);
    ASSERT_TRUE(run_until([&] { return !announces(1, vip); }));  // no majority
    nodes[2].socket->cut(false);
    ASSERT_TRUE(run_until([&] { return announces(2, vip); }));
    expect_one_announcer(vip);
}

TEST_F(LeaseServiceTest, AStandbyThatWasHeldUpDoesNotTakeOver) {
    set_list(vip, {1, 2, 3});
    ASSERT_TRUE(run_until([&] { return announces(0, vip); }));
    nodes[1].socket->pause();
    asio::steady_timer timer(io, 2 * lease::profile_of(profile).suspect);
    bool is_over = false;
    timer.async_wait([&](boost::system::error_code) { is_over = true; });
    ASSERT_TRUE(run_until([&] { return is_over; }));
    nodes[1].socket->resume();
    ASSERT_TRUE(run_until([&] { return nodes[1].count<ThreadStalled>() > 0; }));
    const auto sent = nodes[1].service->status().counter(LeaseCounter::packets_sent);
    ASSERT_TRUE(run_until([&] {
        return nodes[1].service->status().counter(LeaseCounter::packets_sent) > sent + 20;
    }));
    EXPECT_TRUE(announces(0, vip));
    EXPECT_EQ(nodes[0].count<GroupClosed>(), 0u);
    EXPECT_EQ(nodes[1].count<GroupOpened>(), 0u);
}

TEST_F(LeaseServiceTest, APlannedMoveAnnouncesOnceAndGoesOnAccepting) {
    set_list(vip, {1, 2, 3});
    set_list(other_vip, {1, 3, 2});
    ASSERT_TRUE(run_until([&] { return announces(0, vip) && announces(0, other_vip); }));
    set_list(vip, {2, 1, 3});
    ASSERT_TRUE(run_until([&] { return announces(1, vip); }));
    EXPECT_FALSE(announces(0, vip));
    EXPECT_TRUE(accepts(0, vip));
    ASSERT_TRUE(run_until([&] { return !accepts(0, vip); }));
    EXPECT_TRUE(announces(0, other_vip));
    expect_one_announcer(vip);
    EXPECT_EQ(nodes[0].gate->announced(other_vip).size(), 1u);  // not disturbed
    const auto before = nodes[0].gate->announced(vip).back();
    const auto after = nodes[1].gate->announced(vip).front();
    std::printf("nobody announced for %.3f ms\n",
                std::chrono::duration<double, std::milli>(after.from - before.until).count());
}

TEST_F(LeaseServiceTest, WhoReleasesIsClosedBeforeTheNextOpens) {
    set_list(vip, {1, 2, 3});
    ASSERT_TRUE(run_until([&] { return announces(0, vip); }));
    bool is_done = false;
    nodes[0].service->release([&] { is_done = true; });
    ASSERT_TRUE(run_until([&] { return is_done; }));
    EXPECT_FALSE(announces(0, vip));
    ASSERT_TRUE(run_until([&] { return announces(1, vip); }));
    nodes[0].service->stop();
    expect_one_announcer(vip);
    const auto before = nodes[0].gate->announced(vip).back();
    const auto after = nodes[1].gate->announced(vip).front();
    std::printf("nobody announced for %.3f ms\n",
                std::chrono::duration<double, std::milli>(after.from - before.until).count());
    EXPECT_LT(after.from - before.until, lease::profile_of(profile).suspect);
}

TEST_F(LeaseServiceTest, AStopWithoutAReleaseClosesTheGate) {
    set_list(vip, {1, 2, 3});
    ASSERT_TRUE(run_until([&] { return announces(0, vip); }));
    nodes[0].service->stop();
    EXPECT_FALSE(announces(0, vip) || accepts(0, vip));
    ASSERT_TRUE(run_until([&] { return announces(1, vip); }));
    expect_one_announcer(vip);
}

TEST_F(LeaseServiceTest, ANodeThatStartsAgainTakesPartWithItsNewKeys) {
    set_list(vip, {1, 2, 3});
    ASSERT_TRUE(run_until([&] { return announces(0, vip); }));
    start(1, 2);
    connect();
    tell_plan();
    ASSERT_TRUE(run_until(
        [&] { return nodes[1].service->status().counter(LeaseCounter::acks_received) > 0; }));
    nodes[2].socket->cut(true);  // now the restarted one is the majority
    const auto acks = [&] {
        const auto status = nodes[0].service->status();
        const auto peer = std::ranges::find(status.peers, NodeId(2), &LeaseStatus::Peer::node);
        return peer == status.peers.end() ? std::nullopt : peer->last_ack;
    };
    ASSERT_TRUE(run_until([&] { return acks() && announces(0, vip); }));
    const auto before = acks();
    ASSERT_TRUE(run_until([&] { return acks() > before; }));
    expect_one_announcer(vip);
}

// ---- the thread ---------------------------------------------------------------------------------

TEST_F(LeaseServiceTest, NothingIsAllocatedWhileLeasesAreRenewed) {
    set_list(vip, {1, 2, 3});
    set_list(other_vip, {2, 3, 1});
    ASSERT_TRUE(run_until([&] { return announces(0, vip) && announces(1, other_vip); }));
    const auto sent = [&] {
        return nodes[0].service->status().counter(LeaseCounter::packets_sent);
    };
    ASSERT_TRUE(run_until([&, from = sent()] { return sent() > from + 20; }));  // warm
    const std::uint64_t allocations = trivet::test::counted_allocations();
    EXPECT_GT(allocations, 0u);  // taking a view over allocates, so the count works
    ASSERT_TRUE(run_until([&, from = sent()] { return sent() > from + 100; }));
    EXPECT_EQ(trivet::test::counted_allocations(), allocations);
    // A take-over allocates nothing either.
    nodes[0].socket->cut(true);
    ASSERT_TRUE(run_until([&] { return announces(1, vip); }));
    EXPECT_EQ(trivet::test::counted_allocations(), allocations);
}

TEST_F(LeaseServiceTest, WhatIsNotPermittedIsToldOnceAndStandsInTheStatus) {
    for (const Node& node : nodes) {
        const LeaseStatus status = node.service->status();
        EXPECT_EQ(status.is_realtime, status.warnings.empty());
        EXPECT_EQ(status.warnings, node.log.lines);
        EXPECT_FALSE(status.is_locked);  // it was not asked for
    }
}

TEST_F(LeaseServiceTest, PlansThatWaitWhileTheThreadStandsStillAreTakenInOrder) {
    set_list(vip, {1, 2, 3});
    ASSERT_TRUE(run_until([&] { return announces(0, vip); }));
    nodes[2].socket->pause();
    for (int i = 0; i < 500; ++i)
        set_list(other_vip,
                 i % 2 == 0 ? std::vector<std::uint64_t>{3, 1} : std::vector<std::uint64_t>{1, 3});
    nodes[2].socket->resume();
    ASSERT_TRUE(run_until([&] { return nodes[2].service->status().plan == index; }));
    ASSERT_TRUE(run_until([&] { return announces(0, other_vip); }));
    expect_one_announcer(other_vip);
}

TEST_F(LeaseServiceTest, WhatStrangersSendIsCountedAndDropped) {
    set_list(vip, {1, 2, 3});
    ASSERT_TRUE(run_until([&] { return announces(0, vip); }));
    asio::ip::udp::socket stranger(io, {asio::ip::address_v4::loopback(), 0});
    const auto send = [&](const std::vector<std::byte>& bytes) {
        stranger.send_to(asio::buffer(bytes.data(), bytes.size()),
                         nodes[0].socket->local_endpoint());
    };
    std::vector<std::byte> packet(lease_packet_bytes_max);
    const auto sealed_by = [&](NodeId from, NodeId to, const LeaseKey& key) {
        LeaseGuard guard(from, lease::Boot(1));
        guard.set_peers(std::array{to});
        guard.set_key(to, LeaseKeyUse::send, key);
        packet.resize(lease_packet_bytes_max);
        packet.resize(guard.seal(to, lease::Release{.epoch = Epoch(1)}, packet));
        return packet;
    };
    send(std::vector<std::byte>(lease_packet_bytes_max + 500));
    send({});
    send(sealed_by(NodeId(2), NodeId(1), LeaseKey{}));  // as node 2, with a key of its own
    send(sealed_by(NodeId(9), NodeId(1), LeaseKey{}));
    send(sealed_by(NodeId(2), NodeId(3), LeaseKey{}));
    const auto count = [&](LeaseCounter counter) {
        return nodes[0].service->status().counter(counter);
    };
    EXPECT_TRUE(run_until([&] {
        return count(LeaseCounter::dropped_malformed) == 2 &&
               count(LeaseCounter::dropped_unknown_key) == 1 &&
               count(LeaseCounter::dropped_stranger) == 1 &&
               count(LeaseCounter::dropped_misdirected) == 1;
    }));
    EXPECT_TRUE(announces(0, vip));
}

TEST_F(LeaseServiceTest, ASecondThreadIsToldTheSame) {
    const auto pipe = std::make_shared<LeaseEventPipe>();
    start(0, 2, pipe);
    connect();
    asio::io_context other_io;
    std::vector<LeaseEvent> other_events;
    LeaseEventReader reader(other_io.get_executor(), pipe,
                            {.on_event =
                                 [&](const LeaseEvent& event) {
                                     other_events.push_back(event);
                                     if (std::holds_alternative<GroupOpened>(event))
                                         other_io.stop();
                                 },
                             .on_wake = {}});
    std::thread other([&] { other_io.run_for(20s); });
    set_list(vip, {1, 2, 3});
    EXPECT_TRUE(run_until([&] { return nodes[0].count<GroupOpened>() == 1; }));
    other.join();
    EXPECT_EQ(std::ranges::count_if(other_events,
                                    [](const LeaseEvent& event) {
                                        return std::holds_alternative<GroupOpened>(event);
                                    }),
              1);
}

}  // namespace

}  // namespace trivet::daemon
