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

TEST(EchoFrame, IsReadInBothFamilies) {
    EXPECT_EQ(
        read_echo_frame(ipv4_frame(), port),
        (EchoFrame{.source = ip("192.0.2.2"), .destination = ip("192.0.2.2"), .hop_limit = 255}));
    EXPECT_EQ(read_echo_frame(ipv6_frame(), port),
              (EchoFrame{.source = ip("fd00::2"), .destination = ip("fd00::2"), .hop_limit = 255}));
    EXPECT_EQ(read_echo_frame(ipv4_frame(), port + 1), std::nullopt);
}

TEST(EchoFrame, IsNotReadWhenCut) {
    for (const auto& whole : {ipv4_frame(), ipv6_frame()}) {
        for (std::size_t size = 0; size < whole.size(); ++size)
            EXPECT_EQ(read_echo_frame(std::span(whole).first(size), port), std::nullopt) << size;
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
    EXPECT_EQ(read_echo_frame(frame, port), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(Rows, EchoFrameRefuses,
                         testing::Values(Other{"multicast", 0, 0x01}, Other{"arp", 13, 6},
                                         Other{"options", 14, 0x46}, Other{"version_6", 14, 0x65},
                                         Other{"tcp", 23, 6}, Other{"more_fragments", 20, 0x20},
                                         Other{"later_fragment", 21, 1}, Other{"too_long", 17, 33},
                                         Other{"too_short", 17, 27}),
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
