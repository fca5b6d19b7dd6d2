#include "dataplane/gate.hpp"

#include <gtest/gtest.h>

namespace trivet::dataplane {
namespace {

using namespace std::chrono_literals;
using Bytes = std::array<std::uint8_t, 16>;

Bytes key_of(const char* text) {
    const auto key = map_key(IpAddress::parse(text).value());
    Bytes bytes{};
    std::copy(std::begin(key.bytes), std::end(key.bytes), bytes.begin());
    return bytes;
}

TEST(GateMapKey, Ipv4IsMappedAndInNetworkOrder) {
    EXPECT_EQ(key_of("192.0.2.7"), (Bytes{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7}));
}

TEST(GateMapKey, Ipv6IsAsItIs) {
    EXPECT_EQ(key_of("2001:db8::1"),
              (Bytes{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}));
}

TEST(GateDeadlines, TheDefaultIsClosed) {
    EXPECT_EQ(GateDeadlines{}.announce_until, Instant{});
    EXPECT_EQ(GateDeadlines{}.accept_until, Instant{});
}

TEST(GateDeadlines, WhatCallersMayAskFor) {
    check_deadlines({.group = 1, .deadlines = {}});
    check_deadlines({.group = groups_max - 1,
                     .deadlines = {.announce_until = Instant(1s), .accept_until = Instant(1s)}});
    check_deadlines({.group = 1, .deadlines = {.announce_until = {}, .accept_until = Instant(1s)}});
}

TEST(GateDeadlinesDeathTest, TheClosedGroupAndNoGroupEndTheProcess) {
    EXPECT_DEATH(check_deadlines({.group = closed_group, .deadlines = {}}), "closed_group");
    EXPECT_DEATH(check_deadlines({.group = groups_max, .deadlines = {}}), "groups_max");
}

TEST(GateDeadlinesDeathTest, AnnouncingLongerThanAcceptingEndsTheProcess) {
    EXPECT_DEATH(check_deadlines(
                     {.group = 1,
                      .deadlines = {.announce_until = Instant(2s), .accept_until = Instant(1s)}}),
                 "announce_until");
}

TEST(GateDeadlinesDeathTest, ANegativeInstantEndsTheProcess) {
    EXPECT_DEATH(check_deadlines(
                     {.group = 1,
                      .deadlines = {.announce_until = Instant(-1ns), .accept_until = Instant(1s)}}),
                 "announce_until >= Instant");
}

}  // namespace
}  // namespace trivet::dataplane
