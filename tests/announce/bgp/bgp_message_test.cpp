#include "announce/bgp/bgp_message.hpp"

#include "tests/announce/bgp/bgp_wire.hpp"

namespace trivet::announce::bgp {
namespace {

using namespace wire;

CodecOptions extended() {
    CodecOptions options = both_families();
    options.extended_messages = true;
    return options;
}

CodecOptions enhanced_refresh() {
    CodecOptions options = both_families();
    options.enhanced_route_refresh = true;
    return options;
}

/// A header that claims a length and a type, and as many bytes as that.
Bytes claiming(std::uint16_t size, std::uint8_t type) {
    Bytes bytes = repeated(16, hex("ff"));
    bytes.push_back(static_cast<std::byte>(size >> 8));
    bytes.push_back(static_cast<std::byte>(size & 0xff));
    bytes.push_back(std::byte{type});
    bytes.resize(std::max<std::size_t>(size, header_size));
    return bytes;
}

// RFC 4271 section 4.4: "A KEEPALIVE message consists of only the message header".
TEST(BgpMessage, KeepaliveIsTheVector) {
    const Bytes bytes = hex("ffffffffffffffffffffffffffffffff 0013 04");
    EXPECT_EQ(encode(KeepaliveMessage{}), bytes);
    EXPECT_EQ(reaction(bytes), "KEEPALIVE");
}

TEST(BgpMessage, WaitsForAWholeMessageAndLeavesTheNextAlone) {
    const Bytes first = update({.attributes = usual_attributes(), .nlri = usual_nlri()});
    for (std::size_t size = 0; size < first.size(); ++size) {
        const auto taken = take_message(std::span(first).first(size), {});
        ASSERT_TRUE(taken.has_value()) << size;
        EXPECT_FALSE(taken->has_value()) << size;
    }
    const Bytes both = first + encode(KeepaliveMessage{});
    const auto taken = take_message(both, {});
    ASSERT_TRUE(taken.has_value() && taken->has_value());
    EXPECT_EQ((*taken)->size, first.size());
    EXPECT_EQ(type_of((*taken)->message), MessageType::update);
}

TEST(BgpMessage, EveryMessageKnowsItsType) {
    for (std::uint8_t type = 1; type <= 5; ++type) {
        const auto bytes = type == 1   ? open({})
                           : type == 2 ? update({})
                           : type == 3 ? encode(NotificationMessage{})
                           : type == 4 ? encode(KeepaliveMessage{})
                                       : encode(RouteRefreshMessage{});
        EXPECT_EQ(bytes[18], std::byte{type});
        const auto taken = take_message(bytes, {});
        ASSERT_TRUE(taken.has_value() && taken->has_value());
        EXPECT_EQ(type_of((*taken)->message), static_cast<MessageType>(type));
    }
}

// A header that is wrong is answered without waiting for the body that it promises.
TEST(BgpMessage, RefusesABadHeaderAtOnce) {
    Bytes bytes = claiming(4096, 9);
    bytes.resize(header_size);
    EXPECT_EQ(reaction(bytes), "send 1/3 09");
}

// RFC 4271 section 6.1: "If the Marker field ... is not as specified above, then a synchronization
// error has occurred and the Error Subcode MUST be set to Connection Not Synchronized."
TEST(BgpMessage, EveryOctetOfTheMarkerCounts) {
    for (std::size_t i = 0; i < 16; ++i) {
        Bytes bytes = encode(KeepaliveMessage{});
        bytes[i] = std::byte{0xfe};
        EXPECT_EQ(reaction(bytes), "send 1/1") << i;
    }
}

struct LengthRow {
    std::string_view name;
    std::uint8_t type;
    std::uint16_t size;
    std::string_view reaction;
    std::string_view reaction_extended;
};
class BgpMessageLength : public testing::TestWithParam<LengthRow> {};

// RFC 4271 section 6.1: "the Error Subcode MUST be set to Bad Message Length. The Data field MUST
// contain the erroneous Length field." RFC 8654 sections 4 to 6 on the greatest length.
TEST_P(BgpMessageLength, IsBoundedByTheType) {
    const LengthRow& row = GetParam();
    const Bytes bytes = claiming(row.size, row.type);
    EXPECT_EQ(reaction(bytes), row.reaction);
    EXPECT_EQ(reaction(bytes, extended()), row.reaction_extended);
}

INSTANTIATE_TEST_SUITE_P(
    Table, BgpMessageLength,
    testing::Values(
        LengthRow{"zero", 4, 0, "send 1/2 00 00", "send 1/2 00 00"},
        LengthRow{"below_header", 2, 18, "send 1/2 00 12", "send 1/2 00 12"},
        LengthRow{"above_usual_notification", 3, 4097, "send 1/2 10 01", "NOTIFICATION 0/0"},
        LengthRow{"above_usual_refresh", 5, 4097, "send 1/2 10 01", "ROUTE-REFRESH 0/0 subtype 0"},
        LengthRow{"greatest", 3, 65535, "send 1/2 ff ff", "NOTIFICATION 0/0"},
        LengthRow{"greatest_usual", 3, 4096, "NOTIFICATION 0/0", "NOTIFICATION 0/0"},
        LengthRow{"open_below", 1, 28, "send 1/2 00 1c", "send 1/2 00 1c"},
        LengthRow{"open_never_extended", 1, 4097, "send 1/2 10 01", "send 1/2 10 01"},
        LengthRow{"update_below", 2, 22, "send 1/2 00 16", "send 1/2 00 16"},
        LengthRow{"update_least", 2, 23, "accept end of IPv4 unicast",
                  "accept end of IPv4 unicast"},
        LengthRow{"notification_below", 3, 20, "send 1/2 00 14", "send 1/2 00 14"},
        LengthRow{"notification_least", 3, 21, "NOTIFICATION 0/0", "NOTIFICATION 0/0"},
        LengthRow{"keepalive_above", 4, 20, "send 1/2 00 14", "send 1/2 00 14"},
        LengthRow{"keepalive_never_extended", 4, 5000, "send 1/2 13 88", "send 1/2 13 88"},
        LengthRow{"refresh_without_body", 5, 19, "send 1/2 00 13", "send 1/2 00 13"},
        LengthRow{"refresh_below", 5, 22, "send 1/2 00 16", "send 1/2 00 16"}),
    [](const auto& row) { return std::string(row.param.name); });

// RFC 8654 section 5: who has not offered more "MUST NOT accept a BGP Extended Message".
TEST(BgpMessage, UpdatesAreExtendedWhereThatWasOffered) {
    const Bytes bytes = update(
        {.attributes = usual_attributes() + attribute(99, Bytes(4097)), .nlri = usual_nlri()});
    EXPECT_EQ(reaction(bytes).substr(0, 8), "send 1/2");
    EXPECT_EQ(reaction(bytes, extended()), "accept +203.0.113.0/24");
    CodecOptions offered = both_families();
    offered.extended_offered =
        true;  // RFC 8654 section 4: what the peer has offered is another matter
    EXPECT_EQ(reaction(bytes, offered), "accept +203.0.113.0/24");
}

// RFC 4271 section 6.1: "the Error Subcode MUST be set to Bad Message Type. The Data field MUST
// contain the erroneous Type field."
TEST(BgpMessage, RefusesEveryUnknownType) {
    for (int type = 0; type <= 255; ++type) {
        if (type >= 1 && type <= 5) continue;
        const auto octet = static_cast<std::uint8_t>(type);
        EXPECT_EQ(reaction(claiming(23, octet)), "send 1/3 " + to_hex({std::byte{octet}}));
    }
}

OpenMessage usual_open() {
    OpenMessage message;
    message.my_as = AsNumber(65000);
    message.hold_time_s = 90;
    message.bgp_identifier = 0xc0000201;
    return message;
}

TEST(BgpOpen, IsTheVector) {
    const Bytes bytes = open({});
    EXPECT_EQ(bytes, hex("ffffffffffffffffffffffffffffffff 001d 01 04 fde8 005a c0000201 00"));
    EXPECT_EQ(encode(usual_open()), bytes);
    const auto taken = take_message(bytes, {});
    ASSERT_TRUE(taken.has_value() && taken->has_value());
    EXPECT_EQ(std::get<OpenMessage>((*taken)->message), usual_open());
}

// RFC 4271 section 6.2: "the Error Subcode MUST be set to Unsupported Version Number. The Data
// field is a 2-octet unsigned integer, which indicates the largest, locally-supported version
// number".
TEST(BgpOpen, RefusesOtherVersions) {
    for (const std::string_view version : {"00", "03", "05", "ff"})
        EXPECT_EQ(reaction(open({.version = version})), "send 2/1 00 04") << version;
}

// RFC 7607 section 2: 0 "MUST" be answered with Bad Peer AS, in the field and in the capability.
TEST(BgpOpen, RefusesAsZero) {
    EXPECT_EQ(reaction(open({.my_as = "0000"})), "send 2/2 00 00");
    EXPECT_EQ(reaction(open({.rest = hex("08 02 06 41 04 00000000")})), "send 2/2 00 00 00 00");
}

// RFC 4271 section 6.2: "An implementation MUST reject Hold Time values of one or two seconds."
TEST(BgpOpen, RefusesHoldTimesOfOneAndTwoSeconds) {
    EXPECT_EQ(reaction(open({.hold_time = "0001"})), "send 2/6 00 01");
    EXPECT_EQ(reaction(open({.hold_time = "0002"})), "send 2/6 00 02");
    for (const std::string_view hold_time : {"0000", "0003", "ffff"})
        EXPECT_EQ(reaction(open({.hold_time = hold_time})), "OPEN") << hold_time;
}

// RFC 6286 section 2.2: "If the BGP Identifier field of the OPEN message is zero ... then the Error
// Subcode MUST be set to Bad BGP Identifier." Any other is good, also what is no host's address.
TEST(BgpOpen, RefusesIdentifierZeroAlone) {
    EXPECT_EQ(reaction(open({.identifier = "00000000"})), "send 2/3 00 00 00 00");
    for (const std::string_view identifier : {"00000001", "e0000001", "ffffffff", "7f000001"})
        EXPECT_EQ(reaction(open({.identifier = identifier})), "OPEN") << identifier;
}

// RFC 6793 section 4.1: it "MUST use the AS number encoded in the Capability Value field ... in
// lieu of the 'My Autonomous System' field".
TEST(BgpOpen, TakesTheFourOctetNumber) {
    const auto taken =
        take_message(open({.my_as = "5ba0", .rest = hex("08 02 06 41 04 fffffff0")}), {});
    ASSERT_TRUE(taken.has_value() && taken->has_value());
    EXPECT_EQ(std::get<OpenMessage>((*taken)->message).my_as, AsNumber(0xfffffff0));
}

// RFC 6793 section 4.2.1: "AS_TRANS MUST be used when the NEW BGP speaker does not have a two-octet
// AS number".
TEST(BgpOpen, WritesAsTransForAFourOctetNumber) {
    OpenMessage message = usual_open();
    message.my_as = AsNumber(70000);
    message.capabilities.four_octet_as = message.my_as;
    EXPECT_EQ(encode(message), open({.my_as = "5ba0", .rest = hex("08 02 06 41 04 00011170")}));
}

TEST(BgpOpen, EncodesWhatItDecodes) {
    OpenMessage message = usual_open();
    message.capabilities = {
        .families = {ipv4_unicast, ipv6_unicast},
        .route_refresh = true,
        .enhanced_route_refresh = true,
        .extended_messages = true,
        .four_octet_as = message.my_as,
        .extended_next_hop = {ipv4_unicast},
        .graceful_restart =
            GracefulRestart{.restarting = true,
                            .notification = true,
                            .restart_time_s = 4095,
                            .forwarding = {{ipv4_unicast, true}, {ipv6_unicast, false}}},
        .role = BgpRole::customer};
    const auto taken = take_message(encode(message), {});
    ASSERT_TRUE(taken.has_value() && taken->has_value());
    EXPECT_EQ(std::get<OpenMessage>((*taken)->message), message);
}

// RFC 4271 section 6.4: an error in it cannot be answered, so it is taken as it is.
TEST(BgpNotificationMessage, OfEveryCodeAndSubcodeIsTaken) {
    for (int code = 0; code <= 255; ++code)
        for (int subcode = 0; subcode <= 255; ++subcode) {
            const NotificationMessage message{
                static_cast<std::uint8_t>(code), static_cast<std::uint8_t>(subcode), {}};
            const auto taken = take_message(encode(message), {});
            ASSERT_TRUE(taken.has_value() && taken->has_value());
            ASSERT_EQ(std::get<NotificationMessage>((*taken)->message), message);
        }
}

TEST(BgpNotificationMessage, OfEveryLengthIsTaken) {
    for (std::size_t size = 0; size <= notification_data_size_max; ++size) {
        const NotificationMessage message{6, 2, Bytes(size, std::byte{0x41})};
        const auto taken = take_message(encode(message), {});
        ASSERT_TRUE(taken.has_value() && taken->has_value()) << size;
        ASSERT_EQ(std::get<NotificationMessage>((*taken)->message), message) << size;
    }
}

// RFC 8654 section 5: to a peer that has not offered more, "the size of the message MUST NOT exceed
// 4,096 octets".
TEST(BgpNotificationMessage, DataIsCutToWhatEveryPeerTakes) {
    const NotificationMessage message{3, 9, Bytes(60000, std::byte{0x41})};
    EXPECT_EQ(encode(message).size(), message_size_max);
}

struct RefreshRow {
    std::string_view name;
    std::string_view body;
    std::string_view reaction;
    std::string_view reaction_enhanced;
};
class BgpRouteRefresh : public testing::TestWithParam<RefreshRow> {};

TEST_P(BgpRouteRefresh, IsReadAs) {
    const RefreshRow& row = GetParam();
    const Bytes bytes = whole(MessageType::route_refresh, hex(row.body));
    EXPECT_EQ(reaction(bytes), row.reaction);
    EXPECT_EQ(reaction(bytes, enhanced_refresh()), row.reaction_enhanced);
}

// RFC 2918 section 3: the third octet is "ignored by the receiver"; RFC 7313 section 5 on the
// subtypes, and on markers of a wrong length: "the BGP speaker MUST send a NOTIFICATION message ...
// The Data field of the NOTIFICATION message MUST contain the complete ROUTE-REFRESH message."
INSTANTIATE_TEST_SUITE_P(
    Table, BgpRouteRefresh,
    testing::Values(
        RefreshRow{"plain", "0001 00 01", "ROUTE-REFRESH 1/1 subtype 0",
                   "ROUTE-REFRESH 1/1 subtype 0"},
        RefreshRow{"beginning", "0002 01 01", "ROUTE-REFRESH 2/1 subtype 0",
                   "ROUTE-REFRESH 2/1 subtype 1"},
        RefreshRow{"end", "0002 02 01", "ROUTE-REFRESH 2/1 subtype 0",
                   "ROUTE-REFRESH 2/1 subtype 2"},
        RefreshRow{"unknown_subtype", "0001 ff 01", "ROUTE-REFRESH 1/1 subtype 0",
                   "ROUTE-REFRESH 1/1 subtype 255"},
        RefreshRow{"unknown_family", "4004 00 47", "ROUTE-REFRESH 16388/71 subtype 0",
                   "ROUTE-REFRESH 16388/71 subtype 0"},
        RefreshRow{"long_beginning", "0001 01 01 00", "ROUTE-REFRESH 1/1 subtype 0",
                   "send 7/1 ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff 00 18 05 00 01 01 01 "
                   "00"},
        RefreshRow{"short_end", "0001 02", "send 1/2 00 16",
                   "send 7/1 ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff 00 16 05 00 01 02"},
        RefreshRow{"short_plain", "0001 00", "send 1/2 00 16",
                   "send 7/1 ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff 00 16 05 00 01 00"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(BgpMessage, RouteRefreshEncodesWhatItDecodes) {
    for (const std::uint8_t subtype : {std::uint8_t{0}, std::uint8_t{1}, std::uint8_t{2}}) {
        const RouteRefreshMessage message{.family = ipv6_unicast, .subtype = subtype};
        const auto taken = take_message(encode(message), enhanced_refresh());
        ASSERT_TRUE(taken.has_value() && taken->has_value());
        EXPECT_EQ(std::get<RouteRefreshMessage>((*taken)->message), message);
    }
}

}  // namespace
}  // namespace trivet::announce::bgp
