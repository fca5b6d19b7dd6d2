#include "announce/bgp/bgp_path_attributes.hpp"

#include "announce/bgp/bgp_update_encode.hpp"
#include "tests/announce/bgp/told_peer.hpp"

namespace trivet::announce::bgp {
namespace {

using update_test::hex;

constexpr UpdateSettings external{.local_as = AsNumber(64512)};
constexpr UpdateSettings internal{.local_as = AsNumber(64512), .is_external = false};
constexpr UpdateSettings large_as{.local_as = AsNumber(4200000001)};
constexpr UpdateSettings to_two_octets{.local_as = AsNumber(64512), .four_octet_as = false};
constexpr UpdateSettings large_as_to_two_octets{.local_as = AsNumber(4200000001),
                                                .four_octet_as = false};
constexpr UpdateSettings internal_large_as_to_two_octets{
    .local_as = AsNumber(4200000001), .is_external = false, .four_octet_as = false};
constexpr UpdateSettings provider{.local_as = AsNumber(4200000001), .only_to_customer = true};
constexpr UpdateSettings provider_to_two_octets{
    .local_as = AsNumber(4200000001), .four_octet_as = false, .only_to_customer = true};

struct Row {
    const char* name;
    BgpAttributes attributes;
    UpdateSettings settings;
    const char* expected;
};

class BgpPathAttributes : public testing::TestWithParam<Row> {};

TEST_P(BgpPathAttributes, AreTheseBytes) {
    const Row& row = GetParam();
    EXPECT_EQ(hex(encode_path_attributes(row.attributes, row.settings, {})), hex(row.expected));
}

const BgpAttributes everything{
    .local_pref = 50,
    .med = 7,
    .prepend = 1,
    .communities = {Community(0xFC000001)},
    .extended_communities = {ExtendedCommunity(0x0002FC0000000001)},
    .large_communities = {{.global_administrator = 1, .local_data_1 = 2, .local_data_2 = 3}}};

INSTANTIATE_TEST_SUITE_P(
    Rows, BgpPathAttributes,
    testing::Values(
        // RFC 4271 section 5.1.1 and 5.1.2: ORIGIN IGP; our AS for external peers.
        Row{"external", {}, external, "40 01 01 00  40 02 06 02 01 0000fc00"},
        // An empty AS_PATH has length zero.
        Row{"internal", {}, internal, "40 01 01 00  40 02 00  40 05 04 00000064"},
        Row{"local_pref", {.local_pref = 50}, internal, "40 01 01 00  40 02 00  40 05 04 00000032"},
        Row{"local_pref_zero",
            {.local_pref = 0},
            internal,
            "40 01 01 00  40 02 00  40 05 04 00000000"},
        // RFC 4271 section 5.1.5: LOCAL_PREF must not go to external peers.
        Row{"local_pref_is_not_for_external_peers",
            {.local_pref = 50},
            external,
            "40 01 01 00  40 02 06 02 01 0000fc00"},
        Row{"med",
            {.med = 4294967295},
            external,
            "40 01 01 00  40 02 06 02 01 0000fc00  80 04 04 ffffffff"},
        Row{"med_of_zero_is_sent",
            {.med = 0},
            internal,
            "40 01 01 00  40 02 00  80 04 04 00000000  40 05 04 00000064"},
        Row{"prepend",
            {.prepend = 2},
            external,
            "40 01 01 00  40 02 0e 02 03 0000fc00 0000fc00 0000fc00"},
        Row{"prepend_is_not_for_internal_peers",
            {.prepend = 2},
            internal,
            "40 01 01 00  40 02 00  40 05 04 00000064"},
        // RFC 6793
        Row{"four_octet_as", {}, large_as, "40 01 01 00  40 02 06 02 01 fa56ea01"},
        Row{"two_octet_peer",
            {.prepend = 1},
            to_two_octets,
            "40 01 01 00  40 02 06 02 02 fc00 fc00"},
        Row{"as_trans_and_as4_path",
            {.prepend = 1},
            large_as_to_two_octets,
            "40 01 01 00  40 02 06 02 02 5ba0 5ba0  c0 11 0a 02 02 fa56ea01 fa56ea01"},
        Row{"no_as4_path_for_an_empty_path",
            {},
            internal_large_as_to_two_octets,
            "40 01 01 00  40 02 00  40 05 04 00000064"},
        // RFC 1997; sets are sorted.
        Row{"communities",
            {.communities = {well_known::no_export, Community(0x0000FFFF), Community(0xFC000064)}},
            external,
            "40 01 01 00  40 02 06 02 01 0000fc00  c0 08 0c 0000ffff fc000064 ffffff01"},
        // RFC 4360
        Row{"extended_communities",
            {.extended_communities = {ExtendedCommunity(0x4004FC0047000000),
                                      ExtendedCommunity(0x0002FC0000000064)}},
            external,
            "40 01 01 00  40 02 06 02 01 0000fc00"
            "c0 10 10 0002fc0000000064 4004fc0047000000"},
        // RFC 8092
        Row{"large_communities",
            {.large_communities = {{4200000001, 2, 3}, {64512, 0, 4294967295}}},
            external,
            "40 01 01 00  40 02 06 02 01 0000fc00"
            "c0 20 18 0000fc00 00000000 ffffffff  fa56ea01 00000002 00000003"},
        // RFC 9234
        Row{"only_to_customer",
            {},
            provider,
            "40 01 01 00  40 02 06 02 01 fa56ea01  c0 23 04 fa56ea01"},
        Row{"only_to_customer_has_four_octets",
            {},
            provider_to_two_octets,
            "40 01 01 00  40 02 04 02 01 5ba0  c0 11 06 02 01 fa56ea01  c0 23 04 fa56ea01"},
        // RFC 4271 section 5: ascending order.
        Row{"all_in_order", everything, provider_to_two_octets,
            "40 01 01 00  40 02 06 02 02 5ba0 5ba0  80 04 04 00000007  c0 08 04 fc000001"
            "c0 10 08 0002fc0000000001  c0 11 0a 02 02 fa56ea01 fa56ea01"
            "c0 20 0c 00000001 00000002 00000003  c0 23 04 fa56ea01"},
        Row{"all_in_order_to_internal_peers", everything, internal,
            "40 01 01 00  40 02 00  80 04 04 00000007  40 05 04 00000032  c0 08 04 fc000001"
            "c0 10 08 0002fc0000000001  c0 20 0c 00000001 00000002 00000003"}),
    [](const auto& row) { return row.param.name; });

TEST(BgpPathAttributes, HaveNextHopBetweenAsPathAndMed) {
    const std::vector<std::byte> next_hop{std::byte{192}, std::byte{0}, std::byte{2}, std::byte{1}};
    EXPECT_EQ(hex(encode_path_attributes({.med = 1}, internal, next_hop)),
              hex("40 01 01 00  40 02 00  40 03 04 c0000201  80 04 04 00000001"
                  "40 05 04 00000064"));
}

BgpAttributes with_communities(std::uint32_t count) {
    BgpAttributes attributes;
    for (std::uint32_t i = 0; i < count; ++i) attributes.communities.insert(Community(i));
    return attributes;
}

// RFC 4271 section 4.3: one byte of length up to 255, two beyond.
TEST(BgpPathAttributes, HaveAnExtendedLengthBeyond255Bytes) {
    const auto start_of = [&](std::uint32_t communities) {
        const auto bytes = encode_path_attributes(with_communities(communities), internal, {});
        return hex(std::span(bytes).subspan(14, 4));
    };
    EXPECT_EQ(start_of(63), hex("c0 08 fc 00"));
    EXPECT_EQ(start_of(64), hex("d0 08 01 00"));
}

// RFC 4271 section 5.1.2: a segment has 255 hops at the most.
TEST(BgpPathAttributes, SplitALongPathIntoSegments) {
    const auto path_of = [](std::uint8_t prepend) {
        const auto bytes = encode_path_attributes({.prepend = prepend}, external, {});
        return hex(std::span(bytes).subspan(4, 6));
    };
    EXPECT_EQ(path_of(254), hex("50 02 03 fe 02 ff"));
    EXPECT_EQ(path_of(255), hex("50 02 04 04 02 ff"));
    const auto bytes = encode_path_attributes({.prepend = 255}, external, {});
    EXPECT_EQ(hex(std::span(bytes).last(6)), hex("02 01 0000fc00"));
}

// What is compared instead of bytes must be neither finer nor coarser than they are.
TEST(BgpPathAttributes, AreAlikeToThePeerExactlyWhenTheirBytesAre) {
    std::vector<BgpAttributes> sets{{}, everything, with_communities(1), with_communities(2)};
    for (const std::uint32_t local_pref : {0U, 100U, 200U})
        sets.push_back({.local_pref = local_pref});
    for (const std::uint32_t med : {0U, 100U}) sets.push_back({.med = med});
    for (const int prepend : {1, 2})
        sets.push_back({.prepend = static_cast<std::uint8_t>(prepend)});
    sets.push_back({.extended_communities = {ExtendedCommunity(1)}});
    sets.push_back({.large_communities = {{1, 2, 3}}});
    for (const UpdateSettings& settings : {external, internal, large_as_to_two_octets})
        for (const BgpAttributes& one : sets)
            for (const BgpAttributes& other : sets)
                EXPECT_EQ(sent_attributes(one, settings) == sent_attributes(other, settings),
                          encode_path_attributes(one, settings, {}) ==
                              encode_path_attributes(other, settings, {}));
}

}  // namespace
}  // namespace trivet::announce::bgp
