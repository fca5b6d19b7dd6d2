#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "announce/bgp/bgp_message.hpp"
#include "core/bgp_plan.hpp"
#include "core/result.hpp"

/// What our OPEN says, what is wrong with the peer's, and what the two agree on. Values in, values
/// out.
namespace trivet::announce::bgp {

/// What the two OPENs have agreed on.
struct Negotiated {
    AsNumber local_as;  // that we used towards the peer
    AsNumber peer_as;
    bool is_external = true;
    std::uint32_t peer_identifier = 0;
    std::chrono::seconds hold_time{0};
    std::chrono::seconds keepalive_time{0};  // 0: none are sent
    CodecOptions codec = {};
    bool route_refresh = false;  // either side may ask for all routes anew
    std::optional<GracefulRestart> peer_graceful_restart = {};
    /// Both said the N bit: only a hard reset makes them forget routes (RFC 8538 section 4).
    bool graceful_notification = false;
    Capabilities peer_capabilities = {};
    bool operator==(const Negotiated&) const = default;
};

/// What our OPEN says beside the settings.
struct OpenTerms {
    std::uint32_t bgp_identifier = 0;
    bool with_capabilities = true;  // false: the peer has refused the parameter (RFC 5492 §3)
    bool restarting = false;        // R bit (RFC 4724 section 3)
    std::map<AfiSafi, bool> forwarding_kept = {};  // F bits
};

/// What we are towards this peer.
AsNumber local_as(const BgpPeerSettings& settings);
/// Of the TCP connection; unnumbered peers speak over IPv6 link-local addresses.
IpFamily transport_family(const BgpPeerSettings& settings);

OpenMessage make_open(const BgpPeerSettings& settings, const OpenTerms& terms);

struct OpenRefusal {
    NotificationMessage notification;
    std::string reason;  // for people: what the peer said, and what we expect
};

/// `ours` is the OPEN that this connection was opened with; `theirs` has passed the decoder, which
/// refuses what is wrong whatever is configured: other versions, hold times of one and two seconds,
/// identifier 0, AS 0.
/// Errors: the NOTIFICATION that RFC 4271 section 6.2 and its extensions call for.
Result<Negotiated, OpenRefusal> negotiate(const BgpPeerSettings& settings, const OpenMessage& ours,
                                          const OpenMessage& theirs);

}  // namespace trivet::announce::bgp
