#include "announce/bfd/echo_frame.hpp"

#include <gtest/gtest.h>

#include "tests/announce/bfd/bfd_packets.hpp"

namespace trivet::announce::bfd {
namespace {

IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }

constexpr std::uint16_t port = 3785;

// From 02:..:02 to 02:..:01, 192.0.2.2 to itself, port 50000 to 3785, four bytes.
std::vector<std::byte> ipv4_frame() {
    return bytes_of({2, 0,  0,    0,    0,    1,    2,   0,  0,    0,    0,   2, 8, 0, 0x45, 0xc0,
                     0, 32, 0,    0,    0,    0,    255, 17, 0x36, 0x07, 192, 0, 2, 2, 192,  0,
                     2, 2,  0xc3, 0x50, 0x0e, 0xc9, 0,   12, 0,    0,    1,   2, 3, 4});
}

std::vector<std::byte> ipv6_frame() {
    auto frame =
        bytes_of({2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd, 0x6c, 0, 0, 0, 0, 12, 17, 255});
    for (int i = 0; i < 2; ++i) {
        const auto address = ip("fd00::2").bytes();
        for (const std::uint8_t each : address) frame.push_back(std::byte{each});
    }
    const auto udp = bytes_of({0xc3, 0x50, 0x0e, 0xc9, 0, 12, 0x12, 0x34, 1, 2, 3, 4});
    frame.insert(frame.end(), udp.begin(), udp.end());
    return frame;
}

std::uint16_t sum_of(std::span<const std::byte> header) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < header.size(); i += 2)
        sum += std::to_integer<std::uint32_t>(header[i]) << 8 |
               std::to_integer<std::uint32_t>(header[i + 1]);
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(sum);
}

void expect_read(std::span<const std::byte> frame, const IpAddress& address, int hop_limit) {
    const auto read = read_echo_frame(frame, port);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->source, address);
    EXPECT_EQ(read->destination, address);
    EXPECT_EQ(read->hop_limit, hop_limit);
}

TEST(EchoFrame, IsReadInBothFamilies) {
    expect_read(ipv4_frame(), ip("192.0.2.2"), 255);
    expect_read(ipv6_frame(), ip("fd00::2"), 255);
    const auto frame = ipv4_frame();
    const auto payload = read_echo_frame(frame, port)->payload;
    EXPECT_EQ(std::vector(payload.begin(), payload.end()), bytes_of({1, 2, 3, 4}));
    EXPECT_FALSE(read_echo_frame(frame, port + 1));
}

// Checksums are right when the sum over what they cover is all ones.
TEST(EchoFrame, OfOurOwnIsWhole) {
    const EchoBytes payload = encode({.discriminator = 5, .sequence = 6}, {});
    for (const auto* text : {"192.0.2.1", "fd00::1"}) {
        const IpAddress address = ip(text);
        const EchoFrameBytes made = make_echo_frame({.from = {{2, 0, 0, 0, 0, 1}},
                                                     .to = {{2, 0, 0, 0, 0, 2}},
                                                     .address = address,
                                                     .port = port},
                                                    payload);
        const auto frame = made.view();
        expect_read(frame, address, 255);
        const auto read = read_echo_frame(frame, port);
        EXPECT_TRUE(std::ranges::equal(read->payload, payload));
        EXPECT_EQ(std::vector(frame.begin(), frame.begin() + 12),
                  bytes_of({2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1}));
        const std::size_t ip_bytes = address.is_v4() ? 20 : 40;
        if (address.is_v4()) {
            EXPECT_EQ(sum_of(frame.subspan(14, 20)), 0xffff);
        }
        std::vector<std::byte> summed(frame.begin() + 14 + (address.is_v4() ? 12 : 8), frame.end());
        const auto rest = bytes_of({0, 17, 0, 40});
        summed.insert(summed.end(), rest.begin(), rest.end());
        EXPECT_EQ(sum_of(summed), 0xffff);
        EXPECT_EQ(made.size, 14 + ip_bytes + 8 + 32);
    }
}

TEST(EchoFrame, IsNotReadWhenCut) {
    for (const auto& whole : {ipv4_frame(), ipv6_frame()}) {
        for (std::size_t size = 0; size < whole.size(); ++size)
            EXPECT_EQ(read_echo_frame(std::span(whole).first(size), port).has_value(), false)
                << size;
        auto padded = whole;
        padded.resize(60 + whole.size());
        EXPECT_TRUE(read_echo_frame(padded, port));
    }
}

struct Other {
    const char* name;
    std::size_t offset;
    int value;
};

class EchoFrameRefuses : public testing::TestWithParam<Other> {};

TEST_P(EchoFrameRefuses, TheFrame) {
    auto frame = ipv4_frame();
    frame.at(GetParam().offset) = static_cast<std::byte>(GetParam().value);
    EXPECT_FALSE(read_echo_frame(frame, port));
}

INSTANTIATE_TEST_SUITE_P(Rows, EchoFrameRefuses,
                         testing::Values(Other{"multicast", 0, 0x01},
                                         Other{"from_multicast", 6, 0x03}, Other{"arp", 13, 6},
                                         Other{"options", 14, 0x46}, Other{"version_6", 14, 0x65},
                                         Other{"tcp", 23, 6}, Other{"more_fragments", 20, 0x20},
                                         Other{"later_fragment", 21, 1}, Other{"too_long", 17, 33},
                                         Other{"too_short", 17, 27}, Other{"udp_too_long", 39, 13},
                                         Other{"udp_too_short", 39, 11}),
                         [](const auto& row) { return row.param.name; });

TEST(EchoFrame, GoesBackOneHopOlder) {
    auto frame = ipv4_frame();
    turn_around(frame);
    EXPECT_EQ(std::vector(frame.begin(), frame.begin() + 12),
              bytes_of({2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1}));
    EXPECT_EQ(read_echo_frame(frame, port)->hop_limit, 254);
    EXPECT_EQ(sum_of(std::span(frame).subspan(14, 20)), 0xffff);  // RFC 791: the right checksum
    const auto before = ipv4_frame();
    EXPECT_TRUE(std::equal(frame.begin() + 26, frame.end(), before.begin() + 26));

    auto six = ipv6_frame();
    turn_around(six);
    EXPECT_EQ(read_echo_frame(six, port)->hop_limit, 254);
    const auto before_six = ipv6_frame();
    EXPECT_TRUE(std::equal(six.begin() + 22, six.end(), before_six.begin() + 22));
}

}  // namespace
}  // namespace trivet::announce::bfd
