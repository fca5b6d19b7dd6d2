#include "announce/bgp/bgp_attribute_check.hpp"

#include <array>

#include "tests/announce/bgp/bgp_wire.hpp"

namespace trivet::announce::bgp {
namespace {

using namespace wire;

CodecOptions internal() {
    CodecOptions options = both_families();
    options.is_external = false;
    return options;
}

CodecOptions two_octet() {
    CodecOptions options = both_families();
    options.four_octet_as = false;
    return options;
}

/// The usual attributes, with one replaced or added.
Bytes attributes_with(std::uint8_t type, const Bytes& one, const CodecOptions& options) {
    const Bytes path =
        options.four_octet_as ? as_path() : attribute(attribute_type::as_path, hex("0201fde8"));
    return (type == attribute_type::origin ? Bytes{} : origin()) +
           (type == attribute_type::as_path ? Bytes{} : path) +
           (type == attribute_type::next_hop ? Bytes{} : next_hop()) + one;
}

/// "accept", "discard", or "withdraw 3/5", where the numbers are what resets the session when there
/// is nothing to withdraw (RFC 7606 section 5.2); "send 3/2" when it is reset anyway.
std::string outcome(std::uint8_t type, const Bytes& one, const CodecOptions& options) {
    const Bytes attributes = attributes_with(type, one, options);
    const std::string line =
        reaction(update({.attributes = attributes, .nlri = usual_nlri()}), options);
    const std::string word = line.substr(0, line.find(' '));
    if (word != "withdraw") return word == "send" ? line.substr(0, 8) : word;
    EXPECT_EQ(line, "withdraw +203.0.113.0/24");
    const std::string alone = reaction(update({.attributes = attributes}), options);
    EXPECT_EQ(alone.substr(0, 5), "send ");
    const std::size_t data = alone.find(' ', 5);
    // RFC 4271 section 6.3: "The Data field MUST contain the erroneous attribute".
    if (data != std::string::npos) {
        EXPECT_EQ(alone.substr(data + 1), to_hex(one));
    }
    return "withdraw " + alone.substr(5, data - 5);
}

struct ValueRow {
    std::string_view name;
    std::uint8_t type;
    Bytes value;
    std::string_view external;  // with four-octet AS numbers
    std::string_view internal;
    std::string_view two_octet;  // external, with two-octet AS numbers
};
class BgpAttributeValue : public testing::TestWithParam<ValueRow> {};

TEST_P(BgpAttributeValue, LeadsTo) {
    const ValueRow& row = GetParam();
    const Bytes one = attribute(row.type, row.value);
    EXPECT_EQ(outcome(row.type, one, both_families()), row.external);
    EXPECT_EQ(outcome(row.type, one, internal()), row.internal);
    EXPECT_EQ(outcome(row.type, one, two_octet()), row.two_octet);
}

ValueRow same(std::string_view name, std::uint8_t type, Bytes value, std::string_view outcome) {
    return {name, type, std::move(value), outcome, outcome, outcome};
}

constexpr std::string_view length = "withdraw 3/5";
constexpr std::string_view path = "withdraw 3/11";

// RFC 7606 section 7.1: "its length is not 1 or it has an undefined value".
INSTANTIATE_TEST_SUITE_P(Origin, BgpAttributeValue,
                         testing::Values(same("igp", 1, hex("00"), "accept"),
                                         same("egp", 1, hex("01"), "accept"),
                                         same("incomplete", 1, hex("02"), "accept"),
                                         same("undefined", 1, hex("03"), "withdraw 3/6"),
                                         same("greatest", 1, hex("ff"), "withdraw 3/6"),
                                         same("empty", 1, {}, length),
                                         same("long", 1, hex("0000"), length)),
                         [](const auto& row) { return std::string(row.param.name); });

// RFC 7606 section 7.2, RFC 7607 section 2 on AS 0, RFC 5065 section 5 on confederations.
INSTANTIATE_TEST_SUITE_P(
    AsPath, BgpAttributeValue,
    testing::Values(
        same("empty", 2, {}, "accept"),
        ValueRow{"sequence", 2, hex("02 01 0000fde8"), "accept", "accept", path},
        ValueRow{"sequence_of_two_octets", 2, hex("02 01 fde8"), path, path, "accept"},
        ValueRow{"set_and_sequence", 2, hex("02 01 00000001 01 02 00000002 00000003"), "accept",
                 "accept", path},
        same("type_zero", 2, hex("00 01 0000fde8"), path),
        same("type_unknown", 2, hex("05 01 0000fde8"), path),
        ValueRow{"confederation_sequence", 2, hex("03 01 0000fde8"), path, "accept", path},
        ValueRow{"confederation_set", 2, hex("04 01 0000fde8"), path, "accept", path},
        same("empty_segment", 2, hex("02 00"), path),
        same("empty_segment_after_another", 2, hex("02 02 00010001 00010001 02 00"), path),
        same("one_octet_left", 2, hex("02 02 00010001 00010001 02"), path),
        same("overrun", 2, hex("02 ff 00010001 00010001"), path),
        same("as_zero", 2, hex("02 02 00000000 00000000"), path)),
    [](const auto& row) { return std::string(row.param.name); });

// RFC 7606 section 7.3; RFC 4271 section 6.3 on addresses that are no host's.
INSTANTIATE_TEST_SUITE_P(
    NextHop, BgpAttributeValue,
    testing::Values(same("usual", 3, hex("0a000001"), "accept"),
                    same("link_local", 3, hex("a9fe0101"), "accept"), same("empty", 3, {}, length),
                    same("short", 3, hex("c00002"), length),
                    same("long", 3, hex("c000020100"), length),
                    same("ipv6", 3, hex("20010db8000000000000000000000001"), length)),
    [](const auto& row) { return std::string(row.param.name); });

// RFC 7606 sections 7.4 to 7.7, RFC 7607 section 2.
INSTANTIATE_TEST_SUITE_P(
    OfRoutes, BgpAttributeValue,
    testing::Values(
        same("med", 4, hex("00000064"), "accept"), same("med_empty", 4, {}, length),
        same("med_short", 4, hex("000064"), length), same("med_long", 4, hex("0000000064"), length),
        ValueRow{"local_pref", 5, hex("00000064"), "discard", "accept", "discard"},
        ValueRow{"local_pref_empty", 5, {}, "discard", length, "discard"},
        ValueRow{"local_pref_long", 5, hex("0000006400"), "discard", length, "discard"},
        same("atomic_aggregate", 6, {}, "accept"),
        same("atomic_aggregate_with_value", 6, hex("00"), "discard"),
        ValueRow{"aggregator_8", 7, hex("0000fde8 c0000201"), "accept", "accept", "discard"},
        ValueRow{"aggregator_6", 7, hex("fde8 c0000201"), "discard", "discard", "accept"},
        ValueRow{"aggregator_8_as_zero", 7, hex("00000000 c0000201"), "discard", "discard",
                 "discard"},
        ValueRow{"aggregator_6_as_zero", 7, hex("0000 c0000201"), "discard", "discard", "discard"},
        same("aggregator_empty", 7, {}, "discard"), same("aggregator_7", 7, Bytes(7), "discard")),
    [](const auto& row) { return std::string(row.param.name); });

// RFC 7606 sections 7.8, 7.14, 7.15; RFC 8092 section 6: "a non-zero multiple of".
INSTANTIATE_TEST_SUITE_P(
    Communities, BgpAttributeValue,
    testing::Values(
        same("one", 8, hex("fde80001"), "accept"), same("many", 8, Bytes(4 * 500), "accept"),
        same("empty", 8, {}, length), same("of_1", 8, Bytes(1), length),
        same("of_3", 8, Bytes(3), length), same("of_5", 8, Bytes(5), length),
        same("of_255", 8, Bytes(255), length), same("extended_one", 16, Bytes(8), "accept"),
        same("extended_unknown_type", 16, hex("fffe000000000000"), "accept"),
        same("extended_empty", 16, {}, length), same("extended_of_7", 16, Bytes(7), length),
        same("extended_of_12", 16, Bytes(12), length), same("ipv6_one", 25, Bytes(20), "accept"),
        same("ipv6_empty", 25, {}, length), same("ipv6_of_16", 25, Bytes(16), length),
        same("ipv6_of_39", 25, Bytes(39), length), same("large_one", 32, Bytes(12), "accept"),
        same("large_empty", 32, {}, length), same("large_of_8", 32, Bytes(8), length),
        same("large_of_13", 32, Bytes(13), length)),
    [](const auto& row) { return std::string(row.param.name); });

// RFC 7606 sections 7.9 and 7.10: from an external peer they are discarded, whatever they hold.
INSTANTIATE_TEST_SUITE_P(
    Reflection, BgpAttributeValue,
    testing::Values(ValueRow{"originator_id", 9, hex("c0000201"), "discard", "accept", "discard"},
                    ValueRow{"originator_id_empty", 9, {}, "discard", length, "discard"},
                    ValueRow{"originator_id_long", 9, Bytes(8), "discard", length, "discard"},
                    ValueRow{"cluster_list", 10, hex("c0000201 c0000202"), "discard", "accept",
                             "discard"},
                    ValueRow{"cluster_list_empty", 10, {}, "discard", length, "discard"},
                    ValueRow{"cluster_list_of_6", 10, Bytes(6), "discard", length, "discard"}),
    [](const auto& row) { return std::string(row.param.name); });

// RFC 6793 section 4.1: from a peer that has four-octet numbers the receiver "MUST discard the path
// attribute"; section 6 on what is malformed, which is discarded, too, and on confederations, of
// which the segments alone are.
INSTANTIATE_TEST_SUITE_P(
    FourOctet, BgpAttributeValue,
    testing::Values(
        ValueRow{"as4_path", 17, hex("02 01 00011170"), "discard", "discard", "accept"},
        ValueRow{"as4_path_confederation", 17, hex("03 01 00011170 02 01 00011170"), "discard",
                 "discard", "accept"},
        same("as4_path_empty", 17, {}, "discard"), same("as4_path_odd", 17, Bytes(7), "discard"),
        same("as4_path_empty_segment", 17, hex("02 00 02 01 00011170"), "discard"),
        same("as4_path_overrun", 17, hex("02 02 00011170"), "discard"),
        same("as4_path_unknown_type", 17, hex("07 01 00011170"), "discard"),
        same("as4_path_as_zero", 17, hex("02 01 00000000"), "discard"),  // RFC 7607 section 2
        ValueRow{"as4_aggregator", 18, hex("00011170 c0000201"), "discard", "discard", "accept"},
        same("as4_aggregator_6", 18, hex("fde8 c0000201"), "discard"),
        same("as4_aggregator_empty", 18, {}, "discard"),
        same("as4_aggregator_as_zero", 18, hex("00000000 c0000201"), "discard")),
    [](const auto& row) { return std::string(row.param.name); });

// RFC 9234 section 5: "malformed if the length value is not 4", then "treat-as-withdraw".
INSTANTIATE_TEST_SUITE_P(OnlyToCustomer, BgpAttributeValue,
                         testing::Values(same("usual", 35, hex("0000fde8"), "accept"),
                                         same("empty", 35, {}, length),
                                         same("of_3", 35, Bytes(3), length),
                                         same("of_8", 35, Bytes(8), length),
                                         same("of_1024", 35, Bytes(1024), length)),
                         [](const auto& row) { return std::string(row.param.name); });

// RFC 4271 section 5: optional attributes that are not known are passed on or ignored, whatever
// they hold.
INSTANTIATE_TEST_SUITE_P(
    Unknown, BgpAttributeValue,
    testing::Values(same("empty", 99, {}, "accept"), same("usual", 99, Bytes(20), "accept"),
                    same("tunnel_encapsulation_corrupt", 23, hex("000fffff0401"), "accept"),
                    same("attribute_set", 128, Bytes(3), "accept"),
                    same("reserved_0", 0, Bytes(3), "accept"),
                    same("reserved_255", 255, Bytes(2000), "accept")),
    [](const auto& row) { return std::string(row.param.name); });

TEST(BgpAttributeFlags, UnknownAndOptionalIsAcceptedInEveryForm) {
    for (const int flags : {0x80, 0xc0, 0xa0, 0xe0, 0x90, 0xff}) {
        const Bytes one = attribute({static_cast<std::uint8_t>(flags), 99}, Bytes(5));
        EXPECT_EQ(outcome(99, one, both_families()), "accept") << flags;
    }
}

// RFC 4271 section 6.3: "the Error Subcode MUST be set to Unrecognized Well-known Attribute. The
// Data field MUST contain the unrecognized attribute".
TEST(BgpAttributeFlags, UnknownAndWellKnownResets) {
    const Bytes one = attribute({.flags = 0x40, .type = 99}, hex("0102"));
    EXPECT_EQ(reaction(update({.attributes = usual_attributes() + one, .nlri = usual_nlri()})),
              "send 3/2 40 63 02 01 02");
}

constexpr std::array<std::uint8_t, 18> known_types = {1,  2,  3,  4,  5,  6,  7,  8,  9,
                                                      10, 14, 15, 16, 17, 18, 25, 32, 35};

/// A value that is right for the type in an UPDATE from an internal peer.
Bytes good_value(std::uint8_t type) {
    switch (type) {
        case attribute_type::origin:
            return hex("00");
        case attribute_type::as_path:
            return hex("02 01 0000fde8");
        case attribute_type::atomic_aggregate:
            return {};
        case attribute_type::aggregator:
        case attribute_type::as4_aggregator:
            return hex("0000fde8 c0000201");
        case attribute_type::mp_reach_nlri:
            return hex("0002 01 10 20010db8000000000000000000000001 00 20 20010db8");
        case attribute_type::mp_unreach_nlri:
            return hex("0002 01 20 20010db9");
        case attribute_type::extended_communities:
            return Bytes(8);
        case attribute_type::as4_path:
            return hex("02 01 0000fde8");
        case attribute_type::ipv6_extended_communities:
            return Bytes(20);
        case attribute_type::large_communities:
            return Bytes(12);
        default:
            return hex("c0000201");
    }
}

// RFC 7606 section 3 c: "If the value of either the Optional or Transitive bits in the Attribute
// Flags is in conflict with their specified values, then the attribute MUST be treated as malformed
// and the treat-as-withdraw approach used"; section 5.3 on the two that carry prefixes; RFC 4271
// section 6.3: "Attribute Flags Error", and the attribute as data.
TEST(BgpAttributeFlags, ThatConflictWithTheType) {
    for (const std::uint8_t type : known_types) {
        const std::uint8_t right = *attribute_flags(type);
        const bool carries_prefixes = type == 14 || type == 15;
        for (const int wrong : {0x00, 0x40, 0x80, 0xc0}) {
            if (wrong == right) continue;
            const Bytes one = attribute({static_cast<std::uint8_t>(wrong), type}, good_value(type));
            EXPECT_EQ(outcome(type, one, internal()),
                      carries_prefixes ? "send 3/4" : "withdraw 3/4")
                << attribute_name(type) << " with flags " << wrong;
        }
    }
}

// RFC 4271 section 4.3: the lower four bits "MUST be ignored when received". RFC 7606 asks nothing
// of the partial bit, and the extended length may be used for any.
TEST(BgpAttributeFlags, OtherBitsAreIgnored) {
    for (const std::uint8_t type : known_types)
        for (const int more : {0x01, 0x0f, 0x10, 0x20, 0x3f}) {
            const auto flags = static_cast<std::uint8_t>(*attribute_flags(type) | more);
            const std::string line =
                outcome(type, attribute({flags, type}, good_value(type)), internal());
            // The two for old peers are discarded between new ones.
            EXPECT_EQ(line, type == 17 || type == 18 ? "discard" : "accept")
                << attribute_name(type) << " with " << more;
        }
}

struct NextHopRow {
    std::string_view name;
    std::string_view next_hop;
    bool is_martian;
};
class BgpNextHop : public testing::TestWithParam<NextHopRow> {};

TEST_P(BgpNextHop, IsJudged) {
    EXPECT_EQ(is_martian_next_hop(hex(GetParam().next_hop)), GetParam().is_martian);
}

INSTANTIATE_TEST_SUITE_P(
    Table, BgpNextHop,
    testing::Values(
        NextHopRow{"unspecified", "00000000", true}, NextHopRow{"this_network", "00010203", true},
        NextHopRow{"loopback", "7f000001", true}, NextHopRow{"loopback_last", "7fffffff", true},
        NextHopRow{"multicast", "e0000001", true}, NextHopRow{"reserved", "f0000001", true},
        NextHopRow{"broadcast", "ffffffff", true}, NextHopRow{"private_use", "0a000001", false},
        NextHopRow{"link_local", "a9fe0001", false}, NextHopRow{"last_unicast", "dfffffff", false},
        NextHopRow{"ipv6_unspecified", "00000000000000000000000000000000", true},
        NextHopRow{"ipv6_loopback", "00000000000000000000000000000001", true},
        NextHopRow{"ipv6_multicast", "ff020000000000000000000000000001", true},
        NextHopRow{"ipv6_global", "20010db8000000000000000000000001", false},
        NextHopRow{"ipv6_link_local_alone", "fe800000000000000000000000000001", false},
        NextHopRow{"mapped", "00000000000000000000ffff0a000001", false},
        NextHopRow{"mapped_loopback", "00000000000000000000ffff7f000001", true},
        NextHopRow{"global_and_link_local",
                   "20010db8000000000000000000000001 fe800000000000000000000000000001", false},
        NextHopRow{"global_and_nothing",
                   "20010db8000000000000000000000001 00000000000000000000000000000000", false},
        NextHopRow{"nothing_and_link_local",
                   "00000000000000000000000000000000 fe800000000000000000000000000001", false},
        NextHopRow{"nothing_and_nothing",
                   "00000000000000000000000000000000 00000000000000000000000000000000", true},
        NextHopRow{"multicast_and_link_local",
                   "ff020000000000000000000000000001 fe800000000000000000000000000001", true}),
    [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace trivet::announce::bgp
