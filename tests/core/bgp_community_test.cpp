#include "core/bgp_community.hpp"

#include <ostream>

#include <gtest/gtest.h>

namespace trivet {
namespace {

TEST(BgpCommunity, WellKnownNamesInAnySpelling) {
    EXPECT_EQ(well_known_community("no-export"), Community(0xFFFFFF01));
    EXPECT_EQ(well_known_community("NO_EXPORT"), Community(0xFFFFFF01));
    EXPECT_EQ(well_known_community("No-Advertise"), Community(0xFFFFFF02));
    EXPECT_EQ(well_known_community("no-export-subconfed"), Community(0xFFFFFF03));
    EXPECT_EQ(well_known_community("NOPEER"), Community(0xFFFFFF04));
    EXPECT_EQ(well_known_community("no-peer"), Community(0xFFFFFF04));
    EXPECT_EQ(well_known_community("GRACEFUL_SHUTDOWN"), Community(0xFFFF0000));
    EXPECT_EQ(well_known_community("blackhole"), Community(0xFFFF029A));
    EXPECT_EQ(well_known_community("accept-own"), Community(0xFFFF0001));
    EXPECT_EQ(well_known_community("llgr-stale"), Community(0xFFFF0006));
    EXPECT_EQ(well_known_community("no-llgr"), Community(0xFFFF0007));
    EXPECT_FALSE(well_known_community("no-exports"));
    EXPECT_FALSE(well_known_community(""));
}

TEST(BgpCommunity, Values) {
    EXPECT_EQ(parse_community_value("65000:100"), CommunityValue(Community(0xFDE80064)));
    EXPECT_EQ(parse_community_value("0:0"), CommunityValue(Community(0)));
    EXPECT_EQ(parse_community_value("large:4200000000:1:2"),
              CommunityValue(LargeCommunity{4200000000, 1, 2}));
    for (const char* text : {"", ":", "1", "65536:1", "1:65536", "1:2:3", "1:-2", "1: 2", "+1:2",
                             "large:1:2", "large:1:2:3:4", "large:4294967296:1:1", "Large:1:2:3"})
        EXPECT_FALSE(parse_community_value(text)) << text;
}

struct Extended {
    const char* text;
    std::uint64_t octets;  // as RFC 4360 section 3 lays them out
};
void PrintTo(const Extended& row, std::ostream* out) { *out << row.text; }

class ExtendedText : public testing::TestWithParam<Extended> {};

TEST_P(ExtendedText, IsReadAndWritten) {
    const auto parsed = parse_extended_community(GetParam().text);
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(*parsed, ExtendedCommunity(GetParam().octets));
    EXPECT_EQ(to_string(*parsed), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    All, ExtendedText,
    testing::Values(Extended{"rt:65000:1", 0x0002'FDE8'0000'0001},
                    Extended{"rt:65000:4294967295", 0x0002'FDE8'FFFF'FFFF},
                    Extended{"soo:65000:7", 0x0003'FDE8'0000'0007},
                    Extended{"rt:4200000000:9", 0x0202'FA56'EA00'0009},  // RFC 5668
                    Extended{"soo:192.0.2.1:65535", 0x0103'C000'0201'FFFF},
                    Extended{"0x0202000003e80001", 0x0202'0000'03E8'0001},  // a small AS in four
                    Extended{"0x4004fde84b18967f", 0x4004'FDE8'4B18'967F}   // link bandwidth
                    ));

TEST(BgpCommunity, HexOfWhatHasAFormIsWrittenInIt) {
    EXPECT_EQ(to_string(*parse_extended_community("0x0002FDE800000001")), "rt:65000:1");
}

TEST(BgpCommunity, RefusesOtherExtendedForms) {
    for (const char* text :
         {"", "rt", "rt:1", "rt:1:2:3", "RT:1:2", "rt:65536:65536", "rt:1:4294967296",
          "rt:192.0.2.1:65536", "rt:2001:db8::1:1", "soo:-1:1", "target:1:1", "0x", "0x00",
          "0x0002fde80000000g", "0x0002fde8000000011", "0002fde800000001"})
        EXPECT_FALSE(parse_extended_community(text)) << text;
}

TEST(BgpCommunity, IsWrittenAsItIsRead) {
    EXPECT_EQ(to_string(Community(0xFDE80064)), "65000:100");
    EXPECT_EQ(to_string(well_known::no_peer), "no-peer");
    EXPECT_EQ(to_string(LargeCommunity{4200000000, 0, 2}), "large:4200000000:0:2");
}

TEST(BgpCommunity, Aliases) {
    EXPECT_TRUE(is_community_alias("NO_ADVERTISE"));
    EXPECT_TRUE(is_community_alias(std::string(253, 'a')));
    for (const std::string& text : {std::string(), std::string("a b"), std::string("a:b"),
                                    std::string("a\n"), std::string(254, 'a')})
        EXPECT_FALSE(is_community_alias(text)) << text;
}

}  // namespace
}  // namespace trivet
