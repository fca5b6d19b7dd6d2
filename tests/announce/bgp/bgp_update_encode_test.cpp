#include "announce/bgp/bgp_update_encode.hpp"

#include <numeric>

#include "tests/announce/bgp/told_peer.hpp"

namespace trivet::announce::bgp {
namespace {

using update_test::address;
using update_test::hex;
using update_test::prefix;
using update_test::read_updates;

constexpr std::string_view marker = "ffffffffffffffffffffffffffffffff";
const NextHops both{.ipv4 = address("192.0.2.1"),
                    .ipv6 = address("2001:db8::1"),
                    .ipv6_link_local = address("fe80::1")};
const NextHops ipv6_alone{.ipv6 = address("2001:db8::1"), .ipv6_link_local = address("fe80::1")};

/// Some prefixes as a table and a list of all of them.
class Routes {
public:
    explicit Routes(std::initializer_list<const char*> texts) {
        for (const char* text : texts) routes_.push_back({.prefix = prefix(text), .attributes = 0});
        number();
    }
    /// Single addresses from 10.0.0.0, or of 2001:db8::, on.
    Routes(IpFamily family, std::uint32_t count) {
        for (std::uint32_t i = 0; i < count; ++i) {
            IpAddress::V6Bytes bytes{0x20, 0x01, 0x0d, 0xb8};
            for (std::size_t at = 0; at < 4; ++at)
                bytes[12 + at] = static_cast<std::uint8_t>(i >> (24 - 8 * at));
            routes_.push_back(
                {.prefix = Prefix::host(family == IpFamily::ipv4 ? IpAddress::v4(0x0A000000 + i)
                                                                 : IpAddress::v6(bytes)),
                 .attributes = 0});
        }
        number();
    }
    RouteList from(std::size_t first) const {
        return {.routes = routes_, .indices = std::span(indices_).subspan(first)};
    }
    std::size_t size() const { return routes_.size(); }

private:
    void number() {
        indices_.resize(routes_.size());
        std::iota(indices_.begin(), indices_.end(), 0U);
    }

    std::vector<BgpRoute> routes_;
    std::vector<std::uint32_t> indices_;
};

UpdateEncoder encoder(AfiSafi family, const NextHops& next_hops, UpdateSettings settings = {},
                      const CodecOptions& codec = {}) {
    settings.local_as = AsNumber(64512);
    return {settings, route_form(family, next_hops, codec)};
}

std::string announced(const UpdateEncoder& encoder, const Routes& routes) {
    std::vector<std::byte> out;
    EXPECT_EQ(encoder.announce(out, encoder.path_attributes({}), routes.from(0)), routes.size());
    return hex(out);
}

std::string withdrawn(const UpdateEncoder& encoder, const Routes& routes) {
    std::vector<std::byte> out;
    EXPECT_EQ(encoder.withdraw(out, routes.from(0)), routes.size());
    return hex(out);
}

std::string message(std::string_view rest) { return hex(std::string(marker) + std::string(rest)); }

TEST(BgpUpdateEncode, AnnouncesIpv4Routes) {
    const Routes routes{"10.0.0.0/8", "192.0.2.128/25", "198.51.100.7/32"};
    EXPECT_EQ(announced(encoder(ipv4_unicast, both), routes),
              message("0037 02  0000  0014"
                      "40 01 01 00  40 02 06 02 01 0000fc00  40 03 04 c0000201"
                      "08 0a  19 c0000280  20 c6336407"));
}

TEST(BgpUpdateEncode, AnnouncesTheDefaultRouteAsALengthAlone) {
    EXPECT_EQ(announced(encoder(ipv4_unicast, both), Routes{"0.0.0.0/0"}),
              message("002c 02  0000  0014"
                      "40 01 01 00  40 02 06 02 01 0000fc00  40 03 04 c0000201  00"));
}

// RFC 7606 section 5.1: MP_REACH_NLRI is the very first; RFC 2545 section 3: both next hops.
TEST(BgpUpdateEncode, AnnouncesIpv6RoutesWithAGlobalAndALinkLocalNextHop) {
    EXPECT_EQ(
        announced(encoder(ipv6_unicast, both), Routes{"2001:db8:1::/48", "2001:db8:2::7/128"}),
        message("0064 02  0000  004d"
                "80 0e 3d 0002 01 20 20010db8000000000000000000000001"
                "fe800000000000000000000000000001 00"
                "30 20010db80001  80 20010db8000200000000000000000007"
                "40 01 01 00  40 02 06 02 01 0000fc00"));
}

TEST(BgpUpdateEncode, AnnouncesIpv6RoutesWithAGlobalNextHopAlone) {
    const NextHops global{.ipv6 = address("2001:db8::1")};
    EXPECT_EQ(announced(encoder(ipv6_unicast, global), Routes{"::/0"}),
              message("003d 02  0000  0026"
                      "80 0e 16 0002 01 10 20010db8000000000000000000000001 00 00"
                      "40 01 01 00  40 02 06 02 01 0000fc00"));
}

// RFC 8950 section 4
TEST(BgpUpdateEncode, AnnouncesIpv4RoutesOverAnIpv6NextHop) {
    const CodecOptions codec{.extended_next_hop = {ipv4_unicast}};
    EXPECT_EQ(announced(encoder(ipv4_unicast, ipv6_alone, {}, codec), Routes{"198.51.100.7/32"}),
              message("0051 02  0000  003a"
                      "80 0e 2a 0001 01 20 20010db8000000000000000000000001"
                      "fe800000000000000000000000000001 00  20 c6336407"
                      "40 01 01 00  40 02 06 02 01 0000fc00"));
}

TEST(BgpUpdateEncode, WithdrawsRoutes) {
    EXPECT_EQ(withdrawn(encoder(ipv4_unicast, both), Routes{"10.0.0.0/8", "198.51.100.7/32"}),
              message("001e 02  0007  08 0a  20 c6336407  0000"));
    EXPECT_EQ(withdrawn(encoder(ipv6_unicast, both), Routes{"2001:db8:1::/48"}),
              message("0024 02  0000  000d  80 0f 0a 0002 01 30 20010db80001"));
    const CodecOptions codec{.extended_next_hop = {ipv4_unicast}};
    EXPECT_EQ(withdrawn(encoder(ipv4_unicast, ipv6_alone, {}, codec), Routes{"10.0.0.0/8"}),
              message("001f 02  0000  0008  80 0f 05 0001 01 08 0a"));
}

// RFC 4724 section 2
TEST(BgpUpdateEncode, MarksTheEndOfRib) {
    std::vector<std::byte> out;
    append_end_of_rib(out, ipv4_unicast);
    EXPECT_EQ(hex(out), message("0017 02 0000 0000"));
    out.clear();
    append_end_of_rib(out, ipv6_unicast);
    EXPECT_EQ(hex(out), message("001d 02 0000 0006 80 0f 03 0002 01"));
}

// RFC 4271 section 4.3: one byte of length up to 255, two beyond.
TEST(BgpUpdateEncode, ExtendsTheLengthOfMultiprotocolAttributesBeyond255Bytes) {
    const auto start_of = [](std::uint32_t count) {
        std::vector<std::byte> out;
        const Routes routes(IpFamily::ipv6, count);
        encoder(ipv6_unicast, both).withdraw(out, routes.from(0));
        EXPECT_EQ(read_updates(out).at(0).withdrawn.size(), count);
        return hex(std::span(out).subspan(23, 4));
    };
    EXPECT_EQ(start_of(14), hex("80 0f f1 00"));
    EXPECT_EQ(start_of(15), hex("90 0f 01 02"));
}

struct NextHopRow {
    const char* name;
    AfiSafi family;
    NextHops next_hops;
    bool extended_next_hop;
    std::size_t size;  // 0: there is none
    bool is_multiprotocol;
};

class BgpRouteForm : public testing::TestWithParam<NextHopRow> {};

TEST_P(BgpRouteForm, IsAsTheNextHopsAllow) {
    const NextHopRow& row = GetParam();
    CodecOptions codec;
    if (row.extended_next_hop) codec.extended_next_hop = {ipv4_unicast};
    const RouteForm form = route_form(row.family, row.next_hops, codec);
    EXPECT_EQ(form.next_hop.size(), row.size);
    EXPECT_EQ(form.is_multiprotocol, row.is_multiprotocol);
    EXPECT_EQ(form.family, row.family);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, BgpRouteForm,
    testing::Values(
        NextHopRow{"ipv4", ipv4_unicast, both, false, 4, false},
        NextHopRow{"ipv4_stays_plain_where_it_can", ipv4_unicast, both, true, 4, false},
        NextHopRow{"ipv4_over_ipv6", ipv4_unicast, ipv6_alone, true, 32, true},
        NextHopRow{"ipv4_over_ipv6_not_agreed", ipv4_unicast, ipv6_alone, false, 0, false},
        NextHopRow{"ipv4_without_any", ipv4_unicast, {}, true, 0, false},
        NextHopRow{"ipv4_unspecified", ipv4_unicast, {IpAddress(), {}, {}}, false, 0, false},
        NextHopRow{"ipv4_of_the_wrong_family",
                   ipv4_unicast,
                   {address("2001:db8::1"), {}, {}},
                   false,
                   0,
                   false},
        NextHopRow{"ipv6", ipv6_unicast, both, false, 32, true},
        NextHopRow{"ipv6_global", ipv6_unicast, {{}, address("2001:db8::1"), {}}, false, 16, true},
        NextHopRow{"ipv6_link_local", ipv6_unicast, {{}, {}, address("fe80::1")}, false, 16, true},
        NextHopRow{"ipv6_link_local_twice",
                   ipv6_unicast,
                   {{}, address("fe80::1"), address("fe80::1")},
                   false,
                   16,
                   true},
        NextHopRow{"ipv6_without_any", ipv6_unicast, {address("192.0.2.1"), {}, {}}, true, 0, true},
        NextHopRow{
            "ipv6_mapped", ipv6_unicast, {{}, address("::ffff:192.0.2.1"), {}}, false, 0, true}),
    [](const auto& row) { return row.param.name; });

struct PackingRow {
    const char* name;
    AfiSafi family;
    std::size_t message_size_max;
    std::uint32_t routes;
    std::size_t messages_announcing;
    std::size_t messages_withdrawing;
};

class BgpUpdatePacking : public testing::TestWithParam<PackingRow> {};

TEST_P(BgpUpdatePacking, IsAsDenseAsMessagesAllow) {
    const PackingRow& row = GetParam();
    const UpdateEncoder subject =
        encoder(row.family, both, {.message_size_max = row.message_size_max});
    const Routes routes(row.family == ipv4_unicast ? IpFamily::ipv4 : IpFamily::ipv6, row.routes);
    const auto attributes = subject.path_attributes({});
    std::vector<std::byte> announcing, withdrawing;
    for (std::size_t done = 0; done < routes.size();)
        done += subject.announce(announcing, attributes, routes.from(done));
    for (std::size_t done = 0; done < routes.size();)
        done += subject.withdraw(withdrawing, routes.from(done));

    const auto announcements = read_updates(announcing, row.message_size_max);
    const auto withdrawals = read_updates(withdrawing, row.message_size_max);
    EXPECT_EQ(announcements.size(), row.messages_announcing);
    EXPECT_EQ(withdrawals.size(), row.messages_withdrawing);
    std::vector<Prefix> expected, announced_prefixes, withdrawn_prefixes;
    for (const std::uint32_t index : routes.from(0).indices)
        expected.push_back(routes.from(0).routes[index].prefix);
    for (const auto& update : announcements)
        announced_prefixes.insert(announced_prefixes.end(), update.announced.begin(),
                                  update.announced.end());
    for (const auto& update : withdrawals)
        withdrawn_prefixes.insert(withdrawn_prefixes.end(), update.withdrawn.begin(),
                                  update.withdrawn.end());
    EXPECT_TRUE(announced_prefixes == expected);
    EXPECT_TRUE(withdrawn_prefixes == expected);
}

// A message of 4,096 bytes has room for (4096-23-20)/5 = 810 or (4096-23-4-5-32-13)/17 = 236
// routes, and withdraws (4096-23)/5 = 814 or (4096-23-4-3)/17 = 239.
INSTANTIATE_TEST_SUITE_P(
    Rows, BgpUpdatePacking,
    testing::Values(PackingRow{"ipv4_that_just_fit", ipv4_unicast, 4096, 810, 1, 1},
                    PackingRow{"ipv4_one_too_many", ipv4_unicast, 4096, 811, 2, 1},
                    PackingRow{"ipv4_withdrawals_that_just_fit", ipv4_unicast, 4096, 814, 2, 1},
                    PackingRow{"ipv4_one_withdrawal_too_many", ipv4_unicast, 4096, 815, 2, 2},
                    PackingRow{"ipv4_5000", ipv4_unicast, 4096, 5000, 7, 7},
                    PackingRow{"ipv4_100000", ipv4_unicast, 4096, 100'000, 124, 123},
                    PackingRow{"ipv4_100000_extended", ipv4_unicast, 65535, 100'000, 8, 8},
                    PackingRow{"ipv6_that_just_fit", ipv6_unicast, 4096, 236, 1, 1},
                    PackingRow{"ipv6_one_too_many", ipv6_unicast, 4096, 237, 2, 1},
                    PackingRow{"ipv6_one_withdrawal_too_many", ipv6_unicast, 4096, 240, 2, 2},
                    PackingRow{"ipv6_5000", ipv6_unicast, 4096, 5000, 22, 21},
                    PackingRow{"ipv6_5000_extended", ipv6_unicast, 65535, 5000, 2, 2}),
    [](const auto& row) { return row.param.name; });

TEST(BgpUpdateEncode, LeavesRoomForOneRouteBesideTheLargestAttributes) {
    for (const AfiSafi family : {ipv4_unicast, ipv6_unicast}) {
        const UpdateEncoder subject = encoder(family, both);
        const std::vector<std::byte> attributes(subject.path_attributes_size_max());
        const Routes routes(family == ipv4_unicast ? IpFamily::ipv4 : IpFamily::ipv6, 2);
        std::vector<std::byte> out;
        EXPECT_EQ(subject.announce(out, attributes, routes.from(0)), 1U);
        EXPECT_LE(out.size(), 4096U);
        EXPECT_GE(out.size(), 4095U);  // a multiprotocol attribute may have a short length, too
    }
}

}  // namespace
}  // namespace trivet::announce::bgp
