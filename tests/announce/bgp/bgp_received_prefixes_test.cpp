#include "announce/bgp/bgp_received_prefixes.hpp"

#include <gtest/gtest.h>

#include "tests/announce/bgp/session_script.hpp"

namespace trivet::announce::bgp {
namespace {

using script::prefix;

TEST(BgpReceivedPrefixes, EachPrefixCountsOnceInItsFamily) {
    ReceivedPrefixes received(10);
    EXPECT_TRUE(received.announce(prefix("192.0.2.0/24")));
    EXPECT_TRUE(received.announce(prefix("192.0.2.0/24")));
    EXPECT_TRUE(received.announce(prefix("192.0.2.0/25")));
    EXPECT_TRUE(received.announce(prefix("2001:db8::/32")));
    EXPECT_EQ(received.count(IpFamily::ipv4), 2u);
    EXPECT_EQ(received.count(IpFamily::ipv6), 1u);
    received.withdraw(prefix("192.0.2.0/24"));
    received.withdraw(prefix("198.51.100.0/24"));  // never announced
    EXPECT_EQ(received.count(IpFamily::ipv4), 1u);
    received.clear();
    EXPECT_EQ(received.count(IpFamily::ipv4), 0u);
    EXPECT_EQ(received.count(IpFamily::ipv6), 0u);
}

TEST(BgpReceivedPrefixes, NoMoreThanTheLimitOfAFamilyAreKept) {
    ReceivedPrefixes received(2);
    EXPECT_TRUE(received.announce(prefix("192.0.2.0/24")));
    EXPECT_TRUE(received.announce(prefix("198.51.100.0/24")));
    EXPECT_FALSE(received.announce(prefix("203.0.113.0/24")));
    EXPECT_TRUE(received.announce(prefix("192.0.2.0/24"))) << "it is one of the two";
    EXPECT_TRUE(received.announce(prefix("2001:db8::/32"))) << "another family";
    EXPECT_EQ(received.count(IpFamily::ipv4), 2u);
    received.withdraw(prefix("192.0.2.0/24"));
    EXPECT_TRUE(received.announce(prefix("203.0.113.0/24")));

    ReceivedPrefixes none(0);
    EXPECT_FALSE(none.announce(prefix("192.0.2.0/24")));
}

}  // namespace
}  // namespace trivet::announce::bgp
