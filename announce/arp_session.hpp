#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "announce/address_claims.hpp"
#include "announce/arp_message.hpp"
#include "announce/claim_timing.hpp"
#include "announce/frame_budget.hpp"
#include "announce/l2_session.hpp"

namespace trivet::announce {

/// Announces, answers for and defends IPv4 addresses on one interface by ARP, without sockets or
/// timers.
///
/// The owner feeds events in and performs the returned actions in order. It must call on_timer() no
/// later than next_deadline(). Not thread-safe: one thread owns a session.
/// Source: RFC 826, RFC 5227; deviations in docs/internals/announce.md.
class ArpSession {
public:
    struct Config {
        std::uint64_t random_seed = 0;  // of the jitter
        std::uint32_t frames_per_second = default_frames_per_second;
        std::uint32_t replies_per_second = default_replies_per_second;
        ClaimTiming timing = {};
    };
    using Counters = SessionCounters;

    explicit ArpSession(Config config);

    /// The interface as it is now. A new MAC, or up after down: everything is announced again.
    /// Down: nothing is sent nor answered, and the claims are kept.
    [[nodiscard]] L2Actions on_link(const LinkState& link, Instant now);
    /// Stands by: watches who claims the address, and neither answers nor sends. Idempotent. The
    /// address must be IPv4.
    [[nodiscard]] L2Actions arm(IpAddress address);
    /// Idempotent. The address must be IPv4. A claim that becomes a take_over stops probing.
    [[nodiscard]] L2Actions claim(IpAddress address, ClaimKind kind, Instant now);
    /// Stops answering at once, silently, and stands by. Idempotent; the address must be known.
    void stand_by(IpAddress address) { claims_.stand_by(address); }
    /// Asks who has it, as any host does, if the interface has an address to ask from.
    [[nodiscard]] L2Actions ask(IpAddress address);
    /// Stops answering at once, silently. Idempotent.
    [[nodiscard]] L2Actions release(IpAddress address, Instant now);
    /// Any Ethernet frame that the interface received.
    [[nodiscard]] L2Actions on_frame(std::span<const std::byte> ethernet_frame, Instant now);
    [[nodiscard]] L2Actions on_timer(Instant now);
    /// Announces everything again, as after a partition.
    [[nodiscard]] L2Actions reannounce(Instant now);

    std::optional<Instant> next_deadline() const { return claims_.next_deadline(); }
    /// Whether a request for it would be answered at present.
    bool answers(IpAddress address) const { return claims_.answers(address); }
    bool stands_by(IpAddress address) const {
        return claims_.phase(address) == AddressClaims::Phase::standby;
    }
    const Counters& counters() const { return counters_; }

private:
    bool is_of_this_machine(const MacAddress& mac) const;
    bool detect_conflict(const ArpMessage& message, Instant now, L2Actions& actions);
    bool reply(const ArpMessage& request, Instant now, L2Actions& actions);
    L2Actions perform(const ClaimActions& claim_actions);
    void send(const ArpMessage& message, L2Actions& actions);

    LinkState link_;
    AddressClaims claims_;
    FrameBudget reply_budget_;
    Counters counters_;
};

}  // namespace trivet::announce
