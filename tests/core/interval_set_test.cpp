#include "core/interval_set.hpp"

#include <random>
#include <set>

#include <gtest/gtest.h>

#include "tests/core/test_objects.hpp"

namespace trivet {
namespace {

using test::address;
using test::range;

std::string text(const IntervalSet& set) {
    std::string list;
    for (const AddressRange& part : set.ranges())
        list += (list.empty() ? "" : " ") + part.first.to_string() + "-" + part.last.to_string();
    return list;
}

TEST(IntervalSet, TouchingRangesBecomeOne) {
    IntervalSet set;
    set.add(range("10.0.0.0/25"));
    set.add(range("10.0.0.128/25"));
    EXPECT_EQ(text(set), "10.0.0.0-10.0.0.255");
}

TEST(IntervalSet, FamiliesNeverTouch) {
    IntervalSet set;
    set.add(address("255.255.255.255"));
    set.add(address("::"));
    EXPECT_EQ(text(set), "255.255.255.255-255.255.255.255 ::-::");
    EXPECT_EQ(set.lowest(IpFamily::ipv6), address("::"));
}

TEST(IntervalSet, ReachesBothEndsOfAFamily) {
    IntervalSet set;
    set.add(range("::/0"));
    set.add(range("0.0.0.0/0"));
    set.remove(range("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
    set.remove(address("0.0.0.0"));
    EXPECT_EQ(text(set), "0.0.0.1-255.255.255.255 ::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe");
    EXPECT_EQ(set.size(IpFamily::ipv4), 4294967295u);
    EXPECT_EQ(set.size(IpFamily::ipv6), UINT64_MAX);
}

TEST(IntervalSet, RemovingFromTheMiddleSplits) {
    IntervalSet set;
    set.add(range("10.0.0.0-10.0.0.9"));
    set.remove(range("10.0.0.3-10.0.0.5"));
    EXPECT_EQ(text(set), "10.0.0.0-10.0.0.2 10.0.0.6-10.0.0.9");
    EXPECT_FALSE(set.contains(address("10.0.0.4")));
    EXPECT_TRUE(set.contains(address("10.0.0.6")));
}

TEST(IntervalSet, FirstGap) {
    IntervalSet set;
    EXPECT_EQ(set.first_gap(range("fd00::/64")), address("fd00::"));
    set.add(range("fd00::-fd00::ff"));
    EXPECT_EQ(set.first_gap(range("fd00::/64")), address("fd00::100"));
    EXPECT_EQ(set.first_gap(range("fd00::10-fd00::ff")), std::nullopt);
    set.add(range("fd00::/64"));
    EXPECT_EQ(set.first_gap(range("fd00::/64")), std::nullopt);
}

TEST(IntervalSet, LowestOfEachFamily) {
    IntervalSet set;
    EXPECT_EQ(set.lowest(IpFamily::ipv4), std::nullopt);
    set.add(range("fd00::/64"));
    EXPECT_EQ(set.lowest(IpFamily::ipv4), std::nullopt);
    EXPECT_EQ(set.lowest(IpFamily::ipv6), address("fd00::"));
    set.add(address("10.0.0.7"));
    EXPECT_EQ(set.lowest(IpFamily::ipv4), address("10.0.0.7"));
}

TEST(IntervalSet, DoesAsASetOfAddressesDoes) {
    std::mt19937 random(1);
    IntervalSet set;
    std::set<std::uint32_t> model;
    const auto pick = [&] { return std::uniform_int_distribution<std::uint32_t>(0, 99)(random); };
    for (int step = 0; step < 5000; ++step) {
        std::uint32_t first = pick();
        std::uint32_t last = std::min(99u, first + pick() / 10);
        const AddressRange part{IpAddress::v4(first), IpAddress::v4(last)};
        const bool adds = pick() < 50;
        adds ? set.add(part) : set.remove(part);
        for (std::uint32_t value = first; value <= last; ++value)
            adds ? static_cast<void>(model.insert(value)) : static_cast<void>(model.erase(value));
        for (std::uint32_t value = 0; value < 100; ++value)
            ASSERT_EQ(set.contains(IpAddress::v4(value)), model.contains(value)) << step;
        ASSERT_EQ(set.size(IpFamily::ipv4), model.size());
        ASSERT_EQ(set.lowest(IpFamily::ipv4).has_value(), !model.empty());
        const std::vector<AddressRange> ranges = set.ranges();
        for (std::size_t i = 1; i < ranges.size(); ++i)
            ASSERT_LT(ranges[i - 1].last.next(), ranges[i].first) << "ranges touch";
    }
}

}  // namespace
}  // namespace trivet
