#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <span>
#include <vector>

#include "announce/address_claims.hpp"
#include "announce/claim_timing.hpp"
#include "announce/frame_budget.hpp"
#include "announce/l2_session.hpp"
#include "announce/ndp_message.hpp"

namespace trivet::announce {

/// Announces, answers for and defends IPv6 addresses on one interface by neighbour discovery,
/// without sockets or timers.
///
/// The owner feeds events in and performs the returned actions in order. It must call on_timer() no
/// later than next_deadline(). Not thread-safe: one thread owns a session.
/// Source: RFC 4861, RFC 4862, RFC 7527; deviations in docs/internals/announce.md.
class NdpSession {
public:
    struct Config {
        std::uint64_t random_seed = 0;  // of jitter and nonces
        std::uint32_t frames_per_second = default_frames_per_second;
        std::uint32_t replies_per_second = default_replies_per_second;
        ClaimTiming timing = {};
    };
    using Counters = SessionCounters;

    explicit NdpSession(Config config);

    /// The interface as it is now. A new MAC, or up after down: the groups are joined and
    /// everything is announced again. Down: nothing is sent nor answered, and the claims are kept.
    [[nodiscard]] L2Actions on_link(const LinkState& link, Instant now);
    /// Stands by: joins the group, watches who claims the address, and neither answers nor sends.
    /// Idempotent. The address must be IPv6.
    [[nodiscard]] L2Actions arm(IpAddress address);
    /// Idempotent. The address must be IPv6. A claim that becomes a take_over stops probing.
    [[nodiscard]] L2Actions claim(IpAddress address, ClaimKind kind, Instant now);
    /// Stops answering at once, silently, and stands by. Idempotent; the address must be known.
    void stand_by(IpAddress address);
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
    /// Whether a solicitation for it would be answered at present.
    bool answers(IpAddress address) const { return claims_.answers(address); }
    bool stands_by(IpAddress address) const {
        return claims_.phase(address) == AddressClaims::Phase::standby;
    }
    const Counters& counters() const { return counters_; }

private:
    bool is_of_this_machine(const MacAddress& mac) const;
    bool is_for_us(const NdpMessage& message) const;
    bool on_solicitation(const NdpMessage& message, const NeighborSolicitation& solicitation,
                         Instant now, L2Actions& actions);
    bool on_advertisement(const NdpMessage& message, const NeighborAdvertisement& advertisement,
                          Instant now, L2Actions& actions);
    bool on_stranger(IpAddress address, MacAddress other, Instant now, L2Actions& actions);
    void reply(const NdpMessage& solicitation, IpAddress target, MacAddress asking, Instant now,
               L2Actions& actions);
    L2Actions perform(const ClaimActions& claim_actions);
    void send(const NdpMessage& message, L2Actions& actions);
    void send_probe(IpAddress address, L2Actions& actions);
    NdpMessage advertisement(IpAddress address) const;
    IpAddress source_for(IpAddress address) const;
    std::optional<IpAddress> own_address_but(IpAddress address) const;

    std::size_t nonces_kept_;  // for each address: as many as probes are sent
    LinkState link_;
    AddressClaims claims_;
    std::map<IpAddress, unsigned> groups_;            // members of each solicited-node group
    std::map<IpAddress, std::vector<Nonce>> nonces_;  // of the probes that are under way
    FrameBudget reply_budget_;
    std::mt19937_64 random_;  // of the nonces
    Counters counters_;
};

}  // namespace trivet::announce
