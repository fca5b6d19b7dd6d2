#include "bench/claim_frames.hpp"

#include <gtest/gtest.h>

namespace trivet::bench {
namespace {

constexpr Mac mac{0x02, 0, 0, 0, 0, 0x07};
constexpr V6 asker{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xf1};
constexpr V6 vip{0xfd, 0x64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0};

TEST(ClaimFrames, AnArpQuestionClaimsItsSenderAndAnnouncesNothing) {
    const auto claim = arp_claim(arp_request(mac, {10, 64, 0, 241}, {10, 64, 1, 0}));
    ASSERT_TRUE(claim);
    EXPECT_EQ(claim->address, (V4{10, 64, 0, 241}));
    EXPECT_EQ(claim->mac, mac);
    EXPECT_FALSE(claim->announcement);
}

TEST(ClaimFrames, GratuitousArpIsAnAnnouncement) {
    const auto claim = arp_claim(arp_request(mac, {10, 64, 1, 0}, {10, 64, 1, 0}));
    ASSERT_TRUE(claim);
    EXPECT_TRUE(claim->announcement);
}

TEST(ClaimFrames, ASolicitationClaimsItsSourceAndHasAChecksum) {
    const auto frame = neighbour_solicitation(mac, asker, vip);
    const auto claim = ndp_claim(frame);
    ASSERT_TRUE(claim);
    EXPECT_EQ(claim->address, asker);
    EXPECT_EQ(claim->mac, mac);
    // RFC 4443 section 2.3: the sum over everything, its own complement included, is all ones.
    std::uint32_t sum = 58 + 32;
    for (std::size_t at = 22; at < frame.size(); at += 2)
        sum += static_cast<std::uint32_t>(frame[at] << 8 | frame[at + 1]);
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    EXPECT_EQ(sum, 0xffffU);
}

TEST(ClaimFrames, AnAdvertisementClaimsItsTarget) {
    auto frame = neighbour_solicitation(mac, asker, vip);
    frame[54] = 136;
    frame[58] = 0x60;  // solicited, override
    frame[78] = 2;     // target link-layer address
    const auto solicited = ndp_claim(frame);
    ASSERT_TRUE(solicited);
    EXPECT_EQ(solicited->address, vip);
    EXPECT_FALSE(solicited->announcement);
    frame[58] = 0x20;
    EXPECT_TRUE(ndp_claim(frame)->announcement);
    frame[78] = 1;
    EXPECT_FALSE(ndp_claim(frame)) << "without its option it teaches nobody a MAC";
}

TEST(ClaimFrames, ShortFramesAndOtherProtocolsClaimNothing) {
    const auto arp = arp_request(mac, {10, 64, 1, 0}, {10, 64, 1, 0});
    EXPECT_FALSE(arp_claim(FrameBytes(arp).first(41)));
    EXPECT_FALSE(ndp_claim(arp));
    const auto ndp = neighbour_solicitation(mac, asker, vip);
    for (std::size_t size = 0; size < ndp.size(); ++size)
        EXPECT_FALSE(ndp_claim(FrameBytes(ndp).first(size))) << size;
    EXPECT_FALSE(arp_claim(ndp));
}

}  // namespace
}  // namespace trivet::bench
