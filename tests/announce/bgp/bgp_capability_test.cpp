#include "announce/bgp/bgp_capability.hpp"

#include "announce/wire_bytes.hpp"
#include "tests/announce/bgp/bgp_wire.hpp"

namespace trivet::announce::bgp {
namespace {

using namespace wire;

/// One Capabilities parameter with these capabilities, in the usual form.
Bytes parameters(const Bytes& capabilities) {
    Bytes bytes = {static_cast<std::byte>(capabilities.size() + 2), std::byte{2},
                   static_cast<std::byte>(capabilities.size())};
    return bytes + capabilities;
}

/// The same in the form of RFC 9072; `octet` is the one that is to be ignored.
Bytes extended_parameters(const Bytes& capabilities, std::string_view octet = "ff") {
    ByteWriter writer(capabilities.size() + 7);
    writer.append(hex(octet));
    writer.u8(0xff);
    writer.u16(static_cast<std::uint16_t>(capabilities.size() + 3));
    writer.u8(2);
    writer.u16(static_cast<std::uint16_t>(capabilities.size()));
    writer.append(capabilities);
    return writer.take();
}

Capabilities decoded(const Bytes& bytes) {
    const auto capabilities = decode_optional_parameters(bytes);
    if (capabilities) return *capabilities;
    ADD_FAILURE() << to_words(capabilities.error()) << " for " << to_hex(bytes);
    return {};
}

std::string refused(const Bytes& bytes) {
    const auto capabilities = decode_optional_parameters(bytes);
    if (capabilities) return "accepted";
    return std::to_string(capabilities.error().error_code) + "/" +
           std::to_string(capabilities.error().error_subcode);
}

struct VectorRow {
    std::string_view name;
    std::string_view bytes;
    Capabilities capabilities;
};
class BgpCapabilityVector : public testing::TestWithParam<VectorRow> {};

TEST_P(BgpCapabilityVector, IsEncodedAndDecoded) {
    const VectorRow& row = GetParam();
    EXPECT_EQ(to_hex(encode_capabilities(row.capabilities)), to_hex(hex(row.bytes)));
    EXPECT_EQ(decoded(parameters(hex(row.bytes))), row.capabilities);
    EXPECT_EQ(decoded(extended_parameters(hex(row.bytes))), row.capabilities);
}

INSTANTIATE_TEST_SUITE_P(
    Table, BgpCapabilityVector,
    testing::Values(
        // RFC 4760 section 8
        VectorRow{"multiprotocol",
                  "01 04 0001 00 01  01 04 0002 00 01",
                  {.families = {ipv4_unicast, ipv6_unicast}}},
        VectorRow{"route_refresh", "02 00", {.route_refresh = true}},                    // RFC 2918
        VectorRow{"enhanced_route_refresh", "46 00", {.enhanced_route_refresh = true}},  // RFC 7313
        VectorRow{"extended_messages", "06 00", {.extended_messages = true}},            // RFC 8654
        VectorRow{"four_octet_as", "41 04 00011170", {.four_octet_as = AsNumber(70000)}},
        // RFC 8950 section 4: the SAFI has two octets
        VectorRow{
            "extended_next_hop", "05 06 0001 0001 0002", {.extended_next_hop = {ipv4_unicast}}},
        VectorRow{"role", "09 01 03", {.role = BgpRole::customer}},  // RFC 9234
        // RFC 4724 section 3: one that only helps others lists no family
        VectorRow{"graceful_restart_helper",
                  "40 02 0078",
                  {.graceful_restart = GracefulRestart{.restart_time_s = 120}}},
        VectorRow{"graceful_restart",
                  "40 0a c078 0001 01 80 0002 01 00",  // N: RFC 8538
                  {.graceful_restart = GracefulRestart{.restarting = true,
                                                       .notification = true,
                                                       .restart_time_s = 120,
                                                       .forwarding = {{ipv4_unicast, true},
                                                                      {ipv6_unicast, false}}}}}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(BgpCapability, NoneIsNoParameter) {
    EXPECT_EQ(encode_optional_parameters({}), hex("00"));
    EXPECT_EQ(decoded(hex("00")), Capabilities{});
}

// RFC 5492 section 4: "a BGP speaker MUST be prepared to accept such multiple instances".
TEST(BgpCapability, EqualOnesAreOne) {
    EXPECT_EQ(decoded(parameters(hex("01 04 0001 00 01  01 04 0001 00 01"))),
              Capabilities{.families = {ipv4_unicast}});
}

// RFC 5492 section 4: "MUST be prepared to receive an OPEN message that contains multiple
// Capabilities Optional Parameters".
TEST(BgpCapability, SeveralParametersAreRead) {
    EXPECT_EQ(
        decoded(hex("0a 02 02 02 00 02 04 46 00 06 00")),
        (Capabilities{
            .route_refresh = true, .enhanced_route_refresh = true, .extended_messages = true}));
    EXPECT_EQ(decoded(hex("02 02 00")), Capabilities{});  // and one that is empty
}

// RFC 5492 section 3: "it MUST ignore that capability".
TEST(BgpCapability, UnknownOnesAreIgnored) {
    for (const std::string_view bytes :
         {"00 00", "45 04 00010101", "47 07 00010180000000", "80 00", "ff 03 010203"})
        EXPECT_EQ(decoded(parameters(hex(bytes) + hex("02 00"))),
                  Capabilities{.route_refresh = true})
            << bytes;
}

// RFC 4724 section 3: "the receiver of the advertisement MUST ignore all but the last instance".
// The reserved bits are "ignored by the receiver".
TEST(BgpCapability, TheLastGracefulRestartCounts) {
    EXPECT_EQ(decoded(parameters(hex("40 06 8010 0001 01 80  40 06 3020 0002 01 ff"))),
              (Capabilities{.graceful_restart = GracefulRestart{
                                .restart_time_s = 0x20, .forwarding = {{ipv6_unicast, true}}}}));
}

// RFC 9234 section 4.2: equal ones are one; else "MUST reject the connection using the Role
// Mismatch Notification". A value that nobody knows is for the session to judge.
TEST(BgpCapability, RolesMustBeEqual) {
    EXPECT_EQ(decoded(parameters(hex("09 01 00 09 01 00"))),
              Capabilities{.role = BgpRole::provider});
    EXPECT_EQ(refused(parameters(hex("09 01 00 09 01 03"))), "2/11");
    EXPECT_EQ(decoded(parameters(hex("09 01 63"))).role, static_cast<BgpRole>(0x63));
}

// RFC 8950 section 4: only triples with next hop AFI 2 say anything to us.
TEST(BgpCapability, OtherNextHopsAreIgnored) {
    EXPECT_EQ(decoded(parameters(hex("05 12 0001 0001 0001  0001 0180 0002  0001 0080 0002"))),
              (Capabilities{.extended_next_hop = {AfiSafi{1, 0x80}}}));
}

struct MalformedRow {
    std::string_view name;
    std::string_view bytes;
};
class BgpCapabilityMalformed : public testing::TestWithParam<MalformedRow> {};

// RFC 4271 section 6.2: "If one of the Optional Parameters in the OPEN message is recognized, but
// is malformed, then the Error Subcode MUST be set to 0 (Unspecific)."
TEST_P(BgpCapabilityMalformed, IsUnspecific) {
    EXPECT_EQ(refused(parameters(hex(GetParam().bytes))), "2/0");
    EXPECT_EQ(refused(extended_parameters(hex(GetParam().bytes))), "2/0");
}

INSTANTIATE_TEST_SUITE_P(
    Table, BgpCapabilityMalformed,
    testing::Values(MalformedRow{"code_alone", "02"}, MalformedRow{"beyond_parameter", "80 01"},
                    MalformedRow{"multiprotocol_short", "01 03 000100"},
                    MalformedRow{"multiprotocol_long", "01 05 0001000100"},
                    MalformedRow{"route_refresh_with_value", "02 01 00"},
                    MalformedRow{"enhanced_route_refresh_with_value", "46 01 00"},
                    MalformedRow{"extended_messages_with_value", "06 01 00"},
                    MalformedRow{"extended_next_hop_cut", "05 05 0001000100"},
                    MalformedRow{"role_empty", "09 00"}, MalformedRow{"role_long", "09 02 0000"},
                    MalformedRow{"graceful_restart_empty", "40 00"},
                    MalformedRow{"graceful_restart_cut", "40 05 0078000101"},
                    MalformedRow{"four_octet_as_short", "41 02 fde8"},
                    MalformedRow{"four_octet_as_long", "41 05 0000fde800"}),
    [](const auto& row) { return std::string(row.param.name); });

// RFC 4271 section 6.2: "If one of the Optional Parameters in the OPEN message is not recognized,
// then the Error Subcode MUST be set to Unsupported Optional Parameters." Type 1, authentication,
// is deprecated.
TEST(BgpOptionalParameter, UnknownOnesAreRefused) {
    for (int type = 0; type < 255; ++type) {
        if (type == 2) continue;
        const Bytes bytes = {std::byte{2}, static_cast<std::byte>(type), std::byte{0}};
        EXPECT_EQ(refused(bytes), "2/4") << type;
    }
}

// RFC 9072 section 2: "an implementation MUST accept an OPEN message that uses the encoding of this
// specification even if the length of the Optional Parameters is 255 or less"; the octet of length
// "MUST be ignored on receipt". Section 3: it "is not considered a fatal error" not to be 255.
TEST(BgpOptionalParameter, ExtendedFormIsReadWhateverTheLengthOctet) {
    for (const std::string_view octet : {"01", "05", "fe", "ff"})
        EXPECT_EQ(decoded(extended_parameters(hex("02 00"), octet)),
                  Capabilities{.route_refresh = true})
            << octet;
    EXPECT_EQ(refused(extended_parameters(hex("02 00"), "00")), "2/0");  // says there are none
}

// RFC 9072 section 3: in any other place type 255 "MUST be treated as an unrecognized Optional
// Parameter".
TEST(BgpOptionalParameter, Type255ElsewhereIsUnknown) {
    EXPECT_EQ(refused(hex("06 02 02 02 00 ff 00")), "2/4");
    EXPECT_EQ(refused(hex("ff ff 0006 ff 0003 000000")), "2/4");
}

// RFC 9072 section 2: "if the length of the Optional Parameters in the BGP OPEN message does exceed
// 255, the OPEN message MUST be encoded according to the procedure below".
TEST(BgpOptionalParameter, ExtendedFormIsWrittenWhereItIsNeeded) {
    Capabilities capabilities;
    for (std::uint8_t safi = 1; safi <= 42; ++safi) capabilities.families.insert({1, safi});
    Bytes bytes = encode_optional_parameters(capabilities);  // 252 octets and a header: 254
    EXPECT_EQ(to_hex({bytes.begin(), bytes.begin() + 3}), "fe 02 fc");
    EXPECT_EQ(decoded(bytes), capabilities);
    capabilities.families.insert({1, 43});
    bytes = encode_optional_parameters(capabilities);  // 258 octets
    EXPECT_EQ(to_hex({bytes.begin(), bytes.begin() + 7}), "ff ff 01 05 02 01 02");
    EXPECT_EQ(decoded(bytes), capabilities);
}

TEST(BgpOptionalParameter, TheUsualFormHoldsAsMuchAs255Octets) {
    Capabilities capabilities{
        .route_refresh = true, .enhanced_route_refresh = true, .role = BgpRole::peer};  // 7 octets
    for (std::uint8_t safi = 1; safi <= 41; ++safi) capabilities.families.insert({1, safi});
    const Bytes bytes = encode_optional_parameters(capabilities);
    EXPECT_EQ(bytes.size(), 256U);
    EXPECT_EQ(to_hex({bytes.begin(), bytes.begin() + 3}), "ff 02 fd");
    EXPECT_EQ(decoded(bytes), capabilities);
}

TEST(BgpOptionalParameter, ManyNextHopFamiliesTakeSeveralCapabilities) {
    Capabilities capabilities;
    for (std::uint8_t safi = 1; safi <= 100; ++safi)
        capabilities.extended_next_hop.insert({1, safi});
    EXPECT_EQ(decoded(encode_optional_parameters(capabilities)), capabilities);
}

TEST(BgpOptionalParameter, EveryTruncationIsRefused) {
    const Bytes capabilities = hex("01 04 0001 00 01  41 04 0000fde8  40 02 0078");
    for (const Bytes& bytes : {parameters(capabilities), extended_parameters(capabilities)})
        for (std::size_t size = 0; size < bytes.size(); ++size)
            EXPECT_EQ(refused({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)}),
                      "2/0")
                << size;
}

TEST(BgpOptionalParameter, BytesBehindThemAreRefused) {
    EXPECT_EQ(refused(parameters(hex("02 00")) + hex("00")), "2/0");
    EXPECT_EQ(refused(hex("00 00")), "2/0");
}

TEST(BgpCapability, NamesForPeople) {
    const std::map<std::uint8_t, std::string> names = {{1, "multiprotocol extensions"},
                                                       {2, "route refresh"},
                                                       {5, "extended next hop encoding"},
                                                       {6, "extended message"},
                                                       {9, "BGP role"},
                                                       {64, "graceful restart"},
                                                       {65, "four-octet AS number"},
                                                       {70, "enhanced route refresh"},
                                                       {99, "capability 99"}};
    for (const auto& [code, name] : names) EXPECT_EQ(capability_name(code), name);
    EXPECT_EQ(to_string(ipv6_unicast), "IPv6 unicast");
    EXPECT_EQ(to_string(AfiSafi{25, 70}), "AFI 25 SAFI 70");
}

}  // namespace
}  // namespace trivet::announce::bgp
