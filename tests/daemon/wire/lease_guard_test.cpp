#include "daemon/wire/lease_guard.hpp"

#include <array>

#include <gtest/gtest.h>

namespace trivet::daemon {

namespace {

constexpr NodeId n1{1}, n2{2}, n3{3};

LeaseKey key_of(std::uint8_t value) {
    LeaseKey key;
    key.bytes.fill(value);
    return key;
}

/// Two guards that know each other; `a` sends to `b`.
class LeaseGuardTest : public testing::Test {
protected:
    LeaseGuardTest() {
        a.set_peers(std::array{n2});
        b.set_peers(std::array{n1});
        connect(key_of(1));
    }
    void connect(const LeaseKey& key) {
        b.set_key(n1, LeaseKeyUse::receive, key);
        a.set_key(n2, LeaseKeyUse::send, key);
    }
    std::vector<std::byte> sealed(LeaseGuard& from, NodeId to = n2) {
        std::array<std::byte, lease_packet_bytes_max> buffer{};
        const std::size_t size = from.seal(to, lease::Release{.epoch = Epoch(5)}, buffer);
        return {buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size)};
    }
    LeaseVerdict opened(const std::vector<std::byte>& packet) { return b.open(packet, header); }

    LeaseGuard a{n1, lease::Boot(1)};
    LeaseGuard b{n2, lease::Boot(1)};
    LeaseHeader header;
};

TEST_F(LeaseGuardTest, WhatIsSealedIsOpenedOnce) {
    const auto packet = sealed(a);
    EXPECT_EQ(opened(packet), LeaseVerdict::accepted);
    EXPECT_EQ(header.from, n1);
    EXPECT_EQ(header.boot, lease::Boot(1));
    EXPECT_EQ(header.number, LeasePacketNumber(1));
    EXPECT_EQ(opened(packet), LeaseVerdict::replayed);
}

TEST_F(LeaseGuardTest, EveryBitIsProtected) {
    const auto packet = sealed(a);
    for (std::size_t i = 0; i < packet.size(); ++i)
        for (int bit = 0; bit < 8; ++bit) {
            auto changed = packet;
            changed[i] ^= std::byte{1} << bit;
            EXPECT_NE(opened(changed), LeaseVerdict::accepted) << i;
        }
    EXPECT_EQ(opened(packet), LeaseVerdict::accepted);  // no forgery used its number up
}

TEST_F(LeaseGuardTest, AForgedPacketIsCalledThat) {
    auto packet = sealed(a);
    packet.back() ^= std::byte{1};
    EXPECT_EQ(opened(packet), LeaseVerdict::forged);
}

TEST_F(LeaseGuardTest, APacketToOthersOrFromOthersIsNotTaken) {
    LeaseGuard c(n3, lease::Boot(1));
    c.set_peers(std::array{n1});
    c.set_key(n1, LeaseKeyUse::receive, key_of(1));
    const auto packet = sealed(a);
    EXPECT_EQ(c.open(packet, header), LeaseVerdict::misdirected);
    // Its own, sent back to it.
    a.set_key(n2, LeaseKeyUse::receive, key_of(1));
    EXPECT_EQ(a.open(packet, header), LeaseVerdict::misdirected);
}

TEST_F(LeaseGuardTest, WhoIsNotNamedIsAStrangerAlsoWithAKey) {
    b.set_peers({});
    EXPECT_EQ(opened(sealed(a)), LeaseVerdict::stranger);
    b.set_peers(std::array{n1});  // the key was kept
    EXPECT_EQ(opened(sealed(a)), LeaseVerdict::accepted);
}

TEST_F(LeaseGuardTest, NothingIsSentWithoutAKeyOrToWhomIsNotNamed) {
    EXPECT_TRUE(a.can_send_to(n2));
    EXPECT_FALSE(a.can_send_to(n3));
    a.set_peers(std::array{n2, n3});
    EXPECT_FALSE(a.can_send_to(n3));
    a.set_key(n3, LeaseKeyUse::send, key_of(9));
    EXPECT_TRUE(a.can_send_to(n3));
    a.set_peers(std::array{n3});
    EXPECT_FALSE(a.can_send_to(n2));
}

// ---- keys ---------------------------------------------------------------------------------------

TEST_F(LeaseGuardTest, PacketsOnTheirWayOutliveAReconnect) {
    const auto before = sealed(a);
    connect(key_of(2));
    const auto after = sealed(a);
    EXPECT_EQ(opened(after), LeaseVerdict::accepted);
    EXPECT_EQ(opened(before), LeaseVerdict::accepted);
    EXPECT_EQ(opened(before), LeaseVerdict::replayed);
}

TEST_F(LeaseGuardTest, ConnectionsWithoutAWelcomeDoNotPushOutTheKeyInUse) {
    EXPECT_EQ(opened(sealed(a)), LeaseVerdict::accepted);
    for (std::uint8_t i = 2; i < 10; ++i) b.set_key(n1, LeaseKeyUse::receive, key_of(i));
    EXPECT_EQ(opened(sealed(a)), LeaseVerdict::accepted);
    a.set_key(n2, LeaseKeyUse::send, key_of(8));  // the newest two pass as well
    EXPECT_EQ(opened(sealed(a)), LeaseVerdict::accepted);
    a.set_key(n2, LeaseKeyUse::send, key_of(1));  // it was proven before, and no more
    EXPECT_EQ(opened(sealed(a)), LeaseVerdict::unknown_key);
}

TEST_F(LeaseGuardTest, AKeyThatIsGoneIsUnknown) {
    const auto old = sealed(a);
    connect(key_of(2));
    EXPECT_EQ(opened(sealed(a)), LeaseVerdict::accepted);
    connect(key_of(3));
    EXPECT_EQ(opened(sealed(a)), LeaseVerdict::accepted);
    EXPECT_EQ(opened(old), LeaseVerdict::unknown_key);
}

TEST_F(LeaseGuardTest, AReceiverThatRestartedTakesNothingThatWasRecordedBefore) {
    const auto recorded = sealed(a);
    LeaseGuard restarted(n2, lease::Boot(2));
    restarted.set_peers(std::array{n1});
    EXPECT_EQ(restarted.open(recorded, header), LeaseVerdict::unknown_key);
    restarted.set_key(n1, LeaseKeyUse::receive, key_of(2));
    EXPECT_EQ(restarted.open(recorded, header), LeaseVerdict::unknown_key);
    a.set_key(n2, LeaseKeyUse::send, key_of(2));  // the new connection's, at once
    EXPECT_EQ(restarted.open(sealed(a), header), LeaseVerdict::accepted);
}

TEST_F(LeaseGuardTest, ASenderThatRestartedBeginsAnewAndItsOlderBootIsOver) {
    const auto old = sealed(a);
    LeaseGuard restarted(n1, lease::Boot(2));
    restarted.set_peers(std::array{n2});
    restarted.set_key(n2, LeaseKeyUse::send, key_of(2));
    b.set_key(n1, LeaseKeyUse::receive, key_of(2));
    EXPECT_EQ(opened(sealed(restarted)), LeaseVerdict::accepted);
    EXPECT_EQ(header.number, LeasePacketNumber(1));
    EXPECT_EQ(opened(old), LeaseVerdict::older_boot);
}

TEST_F(LeaseGuardTest, AsManyPeersAsThereMayBeAndThoseThatLeftMakeRoom) {
    std::vector<NodeId> peers;
    for (std::uint64_t i = 1; i <= lease::nodes_max; ++i) peers.emplace_back(1000 + i);
    a.set_peers(peers);
    for (const NodeId peer : peers) a.set_key(peer, LeaseKeyUse::send, key_of(1));
    for (const NodeId peer : peers) EXPECT_TRUE(a.can_send_to(peer));
    a.set_key(n2, LeaseKeyUse::send, key_of(1));  // no room
    peers.back() = n2;
    a.set_peers(peers);
    a.set_key(n2, LeaseKeyUse::send, key_of(1));
    EXPECT_TRUE(a.can_send_to(n2));
    EXPECT_TRUE(a.can_send_to(peers.front()));
}

// ---- the window ---------------------------------------------------------------------------------

struct WindowRow {
    const char* name;
    std::vector<std::uint64_t> before;
    std::uint64_t number;
    bool is_accepted;
};

class ReplayWindowTest : public testing::TestWithParam<WindowRow> {};

TEST_P(ReplayWindowTest, AcceptsEachNumberOnce) {
    ReplayWindow window;
    for (const std::uint64_t number : GetParam().before) window.accept(LeasePacketNumber(number));
    EXPECT_EQ(window.accept(LeasePacketNumber(GetParam().number)), GetParam().is_accepted);
}

INSTANTIATE_TEST_SUITE_P(
    Table, ReplayWindowTest,
    testing::Values(WindowRow{"first", {}, 1, true}, WindowRow{"again", {1}, 1, false},
                    WindowRow{"next", {1}, 2, true}, WindowRow{"reordered", {1, 3}, 2, true},
                    WindowRow{"reordered_again", {1, 3, 2}, 2, false},
                    WindowRow{"at_the_edge", {1025}, 2, true},
                    WindowRow{"beyond_the_edge", {1025}, 1, false},
                    WindowRow{"seen_before_a_jump", {5, 1028}, 5, false},
                    WindowRow{"not_seen_before_a_jump", {5, 1028}, 6, true},
                    WindowRow{"the_same_bit_after_a_jump", {5, 1029}, 1028, true},
                    WindowRow{"the_same_bit_after_a_far_jump", {5, 5000}, 4101, true},
                    WindowRow{"a_far_jump_back", {5000}, 5, false},
                    WindowRow{"the_last_number", {1}, ~std::uint64_t{0}, true}),
    [](const auto& row) { return row.param.name; });

}  // namespace

}  // namespace trivet::daemon
