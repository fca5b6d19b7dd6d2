#include "daemon/lease/lease_events.hpp"

#include <thread>

#include <poll.h>

#include <gtest/gtest.h>

#include "daemon/lease/lease_board.hpp"

namespace trivet::daemon {

namespace {

bool is_raised(const LeaseEventPipe& pipe) {
    pollfd ready{pipe.descriptor(), POLLIN, 0};
    return ::poll(&ready, 1, 0) == 1;
}

TEST(LeaseEventPipe, EventsAreSeenWhenTheyArePublished) {
    LeaseEventPipe pipe;
    pipe.push(GroupClosed{1});
    EXPECT_FALSE(pipe.pop());
    EXPECT_FALSE(is_raised(pipe));
    pipe.publish();
    EXPECT_TRUE(is_raised(pipe));
    EXPECT_EQ(std::get<GroupClosed>(*pipe.pop()).group, 1u);
    EXPECT_FALSE(pipe.pop());
    pipe.clear();
    pipe.publish();  // nothing new
    EXPECT_FALSE(is_raised(pipe));
}

TEST(LeaseEventPipe, WhatDoesNotFitIsLostAndThatIsTold) {
    LeaseEventPipe pipe;
    for (lease::Group i = 1; i <= LeaseEventPipe::events_max + 10; ++i) pipe.push(GroupClosed{i});
    pipe.publish();
    for (lease::Group i = 1; i <= LeaseEventPipe::events_max; ++i)
        ASSERT_EQ(std::get<GroupClosed>(*pipe.pop()).group, i);
    EXPECT_TRUE(std::holds_alternative<EventsLost>(*pipe.pop()));
    EXPECT_FALSE(pipe.pop());
    pipe.push(GroupClosed{7});
    pipe.publish();
    EXPECT_EQ(std::get<GroupClosed>(*pipe.pop()).group, 7u);
    EXPECT_FALSE(pipe.pop());
}

TEST(LeaseEventPipe, TwoThreadsKeepTheOrder) {
    LeaseEventPipe pipe;
    constexpr lease::Group last = 200'000;
    std::thread producer([&] {
        for (lease::Group i = 1; i <= last; ++i) {
            pipe.push(GroupClosed{i});
            if (i % 3 == 0 || i == last) pipe.publish();
        }
        pipe.publish();
    });
    lease::Group before = 0, seen = 0, lost = 0;
    bool is_over = false;
    while (!is_over || is_raised(pipe)) {
        is_over = producer.joinable() && before == last;
        pollfd ready{pipe.descriptor(), POLLIN, 0};
        if (::poll(&ready, 1, 200) == 0) break;  // it fell silent
        pipe.clear();
        while (const auto event = pipe.pop()) {
            if (const auto* closed = std::get_if<GroupClosed>(&*event)) {
                ASSERT_GT(closed->group, before);
                before = closed->group;
                ++seen;
            } else {
                ++lost;
            }
        }
    }
    producer.join();
    EXPECT_TRUE(seen == last || lost > 0);
}

TEST(LeaseBoard, CountersHaveNames) {
    EXPECT_EQ(to_string(LeaseCounter::packets_received), "packets_received");
    EXPECT_EQ(to_string(LeaseCounter::dropped_replayed), "dropped_replayed");
    EXPECT_EQ(to_string(LeaseCounter::unsent_unsure), "unsent_unsure");
    EXPECT_EQ(to_string(LeaseCounter::stalls), "stalls");
}

TEST(LeaseBoard, PeersThatLeftMakeRoomForOthers) {
    LeaseBoard board;
    for (std::uint64_t i = 1; i <= lease::nodes_max; ++i)
        board.note_packet(NodeId(i), Instant{Duration{i}}, true);
    board.note_packet(NodeId(1000), Instant{Duration{1000}}, false);
    const LeaseStatus status = board.read();
    ASSERT_EQ(status.peers.size(), lease::nodes_max);
    EXPECT_EQ(status.peers[0].node, NodeId(1000));
    EXPECT_EQ(status.peers[0].last_ack, std::nullopt);
    EXPECT_EQ(status.peers[1].last_ack, Instant{Duration{2}});
}

}  // namespace

}  // namespace trivet::daemon
