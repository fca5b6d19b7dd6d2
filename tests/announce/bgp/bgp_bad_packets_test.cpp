// Packets that have brought down other speakers, and what is done about each. One table, so that it
// can be read as a list; the rules behind it have tests of their own beside this file.
#include <algorithm>
#include <fmt/format.h>

#include <gtest/gtest.h>

#include "announce/bgp/bgp_message.hpp"
#include "announce/wire_bytes.hpp"
#include "tests/announce/bgp/bgp_wire.hpp"

namespace trivet::announce::bgp {
namespace {

using namespace wire;

const Bytes ipv6_next_hop = hex("10 20010db8000000000000000000000001 00");
constexpr std::string_view route = "203.0.113.0/24";

CodecOptions extended() {
    CodecOptions options = both_families();
    options.extended_messages = true;
    return options;
}

CodecOptions old_peer() {
    CodecOptions options = both_families();
    options.four_octet_as = false;
    return options;
}

std::vector<std::size_t> sizes(std::initializer_list<std::size_t> list) { return list; }

Bytes with_nlri(const Bytes& more) {
    return update({.attributes = usual_attributes() + more, .nlri = usual_nlri()});
}

Bytes mp_reach(const Bytes& value) {
    return update(
        {.attributes = attribute(attribute_type::mp_reach_nlri, value) + origin() + as_path()});
}

Bytes extended_open(std::string_view rest) { return open({.rest = hex(rest)}); }

struct BadPacket {
    std::string_view name;
    Bytes bytes;
    std::string reaction;
    CodecOptions options = both_families();
};
class BgpBadPacket : public testing::TestWithParam<BadPacket> {};

TEST_P(BgpBadPacket, HasTheReaction) {
    EXPECT_EQ(reaction(GetParam().bytes, GetParam().options), GetParam().reaction);
}

std::string bad_packet_name(const testing::TestParamInfo<BadPacket>& row) {
    return std::string(row.param.name);
}

// RFC 9072, RFC 4271 section 6.2.
INSTANTIATE_TEST_SUITE_P(
    Open, BgpBadPacket,
    testing::Values(
        BadPacket{"type_255_whole", extended_open("ff ff 0005 02 0002 0200"), "OPEN"},
        BadPacket{"type_255_short_length_octet", extended_open("07 ff 0005 02 0002 0200"), "OPEN"},
        BadPacket{"type_255_empty", extended_open("ff ff 0000"), "OPEN"},
        BadPacket{"type_255_alone", extended_open("01 ff"), "send 2/0"},
        BadPacket{"type_255_in_the_old_form", extended_open("02 ff 00"), "send 2/0"},
        BadPacket{"type_255_length_beyond", extended_open("ff ff ffff 02 0002 0200"), "send 2/0"},
        BadPacket{"type_255_length_short", extended_open("ff ff 0004 02 0002 0200"), "send 2/0"},
        BadPacket{"type_255_parameter_beyond", extended_open("ff ff 0005 02 ffff 0200"),
                  "send 2/0"},
        BadPacket{"type_255_old_parameter_inside", extended_open("ff ff 0004 02 02 0200"),
                  "send 2/0"},
        BadPacket{"type_255_again_inside", extended_open("ff ff 0003 ff 0000"), "send 2/4"},
        BadPacket{"ends_at_the_length_octet", extended_open("08"), "send 2/0"},
        BadPacket{"ends_at_the_length_octet_255", extended_open("ff"), "send 2/0"},
        BadPacket{"ends_before_the_length_octet",
                  whole(MessageType::open, hex("04 fde8 005a c0000201")), "send 1/2 00 1c"},
        BadPacket{"capability_beyond_its_parameter", extended_open("04 02 02 41 04"), "send 2/0"},
        BadPacket{"parameter_beyond_the_message", extended_open("04 02 ff 02 00"), "send 2/0"}),
    bad_packet_name);

TEST(BgpBadPackets, AnExtendedOpenIsRefusedAtEveryTruncation) {
    const Bytes body = hex("04 fde8 005a c0000201 ff ff 000b 02 0008 0200 4104 0000fde8");
    ASSERT_EQ(reaction(whole(MessageType::open, body)), "OPEN");
    for (std::size_t size = 0; size < body.size(); ++size) {
        const Bytes cut(body.begin(), body.begin() + static_cast<std::ptrdiff_t>(size));
        const std::string expected =
            size < 10 ? fmt::format("send 1/2 00 {:02x}", size + header_size) : "send 2/0";
        EXPECT_EQ(reaction(whole(MessageType::open, cut)), expected) << size;
    }
}

// Optional transitive attributes come from afar, through routers that have not looked at them.
INSTANTIATE_TEST_SUITE_P(
    Attribute, BgpBadPacket,
    testing::Values(
        BadPacket{"tunnel_encapsulation_corrupt",
                  with_nlri(attribute(23, hex("ffff ffff 0000 01ff"))), "accept +203.0.113.0/24"},
        BadPacket{"tunnel_encapsulation_empty", with_nlri(attribute(23, {})),
                  "accept +203.0.113.0/24"},
        BadPacket{"tunnel_encapsulation_beyond", with_nlri(hex("c0 17 ff 00")),
                  "withdraw +203.0.113.0/24"},
        BadPacket{"only_to_customer_of_1024", with_nlri(attribute(35, Bytes(1024))),
                  "withdraw +203.0.113.0/24"},
        BadPacket{"only_to_customer_of_1024_without_routes",
                  update({.attributes = usual_attributes() + attribute(35, Bytes(1024))}),
                  "send 3/5 " + to_hex(attribute(35, Bytes(1024)))},
        BadPacket{"unknown_transitive_alone", update({.attributes = attribute(99, Bytes(4))}),
                  "accept"},
        BadPacket{"unknown_well_known_alone",
                  update({.attributes = attribute({.flags = 0x40, .type = 99}, Bytes(1))}),
                  "send 3/2 40 63 01 00"},
        BadPacket{"no_attributes_with_routes", update({.nlri = usual_nlri()}),
                  "withdraw +203.0.113.0/24"},
        BadPacket{"attribute_of_length_zero_with_routes",
                  update({.attributes = hex("40 01 00 40 02 00 40 03 00"), .nlri = usual_nlri()}),
                  "withdraw +203.0.113.0/24"},
        BadPacket{"as4_path_before_as_path",
                  update({.attributes = attribute(17, hex("02 01 00011170")) + origin() +
                                        attribute(2, hex("02 01 5ba0")) + next_hop(),
                          .nlri = usual_nlri()}),
                  "accept +203.0.113.0/24", old_peer()},
        BadPacket{"bad_as4_path_before_as_path",
                  update({.attributes = attribute(17, hex("02 09 00011170")) + origin() +
                                        attribute(2, hex("02 01 5ba0")) + next_hop(),
                          .nlri = usual_nlri()}),
                  "discard +203.0.113.0/24", old_peer()},
        BadPacket{"as4_path_before_bad_as_path",
                  update({.attributes = attribute(17, hex("02 01 00011170")) + origin() +
                                        attribute(2, hex("02 02 5ba0")) + next_hop(),
                          .nlri = usual_nlri()}),
                  "withdraw +203.0.113.0/24", old_peer()},
        BadPacket{
            "as4_path_without_as_path",
            update({.attributes = attribute(17, hex("02 01 00011170")) + origin() + next_hop(),
                    .nlri = usual_nlri()}),
            "withdraw +203.0.113.0/24", old_peer()}),
    bad_packet_name);

INSTANTIATE_TEST_SUITE_P(
    Multiprotocol, BgpBadPacket,
    testing::Values(
        BadPacket{"next_hop_length_0", mp_reach(hex("0002 01 00 00 20 20010db8")),
                  "send 3/9 80 0e 0a 00 02 01 00 00 20 20 01 0d b8"},
        BadPacket{"next_hop_length_255", mp_reach(hex("0002 01 ff 00 20 20010db8")),
                  "send 3/9 80 0e 0a 00 02 01 ff 00 20 20 01 0d b8"},
        BadPacket{"next_hop_loopback",
                  mp_reach(hex("0002 01 10 00000000000000000000000000000001 00 20 20010db8")),
                  "withdraw +2001:db8::/32"},
        BadPacket{"next_hop_multicast",
                  mp_reach(hex("0002 01 10 ff020000000000000000000000000001 00 20 20010db8")),
                  "withdraw +2001:db8::/32"},
        BadPacket{"next_hop_unspecified",
                  mp_reach(hex("0002 01 10 00000000000000000000000000000000 00 20 20010db8")),
                  "withdraw +2001:db8::/32"},
        BadPacket{"next_hop_of_ipv4", mp_reach(hex("0002 01 04 01020304 00")),
                  "send 3/9 80 0e 09 00 02 01 04 01 02 03 04 00"},
        BadPacket{"nlri_tail", mp_reach(hex("0001 01 04 c0000201 00 18 cb0071 18 cb")),
                  "send 3/9 80 0e 0f 00 01 01 04 c0 00 02 01 00 18 cb 00 71 18 cb"},
        BadPacket{
            "unreach_and_routes_without_mandatory",
            update({.attributes = attribute(15, hex("0002 01 20 20010db8")), .nlri = usual_nlri()}),
            "withdraw +203.0.113.0/24 -2001:db8::/32"},
        BadPacket{"withdrawn_length_beyond", whole(MessageType::update, hex("0010 18cb0071 0000")),
                  "send 3/1"},
        BadPacket{"withdrawn_length_greatest", whole(MessageType::update, hex("ffff 0000")),
                  "send 3/1"}),
    bad_packet_name);

/// MP_REACH_NLRI and MP_UNREACH_NLRI for a family that nobody agreed on, of every length that has
/// confused somebody. The session stays, but for those too short to say which family they are of.
TEST(BgpBadPackets, UnsupportedFamilies) {
    for (const std::uint8_t type : {attribute_type::mp_reach_nlri, attribute_type::mp_unreach_nlri})
        for (const std::size_t size : sizes({0, 1, 255, 4000, 4095})) {
            Bytes value = hex("0001 85") + Bytes(size, std::byte{0xff});
            value.resize(size);
            const Bytes one = attribute(type, value);
            const std::string expected =
                size < 3 ? "send 3/9 " + to_hex(one) : fmt::format("discard +{}", route);
            EXPECT_EQ(reaction(with_nlri(one), extended()), expected) << size;
        }
}

TEST(BgpBadPackets, CommunityLengthsThatAreNoMultiple) {
    struct Kind {
        std::uint8_t type;
        std::size_t unit;
    };
    for (const Kind kind : {Kind{8, 4}, Kind{16, 8}, Kind{25, 20}, Kind{32, 12}})
        for (std::size_t size = 0; size <= 300; ++size) {
            const bool fits = size > 0 && size % kind.unit == 0;
            EXPECT_EQ(reaction(with_nlri(attribute(kind.type, Bytes(size)))),
                      fmt::format("{} +{}", fits ? "accept" : "withdraw", route))
                << int{kind.type} << " of " << size;
        }
}

/// One bad attribute among good ones, at every place: the same is done about it.
TEST(BgpBadPackets, OneBadAttributeInEveryOrder) {
    const Bytes bad = attribute(attribute_type::extended_communities, Bytes(9));
    std::vector<Bytes> attributes = {origin(),
                                     as_path(),
                                     next_hop(),
                                     bad,
                                     attribute(attribute_type::communities, Bytes(4)),
                                     attribute(99, Bytes(2))};
    std::ranges::sort(attributes);
    do {
        Bytes all;
        for (const Bytes& one : attributes) all = all + one;
        ASSERT_EQ(reaction(update({.attributes = all, .nlri = usual_nlri()})),
                  "withdraw +203.0.113.0/24");
    } while (std::ranges::next_permutation(attributes).found);
}

/// AS_PATH with so many hops, in segments of 255.
Bytes path_of(std::size_t hops) {
    ByteWriter writer(hops * 5);
    while (hops > 0) {
        const std::size_t count = std::min<std::size_t>(hops, 255);
        writer.u8(as_path_segment::as_sequence);
        writer.u8(static_cast<std::uint8_t>(count));
        for (std::size_t i = 0; i < count; ++i) writer.u32(65000);
        hops -= count;
    }
    return attribute(attribute_type::as_path, writer.take());
}

TEST(BgpBadPackets, PathsOfOneToSixteenThousandHops) {
    for (std::size_t hops = 1; hops <= 16'000; hops += hops < 600 ? 1 : 307) {
        const Bytes attributes = origin() + path_of(hops) + next_hop();
        ASSERT_EQ(reaction(update({.attributes = attributes, .nlri = usual_nlri()}), extended()),
                  "accept +203.0.113.0/24")
            << hops;
    }
    const Bytes longest = path_of(16'000);
    EXPECT_EQ(
        reaction(update({.attributes = origin() + longest + next_hop(), .nlri = usual_nlri()}),
                 extended()),
        "accept +203.0.113.0/24");
    // The same without the agreement, and with its last segment one AS short.
    EXPECT_EQ(reaction(update({.attributes = longest})).substr(0, 8), "send 1/2");
    Bytes cut(longest.begin() + 4, longest.end() - 4);
    EXPECT_EQ(reaction(update({.attributes = origin() + next_hop() + attribute(2, cut),
                               .nlri = usual_nlri()}),
                       extended()),
              "withdraw +203.0.113.0/24");
}

/// Each is forgotten as soon as it was read, so that they cost no memory.
TEST(BgpBadPackets, UpdatesWithDistinctNextHops) {
    Bytes bytes = update({.attributes = usual_attributes(), .nlri = usual_nlri()});
    const Bytes address = hex("c0000201");
    const auto found = std::ranges::search(bytes, address);
    ASSERT_FALSE(found.empty());
    const auto at = static_cast<std::size_t>(found.begin() - bytes.begin());
    const CodecOptions options = both_families();
    for (std::uint32_t i = 0; i < 100'000; ++i) {
        const std::uint32_t next = 0x0a00'0000 + i;
        for (std::size_t octet = 0; octet < 4; ++octet)
            bytes[at + octet] = static_cast<std::byte>(next >> (24 - 8 * octet) & 0xff);
        const auto taken = take_message(bytes, options);
        ASSERT_TRUE(taken.has_value() && taken->has_value());
        ASSERT_EQ(std::get<UpdateMessage>((*taken)->message).treatment, UpdateTreatment::accept);
    }
}

/// RFC 5291 section 4: a refresh may carry filters. We never offer to take them, so they are not
/// looked at, and the peer gets all routes of the family.
TEST(BgpBadPackets, RouteRefreshWithMalformedFilters) {
    CodecOptions enhanced = extended();
    enhanced.enhanced_route_refresh = true;
    for (const std::string_view filters : {"01", "02 40", "01 40 ffff", "01 40 0001",
                                           "01 40 0005 80", "03 80 0000 00", "ff ff ffff"})
        for (const CodecOptions& options : {both_families(), enhanced})
            EXPECT_EQ(reaction(whole(MessageType::route_refresh, hex("0001 00 01") + hex(filters)),
                               options),
                      "ROUTE-REFRESH 1/1 subtype 0")
                << filters;
    EXPECT_EQ(
        reaction(whole(MessageType::route_refresh, hex("0001 00 01") + Bytes(60'000)), enhanced),
        "ROUTE-REFRESH 1/1 subtype 0");
    // Filters on a marker are no form that anybody has defined (RFC 7313 section 5).
    const Bytes marker = whole(MessageType::route_refresh, hex("0001 01 01 01 40 0000"));
    EXPECT_EQ(reaction(marker, enhanced), "send 7/1 " + to_hex(marker));
}

/// NOTIFICATIONs of every length below the least have a wrong header; all others are taken.
TEST(BgpBadPackets, NotificationsOfEveryLength) {
    EXPECT_EQ(reaction(whole(MessageType::notification, {})), "send 1/2 00 13");
    EXPECT_EQ(reaction(whole(MessageType::notification, hex("06"))), "send 1/2 00 14");
    for (const std::size_t size : sizes({2, 3, 21, 255, 256, 4077}))
        EXPECT_EQ(reaction(whole(MessageType::notification, Bytes(size, std::byte{6}))),
                  "NOTIFICATION 6/6");
    EXPECT_EQ(reaction(whole(MessageType::notification, Bytes(65'516, std::byte{6})), extended()),
              "NOTIFICATION 6/6");
}

}  // namespace
}  // namespace trivet::announce::bgp
