#pragma once
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "announce/l2_session.hpp"
#include "core/assert.hpp"

/// Leads an ARP or NDP session through the events that the bytes of a fuzzer's input describe.
namespace trivet::announce::fuzz {

constexpr MacAddress own_mac{{2, 0, 0, 0, 0, 1}};
constexpr MacAddress other_mac{{2, 0, 0, 0, 0, 2}};  // after a change

inline std::vector<std::byte> unchanged(std::span<const std::byte> frame) {
    return {frame.begin(), frame.end()};
}

/// Without these a session would answer what it must not; `check_sent` looks at each frame.
template <class Session, class CheckSent>
void check_actions(const Session& session, const L2Actions& actions, const LinkState& link,
                   CheckSent check_sent) {
    for (const L2Action& action : actions) {
        if (const auto* send = std::get_if<SendFrame>(&action)) {
            TRIVET_ASSERT(link.up);
            check_sent(std::span<const std::byte>(send->frame));
        } else if (const auto* conflict = std::get_if<ConflictDetected>(&action)) {
            TRIVET_ASSERT(!session.answers(conflict->address));
            TRIVET_ASSERT(conflict->other != link.mac);
        } else if (const auto* ended = std::get_if<ConflictEnded>(&action)) {
            TRIVET_ASSERT(session.answers(ended->address));
        } else if (const auto* seen = std::get_if<Seen>(&action)) {
            TRIVET_ASSERT(session.stands_by(seen->address));
            TRIVET_ASSERT(seen->mac != link.mac);
        }
    }
}

/// Each step is a byte that says what happens, and a byte with its argument; what is left after the
/// steps (their number comes first) is received as one frame after each of them.
template <class Session, class CheckSent, class Repair = decltype(&unchanged)>
void drive(std::span<const std::byte> input, const std::array<IpAddress, 3>& vips,
           CheckSent check_sent, Repair repair = &unchanged) {
    using namespace std::chrono_literals;
    constexpr std::size_t steps_max = 16;
    Session session({.random_seed = 1});
    Instant now{};
    LinkState link;
    link.mac = own_mac;
    link.up = true;
    const auto perform = [&](const L2Actions& actions) {
        check_actions(session, actions, link, check_sent);
    };
    perform(session.on_link(link, now));
    perform(session.claim(vips[0], ClaimKind::take_over, now));
    perform(session.claim(vips[1], ClaimKind::planned, now));
    std::array<bool, 3> is_known = {true, true, false};
    perform(session.on_frame(input, now));
    if (input.empty()) return;

    const std::size_t steps =
        std::min({std::to_integer<std::size_t>(input[0]) % steps_max, (input.size() - 1) / 2});
    const std::vector<std::byte> frame = repair(input.subspan(1 + 2 * steps));
    for (std::size_t i = 0; i < steps; ++i) {
        const auto what = std::to_integer<unsigned>(input[1 + 2 * i]);
        const auto argument = std::to_integer<unsigned>(input[2 + 2 * i]);
        const IpAddress vip = vips.at(argument % vips.size());
        switch (what % 8) {
            case 0:
                is_known.at(argument % vips.size()) = true;
                perform(session.claim(vip, ClaimKind::planned, now));
                break;
            case 1:
                is_known.at(argument % vips.size()) = true;
                perform(session.claim(vip, ClaimKind::take_over, now));
                break;
            case 2:
                is_known.at(argument % vips.size()) = false;
                perform(session.release(vip, now));
                TRIVET_ASSERT(!session.answers(vip));
                break;
            case 3:
                link.up = !link.up;
                perform(session.on_link(link, now));
                break;
            case 4:
                link.mac = argument % 2 == 0 ? own_mac : other_mac;
                perform(session.on_link(link, now));
                break;
            case 5:
                if (argument % 8 == 5) {
                    is_known.at(argument % vips.size()) = true;
                    perform(session.arm(vip));
                } else if (argument % 8 == 6 && is_known.at(argument % vips.size())) {
                    session.stand_by(vip);
                    TRIVET_ASSERT(!session.answers(vip));
                } else if (argument % 8 == 7) {
                    perform(session.ask(vip));
                } else {
                    perform(session.reannounce(now));
                }
                break;
            case 6:
                now += argument * 10ms;
                break;
            case 7:
                now += argument * 1s;
                break;
        }
        constexpr int wake_ups_max = 64;  // a deadline that does not move would loop for ever
        int wake_ups = 0;
        while (session.next_deadline() && *session.next_deadline() <= now &&
               ++wake_ups <= wake_ups_max)
            perform(session.on_timer(std::max(now, *session.next_deadline())));
        TRIVET_ASSERT(wake_ups <= wake_ups_max);
        perform(session.on_frame(frame, now));
    }
    const auto& counters = session.counters();
    TRIVET_ASSERT(counters.malformed + counters.ignored <= counters.received);
}

}  // namespace trivet::announce::fuzz
