#include "announce/arp_session.hpp"

#include "tests/announce/l2_frames.hpp"

namespace trivet::announce {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

const MacAddress ours = mac("02:00:00:00:00:01");
const MacAddress neighbour = mac("02:00:00:00:00:99");
const MacAddress stranger = mac("02:00:00:00:00:66");
const IpAddress vip = ip("192.0.2.10");
const IpAddress neighbour_ip = ip("192.0.2.99");
const IpAddress no_address = ip("0.0.0.0");

std::vector<std::byte> request(MacAddress from, IpAddress sender, IpAddress target) {
    return arp_frame(ArpOperation::request, from, sender, target);
}
std::vector<std::byte> reply(MacAddress from, IpAddress sender, IpAddress target) {
    return arp_frame(ArpOperation::reply, from, sender, target);
}

/// The messages among the actions.
std::vector<ArpMessage> sent(const L2Actions& actions) {
    std::vector<ArpMessage> messages;
    for (const L2Action& action : actions)
        if (const auto* send = std::get_if<SendFrame>(&action))
            messages.push_back(decode_arp(send->frame).value());
    return messages;
}

class ArpSessionTest : public testing::Test {
protected:
    ArpSessionTest() { session.on_link(link_up(ours), at(0s)).clear(); }

    L2Actions claim(ClaimKind kind, Duration time) { return session.claim(vip, kind, at(time)); }
    L2Actions receive(const std::vector<std::byte>& frame, Duration time) {
        return session.on_frame(frame, at(time));
    }
    L2Actions run_until(Duration end) {
        L2Actions actions;
        while (session.next_deadline() && *session.next_deadline() <= at(end))
            append_actions(actions, session.on_timer(*session.next_deadline()));
        return actions;
    }

    ArpSession session{{.random_seed = 1}};
};

// RFC 5227 section 2.1.1: "The client MUST fill in the 'sender hardware address' field of the ARP
// Request with the hardware address of the interface through which it is sending the packet. The
// 'sender IP address' field MUST be set to all zeroes [...] The 'target hardware address' field is
// ignored and SHOULD be set to all zeroes. The 'target IP address' field MUST be set to the address
// being probed."
TEST_F(ArpSessionTest, ProbesAsTheRfcSays) {
    const auto probes = sent(claim(ClaimKind::planned, 0s));
    EXPECT_THAT(probes, ElementsAre(ArpMessage{.ethernet_destination = MacAddress::broadcast(),
                                               .ethernet_source = ours,
                                               .operation = ArpOperation::request,
                                               .sender_hardware_address = ours,
                                               .sender_protocol_address = no_address,
                                               .target_hardware_address = {},
                                               .target_protocol_address = vip}));
}

// RFC 5227 section 2.1.1: "should then send PROBE_NUM probe packets"; faster, by decision.
TEST_F(ArpSessionTest, SendsThreeProbesBeforeItAnnounces) {
    auto actions = claim(ClaimKind::planned, 0s);
    append_actions(actions, run_until(299ms));
    EXPECT_EQ(sent(actions).size(), 3U);
    EXPECT_FALSE(session.answers(vip));
    const auto later = run_until(400ms);
    ASSERT_FALSE(later.empty());
    EXPECT_TRUE(std::holds_alternative<Announced>(later.front()));
    EXPECT_TRUE(session.answers(vip));
}

// RFC 5227 section 2.1.1: "any ARP packet (Request *or* Reply) received on the interface where the
// probe is being performed, where the packet's 'sender IP address' is the address being probed for
// [...] then the host MUST treat this address as being in use by some other host".
TEST_F(ArpSessionTest, ARequestOrAReplyFromTheAddressEndsTheProbing) {
    for (const auto& frame : {request(stranger, vip, neighbour_ip), reply(stranger, vip, vip)}) {
        ArpSession fresh({.random_seed = 1});
        fresh.on_link(link_up(ours), at(0s)).clear();
        fresh.claim(vip, ClaimKind::planned, at(0s)).clear();
        EXPECT_THAT(describe(fresh.on_frame(frame, at(10ms))),
                    ElementsAre("conflict 192.0.2.10 with 02:00:00:00:00:66"));
        EXPECT_FALSE(fresh.answers(vip));
    }
}

// RFC 5227 section 2.1.1: "if during this period the host receives any ARP Probe where the packet's
// 'target IP address' is the address being probed for, and the packet's 'sender hardware address'
// is not the hardware address of any of the host's interfaces, then the host SHOULD similarly treat
// this as an address conflict".
TEST_F(ArpSessionTest, AProbeOfAnotherHostEndsTheProbing) {
    claim(ClaimKind::planned, 0s);
    EXPECT_THAT(describe(receive(request(stranger, no_address, vip), 10ms)),
                ElementsAre("conflict 192.0.2.10 with 02:00:00:00:00:66"));
}

TEST_F(ArpSessionTest, ProbesOfItsOwnInterfacesAreNoConflict) {
    LinkState link = link_up(ours);
    link.sibling_macs = {stranger};
    session.on_link(link, at(0s)).clear();
    claim(ClaimKind::planned, 0s);
    EXPECT_THAT(receive(request(ours, no_address, vip), 10ms), IsEmpty());
    EXPECT_THAT(receive(request(stranger, no_address, vip), 20ms), IsEmpty());
    EXPECT_THAT(receive(reply(stranger, vip, vip), 30ms), IsEmpty());
    run_until(1s);
    EXPECT_TRUE(session.answers(vip));
    EXPECT_EQ(session.counters().conflicts, 0U);
}

TEST_F(ArpSessionTest, AnOrdinaryRequestDuringTheProbingIsNeitherAnsweredNorAConflict) {
    claim(ClaimKind::planned, 0s);
    EXPECT_THAT(receive(request(neighbour, neighbour_ip, vip), 10ms), IsEmpty());
    run_until(1s);
    EXPECT_TRUE(session.answers(vip));
}

// RFC 5227 section 2.3: "An ARP Announcement is identical to the ARP Probe described above, except
// that now the sender and target IP addresses are both set to the host's newly selected IPv4
// address"; the reply form (section 3) beside it.
TEST_F(ArpSessionTest, AnnouncesInRequestAndReplyForm) {
    const auto messages = sent(claim(ClaimKind::take_over, 0s));
    ArpMessage announcement{.ethernet_destination = MacAddress::broadcast(),
                            .ethernet_source = ours,
                            .operation = ArpOperation::request,
                            .sender_hardware_address = ours,
                            .sender_protocol_address = vip,
                            .target_hardware_address = {},
                            .target_protocol_address = vip};
    ArpMessage as_reply = announcement;
    as_reply.operation = ArpOperation::reply;
    as_reply.target_hardware_address = ours;
    EXPECT_THAT(messages, ElementsAre(announcement, as_reply));
}

// RFC 826 "Packet Reception": "Swap hardware and protocol fields, putting the local hardware and
// protocol addresses in the sender fields. Set the ar$op field to ares_op$REPLY. Send the packet to
// the (new) target hardware address".
TEST_F(ArpSessionTest, AnswersWithTheFieldsSwapped) {
    claim(ClaimKind::take_over, 0s);
    EXPECT_THAT(sent(receive(request(neighbour, neighbour_ip, vip), 10ms)),
                ElementsAre(ArpMessage{.ethernet_destination = neighbour,
                                       .ethernet_source = ours,
                                       .operation = ArpOperation::reply,
                                       .sender_hardware_address = ours,
                                       .sender_protocol_address = vip,
                                       .target_hardware_address = neighbour,
                                       .target_protocol_address = neighbour_ip}));
}

TEST_F(ArpSessionTest, AnswersAProbeWhichIsItsDefence) {
    claim(ClaimKind::take_over, 0s);
    const auto messages = sent(receive(request(neighbour, no_address, vip), 10ms));
    ASSERT_EQ(messages.size(), 1U);
    EXPECT_EQ(messages[0].ethernet_destination, neighbour);
    EXPECT_EQ(messages[0].sender_protocol_address, vip);
    EXPECT_EQ(messages[0].target_protocol_address, no_address);
    EXPECT_EQ(session.counters().conflicts, 0U);
}

TEST_F(ArpSessionTest, AnswersARequestSentToItsOwnMac) {
    claim(ClaimKind::take_over, 0s);
    auto message = decode_arp(request(neighbour, neighbour_ip, vip)).value();
    message.ethernet_destination = ours;
    EXPECT_EQ(receive(encode(message), 10ms).size(), 1U);
}

TEST_F(ArpSessionTest, LeavesAllThisAlone) {
    claim(ClaimKind::take_over, 0s);
    auto to_another_host = decode_arp(request(neighbour, neighbour_ip, vip)).value();
    to_another_host.ethernet_destination = stranger;
    auto tagged = request(neighbour, neighbour_ip, vip);
    tagged[12] = std::byte{0x81};
    tagged[13] = std::byte{0x00};
    const std::vector<std::pair<std::string, std::vector<std::byte>>> frames = {
        {"a VIP that is not claimed", request(neighbour, neighbour_ip, ip("192.0.2.11"))},
        {"a reply to somebody", reply(neighbour, neighbour_ip, vip)},
        {"our own request, looped back", request(ours, ip("192.0.2.1"), vip)},
        {"our own announcement, looped back", request(ours, vip, vip)},
        {"a frame for another host", encode(to_another_host)},
        {"a multicast sender", request(MacAddress::broadcast(), neighbour_ip, vip)},
        {"a zero sender", request(MacAddress{}, neighbour_ip, vip)},
        {"a tagged frame", tagged},
    };
    for (const auto& [name, frame] : frames) EXPECT_THAT(receive(frame, 10ms), IsEmpty()) << name;
    EXPECT_EQ(session.counters().ignored, frames.size());
    EXPECT_EQ(session.counters().received, frames.size());
    EXPECT_EQ(session.counters().malformed, 0U);
}

TEST_F(ArpSessionTest, CountsWhatBreaksTheFormat) {
    auto frame = request(neighbour, neighbour_ip, vip);
    frame.resize(30);
    EXPECT_THAT(receive(frame, 0s), IsEmpty());
    EXPECT_EQ(session.counters().malformed, 1U);
    EXPECT_EQ(session.counters().ignored, 0U);
}

// RFC 5227 section 2.4: "a host MUST respond to a conflicting ARP packet"; (b): by "broadcasting
// one single ARP Announcement, giving its own IP and hardware addresses as the sender addresses".
TEST_F(ArpSessionTest, DefendsByOneAnnouncement) {
    claim(ClaimKind::take_over, 0s);
    const auto messages = sent(receive(request(stranger, vip, neighbour_ip), 20s));
    ASSERT_EQ(messages.size(), 1U);
    EXPECT_EQ(messages[0].operation, ArpOperation::request);
    EXPECT_EQ(messages[0].sender_protocol_address, vip);
    EXPECT_EQ(messages[0].target_protocol_address, vip);
    EXPECT_TRUE(session.answers(vip));
}

// RFC 5227 section 2.4 (b): "if this is not the first conflicting ARP packet the host has seen, and
// the time recorded for the previous conflicting ARP packet is recent, within DEFEND_INTERVAL
// seconds, then the host MUST immediately cease using this address and signal an error".
TEST_F(ArpSessionTest, GivesUpAtTheSecondConflictWithinTheDefendInterval) {
    claim(ClaimKind::take_over, 0s);
    receive(reply(stranger, vip, vip), 20s);
    EXPECT_THAT(describe(receive(reply(stranger, vip, vip), 30s - 1ms)),
                ElementsAre("conflict 192.0.2.10 with 02:00:00:00:00:66"));
    EXPECT_FALSE(session.answers(vip));
    EXPECT_THAT(receive(request(neighbour, neighbour_ip, vip), 30s), IsEmpty());
    EXPECT_EQ(session.counters().conflicts, 2U);
}

TEST_F(ArpSessionTest, DefendsAgainAfterTheDefendInterval) {
    claim(ClaimKind::take_over, 0s);
    for (const Duration time : {20s, 30s, 40s})
        EXPECT_EQ(sent(receive(reply(stranger, vip, vip), time)).size(), 1U);
    EXPECT_TRUE(session.answers(vip));
}

TEST_F(ArpSessionTest, AConflictForOneAddressLetsTheOtherBeAnswered) {
    claim(ClaimKind::take_over, 0s);
    const IpAddress other = ip("192.0.2.11");
    session.claim(other, ClaimKind::take_over, at(0s)).clear();
    // The stranger asks from one VIP for the other: a conflict, and a request.
    const auto messages = sent(receive(request(stranger, vip, other), 20s));
    ASSERT_EQ(messages.size(), 2U);
    EXPECT_EQ(messages[0].sender_protocol_address, vip);
    EXPECT_EQ(messages[1].sender_protocol_address, other);
    EXPECT_EQ(messages[1].ethernet_destination, stranger);
}

TEST_F(ArpSessionTest, QuarantineEndsWhenNobodyAnswersTheNextProbe) {
    claim(ClaimKind::planned, 0s);
    receive(reply(stranger, vip, vip), 10ms);
    EXPECT_THAT(run_until(26s), IsEmpty());  // 30 s, less 10 % of jitter
    const auto actions = run_until(34s);
    ASSERT_GE(actions.size(), 4U);
    EXPECT_EQ(describe(actions[3]), "conflict-ended 192.0.2.10");
    EXPECT_TRUE(session.answers(vip));
}

TEST_F(ArpSessionTest, QuarantineLastsAsLongAsTheStrangerTalks) {
    claim(ClaimKind::planned, 0s);
    receive(reply(stranger, vip, vip), 0s);
    for (Duration time = 20s; time <= 200s; time += 20s) {
        EXPECT_THAT(run_until(time), IsEmpty());
        EXPECT_THAT(receive(request(stranger, vip, neighbour_ip), time), IsEmpty());
    }
    EXPECT_FALSE(session.answers(vip));
}

TEST_F(ArpSessionTest, ANewStrangerIsReportedTheSameOneIsNot) {
    claim(ClaimKind::planned, 0s);
    receive(reply(stranger, vip, vip), 0s);
    while (sent(run_until(session.next_deadline()->time_since_epoch())).empty()) {
    }
    const Duration probing = session.next_deadline()->time_since_epoch() - 50ms;
    EXPECT_THAT(receive(reply(stranger, vip, vip), probing), IsEmpty());
    while (sent(run_until(session.next_deadline()->time_since_epoch())).empty()) {
    }
    const Duration again = session.next_deadline()->time_since_epoch() - 50ms;
    EXPECT_THAT(describe(receive(reply(neighbour, vip, vip), again)),
                ElementsAre("conflict 192.0.2.10 with 02:00:00:00:00:99"));
}

TEST_F(ArpSessionTest, ATakeOverDoesNotEndAQuarantine) {
    claim(ClaimKind::planned, 0s);
    receive(reply(stranger, vip, vip), 10ms);
    EXPECT_THAT(claim(ClaimKind::take_over, 20ms), IsEmpty());
    EXPECT_FALSE(session.answers(vip));
}

TEST_F(ArpSessionTest, OwnAddressAnsweredByTheOwnKernelIsNoConflict) {
    session.on_link(link_up(ours, {vip}), at(0s)).clear();
    claim(ClaimKind::take_over, 0s);
    EXPECT_THAT(receive(reply(ours, vip, neighbour_ip), 1s), IsEmpty());
    EXPECT_THAT(receive(reply(ours, vip, neighbour_ip), 2s), IsEmpty());
    EXPECT_TRUE(session.answers(vip));
}

TEST_F(ArpSessionTest, ReleaseIsSilentImmediateAndIdempotent) {
    claim(ClaimKind::take_over, 0s);
    EXPECT_THAT(session.release(vip, at(1s)), IsEmpty());
    EXPECT_THAT(session.release(vip, at(1s)), IsEmpty());
    EXPECT_FALSE(session.answers(vip));
    EXPECT_EQ(session.next_deadline(), std::nullopt);
    EXPECT_THAT(receive(request(neighbour, neighbour_ip, vip), 1s), IsEmpty());
    // Nor is what a stranger says about it of any interest.
    EXPECT_THAT(receive(reply(stranger, vip, vip), 2s), IsEmpty());
    EXPECT_EQ(session.counters().conflicts, 0U);
}

TEST_F(ArpSessionTest, LinkDownSilencesAndKeepsTheClaims) {
    claim(ClaimKind::take_over, 0s);
    LinkState down = link_up(ours);
    down.up = false;
    EXPECT_THAT(session.on_link(down, at(1s)), IsEmpty());
    EXPECT_FALSE(session.answers(vip));
    EXPECT_EQ(session.next_deadline(), std::nullopt);
    EXPECT_THAT(receive(request(neighbour, neighbour_ip, vip), 2s), IsEmpty());
    EXPECT_THAT(session.reannounce(at(2s)), IsEmpty());
    EXPECT_EQ(session.on_link(link_up(ours), at(3s)).size(), 3U);
    EXPECT_TRUE(session.answers(vip));
}

TEST_F(ArpSessionTest, BeforeTheFirstLinkNothingIsSent) {
    ArpSession fresh({.random_seed = 1});
    EXPECT_THAT(fresh.claim(vip, ClaimKind::take_over, at(0s)), IsEmpty());
    EXPECT_FALSE(fresh.answers(vip));
    EXPECT_THAT(describe(fresh.on_link(link_up(ours), at(1s))),
                ElementsAre("announced 192.0.2.10", testing::HasSubstr("send arp request"),
                            testing::HasSubstr("send arp reply")));
}

TEST_F(ArpSessionTest, ReannounceBeginsTheAnnouncementsAnew) {
    claim(ClaimKind::take_over, 0s);
    run_until(50s);
    EXPECT_EQ(sent(session.reannounce(at(50s))).size(), 2U);
    EXPECT_EQ(sent(run_until(55s)).size(), 8U);
}

TEST_F(ArpSessionTest, RefreshesBelowTheTimeAfterWhichSwitchesForget) {
    claim(ClaimKind::take_over, 0s);
    run_until(5s);
    Instant last = at(4'400ms);
    for (int i = 0; i < 20; ++i) {
        const Instant next = *session.next_deadline();
        EXPECT_GE(next - last, 54s);
        EXPECT_LE(next - last, 66s);
        session.on_timer(next).clear();
        last = next;
    }
}

TEST_F(ArpSessionTest, EqualSeedsBehaveAlike) {
    ArpSession twin({.random_seed = 1});
    twin.on_link(link_up(ours), at(0s)).clear();
    twin.claim(vip, ClaimKind::planned, at(0s)).clear();
    claim(ClaimKind::planned, 0s);
    for (int i = 0; i < 20; ++i) {
        ASSERT_EQ(session.next_deadline(), twin.next_deadline());
        const Instant now = *session.next_deadline();
        EXPECT_EQ(describe(session.on_timer(now)), describe(twin.on_timer(now)));
    }
}

}  // namespace
}  // namespace trivet::announce
