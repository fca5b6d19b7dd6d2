#include "announce/prefix_cover.hpp"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trivet::announce {
namespace {

using testing::ElementsAre;

std::set<IpAddress> addresses(const std::vector<std::string>& texts) {
    std::set<IpAddress> set;
    for (const std::string& text : texts) set.insert(IpAddress::parse(text).value());
    return set;
}

std::set<IpAddress> run_of(const std::string& first, int count) {
    std::set<IpAddress> set;
    IpAddress address = IpAddress::parse(first).value();
    for (int i = 0; i < count; ++i, address = address.next()) set.insert(address);
    return set;
}

std::vector<std::string> cover(const std::set<IpAddress>& set, std::size_t max_count) {
    std::vector<std::string> texts;
    for (const Prefix& prefix : covering_prefixes(set, max_count))
        texts.push_back(prefix.to_string());
    return texts;
}

TEST(PrefixCover, OfNothingIsNothing) { EXPECT_THAT(cover({}, 1), ElementsAre()); }

TEST(PrefixCover, IsExactWhereItMay) {
    EXPECT_THAT(cover(addresses({"192.0.2.7"}), 64), ElementsAre("192.0.2.7/32"));
    EXPECT_THAT(cover(run_of("192.0.2.0", 256), 64), ElementsAre("192.0.2.0/24"));
    EXPECT_THAT(cover(run_of("192.168.245.100", 51), 64),
                ElementsAre("192.168.245.100/30", "192.168.245.104/29", "192.168.245.112/28",
                            "192.168.245.128/28", "192.168.245.144/30", "192.168.245.148/31",
                            "192.168.245.150/32"));
    EXPECT_THAT(cover(run_of("fd77::fffe", 4), 64), ElementsAre("fd77::fffe/127", "fd77::1:0/127"));
}

TEST(PrefixCover, WholeAddressSpaceEndsInOnePrefix) {
    EXPECT_THAT(cover(addresses({"0.0.0.0", "255.255.255.255"}), 1), ElementsAre("0.0.0.0/0"));
    EXPECT_THAT(cover(addresses({"::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}), 1),
                ElementsAre("::/0"));
}

TEST(PrefixCover, WidensWhereTheGapIsSmallest) {
    EXPECT_THAT(cover(addresses({"10.0.0.1", "10.0.0.3", "10.0.8.1", "10.99.0.1"}), 3),
                ElementsAre("10.0.0.0/30", "10.0.8.1/32", "10.99.0.1/32"));
    EXPECT_THAT(cover(addresses({"10.0.0.1", "10.0.0.3", "10.0.8.1", "10.99.0.1"}), 2),
                ElementsAre("10.0.0.0/20", "10.99.0.1/32"));
}

/// Whatever the set and the limit: every address is covered, prefixes are sorted and disjoint, and
/// there are no more of them than asked for.
TEST(PrefixCover, HoldsAllAndOverlapsNever) {
    std::mt19937_64 random(20240607);
    for (int round = 0; round < 300; ++round) {
        std::set<IpAddress> set;
        const auto spread = std::uint32_t{1} << (4 + random() % 24);
        const std::size_t count = 1 + random() % 200;
        for (std::size_t i = 0; i < count; ++i)
            set.insert(IpAddress::v4(0x0a000000U + static_cast<std::uint32_t>(random() % spread)));
        const std::size_t max_count = 1 + random() % 70;
        const std::vector<Prefix> prefixes = covering_prefixes(set, max_count);
        ASSERT_LE(prefixes.size(), max_count);
        for (std::size_t i = 1; i < prefixes.size(); ++i)
            ASSERT_LT(prefixes[i - 1].last(), prefixes[i].address()) << "round " << round;
        for (const IpAddress address : set)
            ASSERT_TRUE(std::ranges::any_of(
                prefixes, [&](const Prefix& prefix) { return prefix.contains(address); }))
                << address.to_string() << " in round " << round;
        if (set.size() > max_count) continue;
        for (const Prefix& prefix : prefixes)  // exact, as it could be
            for (IpAddress a = prefix.address(); a <= prefix.last(); a = a.next())
                ASSERT_TRUE(set.contains(a));
    }
}

}  // namespace
}  // namespace trivet::announce
