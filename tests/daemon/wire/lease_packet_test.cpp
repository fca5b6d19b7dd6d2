#include "daemon/wire/lease_packet.hpp"

#include <array>

#include <gtest/gtest.h>

namespace trivet::daemon {

namespace {

using lease::Key;

using Buffer = std::array<std::byte, lease_packet_bytes_max>;

LeaseHeader some_header() {
    return {.from = NodeId(11),
            .to = NodeId(22),
            .boot = lease::Boot(3),
            .number = LeasePacketNumber(4),
            .key = LeaseKeyId(5)};
}

Key key(std::uint64_t epoch, std::uint64_t generation) {
    return {.epoch = Epoch(epoch), .generation = LogIndex(generation)};
}

/// A RENEW that wants this many generations and fences.
lease::Renew renew_of(std::size_t generations, std::size_t fences) {
    lease::Renew renew{.sequence = lease::Sequence(9),
                       .key = key(1, 7),
                       .configuration = LogIndex(8),
                       .profile = lease::ProfileId::fast,
                       .wants = {}};
    for (std::size_t i = 1; i <= generations; ++i)
        renew.wants.push_back({.node = NodeId(i), .key = key(1, i)});
    for (std::size_t i = 1; i <= fences; ++i)
        renew.wants.push_back({.node = NodeId(i), .key = key(2, 0), .is_fence = true});
    return renew;
}

lease::Ack ack_of(std::size_t confirmed, std::size_t heard) {
    lease::Ack ack{
        .sequence = lease::Sequence(9), .boot = lease::Boot(2), .confirmed = {}, .heard = {}};
    for (std::size_t i = 1; i <= confirmed; ++i) ack.confirmed.push_back({NodeId(i), key(1, i)});
    for (std::size_t i = 1; i <= heard; ++i) ack.heard.push_back({NodeId(i), Epoch(i)});
    return ack;
}

template <class Message>
std::vector<std::byte> packet_of(const Message& message) {
    Buffer buffer{};
    const std::size_t size = write_packet(some_header(), message, buffer);
    EXPECT_NE(size, 0u);
    return {buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size + lease_mac_bytes)};
}

bool decodes(std::span<const std::byte> packet) {
    LeaseMessages messages;
    LeaseHeader header;
    return read_header(packet, header) == LeaseForm::good &&
           read_body(packet, header.kind, messages);
}

TEST(LeasePacket, HeaderComesBack) {
    const auto packet = packet_of(lease::Release{.epoch = Epoch(6)});
    LeaseHeader header, expected = some_header();
    expected.kind = LeaseKind::release;
    ASSERT_EQ(read_header(packet, header), LeaseForm::good);
    EXPECT_EQ(header, expected);
}

TEST(LeasePacket, EveryKindComesBack) {
    LeaseMessages messages;
    const auto renew = packet_of(renew_of(3, 2));
    ASSERT_TRUE(read_body(renew, LeaseKind::renew, messages));
    EXPECT_EQ(messages.renew, renew_of(3, 2));
    const auto ack = packet_of(ack_of(2, 3));
    ASSERT_TRUE(read_body(ack, LeaseKind::ack, messages));
    EXPECT_EQ(messages.ack, ack_of(2, 3));
    const lease::Refuse floor{
        .sequence = lease::Sequence(1), .boot = lease::Boot(2), .floor = key(3, 4)};
    ASSERT_TRUE(read_body(packet_of(floor), LeaseKind::refuse, messages));
    EXPECT_EQ(messages.refuse, floor);
    const lease::Release release{.epoch = Epoch(6)};
    ASSERT_TRUE(read_body(packet_of(release), LeaseKind::release, messages));
    EXPECT_EQ(messages.release, release);
}

TEST(LeasePacket, ListsTravelSortedWhateverTheirOrder) {
    lease::Renew mixed = renew_of(3, 2);
    std::ranges::reverse(mixed.wants);
    LeaseMessages messages;
    ASSERT_TRUE(read_body(packet_of(mixed), LeaseKind::renew, messages));
    EXPECT_EQ(messages.renew, renew_of(3, 2));
    lease::Ack ack = ack_of(4, 4);
    std::ranges::reverse(ack.confirmed);
    std::ranges::reverse(ack.heard);
    ASSERT_TRUE(read_body(packet_of(ack), LeaseKind::ack, messages));
    EXPECT_EQ(messages.ack, ack_of(4, 4));
}

TEST(LeasePacket, WhatIsTooLongOrNamesANodeTwiceIsNotWritten) {
    Buffer buffer{};
    EXPECT_EQ(write_packet(some_header(), renew_of(lease::nodes_max + 1, 0), buffer), 0u);
    EXPECT_EQ(write_packet(some_header(), renew_of(0, lease::nodes_max + 1), buffer), 0u);
    EXPECT_EQ(write_packet(some_header(), ack_of(lease::nodes_max + 1, 0), buffer), 0u);
    EXPECT_EQ(write_packet(some_header(), ack_of(0, lease::nodes_max + 1), buffer), 0u);
    lease::Renew twice = renew_of(2, 0);
    twice.wants[1].node = twice.wants[0].node;
    EXPECT_EQ(write_packet(some_header(), twice, buffer), 0u);
    lease::Ack ack = ack_of(0, 2);
    ack.heard[1].node = ack.heard[0].node;
    EXPECT_EQ(write_packet(some_header(), ack, buffer), 0u);
}

TEST(LeasePacket, SizesAreWhatTheDocumentationSays) {
    struct Row {
        const char* name;
        std::size_t bytes, bytes_max;
    };
    const std::size_t nodes_max = lease::nodes_max;
    for (const Row& row : {Row{"RENEW, 3 nodes", packet_of(renew_of(2, 2)).size(), 1200},
                           Row{"RENEW, 7 nodes", packet_of(renew_of(6, 6)).size(), 1200},
                           Row{"ACK, 3 nodes", packet_of(ack_of(2, 3)).size(), 1200},
                           Row{"ACK, 7 nodes", packet_of(ack_of(6, 7)).size(), 1200},
                           Row{"RENEW, 256 nodes", packet_of(renew_of(nodes_max, nodes_max)).size(),
                               lease_packet_bytes_max},
                           Row{"ACK, 256 nodes", packet_of(ack_of(nodes_max, nodes_max)).size(),
                               lease_packet_bytes_max},
                           Row{"REFUSE", packet_of(lease::Refuse{}).size(), 1200},
                           Row{"RELEASE", packet_of(lease::Release{}).size(), 1200}}) {
        std::printf("%-18s %6zu bytes\n", row.name, row.bytes);
        EXPECT_LE(row.bytes, row.bytes_max) << row.name;
    }
    EXPECT_EQ(packet_of(renew_of(nodes_max, nodes_max)).size(), lease_packet_bytes_max);
}

// ---- what no node sends -------------------------------------------------------------------------

TEST(LeasePacket, NoShorterAndNoLongerOneDecodes) {
    for (auto packet : {packet_of(renew_of(2, 1)), packet_of(ack_of(2, 2)),
                        packet_of(lease::Refuse{}), packet_of(lease::Release{})}) {
        ASSERT_TRUE(decodes(packet));
        for (std::size_t size = 0; size < packet.size(); ++size)
            EXPECT_FALSE(decodes(std::span(packet).first(size))) << size;
        packet.push_back(std::byte{0});
        EXPECT_FALSE(decodes(packet));
    }
    EXPECT_FALSE(decodes(std::vector<std::byte>(lease_packet_bytes_max + 1)));
}

struct Damage {
    const char* name;
    std::size_t offset;
    std::uint8_t value;
};

class DamagedPacket : public testing::TestWithParam<Damage> {};

TEST_P(DamagedPacket, IsNotTaken) {
    auto packet = packet_of(renew_of(2, 2));
    packet[GetParam().offset] = std::byte{GetParam().value};
    EXPECT_FALSE(decodes(packet));
}

// Offsets of the RENEW of two generations and two fences: its lists begin behind the 78 bytes of
// header, sequence, key, configuration and profile.
INSTANTIATE_TEST_SUITE_P(
    Table, DamagedPacket,
    testing::Values(Damage{"magic", 0, 'X'}, Damage{"version", 3, 2},
                    Damage{"sender_nobody", 11, 0}, Damage{"boot_none", 27, 0},
                    Damage{"number_none", 35, 0}, Damage{"kind_none", 44, 0},
                    Damage{"kind_unknown", 44, 5}, Damage{"kind_another", 44, 2},
                    Damage{"profile_unknown", 77, 4}, Damage{"more_wants_than_bytes", 79, 9},
                    Damage{"more_wants_than_nodes", 78, 2}, Damage{"fewer_wants_than_bytes", 79, 1},
                    Damage{"want_of_nobody", 87, 0}, Damage{"node_twice", 111, 1},
                    Damage{"unsorted", 87, 3}),
    [](const auto& row) { return row.param.name; });

TEST(LeasePacket, AnotherVersionIsToldApart) {
    auto packet = packet_of(lease::Release{});
    packet[3] = std::byte{2};
    LeaseHeader header;
    EXPECT_EQ(read_header(packet, header), LeaseForm::other_version);
}

}  // namespace

}  // namespace trivet::daemon
