#include "announce/ndp_message.hpp"

#include "tests/announce/l2_frames.hpp"

namespace trivet::announce {
namespace {

const IpAddress vip = ip("2001:db8::10");
const MacAddress neighbour = mac("02:00:00:00:00:99");
constexpr std::size_t ipv6_offset = 14;
constexpr std::size_t icmpv6_offset = 54;

std::vector<std::byte> from_hex(std::string_view text) {
    std::vector<std::byte> bytes;
    for (std::size_t i = 0; i + 1 < text.size(); i += 2)
        bytes.push_back(
            static_cast<std::byte>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
    return bytes;
}

void set(std::vector<std::byte>& frame, std::size_t offset, std::string_view hex) {
    std::ranges::copy(from_hex(hex), frame.begin() + static_cast<std::ptrdiff_t>(offset));
}

/// Makes length and checksum right again after a frame was changed or cut.
void repair(std::vector<std::byte>& frame) {
    const auto address = [&frame](std::size_t offset) {
        IpAddress::V6Bytes bytes;
        for (std::size_t i = 0; i < bytes.size(); ++i)
            bytes[i] = std::to_integer<std::uint8_t>(frame[offset + i]);
        return IpAddress::v6(bytes);
    };
    const std::size_t length = frame.size() - icmpv6_offset;
    frame[ipv6_offset + 4] = static_cast<std::byte>(length >> 8);
    frame[ipv6_offset + 5] = static_cast<std::byte>(length & 0xff);
    if (length < 4) return;
    frame[icmpv6_offset + 2] = frame[icmpv6_offset + 3] = std::byte{0};
    const std::uint16_t checksum =
        icmpv6_checksum(address(ipv6_offset + 8), address(ipv6_offset + 24),
                        std::span(frame).subspan(icmpv6_offset));
    frame[icmpv6_offset + 2] = static_cast<std::byte>(checksum >> 8);
    frame[icmpv6_offset + 3] = static_cast<std::byte>(checksum & 0xff);
}

NdpMessage unicast_advertisement() {
    NdpMessage message = advertisement(mac("02:00:00:00:00:01"), ip("fe80::1"), vip);
    message.ethernet_destination = neighbour;
    message.destination = ip("2001:db8::99");
    auto& body = std::get<NeighborAdvertisement>(message.body);
    body.router = body.solicited = true;
    return message;
}

// Both vectors, checksums included, were computed outside this code base.
TEST(NdpMessage, AdvertisementIsTheVector) {
    const auto frame = from_hex(
        "020000000099"
        "020000000001"
        "86dd"
        "6000000000203aff"
        "fe800000000000000000000000000001"
        "20010db8000000000000000000000099"
        "88003905"
        "e0000000"
        "20010db8000000000000000000000010"
        "0201020000000001");
    EXPECT_EQ(encode(unicast_advertisement()), frame);
    EXPECT_EQ(decode_ndp(frame), unicast_advertisement());
}

TEST(NdpMessage, ProbeWithNonceIsTheVector) {
    NdpMessage message = solicitation(mac("02:00:00:00:00:01"), ip("::"), vip);
    std::get<NeighborSolicitation>(message.body).nonce = {{0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6}};
    const auto frame = from_hex(
        "3333ff000010"
        "020000000001"
        "86dd"
        "6000000000203aff"
        "00000000000000000000000000000000"
        "ff0200000000000000000001ff000010"
        "8700f347"
        "00000000"
        "20010db8000000000000000000000010"
        "0e01a1b2c3d4e5f6");
    EXPECT_EQ(encode(message), frame);
    EXPECT_EQ(decode_ndp(frame), message);
}

TEST(NdpMessage, EncodesWhatItDecodes) {
    NdpMessage plain = solicitation(neighbour, ip("fe80::99"), vip);
    std::get<NeighborSolicitation>(plain.body).source_link_layer_address.reset();
    NdpMessage long_nonce = solicitation(neighbour, ip("fe80::99"), vip);
    std::get<NeighborSolicitation>(long_nonce.body).nonce = Nonce(14, 7);
    NdpMessage bare = advertisement(neighbour, ip("fe80::99"), vip);
    bare.body = NeighborAdvertisement{.target = vip, .target_link_layer_address = std::nullopt};
    for (const NdpMessage& message : {plain, long_nonce, bare, unicast_advertisement(),
                                      solicitation(neighbour, ip("fe80::99"), vip)})
        EXPECT_EQ(decode_ndp(encode(message)), message);
}

TEST(NdpMessage, RefusesEveryTruncation) {
    const auto frame = encode(unicast_advertisement());
    for (std::size_t size = 0; size < frame.size(); ++size) {
        const auto message = decode_ndp(std::span(frame).first(size));
        ASSERT_FALSE(message.has_value()) << size;
        EXPECT_EQ(message.error(), NdpError::truncated) << size;
    }
}

// RFC 4861 sections 7.1.1 and 7.1.2: "ICMP length (derived from the IP length) is 24 or more
// octets"; after that, only whole options.
TEST(NdpMessage, RefusesEveryShorterPayloadThatEndsInsideAField) {
    const auto whole = encode(unicast_advertisement());
    for (std::size_t size = icmpv6_offset; size < whole.size(); ++size) {
        auto frame = std::vector(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        repair(frame);
        const auto message = decode_ndp(frame);
        if (size == icmpv6_offset + 24) {  // without its option it is whole again
            EXPECT_TRUE(message.has_value());
            continue;
        }
        ASSERT_FALSE(message.has_value()) << size;
        EXPECT_EQ(message.error(), NdpError::truncated) << size;
    }
}

TEST(NdpMessage, DoesNotLookAtPaddingOfTheFrame) {
    auto frame = encode(unicast_advertisement());
    frame.resize(frame.size() + 20, std::byte{0xff});
    EXPECT_EQ(decode_ndp(frame), unicast_advertisement());
}

// RFC 4861 section 4.6: "Receivers MUST silently ignore any options they do not recognize and
// continue processing the message."
TEST(NdpMessage, IgnoresOptionsThatItDoesNotKnow) {
    auto frame = encode(unicast_advertisement());
    const auto unknown =
        from_hex("fe02000000000000000000000000000019010000000000000501000005dc0000");
    frame.insert(frame.begin() + icmpv6_offset + 24, unknown.begin(), unknown.end());
    repair(frame);
    EXPECT_EQ(decode_ndp(frame), unicast_advertisement());
}

TEST(NdpMessage, TakesTheFirstOfEqualOptions) {
    auto frame = encode(unicast_advertisement());
    const auto second = from_hex("0201020000000077");
    frame.insert(frame.end(), second.begin(), second.end());
    repair(frame);
    EXPECT_EQ(decode_ndp(frame), unicast_advertisement());
}

struct BadMessage {
    const char* name;
    NdpMessage message;
    std::size_t offset;  // where these bytes are put into it
    const char* bytes;
    bool repaired;  // length and checksum made right afterwards
    NdpError error;
};

class NdpMessageRefuses : public testing::TestWithParam<BadMessage> {};

TEST_P(NdpMessageRefuses, TheFrame) {
    const BadMessage& row = GetParam();
    auto frame = encode(row.message);
    set(frame, row.offset, row.bytes);
    if (row.repaired) repair(frame);
    const auto message = decode_ndp(frame);
    ASSERT_FALSE(message.has_value());
    EXPECT_EQ(message.error(), row.error);
}

const NdpMessage ns = solicitation(neighbour, ip("2001:db8::99"), vip);
const NdpMessage dad = solicitation(neighbour, ip("::"), vip);
const NdpMessage na = advertisement(neighbour, ip("fe80::99"), vip);

NdpMessage dad_with_option() {
    NdpMessage message = dad;
    std::get<NeighborSolicitation>(message.body).source_link_layer_address = neighbour;
    return message;
}

NdpMessage dad_to(std::string_view destination) {
    NdpMessage message = dad;
    message.destination = ip(destination);
    return message;
}

INSTANTIATE_TEST_SUITE_P(
    Rows, NdpMessageRefuses,
    testing::Values(
        // RFC 4861 section 7.1.1 for solicitations, 7.1.2 for advertisements: "The IP Hop Limit
        // field has a value of 255".
        BadMessage{"ns_hop_limit_254", ns, 21, "fe", false, NdpError::hop_limit},
        BadMessage{"na_hop_limit_64", na, 21, "40", false, NdpError::hop_limit},
        // "ICMP Checksum is valid."
        BadMessage{"ns_checksum", ns, 56, "dead", false, NdpError::checksum},
        BadMessage{"na_checksum", na, 56, "beef", false, NdpError::checksum},
        BadMessage{"na_flag_without_checksum", na, 58, "80", false, NdpError::checksum},
        BadMessage{"ns_source_without_checksum", ns, 37, "98", false, NdpError::checksum},
        // "ICMP Code is 0."
        BadMessage{"ns_code", ns, 55, "01", true, NdpError::code},
        BadMessage{"na_code", na, 55, "ff", true, NdpError::code},
        // "Target Address is not a multicast address."
        BadMessage{"ns_multicast_target", ns, 62, "ff02", true, NdpError::multicast_target},
        BadMessage{"na_multicast_target", na, 62, "ff02", true, NdpError::multicast_target},
        // "All included options have a length that is greater than zero."
        BadMessage{"ns_option_length_0", ns, 79, "00", true, NdpError::option_length},
        BadMessage{"na_option_length_0", na, 79, "00", true, NdpError::option_length},
        BadMessage{"unknown_option_length_0", na, 78, "fe00", true, NdpError::option_length},
        BadMessage{"option_longer_than_message", na, 79, "02", true, NdpError::truncated},
        BadMessage{"option_of_2040_bytes", na, 79, "ff", true, NdpError::truncated},
        // "If the IP source address is the unspecified address, the IP destination address is a
        // solicited-node multicast address."
        BadMessage{"dad_to_all_nodes", dad_to("ff02::1"), 0, "33", false,
                   NdpError::unspecified_source_destination},
        BadMessage{"dad_to_unicast", dad_to("2001:db8::10"), 0, "02", false,
                   NdpError::unspecified_source_destination},
        // "If the IP source address is the unspecified address, there is no source link-layer
        // address option in the message."
        BadMessage{"dad_with_option", dad_with_option(), 0, "33", false,
                   NdpError::unspecified_source_with_link_layer_address},
        // "If the IP Destination Address is a multicast address the Solicited flag is zero."
        BadMessage{"na_solicited_to_multicast", na, 58, "60", true,
                   NdpError::solicited_to_multicast},
        // RFC 4291 section 2.7: "Multicast addresses must not be used as source addresses".
        BadMessage{"na_multicast_source", na, 22, "ff02", true, NdpError::multicast_source},
        // RFC 4291 section 2.5.5.2
        BadMessage{"na_mapped_target", na, 62, "00000000000000000000ffff", true,
                   NdpError::mapped_address},
        BadMessage{"ns_mapped_source", ns, 22, "00000000000000000000ffff", false,
                   NdpError::mapped_address},
        BadMessage{"ip_version_4", na, 14, "45", false, NdpError::ip_version},
        BadMessage{"payload_longer_than_frame", na, 18, "0021", false, NdpError::truncated},
        BadMessage{"payload_empty", na, 18, "0000", false, NdpError::truncated},
        BadMessage{"ipv4", na, 12, "0800", false, NdpError::not_ndp},
        BadMessage{"vlan_tag", na, 12, "8100", false, NdpError::vlan_tagged},
        BadMessage{"service_vlan_tag", na, 12, "88a8", false, NdpError::vlan_tagged},
        BadMessage{"behind_hop_by_hop_options", na, 20, "00", false, NdpError::not_ndp},
        BadMessage{"behind_a_fragment_header", na, 20, "2c", false, NdpError::not_ndp},
        BadMessage{"udp", na, 20, "11", false, NdpError::not_ndp},
        BadMessage{"router_advertisement", na, 54, "86", true, NdpError::not_ndp},
        BadMessage{"redirect", na, 54, "89", true, NdpError::not_ndp}),
    [](const auto& row) { return row.param.name; });

TEST(NdpMessage, ComputesGroupsAndTheirMacs) {
    EXPECT_EQ(solicited_node_group(ip("2001:db8::1:800:200e:8c6c")), ip("ff02::1:ff0e:8c6c"));
    EXPECT_EQ(multicast_mac(ip("ff02::1:ff0e:8c6c")), mac("33:33:ff:0e:8c:6c"));
    EXPECT_EQ(multicast_mac(all_nodes_group()), mac("33:33:00:00:00:01"));
    EXPECT_TRUE(is_solicited_node_group(ip("ff02::1:ff00:10")));
    EXPECT_FALSE(is_solicited_node_group(ip("ff02::1:fe00:10")));
    EXPECT_FALSE(is_solicited_node_group(ip("ff05::1:ff00:10")));
    EXPECT_FALSE(is_solicited_node_group(ip("192.0.2.1")));
}

}  // namespace
}  // namespace trivet::announce
