#include "announce/bgp/bgp_update_decode.hpp"

#include <algorithm>

#include "tests/announce/bgp/bgp_wire.hpp"

namespace trivet::announce::bgp {
namespace {

using namespace wire;

const Bytes ipv6_next_hop = hex("10 20010db8000000000000000000000001 00");

Bytes mp_reach(const Bytes& value) { return attribute(attribute_type::mp_reach_nlri, value); }
Bytes mp_unreach(const Bytes& value) { return attribute(attribute_type::mp_unreach_nlri, value); }
Bytes ipv6_reach(const Bytes& nlri) { return mp_reach(hex("0002 01") + ipv6_next_hop + nlri); }

CodecOptions with_extended_next_hop() {
    CodecOptions options = both_families();
    options.extended_next_hop = {ipv4_unicast};
    return options;
}

TEST(BgpUpdate, AnnouncesAndWithdrawsBothFamilies) {
    EXPECT_EQ(reaction(update({.withdrawn = hex("18 c63364 00"),
                               .attributes = mp_unreach(hex("0002 01 30 20010db80002")) +
                                             ipv6_reach(hex("20 20010db8 00")) + usual_attributes(),
                               .nlri = hex("20 cb007101 19 cb007180 00")})),
              "accept +203.0.113.1/32 +203.0.113.128/25 +0.0.0.0/0 +2001:db8::/32 +::/0"
              " -198.51.100.0/24 -0.0.0.0/0 -2001:db8:2::/48");
}

// RFC 4271 section 4.3: "the value of trailing bits is irrelevant".
TEST(BgpUpdate, TrailingBitsOfPrefixesAreIgnored) {
    EXPECT_EQ(reaction(update({.attributes = ipv6_reach(hex("13 20ffff")) + usual_attributes(),
                               .nlri = hex("09 0aff 01 ff")})),
              "accept +10.128.0.0/9 +128.0.0.0/1 +20ff:e000::/19");
}

// RFC 4271 section 4.3: with a prefix in both fields the message "SHOULD" be treated as if it were
// announced alone, for which both lists are needed.
TEST(BgpUpdate, APrefixMayBeInBothFields) {
    EXPECT_EQ(
        reaction(update(
            {.withdrawn = usual_nlri(), .attributes = usual_attributes(), .nlri = usual_nlri()})),
        "accept +203.0.113.0/24 -203.0.113.0/24");
}

// RFC 4724 section 2
TEST(BgpUpdate, EndOfRib) {
    EXPECT_EQ(reaction(update({})), "accept end of IPv4 unicast");
    EXPECT_EQ(reaction(update({.attributes = mp_unreach(hex("0002 01"))})),
              "accept end of IPv6 unicast");
    EXPECT_EQ(reaction(update({.attributes = mp_unreach(hex("0001 01"))})),
              "accept end of IPv4 unicast");
    const Bytes extended = attribute({.flags = 0x90, .type = 15}, hex("0002 01"));
    EXPECT_EQ(reaction(update({.attributes = extended})), "accept end of IPv6 unicast");
}

TEST(BgpUpdate, WhatLooksLikeEndOfRibAndIsNone) {
    const Bytes empty = mp_unreach(hex("0002 01"));
    EXPECT_EQ(reaction(update({.attributes = empty + origin()})), "accept");
    EXPECT_EQ(reaction(update({.withdrawn = usual_nlri(), .attributes = empty})),
              "accept -203.0.113.0/24");
    EXPECT_EQ(reaction(update({.attributes = ipv6_reach({})})), "accept");
    CodecOptions ipv6_alone = both_families();
    ipv6_alone.families = {ipv6_unicast};
    EXPECT_EQ(reaction(update({}), ipv6_alone), "accept");
}

// RFC 7606 section 5.1: "an implementation MUST still be prepared to receive these fields in any
// position or combination"; RFC 4271 section 5: attributes "that are out of order".
TEST(BgpUpdate, AttributesMayComeInAnyOrder) {
    std::vector<Bytes> attributes = {origin(), as_path(), next_hop(),
                                     ipv6_reach(hex("20 20010db8")),
                                     mp_unreach(hex("0002 01 20 20010db9"))};
    std::ranges::sort(attributes);
    do {
        Bytes all;
        for (const Bytes& one : attributes) all = all + one;
        ASSERT_EQ(reaction(update({.attributes = all, .nlri = usual_nlri()})),
                  "accept +203.0.113.0/24 +2001:db8::/32 -2001:db9::/32");
    } while (std::ranges::next_permutation(attributes).found);
}

// RFC 7606 section 3 d: "If any of the well-known mandatory attributes are not present in an UPDATE
// message, then 'treat-as-withdraw' MUST be used."
TEST(BgpUpdate, MissingMandatoryAttributesWithdraw) {
    const auto with = [](const Bytes& attributes) {
        return reaction(update({.attributes = attributes, .nlri = usual_nlri()}));
    };
    EXPECT_EQ(with(as_path() + next_hop()), "withdraw +203.0.113.0/24");
    EXPECT_EQ(with(origin() + next_hop()), "withdraw +203.0.113.0/24");
    EXPECT_EQ(with(origin() + as_path()), "withdraw +203.0.113.0/24");
    EXPECT_EQ(with({}), "withdraw +203.0.113.0/24");
}

// RFC 4760 section 3: NEXT_HOP is needed for the field of RFC 4271 alone, and else ignored.
TEST(BgpUpdate, MpReachNeedsNoNextHop) {
    const Bytes reach = ipv6_reach(hex("20 20010db8"));
    EXPECT_EQ(reaction(update({.attributes = reach + origin() + as_path()})),
              "accept +2001:db8::/32");
    EXPECT_EQ(reaction(update({.attributes = reach + origin()})), "withdraw +2001:db8::/32");
    EXPECT_EQ(reaction(update({.attributes = reach + as_path()})), "withdraw +2001:db8::/32");
    const Bytes martian = attribute(attribute_type::next_hop, hex("7f000001"));
    EXPECT_EQ(reaction(update({.attributes = reach + origin() + as_path() + martian})),
              "accept +2001:db8::/32");
}

// RFC 7606 section 3 f: "a NOTIFICATION message MUST be sent with the Error Subcode 'Malformed
// Attribute List'".
TEST(BgpUpdate, MpAttributesTwiceReset) {
    const Bytes reach = ipv6_reach(hex("20 20010db8"));
    EXPECT_EQ(reaction(update({.attributes = reach + reach + usual_attributes()})), "send 3/1");
    const Bytes unreach = mp_unreach(hex("0002 01"));
    EXPECT_EQ(reaction(update({.attributes = unreach + unreach})), "send 3/1");
}

// RFC 7606 section 3 g: "all the occurrences of the attribute other than the first one SHALL be
// discarded".
TEST(BgpUpdate, OtherAttributesTwiceAreDiscarded) {
    const Bytes bad_origin = attribute(attribute_type::origin, hex("09"));
    EXPECT_EQ(
        reaction(update({.attributes = usual_attributes() + bad_origin, .nlri = usual_nlri()})),
        "discard +203.0.113.0/24");
    EXPECT_EQ(
        reaction(update({.attributes = bad_origin + usual_attributes(), .nlri = usual_nlri()})),
        "withdraw +203.0.113.0/24");
    const Bytes unknown = attribute(99, Bytes(3));
    EXPECT_EQ(reaction(update(
                  {.attributes = usual_attributes() + unknown + unknown, .nlri = usual_nlri()})),
              "discard +203.0.113.0/24");
}

// RFC 7606 section 3 h: "the approach with the strongest action" is used, in whatever order.
TEST(BgpUpdate, TheStrongestActionWins) {
    const Bytes discarded = attribute(attribute_type::local_pref, hex("00000064"));
    const Bytes withdrawn = attribute(attribute_type::communities, Bytes(3));
    const Bytes resetting = attribute({.flags = 0x40, .type = 99}, hex("01"));
    const auto with = [](const Bytes& one, const Bytes& other) {
        return reaction(
            update({.attributes = usual_attributes() + one + other, .nlri = usual_nlri()}));
    };
    EXPECT_EQ(with(discarded, withdrawn), "withdraw +203.0.113.0/24");
    EXPECT_EQ(with(withdrawn, discarded), "withdraw +203.0.113.0/24");
    EXPECT_EQ(with(withdrawn, resetting), "send 3/2 40 63 01 01");
    EXPECT_EQ(with(resetting, withdrawn), "send 3/2 40 63 01 01");
}

// RFC 4271 section 6.3: "If the Withdrawn Routes Length or Total Attribute Length is too large ...
// then the Error Subcode MUST be set to Malformed Attribute List."
TEST(BgpUpdate, LengthsBeyondTheMessageReset) {
    for (const std::string_view body : {"0001 0000", "ffff 0000", "0002 0000", "0000 0001",
                                        "0000 ffff", "0003 18cb00 71", "0004 18cb0071 00"})
        EXPECT_EQ(reaction(whole(MessageType::update, hex(body))), "send 3/1") << body;
}

// RFC 7606 section 4: an attribute that goes beyond the total length, or a header for which there
// is no room, "the 'treat-as-withdraw' approach MUST be used ... and the Total Attribute Length
// MUST be relied upon to enable the beginning of the NLRI field to be located".
TEST(BgpUpdate, AttributesBeyondTheTotalLengthWithdraw) {
    for (const std::string_view last :
         {"40", "40 01", "40 01 02 00", "40 01 ff", "50 01", "50 01 00", "50 01 00 02 00",
          "50 01 ff ff", "c0 63 01", "80 0e ff"})
        EXPECT_EQ(
            reaction(update({.attributes = usual_attributes() + hex(last), .nlri = usual_nlri()})),
            "withdraw +203.0.113.0/24")
            << last;
}

// RFC 7606 section 5.2: without reachable prefixes "the 'session reset' approach MUST be used" for
// all that is worse than a discard.
TEST(BgpUpdate, FaultsWithNothingToWithdrawReset) {
    EXPECT_EQ(reaction(update({.attributes = usual_attributes() + hex("40")})), "send 3/1");
    EXPECT_EQ(reaction(update({.withdrawn = usual_nlri(), .attributes = hex("40 01 01 07")})),
              "send 3/6 40 01 01 07");
    EXPECT_EQ(reaction(update({.attributes = ipv6_reach({}) + hex("40 01 01 07")})),
              "send 3/6 40 01 01 07");
    const Bytes unreach = mp_unreach(hex("0002 01 20 20010db8"));
    EXPECT_EQ(reaction(update({.attributes = unreach + hex("c0 08 01 00")})),
              "send 3/5 c0 08 01 00");
    const Bytes discarded = attribute(attribute_type::atomic_aggregate, hex("00"));
    EXPECT_EQ(reaction(update({.attributes = unreach + discarded})), "discard -2001:db8::/32");
}

// RFC 7606 section 5.3: too long, or cut off; section 3 j: then a reset. RFC 4271 section 6.3: "the
// Error Subcode MUST be set to Invalid Network Field".
TEST(BgpUpdate, PrefixesThatCannotBeToldApartReset) {
    for (const std::string_view field :
         {"21 cb007100 00", "ff", "18 cb00", "20 cb0071", "01", "18 cb0071 20", "18 cb0071 08"}) {
        EXPECT_EQ(reaction(update({.attributes = usual_attributes(), .nlri = hex(field)})),
                  "send 3/10")
            << field;
        EXPECT_EQ(reaction(update({.withdrawn = hex(field)})), "send 3/10") << field;
    }
}

// RFC 4760 section 7: "Optional Attribute Error", and the attribute as data.
TEST(BgpUpdate, PrefixesInMpAttributesThatCannotBeToldApartReset) {
    for (const std::string_view field :
         {"81 20010db8000000000000000000000001 00", "ff", "20 20010d", "30 20010db800", "01"}) {
        const Bytes reach = ipv6_reach(hex(field));
        EXPECT_EQ(reaction(update({.attributes = reach + usual_attributes()})),
                  "send 3/9 " + to_hex(reach))
            << field;
        const Bytes unreach = mp_unreach(hex("0002 01") + hex(field));
        EXPECT_EQ(reaction(update({.attributes = unreach})), "send 3/9 " + to_hex(unreach))
            << field;
    }
    const Bytes ipv4 = mp_unreach(hex("0001 01 21 cb007100 00"));  // 33 bits are too many there
    EXPECT_EQ(reaction(update({.attributes = ipv4})), "send 3/9 " + to_hex(ipv4));
}

// RFC 7606 section 5.3: "the length of the MP_UNREACH_NLRI attribute is less than 3, or that of the
// MP_REACH_NLRI attribute is less than 5".
TEST(BgpUpdate, MpAttributesThatAreTooShortReset) {
    for (const std::string_view value : {"", "00", "0002", "0002 01", "0002 01 00"}) {
        const Bytes reach = mp_reach(hex(value));
        EXPECT_EQ(reaction(update({.attributes = reach})), "send 3/9 " + to_hex(reach)) << value;
        const Bytes unreach = mp_unreach(hex(value));
        if (hex(value).size() >= 3) continue;
        EXPECT_EQ(reaction(update({.attributes = unreach})), "send 3/9 " + to_hex(unreach))
            << value;
    }
}

struct NextHopLengthRow {
    std::string_view name;
    std::string_view family;
    std::size_t size;
    bool fits;
    bool fits_extended;  // with RFC 8950 for IPv4
};
class BgpNextHopLength : public testing::TestWithParam<NextHopLengthRow> {};

// RFC 7606 section 7.11: a length that was not expected makes the prefixes unfindable: "the
// 'session reset' or 'AFI/SAFI disable' approach MUST be used". RFC 8950 section 3 on IPv6 next
// hops of IPv4.
TEST_P(BgpNextHopLength, MustFitTheFamily) {
    const NextHopLengthRow& row = GetParam();
    const Bytes address(row.size, std::byte{0x20});
    const Bytes reach = mp_reach(hex(row.family) + Bytes{static_cast<std::byte>(row.size)} +
                                 address + hex("00 10 2001"));
    const Bytes bytes = update({.attributes = reach + origin() + as_path()});
    const std::string prefix = row.family == "0002 01" ? "+2001::/16" : "+32.1.0.0/16";
    const std::string refused = "send 3/9 " + to_hex(reach);
    EXPECT_EQ(reaction(bytes), row.fits ? "accept " + prefix : refused);
    EXPECT_EQ(reaction(bytes, with_extended_next_hop()),
              row.fits_extended ? "accept " + prefix : refused);
}

INSTANTIATE_TEST_SUITE_P(Table, BgpNextHopLength,
                         testing::Values(NextHopLengthRow{"ipv6_none", "0002 01", 0, false, false},
                                         NextHopLengthRow{"ipv6_ipv4", "0002 01", 4, false, false},
                                         NextHopLengthRow{"ipv6_15", "0002 01", 15, false, false},
                                         NextHopLengthRow{"ipv6_16", "0002 01", 16, true, true},
                                         NextHopLengthRow{"ipv6_24", "0002 01", 24, false, false},
                                         NextHopLengthRow{"ipv6_32", "0002 01", 32, true, true},
                                         NextHopLengthRow{"ipv6_33", "0002 01", 33, false, false},
                                         NextHopLengthRow{"ipv6_48", "0002 01", 48, false, false},
                                         NextHopLengthRow{"ipv4_none", "0001 01", 0, false, false},
                                         NextHopLengthRow{"ipv4_4", "0001 01", 4, true, true},
                                         NextHopLengthRow{"ipv4_5", "0001 01", 5, false, false},
                                         NextHopLengthRow{"ipv4_16", "0001 01", 16, false, true},
                                         NextHopLengthRow{"ipv4_32", "0001 01", 32, false, true}),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(BgpUpdate, ANextHopBeyondTheAttributeResets) {
    const Bytes reach = mp_reach(hex("0002 01 20 20010db8000000000000000000000001 00"));
    EXPECT_EQ(reaction(update({.attributes = reach})), "send 3/9 " + to_hex(reach));
    const Bytes without_reserved = mp_reach(hex("0002 01 10 20010db8000000000000000000000001"));
    EXPECT_EQ(reaction(update({.attributes = without_reserved})),
              "send 3/9 " + to_hex(without_reserved));
}

TEST(BgpUpdate, MartianNextHopsWithdraw) {
    for (const std::string_view address : {"00000000", "7f000001", "e0000005", "ffffffff"}) {
        const Bytes one = attribute(attribute_type::next_hop, hex(address));
        EXPECT_EQ(
            reaction(update({.attributes = origin() + as_path() + one, .nlri = usual_nlri()})),
            "withdraw +203.0.113.0/24")
            << address;
    }
    for (const std::string_view address :
         {"00000000000000000000000000000000", "00000000000000000000000000000001",
          "ff020000000000000000000000000005"}) {
        const Bytes reach = mp_reach(hex("0002 01 10") + hex(address) + hex("00 20 20010db8"));
        EXPECT_EQ(reaction(update({.attributes = reach + origin() + as_path()})),
                  "withdraw +2001:db8::/32")
            << address;
    }
}

// RFC 4760 section 7: what comes for a family that was not agreed on is ignored, whatever it holds
// ("AFI/SAFI disable", RFC 7606 section 2). The rest of the message counts.
TEST(BgpUpdate, OtherFamiliesAreDiscarded) {
    const Bytes reach = mp_reach(hex("0001 80 0c 0000000000000000c0000201 00 ff ff"));
    EXPECT_EQ(reaction(update({.attributes = reach + usual_attributes(), .nlri = usual_nlri()})),
              "discard +203.0.113.0/24");
    const Bytes unreach = mp_unreach(hex("4004 47 ffff"));
    EXPECT_EQ(reaction(update({.withdrawn = usual_nlri(), .attributes = unreach})),
              "discard -203.0.113.0/24");
    // It has routes, as far as one can tell, so another fault is not about none.
    EXPECT_EQ(reaction(update({.attributes = reach + origin() + as_path() + hex("c0 08 01 00")})),
              "withdraw");
    // One that was agreed on, but whose prefixes we could not read, is no better.
    CodecOptions multicast = both_families();
    multicast.families.insert({1, 2});
    EXPECT_EQ(reaction(update({.attributes = mp_unreach(hex("0001 02"))}), multicast), "discard");
}

TEST(BgpUpdate, FamiliesThatWereNotNegotiatedAreNotReported) {
    CodecOptions ipv6_alone = both_families();
    ipv6_alone.families = {ipv6_unicast};
    EXPECT_EQ(reaction(update({.withdrawn = usual_nlri(),
                               .attributes = usual_attributes(),
                               .nlri = usual_nlri()}),
                       ipv6_alone),
              "accept");
    EXPECT_EQ(reaction(update({.withdrawn = hex("21 00")}), ipv6_alone), "send 3/10");
    CodecOptions ipv4_alone = both_families();
    ipv4_alone.families = {ipv4_unicast};
    EXPECT_EQ(reaction(update({.attributes = ipv6_reach(hex("20 20010db8")) + usual_attributes()}),
                       ipv4_alone),
              "discard");
}

// RFC 4271 section 6.3: a prefix that makes no sense, "an unexpected multicast IP address", is
// ignored; RFC 4291 section 2.5.5.2 on mapped addresses.
TEST(BgpUpdate, PrefixesThatMakeNoSenseAreIgnored) {
    EXPECT_EQ(reaction(update({.attributes = usual_attributes(),
                               .nlri = hex("08 e0 20 efffffff") + usual_nlri()})),
              "accept +203.0.113.0/24 ignored 2");
    const Bytes mapped = hex("60 00000000000000000000ffff 78 00000000000000000000ffffcb0071");
    EXPECT_EQ(
        reaction(update({.attributes = ipv6_reach(hex("08 ff") + mapped) + origin() + as_path()})),
        "accept ignored 3");
    // The bits that make it look mapped are behind its end.
    EXPECT_EQ(reaction(update({.attributes = ipv6_reach(hex("5f 00000000000000000000ffff")) +
                                             origin() + as_path()})),
              "accept +::fffe:0:0/95");
}

TEST(BgpUpdate, ThousandsOfPrefixesTakeLinearTime) {
    CodecOptions options = both_families();
    options.extended_messages = true;
    const std::size_t count = (extended_message_size_max - 23 - usual_attributes().size());
    const auto taken =
        take_message(update({.attributes = usual_attributes(), .nlri = Bytes(count)}), options);
    ASSERT_TRUE(taken.has_value() && taken->has_value());
    const auto& message = std::get<UpdateMessage>((*taken)->message);
    EXPECT_EQ(message.announced, std::vector<Prefix>(count));
}

}  // namespace
}  // namespace trivet::announce::bgp
