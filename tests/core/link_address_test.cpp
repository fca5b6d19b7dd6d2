#include "core/link_address.hpp"

#include <gtest/gtest.h>

namespace trivet {
namespace {

TEST(MacAddress, ParsesStrictly) {
    EXPECT_EQ(MacAddress::parse("02:00:00:00:00:aB").value().to_string(), "02:00:00:00:00:ab");
    for (const char* text : {"", "02:00:00:00:00", "02:00:00:00:00:0", "02-00-00-00-00-01",
                             "02:00:00:00:00:01 ", "02:00:00:00:00:0g", "2:00:00:00:00:001",
                             "0x:00:00:00:00:01", "+2:00:00:00:00:01", "-2:00:00:00:00:01"})
        EXPECT_FALSE(MacAddress::parse(text)) << text;
    EXPECT_TRUE(MacAddress::parse("01:00:5e:00:00:01").value().is_multicast());
    EXPECT_TRUE(MacAddress{}.is_zero());
    EXPECT_TRUE(MacAddress::broadcast().is_multicast());
}

}  // namespace
}  // namespace trivet
