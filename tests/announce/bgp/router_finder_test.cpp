#include "announce/bgp/router_finder.hpp"

#include <initializer_list>

#include <gtest/gtest.h>

namespace trivet::announce::bgp {
namespace {

const IpAddress router = IpAddress::parse("fe80::1").value();

std::vector<std::byte> bytes(std::initializer_list<int> values) {
    std::vector<std::byte> out;
    for (const int value : values) out.push_back(static_cast<std::byte>(value));
    return out;
}

/// Of a router with a lifetime of 1800 s and a source link-layer address option.
std::vector<std::byte> advertisement() {
    return bytes({134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 0, 0, 0, 0, 1});
}

TEST(RouterAdvertisementOfPeer, IsRead) {
    const auto read = decode_router_advertisement(advertisement(), router, 255);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->router_lifetime_s, 1800);
}

TEST(RouterAdvertisementOfPeer, OursIsReadAndNobodysDefaultRouter) {
    const auto read = decode_router_advertisement(encode_router_advertisement(), router, 255);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->router_lifetime_s, 0);
}

// RFC 4861 section 6.1.2: "A node MUST silently discard any received Router Advertisement messages
// that do not satisfy all of the following validity checks".
TEST(RouterAdvertisementOfPeer, IsDiscardedUnlessItsSourceIsLinkLocal) {
    for (const char* source : {"2001:db8::1", "::", "192.0.2.1"})
        EXPECT_FALSE(
            decode_router_advertisement(advertisement(), IpAddress::parse(source).value(), 255))
            << source;
}

TEST(RouterAdvertisementOfPeer, IsDiscardedWhenARouterHasForwardedIt) {
    EXPECT_FALSE(decode_router_advertisement(advertisement(), router, 254));
}

TEST(RouterAdvertisementOfPeer, IsDiscardedWithAnotherCodeOrType) {
    auto message = advertisement();
    message[1] = std::byte{1};
    EXPECT_FALSE(decode_router_advertisement(message, router, 255));
    EXPECT_FALSE(decode_router_advertisement(encode_router_solicitation(), router, 255));
}

TEST(RouterAdvertisementOfPeer, IsDiscardedAtEveryTruncation) {
    const auto whole = advertisement();
    for (std::size_t size = 0; size < whole.size(); ++size)
        EXPECT_EQ(
            decode_router_advertisement(std::span(whole).first(size), router, 255).has_value(),
            size == 16)
            << size;
}

// "All included options have a length that is greater than zero."
TEST(RouterAdvertisementOfPeer, IsDiscardedWithAnOptionOfLengthZero) {
    auto message = advertisement();
    message[17] = std::byte{0};
    EXPECT_FALSE(decode_router_advertisement(message, router, 255));
}

}  // namespace
}  // namespace trivet::announce::bgp
