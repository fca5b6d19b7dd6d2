#pragma once
#include <chrono>
#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/ids.hpp"
#include "core/ip_address.hpp"

/// What a node announces by BGP, to whom and how: the plan that bgp_policy computes from committed
/// state and that announce/bgp carries out. Plain values.
namespace trivet {

using AsNumber = Strong<struct AsNumberTag, std::uint32_t>;    // RFC 6793; 0 is reserved
using Community = Strong<struct CommunityTag, std::uint32_t>;  // RFC 1997
using ExtendedCommunity =
    Strong<struct ExtCommunityTag, std::uint64_t>;  // RFC 4360, as on the wire

namespace well_known {                                       // IANA "BGP Well-known Communities"
inline constexpr Community graceful_shutdown{0xFFFF0000};    // RFC 8326
inline constexpr Community accept_own{0xFFFF0001};           // RFC 7611
inline constexpr Community llgr_stale{0xFFFF0006};           // RFC 9494
inline constexpr Community no_llgr{0xFFFF0007};              // RFC 9494
inline constexpr Community blackhole{0xFFFF029A};            // RFC 7999
inline constexpr Community no_export{0xFFFFFF01};            // RFC 1997
inline constexpr Community no_advertise{0xFFFFFF02};         // RFC 1997
inline constexpr Community no_export_subconfed{0xFFFFFF03};  // RFC 1997
inline constexpr Community no_peer{0xFFFFFF04};              // RFC 3765
}  // namespace well_known

struct LargeCommunity {  // RFC 8092
    std::uint32_t global_administrator = 0;
    std::uint32_t local_data_1 = 0;
    std::uint32_t local_data_2 = 0;
    friend auto operator<=>(const LargeCommunity&, const LargeCommunity&) = default;
};

/// What a route carries beside ORIGIN (IGP always), AS_PATH and NEXT_HOP, which are the session's.
struct BgpAttributes {
    std::optional<std::uint32_t> local_pref = {};  // to internal peers alone; nullopt: 100 there
    std::optional<std::uint32_t> med = {};
    std::uint8_t prepend = 0;  // how often our AS stands in AS_PATH beyond once
    std::set<Community> communities = {};
    std::set<ExtendedCommunity> extended_communities = {};
    std::set<LargeCommunity> large_communities = {};
    auto operator<=>(const BgpAttributes&) const = default;
};

struct BgpRoute {
    Prefix prefix;
    std::uint32_t attributes = 0;  // index into BgpRoutes::attributes
    bool operator==(const BgpRoute&) const = default;
};

/// All that one peer, or several alike, shall know from us. 100,000 routes have few attribute sets.
struct BgpRoutes {
    std::vector<BgpAttributes> attributes;
    std::vector<BgpRoute> routes;  // sorted by prefix, each prefix once
    bool operator==(const BgpRoutes&) const = default;
};

enum class BgpRole : std::uint8_t {  // RFC 9234 section 4.1
    provider = 0,
    route_server = 1,
    route_server_client = 2,
    customer = 3,
    peer = 4,
};
enum class DynamicAsn : std::uint8_t { internal, external };

struct BfdSettings {  // RFC 5880; MetalLB's BFDProfile
    std::chrono::milliseconds receive_interval{100};
    std::chrono::milliseconds transmit_interval{100};
    std::uint8_t detect_multiplier = 3;
    std::optional<std::chrono::milliseconds> echo_interval;  // nullopt: no echo function
    bool passive = false;
    std::uint8_t minimum_ttl = 254;  // multihop only; single hop is always 255 (RFC 5881 section 5)
    bool operator==(const BfdSettings&) const = default;
};

/// Parameters of one session; a change resets that session, with the exceptions named.
struct BgpPeerSettings {
    AsNumber my_asn;                    // what we are
    std::optional<AsNumber> local_asn;  // what we say we are to this peer, instead of my_asn
    std::optional<AsNumber> peer_asn;   // exactly one of peer_asn and dynamic_asn
    std::optional<DynamicAsn> dynamic_asn;
    std::optional<IpAddress> peer_address;  // exactly one of these three
    std::string unnumbered_interface;       //   the router on this link, found by its RA
    std::optional<Prefix> peer_prefix;      //   dynamic neighbours: whoever connects from here
    std::optional<IpAddress> source_address;
    std::string bind_device;  // `vrf`
    std::uint16_t peer_port = 179;
    bool passive = false;
    std::chrono::seconds hold_time{90};                  // 0: no keepalives (RFC 4271 section 4.2)
    std::optional<std::chrono::seconds> keepalive_time;  // nullopt: a third of the hold time
    std::chrono::seconds connect_time{120};
    std::optional<IpAddress> router_id;             // IPv4 form; nullopt: the node's
    std::string password;                           // TCP-MD5 (RFC 2385); empty: none
    std::optional<std::uint8_t> ttl_security_hops;  // GTSM (RFC 5082)
    bool ebgp_multi_hop = false;
    bool disable_mp = false;  // only the family of the transport, MP not offered
    bool ipv4 = true;         // families to negotiate
    bool ipv6 = true;
    bool graceful_restart = false;
    std::chrono::seconds restart_time{120};  // RFC 4724 section 3, 12 bits
    std::optional<BgpRole> role;
    bool bfd_strict = false;               // no session before BFD is up
    std::optional<BfdSettings> bfd;        // a change does not reset the session
    std::uint32_t prefixes_max = 100'000;  // received; beyond: CEASE 1 (RFC 4486)
    bool operator==(const BgpPeerSettings&) const = default;
};

struct BgpPeerPlan {
    BgpPeerSettings settings;
    std::shared_ptr<const BgpRoutes> routes;  // never null
};

using BgpPlan = std::map<std::string, BgpPeerPlan>;  // by name of the bgp-peer

}  // namespace trivet
