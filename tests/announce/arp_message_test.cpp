#include "announce/arp_message.hpp"

#include "tests/announce/l2_frames.hpp"

namespace trivet::announce {
namespace {

// A request as Linux sends it: 192.0.2.99 asks for 192.0.2.10.
const ArpMessage request{.ethernet_destination = MacAddress::broadcast(),
                         .ethernet_source = mac("02:00:00:00:00:99"),
                         .operation = ArpOperation::request,
                         .sender_hardware_address = mac("02:00:00:00:00:99"),
                         .sender_protocol_address = ip("192.0.2.99"),
                         .target_hardware_address = {},
                         .target_protocol_address = ip("192.0.2.10")};
constexpr std::size_t packet_end = 42;  // 14 bytes of Ethernet, 28 of ARP

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
    std::vector<std::byte> bytes;
    for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
    return bytes;
}

TEST(ArpMessage, DecodesTheFieldsOfRfc826InTheirOrder) {
    const auto frame = bytes_of({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0,   0x99, 8, 6,
                                 0,    1,    8,    0,    6,    4,    0, 1, 2, 0, 0,   0,    0, 0x99,
                                 192,  0,    2,    99,   0,    0,    0, 0, 0, 0, 192, 0,    2, 10});
    const auto message = decode_arp(frame);
    ASSERT_TRUE(message.has_value()) << message.error();
    EXPECT_EQ(*message, request);
}

TEST(ArpMessage, EncodesWhatItDecodes) {
    for (const ArpOperation operation : {ArpOperation::request, ArpOperation::reply}) {
        ArpMessage message = request;
        message.operation = operation;
        message.target_hardware_address = mac("02:00:00:00:00:01");
        EXPECT_EQ(decode_arp(encode(message)), message);
    }
}

TEST(ArpMessage, PadsWithZerosToTheLeastFrameOfEthernet) {
    const auto frame = encode(request);
    ASSERT_EQ(frame.size(), 60U);
    for (std::size_t i = packet_end; i < frame.size(); ++i) EXPECT_EQ(frame[i], std::byte{0}) << i;
}

TEST(ArpMessage, RefusesEveryTruncation) {
    const auto frame = encode(request);
    for (std::size_t size = 0; size < packet_end; ++size) {
        const auto message = decode_arp(std::span(frame).first(size));
        ASSERT_FALSE(message.has_value()) << size;
        EXPECT_EQ(message.error(), ArpError::truncated) << size;
    }
    for (std::size_t size = packet_end; size <= frame.size(); ++size)
        EXPECT_EQ(decode_arp(std::span(frame).first(size)), request) << size;
}

TEST(ArpMessage, DoesNotLookAtPadding) {
    auto frame = encode(request);
    for (std::size_t i = packet_end; i < frame.size(); ++i) frame[i] = std::byte{0xff};
    EXPECT_EQ(decode_arp(frame), request);
    frame.resize(1500, std::byte{0xaa});
    EXPECT_EQ(decode_arp(frame), request);
}

struct BadFrame {
    const char* name;
    std::size_t offset;  // of a byte of `request` that gets this value
    int value;
    ArpError error;
};

class ArpMessageRefuses : public testing::TestWithParam<BadFrame> {};

TEST_P(ArpMessageRefuses, TheFrame) {
    auto frame = encode(request);
    frame.at(GetParam().offset) = static_cast<std::byte>(GetParam().value);
    const auto message = decode_arp(frame);
    ASSERT_FALSE(message.has_value());
    EXPECT_EQ(message.error(), GetParam().error);
}

// RFC 826 "Packet Reception": "Do I have the hardware type", "Do I speak the protocol",
// "[optionally check the hardware length]" and "[optionally check the protocol length]".
INSTANTIATE_TEST_SUITE_P(
    Rows, ArpMessageRefuses,
    testing::Values(BadFrame{"ipv4", 13, 0x00, ArpError::not_arp},
                    BadFrame{"reverse_arp_ethertype", 12, 0x80, ArpError::not_arp},
                    BadFrame{"hardware_type_0", 15, 0, ArpError::hardware_type},
                    BadFrame{"hardware_type_6_ieee_802", 15, 6, ArpError::hardware_type},
                    BadFrame{"hardware_type_257", 14, 1, ArpError::hardware_type},
                    BadFrame{"protocol_type_0801", 17, 1, ArpError::protocol_type},
                    BadFrame{"protocol_type_ipv6_half", 16, 0x86, ArpError::protocol_type},
                    BadFrame{"hardware_length_0", 18, 0, ArpError::hardware_length},
                    BadFrame{"hardware_length_8", 18, 8, ArpError::hardware_length},
                    BadFrame{"hardware_length_255", 18, 255, ArpError::hardware_length},
                    BadFrame{"protocol_length_0", 19, 0, ArpError::protocol_length},
                    BadFrame{"protocol_length_16", 19, 16, ArpError::protocol_length},
                    BadFrame{"operation_0", 21, 0, ArpError::operation},
                    BadFrame{"operation_3_reverse_request", 21, 3, ArpError::operation},
                    BadFrame{"operation_8_inverse_request", 21, 8, ArpError::operation},
                    BadFrame{"operation_257", 20, 1, ArpError::operation}),
    [](const auto& row) { return row.param.name; });

TEST(ArpMessage, RefusesVlanTags) {
    const auto plain = encode(request);
    for (const int ethertype : {0x81, 0x88}) {
        auto frame = std::vector(plain.begin(), plain.begin() + 12);
        const auto tag = bytes_of({ethertype, ethertype == 0x81 ? 0x00 : 0xa8, 0x00, 0x05});
        frame.insert(frame.end(), tag.begin(), tag.end());
        frame.insert(frame.end(), plain.begin() + 12, plain.end());
        const auto message = decode_arp(frame);
        ASSERT_FALSE(message.has_value());
        EXPECT_EQ(message.error(), ArpError::vlan_tagged);
    }
}

}  // namespace
}  // namespace trivet::announce
