#pragma once
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "core/time.hpp"

namespace trivet::announce {

/// When an address is probed, announced, defended and tried again; the same for ARP and NDP.
/// Named after the constants of RFC 5227 section 1.1 where it has one. The reasons for every
/// deviation are in docs/internals/announce.md and docs/adr/0003-fast-probing.md.
struct ClaimTiming {
    // RFC 5227 section 2.1.1 waits 0..1 s, then 3 probes 1..2 s apart, then ANNOUNCE_WAIT 2 s: up
    // to 7 s before a new address answers. RFC 4862 section 5.1 waits one RetransTimer, 1 s. Both
    // are made for hosts that choose an address and for networks of wireless links. A VIP comes out
    // of a pool that one cluster owns, so the probe looks for an operator's mistake, on wired links
    // where a neighbour answers within milliseconds: as many probes as the RFC, faster. The first
    // goes at once: PROBE_WAIT spreads hosts that start together, here the frame budget does.
    std::uint8_t probe_num = 3;  // PROBE_NUM; RFC 4862 DupAddrDetectTransmits is 1
    Duration probe_interval = std::chrono::milliseconds{100};  // PROBE_MIN 1 s, PROBE_MAX 2 s
    Duration announce_wait_min =
        std::chrono::milliseconds{100};  // ANNOUNCE_WAIT 2 s; random, so that two nodes which
    Duration announce_wait_max =
        std::chrono::milliseconds{200};  // start together do not finish together

    // Between one announcement and the next: at 0, 0.1, 1.1, 2.2 and 4.4 s. The second one covers
    // the loss of the first, the later ones a switch port that is slow to forward (spanning tree).
    // RFC 5227 section 2.3 has 2 of them 2 s apart. RFC 4861 section 7.2.6 has at most 3, and
    // RetransTimer (1 s) between them: a lost first one would then be a second of outage. Its aim,
    // to spare the link multicast, is the aim of the frame budget.
    static constexpr std::size_t repeats = 4;
    std::array<Duration, repeats> repeat_after = {
        std::chrono::milliseconds{100}, std::chrono::milliseconds{1'000},
        std::chrono::milliseconds{1'100}, std::chrono::milliseconds{2'200}};

    // Then for as long as the address is held: switches forget a silent station after 300 s.
    Duration refresh = std::chrono::seconds{60};
    std::uint8_t refresh_jitter_percent = 10;

    Duration defend_interval = std::chrono::seconds{10};  // DEFEND_INTERVAL, RFC 5227 section 1.1

    // For so long after a take-over a claim by somebody else is not a stranger's but a late frame
    // of the owner before, which the gates have silenced already: it is defended against and never
    // quarantines, or the address would have no owner at all. 2 s is far above the time for which a
    // switch or a stalled host holds a frame back (IEEE 802.1D, maximum bridge transit delay: 1 s
    // is recommended, 4 s the most).
    Duration hand_over_grace = std::chrono::seconds{2};
    // A host that defends itself too would otherwise go on with us at the speed of the wire.
    Duration hand_over_defence_interval = std::chrono::milliseconds{100};
    // RFC 5227 gives no time for coming back to an address; RATE_LIMIT_INTERVAL (60 s, after 10
    // conflicts) limits the choice of new ones. Three probes each 30 s disturb nobody.
    Duration quarantine = std::chrono::seconds{30};
    std::uint8_t quarantine_jitter_percent = 10;
};

/// Frames a second for probes and announcements of one session, at 84 bytes on the wire 54 Mbit/s
/// at the most. 10,000 addresses have had their first frame each after 120 ms, which leaves 180 of
/// the 300 ms in which a take-over of so many must be over to the processor; the other ARP form of
/// all is out after 240 ms. A greater budget would gain little and cost every host of the network,
/// which wakes up for each broadcast.
constexpr std::uint32_t default_frames_per_second = 80'000;

/// Answers a second. Answers do not share the budget above: a storm of requests would then stop the
/// announcements, or announcements delay the answers.
constexpr std::uint32_t default_replies_per_second = 100'000;

}  // namespace trivet::announce
