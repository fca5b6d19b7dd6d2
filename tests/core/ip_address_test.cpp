#include "core/ip_address.hpp"

#include <gtest/gtest.h>

#include "tests/core/test_objects.hpp"

namespace trivet {
namespace {

using test::address;
using test::range;

struct ParseCase {
    const char* name;
    const char* text;
    const char* canonical;  // null: refused
};

void PrintTo(const ParseCase& c, std::ostream* out) { *out << c.name << " " << c.text; }
std::string case_name(const testing::TestParamInfo<ParseCase>& row) { return row.param.name; }

class ParseAddress : public testing::TestWithParam<ParseCase> {};

TEST_P(ParseAddress, IsStrict) {
    const auto parsed = IpAddress::parse(GetParam().text);
    ASSERT_EQ(parsed.has_value(), GetParam().canonical != nullptr);
    if (!parsed) {
        EXPECT_EQ(parsed.error().code, ErrorCode::invalid_argument);
        return;
    }
    EXPECT_EQ(parsed->to_string(), GetParam().canonical);
}

INSTANTIATE_TEST_SUITE_P(
    All, ParseAddress,
    testing::Values(
        ParseCase{"V4", "192.0.2.10", "192.0.2.10"}, ParseCase{"V4Zero", "0.0.0.0", "0.0.0.0"},
        ParseCase{"V4Last", "255.255.255.255", "255.255.255.255"},
        ParseCase{"LeadingZero", "192.0.02.10", nullptr},
        ParseCase{"LeadingZeros", "010.0.0.1", nullptr},
        ParseCase{"DoubleZero", "00.0.0.1", nullptr}, ParseCase{"TooLarge", "256.0.0.1", nullptr},
        ParseCase{"ThreeParts", "10.0.1", nullptr}, ParseCase{"FiveParts", "10.0.0.1.1", nullptr},
        ParseCase{"Number", "167772161", nullptr}, ParseCase{"Hex", "0x0a.0.0.1", nullptr},
        ParseCase{"SpaceBefore", " 10.0.0.1", nullptr},
        ParseCase{"SpaceAfter", "10.0.0.1 ", nullptr},
        ParseCase{"NewlineAfter", "10.0.0.1\n", nullptr}, ParseCase{"Empty", "", nullptr},
        ParseCase{"Name", "localhost", nullptr}, ParseCase{"Negative", "-1.0.0.0", nullptr},
        ParseCase{"V6", "2001:db8::1", "2001:db8::1"}, ParseCase{"V6Any", "::", "::"},
        // RFC 5952 section 4: small letters, no leading zeros, the longest run of zeros shortened,
        // the first of two equal ones, never a single field.
        ParseCase{"V6Capitals", "2001:DB8::ABCD", "2001:db8::abcd"},
        ParseCase{"V6LeadingZeros", "2001:0db8:0000::0001", "2001:db8::1"},
        ParseCase{"V6LongestRun", "2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
        ParseCase{"V6FirstOfEqualRuns", "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
        ParseCase{"V6SingleZeroField", "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
        ParseCase{"V6Mapped", "::ffff:192.0.2.1", "192.0.2.1"},
        ParseCase{"V6MappedHex", "::ffff:c000:201", "192.0.2.1"},
        ParseCase{"V6Zone", "fe80::1%eth0", nullptr}, ParseCase{"V4Zone", "10.0.0.1%1", nullptr},
        ParseCase{"V6Brackets", "[::1]", nullptr}, ParseCase{"V6TwoGaps", "1::2::3", nullptr},
        ParseCase{"V6LongField", "12345::", nullptr},
        ParseCase{"V6TooMany", "1:2:3:4:5:6:7:8:9", nullptr},
        ParseCase{"V6TooFew", "1:2:3:4:5:6:7", nullptr},
        ParseCase{"V6LeadingZeroTail", "::ffff:192.0.02.1", nullptr}),
    case_name);

TEST(IpAddress, RefusesANulInside) {
    EXPECT_FALSE(IpAddress::parse(std::string_view("10.0.0.1\0", 9)));
}

class ParsePrefix : public testing::TestWithParam<ParseCase> {};

TEST_P(ParsePrefix, IsStrict) {
    const auto parsed = Prefix::parse(GetParam().text);
    ASSERT_EQ(parsed.has_value(), GetParam().canonical != nullptr)
        << (parsed ? parsed->to_string() : parsed.error().message);
    if (parsed) {
        EXPECT_EQ(parsed->to_string(), GetParam().canonical);
    }
}

INSTANTIATE_TEST_SUITE_P(
    All, ParsePrefix,
    testing::Values(ParseCase{"V4", "192.0.2.0/24", "192.0.2.0/24"},
                    ParseCase{"V4All", "0.0.0.0/0", "0.0.0.0/0"},
                    ParseCase{"V4Host", "192.0.2.1/32", "192.0.2.1/32"},
                    ParseCase{"HostBits", "192.0.2.1/24", nullptr},
                    ParseCase{"TooLong", "192.0.2.0/33", nullptr},
                    ParseCase{"NoLength", "192.0.2.0/", nullptr},
                    ParseCase{"NoSlash", "192.0.2.0", nullptr},
                    ParseCase{"NegativeLength", "192.0.2.0/-1", nullptr},
                    ParseCase{"PlusLength", "192.0.2.0/+24", nullptr},
                    ParseCase{"LeadingZeroLength", "192.0.2.0/024", nullptr},
                    ParseCase{"Mask", "192.0.2.0/255.255.255.0", nullptr},
                    ParseCase{"TwoSlashes", "192.0.2.0/24/24", nullptr},
                    ParseCase{"SpaceInside", "192.0.2.0/ 24", nullptr},
                    ParseCase{"HugeLength", "192.0.2.0/99999999999999999999", nullptr},
                    ParseCase{"V6", "2001:db8::/64", "2001:db8::/64"},
                    ParseCase{"V6HostBits", "2001:db8::1/64", nullptr},
                    ParseCase{"V6OddLength", "2001:db8::/33", "2001:db8::/33"},
                    ParseCase{"V6TooLong", "2001:db8::/129", nullptr},
                    ParseCase{"MappedBlock", "::ffff:1.2.3.0/120", "1.2.3.0/24"},
                    ParseCase{"MappedHost", "::ffff:1.2.3.4/128", "1.2.3.4/32"},
                    ParseCase{"MappedHostBits", "::ffff:1.2.3.4/120", nullptr},
                    ParseCase{"MappedShorterThanTheMap", "::ffff:0.0.0.0/95", nullptr}),
    case_name);

class ParseRange : public testing::TestWithParam<ParseCase> {};

TEST_P(ParseRange, IsStrict) {
    const auto parsed = AddressRange::parse(GetParam().text);
    ASSERT_EQ(parsed.has_value(), GetParam().canonical != nullptr)
        << (parsed ? parsed->to_string() : parsed.error().message);
    if (parsed) {
        EXPECT_EQ(parsed->to_string(), GetParam().canonical);
    }
}

INSTANTIATE_TEST_SUITE_P(
    All, ParseRange,
    testing::Values(
        ParseCase{"Cidr", "192.0.2.0/24", "192.0.2.0/24"},
        ParseCase{"Dash", "192.168.245.100-192.168.245.150", "192.168.245.100-192.168.245.150"},
        ParseCase{"DashThatIsABlock", "192.0.2.0-192.0.2.255", "192.0.2.0/24"},
        ParseCase{"DashAlmostABlock", "192.0.2.1-192.0.2.255", "192.0.2.1-192.0.2.255"},
        ParseCase{"Single", "192.0.2.7", "192.0.2.7-192.0.2.7"},
        ParseCase{"SingleCidr", "192.0.2.7/32", "192.0.2.7-192.0.2.7"},
        ParseCase{"Everything", "0.0.0.0/0", "0.0.0.0/0"},
        ParseCase{"V6Dash", "fd77::50-fd77::60", "fd77::50-fd77::60"},
        ParseCase{"V6Block", "2001:db8::/64", "2001:db8::/64"},
        ParseCase{"MappedDash", "::ffff:10.0.0.1-10.0.0.9", "10.0.0.1-10.0.0.9"},
        ParseCase{"Reversed", "192.0.2.20-192.0.2.10", nullptr},
        ParseCase{"TwoFamilies", "192.0.2.1-2001:db8::1", nullptr},
        ParseCase{"SpacesAroundDash", "192.0.2.1 - 192.0.2.9", nullptr},
        ParseCase{"NoLast", "192.0.2.1-", nullptr}, ParseCase{"NoFirst", "-192.0.2.1", nullptr},
        ParseCase{"LastAlone", "192.0.2.1-9", nullptr},
        ParseCase{"ThreeEnds", "192.0.2.1-192.0.2.2-192.0.2.3", nullptr},
        ParseCase{"LeadingZero", "192.0.2.01-192.0.2.9", nullptr},
        ParseCase{"HostBits", "192.0.2.3/24", nullptr}, ParseCase{"Empty", "", nullptr}),
    case_name);

TEST(AddressRange, ReversedIsRefusedWithTheRemedy) {
    EXPECT_NE(AddressRange::parse("192.0.2.20-192.0.2.10")
                  .error()
                  .message.find("write 192.0.2.10-192.0.2.20"),
              std::string::npos);
}

TEST(AddressRange, SizeSaturates) {
    EXPECT_EQ(range("192.0.2.0/24").size(), 256u);
    EXPECT_EQ(range("192.0.2.7").size(), 1u);
    EXPECT_EQ(range("0.0.0.0/0").size(), 4294967296u);
    EXPECT_EQ(range("2001:db8::/65").size(), std::uint64_t{1} << 63);
    EXPECT_EQ(range("2001:db8::-2001:db8::ffff:ffff:ffff:fffe").size(), UINT64_MAX);
    EXPECT_EQ(range("2001:db8::/64").size(), UINT64_MAX);
    EXPECT_EQ(range("::/0").size(), UINT64_MAX);
}

TEST(AddressRange, ContainsAndOverlaps) {
    EXPECT_TRUE(range("10.0.0.0/24").contains(address("10.0.0.255")));
    EXPECT_FALSE(range("10.0.0.0/24").contains(address("10.0.1.0")));
    EXPECT_TRUE(range("10.0.0.0/24").overlaps(range("10.0.0.255-10.0.1.9")));
    EXPECT_FALSE(range("10.0.0.0/24").overlaps(range("10.0.1.0/24")));
}

TEST(IpAddress, NextAndPreviousCarry) {
    EXPECT_EQ(address("10.0.0.255").next(), address("10.0.1.0"));
    EXPECT_EQ(address("10.0.1.0").previous(), address("10.0.0.255"));
    EXPECT_EQ(address("2001:db8::ffff:ffff").next(), address("2001:db8::1:0:0"));
    EXPECT_EQ(address("2001:db8:1::").previous(), address("2001:db8:0:ffff:ffff:ffff:ffff:ffff"));
    EXPECT_TRUE(address("255.255.255.255").is_last());
    EXPECT_TRUE(address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff").is_last());
    EXPECT_FALSE(address("::ff:ffff:ffff").is_last());
    EXPECT_TRUE(address("0.0.0.0").is_first());
    EXPECT_DEATH(address("255.255.255.255").next(), "is_last");
    EXPECT_DEATH(address("::").previous(), "is_first");
}

TEST(IpAddress, SortsIpv4First) {
    EXPECT_LT(address("255.255.255.255"), address("::"));
    EXPECT_LT(address("9.0.0.0"), address("10.0.0.0"));
    EXPECT_LT(address("fd00::1"), address("fd00::2"));
}

TEST(IpAddress, Classes) {
    EXPECT_TRUE(address("224.0.0.1").is_multicast());
    EXPECT_TRUE(address("239.255.255.255").is_multicast());
    EXPECT_FALSE(address("240.0.0.1").is_multicast());
    EXPECT_TRUE(address("ff02::1").is_multicast());
    EXPECT_TRUE(address("127.1.2.3").is_loopback());
    EXPECT_TRUE(address("::1").is_loopback());
    EXPECT_FALSE(address("::2").is_loopback());
    EXPECT_TRUE(address("169.254.7.1").is_link_local());
    EXPECT_TRUE(address("febf::1").is_link_local());
    EXPECT_FALSE(address("fec0::1").is_link_local());
    EXPECT_EQ(address("10.0.0.1").v4_value(), 0x0a000001u);
}

TEST(Prefix, ContainsAndLast) {
    const Prefix block = Prefix::parse("10.64.0.0/10").value();
    EXPECT_EQ(block.last(), address("10.127.255.255"));
    EXPECT_TRUE(block.contains(address("10.100.0.1")));
    EXPECT_FALSE(block.contains(address("10.128.0.0")));
    EXPECT_FALSE(block.contains(address("::")));
    EXPECT_EQ(Prefix::containing(address("2001:db8::ff"), 120).to_string(), "2001:db8::/120");
    EXPECT_NE(Prefix::parse("192.0.2.1/24").error().message.find("192.0.2.0/24"),
              std::string::npos);
}

}  // namespace
}  // namespace trivet
