#include "announce/ndp_session.hpp"

#include "tests/announce/l2_frames.hpp"

namespace trivet::announce {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

const MacAddress ours = mac("02:00:00:00:00:01");
const MacAddress neighbour = mac("02:00:00:00:00:99");
const MacAddress stranger = mac("02:00:00:00:00:66");
const IpAddress vip = ip("2001:db8::10");
const IpAddress neighbour_ip = ip("2001:db8::99");
const IpAddress link_local = ip("fe80::1");
const IpAddress unspecified = ip("::");

std::vector<NdpMessage> sent(const L2Actions& actions) {
    std::vector<NdpMessage> messages;
    for (const L2Action& action : actions)
        if (const auto* send = std::get_if<SendFrame>(&action))
            messages.push_back(decode_ndp(send->frame).value());
    return messages;
}

NeighborAdvertisement advertised(const NdpMessage& message) {
    return std::get<NeighborAdvertisement>(message.body);
}

class NdpSessionTest : public testing::Test {
protected:
    NdpSessionTest() { session.on_link(link_up(ours, {link_local}), at(0s)).clear(); }

    L2Actions claim(ClaimKind kind, Duration time) { return session.claim(vip, kind, at(time)); }
    L2Actions receive(const NdpMessage& message, Duration time) {
        return session.on_frame(encode(message), at(time));
    }
    L2Actions run_until(Duration end) {
        L2Actions actions;
        while (session.next_deadline() && *session.next_deadline() <= at(end))
            append_actions(actions, session.on_timer(*session.next_deadline()));
        return actions;
    }

    NdpSession session{{.random_seed = 1}};
};

// RFC 4861 section 7.2.6: unsolicited advertisements go to all nodes with the Solicited flag zero;
// the Target Link-Layer Address option is there, and the Override flag set, for the caches are to
// be changed. Section 4.4: the R flag is that of a router.
TEST_F(NdpSessionTest, AnnouncesToAllNodesWithOverride) {
    LinkState link = link_up(ours, {link_local});
    for (const bool forwarding : {false, true}) {
        link.forwarding = forwarding;
        NdpSession fresh({.random_seed = 1});
        fresh.on_link(link, at(0s)).clear();
        const auto messages = sent(fresh.claim(vip, ClaimKind::take_over, at(0s)));
        EXPECT_THAT(messages,
                    ElementsAre(NdpMessage{
                        .ethernet_destination = mac("33:33:00:00:00:01"),
                        .ethernet_source = ours,
                        .source = link_local,
                        .destination = ip("ff02::1"),
                        .body = NeighborAdvertisement{.target = vip,
                                                      .router = forwarding,
                                                      .solicited = false,
                                                      .override_entry = true,
                                                      .target_link_layer_address = ours}}));
    }
}

// RFC 4861 section 7.2.4: the advertisement goes to the source of the solicitation, with the
// Solicited flag, the Target Link-Layer Address option and, by SHOULD, the Override flag.
TEST_F(NdpSessionTest, AnswersASolicitationDirectlyWithOverride) {
    claim(ClaimKind::take_over, 0s);
    EXPECT_THAT(
        sent(receive(solicitation(neighbour, neighbour_ip, vip), 10ms)),
        ElementsAre(NdpMessage{.ethernet_destination = neighbour,
                               .ethernet_source = ours,
                               .source = link_local,
                               .destination = neighbour_ip,
                               .body = NeighborAdvertisement{.target = vip,
                                                             .router = false,
                                                             .solicited = true,
                                                             .override_entry = true,
                                                             .target_link_layer_address = ours}}));
}

TEST_F(NdpSessionTest, AnswersAUnicastSolicitationWithoutTheOption) {
    claim(ClaimKind::take_over, 0s);
    NdpMessage probe = solicitation(neighbour, neighbour_ip, vip);
    std::get<NeighborSolicitation>(probe.body).source_link_layer_address.reset();
    probe.ethernet_destination = ours;
    probe.destination = vip;
    const auto messages = sent(receive(probe, 10ms));
    ASSERT_EQ(messages.size(), 1U);
    EXPECT_EQ(messages[0].ethernet_destination, neighbour);
    EXPECT_TRUE(advertised(messages[0]).solicited);
}

TEST_F(NdpSessionTest, AnswersToTheMacThatTheOptionNames) {
    claim(ClaimKind::take_over, 0s);
    NdpMessage message = solicitation(neighbour, neighbour_ip, vip);
    message.ethernet_source = mac("02:00:00:00:00:98");
    const auto messages = sent(receive(message, 10ms));
    ASSERT_EQ(messages.size(), 1U);
    EXPECT_EQ(messages[0].ethernet_destination, neighbour);
}

// RFC 4861 section 7.2.4: "If the source of the solicitation is the unspecified address, the node
// MUST set the Solicited flag to zero and multicast the advertisement to the all-nodes address."
TEST_F(NdpSessionTest, AnswersAProbeToAllNodesUnsolicited) {
    claim(ClaimKind::take_over, 0s);
    const auto messages = sent(receive(solicitation(neighbour, unspecified, vip), 10ms));
    ASSERT_EQ(messages.size(), 1U);
    EXPECT_EQ(messages[0].destination, ip("ff02::1"));
    EXPECT_EQ(messages[0].ethernet_destination, mac("33:33:00:00:00:01"));
    EXPECT_FALSE(advertised(messages[0]).solicited);
    EXPECT_TRUE(advertised(messages[0]).override_entry);
    EXPECT_EQ(session.counters().conflicts, 0U);
}

// RFC 4861 section 4.4, Source Address: "An address assigned to the interface".
TEST_F(NdpSessionTest, SpeaksFromTheVipWithoutALinkLocalAddress) {
    session
        .on_link(link_up(mac("02:00:00:00:00:02"), {ip("2001:db8::1"), ip("169.254.1.1")}), at(0s))
        .clear();
    const auto messages = sent(claim(ClaimKind::take_over, 0s));
    ASSERT_EQ(messages.size(), 1U);
    EXPECT_EQ(messages[0].source, vip);
}

// RFC 4861 section 7.2.3: a solicitation is silently discarded when the target is no address of
// the interface; and what a host does not receive.
TEST_F(NdpSessionTest, LeavesAllThisAlone) {
    claim(ClaimKind::take_over, 0s);
    const NdpMessage good = solicitation(neighbour, neighbour_ip, vip);
    NdpMessage to_another_host = good;
    to_another_host.ethernet_destination = stranger;
    NdpMessage to_another_address = good;
    to_another_address.ethernet_destination = ours;
    to_another_address.destination = ip("2001:db8::77");
    NdpMessage multicast_option = good;
    std::get<NeighborSolicitation>(multicast_option.body).source_link_layer_address =
        mac("33:33:00:00:00:01");
    auto tagged = encode(good);
    tagged[12] = std::byte{0x81};
    tagged[13] = std::byte{0x00};
    const std::vector<std::pair<std::string, std::vector<std::byte>>> frames = {
        {"a VIP that is not claimed",
         encode(solicitation(neighbour, neighbour_ip, ip("2001:db8::11")))},
        {"our own advertisement, looped back", encode(advertisement(ours, link_local, vip))},
        {"our own solicitation, looped back", encode(solicitation(ours, link_local, vip))},
        {"a frame for another host", encode(to_another_host)},
        {"a packet to be forwarded", encode(to_another_address)},
        {"an answer that would be multicast", encode(multicast_option)},
        {"a tagged frame", tagged},
        {"somebody else's advertisement",
         encode(advertisement(neighbour, neighbour_ip, neighbour_ip))},
    };
    for (const auto& [name, frame] : frames)
        EXPECT_THAT(session.on_frame(frame, at(10ms)), IsEmpty()) << name;
    EXPECT_EQ(session.counters().ignored, frames.size());
    EXPECT_EQ(session.counters().malformed, 0U);
    EXPECT_EQ(session.counters().conflicts, 0U);
}

TEST_F(NdpSessionTest, CountsInvalidMessages) {
    claim(ClaimKind::take_over, 0s);
    auto frame = encode(solicitation(neighbour, neighbour_ip, vip));
    frame[21] = std::byte{254};  // RFC 4861 section 7.1.1: MUST be silently discarded
    EXPECT_THAT(session.on_frame(frame, at(0s)), IsEmpty());
    EXPECT_EQ(session.counters().malformed, 1U);
}

// RFC 4862 section 5.4.2: "the solicitation's Target Address is set to the address being checked,
// the IP source is set to the unspecified address, and the IP destination is set to the
// solicited-node multicast address of the target address"; RFC 7527 section 4.1: with a nonce.
TEST_F(NdpSessionTest, ProbesAsTheRfcSays) {
    const auto messages = sent(claim(ClaimKind::planned, 0s));
    ASSERT_EQ(messages.size(), 1U);
    EXPECT_TRUE(messages[0].source.is_unspecified());
    EXPECT_EQ(messages[0].destination, ip("ff02::1:ff00:10"));
    EXPECT_EQ(messages[0].ethernet_destination, mac("33:33:ff:00:00:10"));
    const auto& body = std::get<NeighborSolicitation>(messages[0].body);
    EXPECT_EQ(body.target, vip);
    EXPECT_EQ(body.source_link_layer_address, std::nullopt);
    ASSERT_TRUE(body.nonce.has_value());
    EXPECT_EQ(body.nonce->size(), 6U);
}

// RFC 4862 section 5.4.2: "the node MUST join the all-nodes multicast address and the
// solicited-node multicast address of the tentative address" before it sends (the kernel has joined
// the former).
TEST_F(NdpSessionTest, JoinsTheGroupBeforeTheFirstProbe) {
    const auto actions = claim(ClaimKind::planned, 0s);
    ASSERT_EQ(actions.size(), 2U);
    EXPECT_EQ(describe(actions[0]), "join ff02::1:ff00:10");
    EXPECT_TRUE(std::holds_alternative<SendFrame>(actions[1]));
}

// RFC 4862 section 5.4.3: a solicitation from the unspecified address for a tentative address, not
// sent by the node itself, makes it a duplicate; section 5.4.4: so does an advertisement.
TEST_F(NdpSessionTest, AProbeOrAnAdvertisementOfAnotherHostEndsTheProbing) {
    for (const auto& message :
         {solicitation(stranger, unspecified, vip), advertisement(stranger, vip, vip)}) {
        NdpSession fresh({.random_seed = 1});
        fresh.on_link(link_up(ours), at(0s)).clear();
        fresh.claim(vip, ClaimKind::planned, at(0s)).clear();
        EXPECT_THAT(describe(fresh.on_frame(encode(message), at(10ms))),
                    ElementsAre("conflict 2001:db8::10 with 02:00:00:00:00:66"));
        EXPECT_FALSE(fresh.answers(vip));
    }
}

// RFC 4862 section 5.4.3: "If the source address of the Neighbor Solicitation is a unicast address,
// the sender is performing address resolution on the target; the solicitation should be silently
// ignored."
TEST_F(NdpSessionTest, AnOrdinarySolicitationDuringTheProbingIsIgnored) {
    claim(ClaimKind::planned, 0s);
    EXPECT_THAT(receive(solicitation(neighbour, neighbour_ip, vip), 10ms), IsEmpty());
    run_until(1s);
    EXPECT_TRUE(session.answers(vip));
}

// RFC 7527 section 4.2: a probe that carries a nonce which the node itself has sent was looped
// back, and is no sign of a duplicate.
TEST_F(NdpSessionTest, ItsOwnProbeComingBackIsNoConflict) {
    auto probes = sent(claim(ClaimKind::planned, 0s));
    const auto more = sent(run_until(250ms));
    probes.insert(probes.end(), more.begin(), more.end());
    ASSERT_EQ(probes.size(), 3U);
    for (NdpMessage& probe : probes) {
        EXPECT_THAT(receive(probe, 250ms), IsEmpty());
        probe.ethernet_source = stranger;  // a wireless bridge puts in its own
        EXPECT_THAT(receive(probe, 250ms), IsEmpty());
    }
    std::get<NeighborSolicitation>(probes[0].body).nonce = Nonce(6, 0);
    EXPECT_EQ(receive(probes[0], 251ms).size(), 1U);  // not ours: a conflict
}

TEST_F(NdpSessionTest, WhatItsOtherInterfacesSayIsNoConflict) {
    LinkState link = link_up(ours);
    link.sibling_macs = {stranger};
    session.on_link(link, at(0s)).clear();
    claim(ClaimKind::planned, 0s);
    EXPECT_THAT(receive(advertisement(stranger, vip, vip), 10ms), IsEmpty());
    EXPECT_THAT(receive(solicitation(stranger, unspecified, vip), 10ms), IsEmpty());
    EXPECT_EQ(session.counters().conflicts, 0U);
}

TEST_F(NdpSessionTest, DefendsOnceThenGivesUp) {
    claim(ClaimKind::take_over, 0s);
    const auto messages = sent(receive(advertisement(stranger, vip, vip), 20s));
    ASSERT_EQ(messages.size(), 1U);
    EXPECT_EQ(messages[0].destination, ip("ff02::1"));
    EXPECT_TRUE(advertised(messages[0]).override_entry);
    EXPECT_THAT(describe(receive(advertisement(stranger, vip, vip), 29s)),
                ElementsAre("conflict 2001:db8::10 with 02:00:00:00:00:66"));
    EXPECT_THAT(receive(solicitation(neighbour, neighbour_ip, vip), 30s), IsEmpty());
}

TEST_F(NdpSessionTest, AnAdvertisementThatNamesOurMacIsNoConflict) {
    claim(ClaimKind::take_over, 0s);
    NdpMessage proxied = advertisement(ours, neighbour_ip, vip);
    proxied.ethernet_source = neighbour;
    EXPECT_THAT(receive(proxied, 1s), IsEmpty());
    EXPECT_EQ(session.counters().conflicts, 0U);
}

TEST_F(NdpSessionTest, AnAdvertisementWithoutTheOptionCountsByItsFrame) {
    claim(ClaimKind::take_over, 0s);
    NdpMessage bare = advertisement(stranger, vip, vip);
    std::get<NeighborAdvertisement>(bare.body).target_link_layer_address.reset();
    receive(bare, 1s).clear();
    EXPECT_EQ(session.counters().conflicts, 1U);
}

TEST_F(NdpSessionTest, ASolicitationFromTheVipIsAConflict) {
    claim(ClaimKind::take_over, 0s);
    NdpMessage message = solicitation(stranger, vip, link_local);
    EXPECT_EQ(sent(receive(message, 1s)).size(), 1U);  // the defence
    EXPECT_EQ(session.counters().conflicts, 1U);
}

TEST_F(NdpSessionTest, QuarantineEndsWhenNobodyAnswersTheNextProbe) {
    claim(ClaimKind::planned, 0s);
    receive(advertisement(stranger, vip, vip), 10ms).clear();
    EXPECT_THAT(run_until(26s), IsEmpty());
    const auto actions = run_until(34s);
    ASSERT_GE(actions.size(), 4U);
    EXPECT_EQ(describe(actions[3]), "conflict-ended 2001:db8::10");
}

// RFC 4861 section 7.2.1: the group is shared by addresses with the same last 24 bits.
TEST_F(NdpSessionTest, LeavesAGroupWithItsLastAddress) {
    const IpAddress twin = ip("2001:db8:1::10");
    EXPECT_EQ(describe(claim(ClaimKind::take_over, 0s)).front(), "join ff02::1:ff00:10");
    const auto second = describe(session.claim(twin, ClaimKind::take_over, at(0s)));
    EXPECT_EQ(second.front(), "announced 2001:db8:1::10");
    session.claim(twin, ClaimKind::take_over, at(0s)).clear();  // again: counted once
    EXPECT_THAT(session.release(vip, at(1s)), IsEmpty());
    EXPECT_THAT(session.release(vip, at(1s)), IsEmpty());
    EXPECT_THAT(describe(session.release(twin, at(1s))), ElementsAre("leave ff02::1:ff00:10"));
    EXPECT_EQ(session.next_deadline(), std::nullopt);
}

TEST_F(NdpSessionTest, JoinsAgainWhenTheLinkComesBack) {
    claim(ClaimKind::planned, 0s);
    LinkState down = link_up(ours, {link_local});
    down.up = false;
    EXPECT_THAT(session.on_link(down, at(10ms)), IsEmpty());
    EXPECT_EQ(session.next_deadline(), std::nullopt);
    const auto back = describe(session.on_link(link_up(ours, {link_local}), at(1s)));
    ASSERT_EQ(back.size(), 2U);
    EXPECT_EQ(back[0], "join ff02::1:ff00:10");
    EXPECT_THAT(back[1], testing::HasSubstr("send ns"));  // the probing begins anew
}

// RFC 4861 section 7.2.6 with section 4.4: what the R flag says has changed.
TEST_F(NdpSessionTest, AnnouncesAgainWhenTheNodeBeginsToForward) {
    claim(ClaimKind::take_over, 0s);
    run_until(10s);
    LinkState link = link_up(ours, {link_local});
    link.forwarding = true;
    const auto messages = sent(session.on_link(link, at(10s)));
    ASSERT_EQ(messages.size(), 1U);
    EXPECT_TRUE(advertised(messages[0]).router);
    EXPECT_THAT(session.on_link(link, at(10s)), IsEmpty());
}

TEST_F(NdpSessionTest, AnswersNoMoreThanItsLimit) {
    NdpSession limited({.random_seed = 1, .replies_per_second = 1'000});
    limited.on_link(link_up(ours), at(0s)).clear();
    limited.claim(vip, ClaimKind::take_over, at(0s)).clear();
    const auto frame = encode(solicitation(neighbour, neighbour_ip, vip));
    std::size_t answers = 0;
    for (int i = 0; i < 100; ++i) answers += limited.on_frame(frame, at(0s)).size();
    EXPECT_EQ(answers, 10U);
    EXPECT_EQ(limited.counters().replies_limited, 90U);
}

}  // namespace
}  // namespace trivet::announce
