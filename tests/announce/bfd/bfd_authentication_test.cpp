#include "announce/bfd/bfd_authentication.hpp"

#include <gtest/gtest.h>

#include "tests/announce/bfd/bfd_packets.hpp"

namespace trivet::announce::bfd {
namespace {

using Type = AuthenticationType;
constexpr std::array all_types{Type::keyed_md5, Type::meticulous_keyed_md5, Type::keyed_sha1,
                               Type::meticulous_keyed_sha1};

const ControlPacket ordinary{.state = State::up,
                             .detect_multiplier = 3,
                             .my_discriminator = 0x01020304,
                             .your_discriminator = 0x0a0b0c0d,
                             .desired_min_tx_us = 100'000,
                             .required_min_rx_us = 200'000};

Authenticator authenticator(Type type, std::uint32_t first_sequence = 0x11223343,
                            std::string secret = "secret") {
    auto made = Authenticator::make(key_of(type, std::move(secret)), first_sequence);
    if (!made) throw std::runtime_error(made.error().message);
    return std::move(*made);
}

std::vector<std::byte> signed_bytes(Authenticator& signer, const ControlPacket& packet = ordinary) {
    ControlBytes bytes = encode(packet);
    signer.sign(bytes);
    return {bytes.view().begin(), bytes.view().end()};
}

std::uint32_t sequence_of(std::span<const std::byte> packet) {
    std::uint32_t sequence = 0;
    for (std::size_t i = 28; i < 32; ++i)
        sequence = sequence << 8 | std::to_integer<std::uint32_t>(packet[i]);
    return sequence;
}

/// A packet with this sequence number, from somebody who has the key.
std::vector<std::byte> with_sequence(Type type, std::uint32_t sequence) {
    Authenticator signer = authenticator(type, sequence - 1);
    return signed_bytes(signer);
}

struct KnownPacket {
    Type type;
    const char* hex;  // made with Python's hashlib
};

class BfdAuthenticationKnown : public testing::TestWithParam<KnownPacket> {};

// Sections 6.7.3 and 6.7.4: the digest "MUST be calculated over the entire BFD Control packet",
// with the key, "padded with trailing zero bytes as necessary", in its place.
TEST_P(BfdAuthenticationKnown, PacketIsMadeAndAccepted) {
    const auto known = bytes_of_hex(GetParam().hex);
    Authenticator signer = authenticator(GetParam().type);
    EXPECT_EQ(signed_bytes(signer), known);
    Authenticator verifier = authenticator(GetParam().type);
    EXPECT_EQ(verifier.verify(known), std::nullopt);
    const auto packet = decode_control(known).value();
    EXPECT_TRUE(packet.has_authentication);
    EXPECT_EQ(packet.my_discriminator, ordinary.my_discriminator);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, BfdAuthenticationKnown,
    testing::Values(KnownPacket{Type::keyed_sha1,
                                "20c40334010203040a0b0c0d000186a000030d4000000000"
                                "041c070011223344657ac46c3ec80b19c202fbf2baddee0f9f42adea"},
                    KnownPacket{Type::meticulous_keyed_sha1,
                                "20c40334010203040a0b0c0d000186a000030d4000000000"
                                "051c07001122334437090187062e1cfe9ecd463e468aade8acf9b8b5"},
                    KnownPacket{Type::keyed_md5,
                                "20c40330010203040a0b0c0d000186a000030d4000000000"
                                "0218070011223344172fa31f8cab62a82e1c553e87fb22ab"},
                    KnownPacket{Type::meticulous_keyed_md5,
                                "20c40330010203040a0b0c0d000186a000030d4000000000"
                                "0318070011223344e4e8596b0b0a07919a768161f902adcf"}),
    [](const auto& row) { return "type_" + std::to_string(static_cast<int>(row.param.type)); });

// Section 6.7.4: "the secret key ... MUST NOT be carried in the packet".
TEST(BfdAuthentication, TheKeyIsNotInThePacket) {
    for (const Type type : all_types) {
        Authenticator signer = authenticator(type, 1, "trivetsecret");
        const auto bytes = signed_bytes(signer);
        std::string text;
        for (const std::byte each : bytes) text.push_back(static_cast<char>(each));
        EXPECT_EQ(text.find("trivetsecret"), std::string::npos);
    }
}

// Every byte counts; the reserved one "MUST be ignored on receipt", but it is signed as well.
TEST(BfdAuthentication, ASingleChangedBitIsFound) {
    for (const Type type : all_types) {
        const auto right = with_sequence(type, 100);
        for (std::size_t i = 0; i < right.size(); ++i) {
            auto bytes = right;
            bytes[i] ^= std::byte{0x01};
            Authenticator verifier = authenticator(type);
            EXPECT_NE(verifier.verify(bytes), std::nullopt) << i;
        }
        Authenticator other = authenticator(type, 0, "Secret");
        EXPECT_EQ(other.verify(right), Discard::authentication_digest);
    }
}

TEST(BfdAuthentication, TheSectionIsCheckedInTheOrderOfTheRfc) {
    Authenticator verifier = authenticator(Type::keyed_sha1);
    ASSERT_EQ(verifier.verify(with_sequence(Type::keyed_sha1, 100)), std::nullopt);
    auto bytes = with_sequence(Type::meticulous_keyed_sha1, 500);
    bytes[25] = std::byte{27};
    bytes[26] = std::byte{8};
    EXPECT_EQ(verifier.verify(bytes), Discard::authentication_type);
    bytes[24] = std::byte{4};
    EXPECT_EQ(verifier.verify(bytes), Discard::authentication_key_id);
    bytes[26] = std::byte{7};
    EXPECT_EQ(verifier.verify(bytes), Discard::authentication_length);
    bytes[25] = std::byte{28};
    EXPECT_EQ(verifier.verify(bytes), Discard::authentication_sequence);
    bytes[28] = bytes[29] = bytes[30] = std::byte{0};
    bytes[31] = std::byte{101};
    EXPECT_EQ(verifier.verify(bytes), Discard::authentication_digest);
}

TEST(BfdAuthentication, EveryLengthOfTheSectionButOneIsRefused) {
    for (const Type type : all_types) {
        const auto right = with_sequence(type, 100);
        for (unsigned length = 0; length < 256; ++length) {
            auto bytes = right;
            bytes[25] = static_cast<std::byte>(length);
            Authenticator verifier = authenticator(type);
            const auto verdict = verifier.verify(bytes);
            if (length + 24 == right.size())
                EXPECT_EQ(verdict, std::nullopt);
            else
                EXPECT_EQ(verdict, Discard::authentication_length) << length;
        }
        // As long as the packet's Length field says, which may be anything from 26 on.
        for (std::size_t size = 26; size < 60; ++size) {
            auto bytes = right;
            bytes.resize(size);
            Authenticator verifier = authenticator(type);
            EXPECT_EQ(verifier.verify(bytes) == std::nullopt, size == right.size()) << size;
        }
    }
}

struct Window {
    const char* name;
    Type type;
    std::uint32_t last, next;
    bool is_accepted;
};

class BfdAuthenticationWindow : public testing::TestWithParam<Window> {};

TEST_P(BfdAuthenticationWindow, IsKept) {
    Authenticator verifier = authenticator(GetParam().type);
    ASSERT_EQ(verifier.verify(with_sequence(GetParam().type, GetParam().last)), std::nullopt);
    const auto verdict = verifier.verify(with_sequence(GetParam().type, GetParam().next));
    if (GetParam().is_accepted)
        EXPECT_EQ(verdict, std::nullopt);
    else
        EXPECT_EQ(verdict, Discard::authentication_sequence);
}

// Sections 6.7.3 and 6.7.4: "outside of the range of bfd.RcvAuthSeq to
// bfd.RcvAuthSeq+(3*Detect Mult) inclusive (when treated as an unsigned 32-bit circular number
// space), the received packet MUST be discarded"; for the meticulous ones from bfd.RcvAuthSeq+1 on.
// Detect Mult is 3 here.
INSTANTIATE_TEST_SUITE_P(
    Rows, BfdAuthenticationWindow,
    testing::Values(Window{"keyed_same", Type::keyed_sha1, 100, 100, true},
                    Window{"keyed_last", Type::keyed_sha1, 100, 109, true},
                    Window{"keyed_beyond", Type::keyed_sha1, 100, 110, false},
                    Window{"keyed_before", Type::keyed_sha1, 100, 99, false},
                    Window{"keyed_around", Type::keyed_md5, 0xfffffffe, 3, true},
                    Window{"meticulous_same", Type::meticulous_keyed_sha1, 100, 100, false},
                    Window{"meticulous_next", Type::meticulous_keyed_sha1, 100, 101, true},
                    Window{"meticulous_last", Type::meticulous_keyed_md5, 100, 109, true},
                    Window{"meticulous_beyond", Type::meticulous_keyed_md5, 100, 110, false},
                    Window{"meticulous_before", Type::meticulous_keyed_md5, 100, 99, false},
                    Window{"meticulous_around", Type::meticulous_keyed_sha1, 0xffffffff, 0, true},
                    Window{"meticulous_half_way_round", Type::meticulous_keyed_sha1, 100,
                           100 + 0x80000000U, false}),
    [](const auto& row) { return row.param.name; });

// Otherwise whoever can send could close the window for who has the key.
TEST(BfdAuthentication, AForgedPacketDoesNotMoveTheWindow) {
    Authenticator verifier = authenticator(Type::meticulous_keyed_sha1);
    auto forged = with_sequence(Type::meticulous_keyed_sha1, 5000);
    forged.back() ^= std::byte{0xff};
    EXPECT_EQ(verifier.verify(forged), Discard::authentication_digest);
    EXPECT_EQ(verifier.verify(with_sequence(Type::meticulous_keyed_sha1, 100)), std::nullopt);
}

// Section 6.8.1, bfd.AuthSeqKnown.
TEST(BfdAuthentication, AForgottenSequenceMayBeginAnywhere) {
    Authenticator verifier = authenticator(Type::meticulous_keyed_sha1);
    ASSERT_EQ(verifier.verify(with_sequence(Type::meticulous_keyed_sha1, 100)), std::nullopt);
    const auto other_life = with_sequence(Type::meticulous_keyed_sha1, 7);
    EXPECT_EQ(verifier.verify(other_life), Discard::authentication_sequence);
    verifier.forget_sequence();
    EXPECT_EQ(verifier.verify(other_life), std::nullopt);
}

// "For Meticulous Keyed SHA1, bfd.XmitAuthSeq MUST be incremented in a circular fashion (when
// treated as an unsigned 32-bit value)."
TEST(BfdAuthentication, MeticulousSequenceGrowsWithEachPacket) {
    for (const Type type : {Type::meticulous_keyed_md5, Type::meticulous_keyed_sha1}) {
        Authenticator signer = authenticator(type, 0xfffffffe);
        for (const std::uint32_t expected : {0xffffffffU, 0U, 1U})
            EXPECT_EQ(sequence_of(signed_bytes(signer)), expected);
    }
}

// "bfd.XmitAuthSeq SHOULD be incremented when the session state changes, or when the transmitted
// BFD Control packet carries different contents than the previously transmitted packet."
TEST(BfdAuthentication, KeyedSequenceGrowsWhenThePacketChanges) {
    for (const Type type : {Type::keyed_md5, Type::keyed_sha1}) {
        Authenticator signer = authenticator(type, 9);
        EXPECT_EQ(sequence_of(signed_bytes(signer)), 10U);
        EXPECT_EQ(sequence_of(signed_bytes(signer)), 10U);
        ControlPacket other = ordinary;
        other.state = State::down;
        EXPECT_EQ(sequence_of(signed_bytes(signer, other)), 11U);
        EXPECT_EQ(sequence_of(signed_bytes(signer)), 12U);
    }
}

TEST(BfdAuthentication, SecretsHaveTheLengthThatFits) {
    const auto is_possible = [](Type type, std::size_t size) {
        return Authenticator::make(key_of(type, std::string(size, 'x')), 0).has_value();
    };
    for (const Type type : all_types) {
        const bool is_md5 = type == Type::keyed_md5 || type == Type::meticulous_keyed_md5;
        const std::size_t most = is_md5 ? 16 : 20;
        EXPECT_FALSE(is_possible(type, 0));
        EXPECT_TRUE(is_possible(type, 1));
        EXPECT_TRUE(is_possible(type, most));
        EXPECT_FALSE(is_possible(type, most + 1));
    }
    const auto refused = Authenticator::make(key_of(Type::keyed_md5, std::string(17, 'x')), 0);
    EXPECT_EQ(refused.error().message, "a BFD secret for MD5 has 1 to 16 bytes, not 17");
}

}  // namespace
}  // namespace trivet::announce::bfd
