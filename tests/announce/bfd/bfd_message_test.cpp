#include "announce/bfd/bfd_message.hpp"

#include <gtest/gtest.h>

#include "tests/announce/bfd/bfd_packets.hpp"

namespace trivet::announce::bfd {
namespace {

const ControlPacket ordinary{.state = State::up,
                             .diagnostic = Diagnostic::neighbor_signaled_session_down,
                             .poll = true,
                             .control_plane_independent = true,
                             .detect_multiplier = 5,
                             .my_discriminator = 0x01020304,
                             .your_discriminator = 0x0a0b0c0d,
                             .desired_min_tx_us = 100'000,
                             .required_min_rx_us = 200'000,
                             .required_min_echo_rx_us = 50'000};

std::vector<std::byte> encoded(const ControlPacket& packet) {
    const ControlBytes bytes = encode(packet);
    return {bytes.view().begin(), bytes.view().end()};
}

// RFC 5880 section 4.1.
TEST(BfdMessage, HasTheFieldsInTheirOrder) {
    const auto bytes = bytes_of({0x23, 0xe8, 5,    24,   1, 2, 3,    4,    0x0a, 0x0b, 0x0c, 0x0d,
                                 0,    1,    0x86, 0xa0, 0, 3, 0x0d, 0x40, 0,    0,    0xc3, 0x50});
    EXPECT_EQ(encoded(ordinary), bytes);
    EXPECT_EQ(decode_control(bytes).value(), ordinary);
}

TEST(BfdMessage, KeepsEveryFieldThroughEncodingAndDecoding) {
    for (const State state : {State::admin_down, State::down, State::init, State::up})
        for (unsigned diagnostic = 0; diagnostic < 32; ++diagnostic)
            for (unsigned bits = 0; bits < 16; ++bits) {
                ControlPacket packet = ordinary;
                packet.state = state;
                packet.diagnostic = static_cast<Diagnostic>(diagnostic);
                packet.poll = (bits & 1) != 0;
                packet.final = (bits & 2) != 0 && !packet.poll;
                packet.control_plane_independent = (bits & 4) != 0;
                packet.demand = (bits & 8) != 0;
                EXPECT_EQ(decode_control(encoded(packet)).value(), packet);
            }
}

// RFC 5880 section 6.8.6: "If the Length field is greater than the payload of the encapsulating
// protocol, the packet MUST be discarded."
TEST(BfdMessage, RefusesEveryTruncation) {
    const auto whole = encoded(ordinary);
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const auto packet = decode_control(std::span(whole).first(size));
        ASSERT_FALSE(packet.has_value()) << size;
        EXPECT_EQ(packet.error(), size < 4 ? Discard::truncated : Discard::length_beyond_payload)
            << size;
    }
}

// "If the Length field is less than the minimum correct value (24 if the A bit is clear, or 26 if
// the A bit is set), the packet MUST be discarded."
TEST(BfdMessage, RefusesEveryLengthThatIsTooShort) {
    for (const bool has_authentication : {false, true}) {
        std::vector<std::byte> bytes = encoded(ordinary);
        bytes.resize(60);
        if (has_authentication) bytes[1] |= std::byte{0x04};
        const int least = has_authentication ? 26 : 24;
        for (int length = 0; length <= 60; ++length) {
            bytes[3] = static_cast<std::byte>(length);
            const auto packet = decode_control(bytes);
            ASSERT_EQ(packet.has_value(), length >= least) << length;
            if (!packet) {
                EXPECT_EQ(packet.error(), Discard::length) << length;
            }
        }
    }
}

TEST(BfdMessage, DoesNotLookBeyondItsLength) {
    auto bytes = encoded(ordinary);
    bytes.resize(1400, std::byte{0xaa});
    EXPECT_EQ(decode_control(bytes).value(), ordinary);
}

struct BadPacket {
    const char* name;
    std::size_t offset;  // of four bytes of `ordinary` that get this value
    std::uint32_t value;
    Discard reason;
};

class BfdMessageRefuses : public testing::TestWithParam<BadPacket> {};

TEST_P(BfdMessageRefuses, ThePacket) {
    auto bytes = encoded(ordinary);
    for (std::size_t i = 0; i < 4; ++i)
        bytes.at(GetParam().offset + i) =
            static_cast<std::byte>(GetParam().value >> (24 - 8 * i) & 0xff);
    const auto packet = decode_control(bytes);
    ASSERT_FALSE(packet.has_value());
    EXPECT_EQ(packet.error(), GetParam().reason);
}

// RFC 5880 section 6.8.6; the first four bytes of `ordinary` are 23 e8 05 18.
INSTANTIATE_TEST_SUITE_P(
    Rows, BfdMessageRefuses,
    testing::Values(
        BadPacket{"version_0", 0, 0x03e80518, Discard::version},
        BadPacket{"version_2", 0, 0x43e80518, Discard::version},
        BadPacket{"version_7", 0, 0xe3e80518, Discard::version},
        BadPacket{"length_0", 0, 0x23e80500, Discard::length},
        BadPacket{"length_23", 0, 0x23e80517, Discard::length},
        BadPacket{"authenticated_length_24", 0, 0x23ec0518, Discard::length},
        BadPacket{"length_25", 0, 0x23e80519, Discard::length_beyond_payload},
        BadPacket{"length_255", 0, 0x23e805ff, Discard::length_beyond_payload},
        BadPacket{"authenticated_length_26", 0, 0x23ec051a, Discard::length_beyond_payload},
        BadPacket{"multiplier_zero", 0, 0x23e80018, Discard::multiplier_zero},
        BadPacket{"multipoint", 0, 0x23e90518, Discard::multipoint},
        BadPacket{"my_discriminator_zero", 4, 0, Discard::my_discriminator_zero},
        BadPacket{"your_discriminator_zero_up", 8, 0, Discard::your_discriminator_zero}),
    [](const auto& row) { return row.param.name; });

// "If the Your Discriminator field is zero and the State field is not Down or AdminDown, the packet
// MUST be discarded."
TEST(BfdMessage, YourDiscriminatorMayBeZeroOnlyInAStateThatDoesNotKnowIt) {
    for (const State state : {State::admin_down, State::down, State::init, State::up}) {
        ControlPacket packet = ordinary;
        packet.state = state;
        packet.your_discriminator = 0;
        EXPECT_EQ(decode_control(encoded(packet)).has_value(),
                  state == State::admin_down || state == State::down)
            << state;
    }
}

// The order of section 6.8.6 is seen in what is counted.
TEST(BfdMessage, FindsTheFirstOfManyFaults) {
    auto bytes =
        bytes_of({0x43, 0xe9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
    const auto repair = [&](std::size_t offset, int value) {
        bytes.at(offset) = static_cast<std::byte>(value);
    };
    EXPECT_EQ(decode_control(bytes).error(), Discard::version);
    repair(0, 0x23);
    EXPECT_EQ(decode_control(bytes).error(), Discard::length);
    repair(3, 200);
    EXPECT_EQ(decode_control(bytes).error(), Discard::length_beyond_payload);
    repair(3, 24);
    EXPECT_EQ(decode_control(bytes).error(), Discard::multiplier_zero);
    repair(2, 3);
    EXPECT_EQ(decode_control(bytes).error(), Discard::multipoint);
    repair(1, 0xe8);
    EXPECT_EQ(decode_control(bytes).error(), Discard::my_discriminator_zero);
    repair(4, 1);
    EXPECT_EQ(decode_control(bytes).error(), Discard::your_discriminator_zero);
    repair(8, 1);
    EXPECT_TRUE(decode_control(bytes).has_value());
}

TEST(BfdMessage, NamesEverything) {
    for (unsigned i = 0; i < discards; ++i)
        EXPECT_FALSE(to_string(static_cast<Discard>(i)).empty()) << i;
    for (unsigned i = 0; i < 32; ++i)
        EXPECT_EQ(to_string(static_cast<Diagnostic>(i)) == "reserved", i > 8) << i;
}

}  // namespace
}  // namespace trivet::announce::bfd
