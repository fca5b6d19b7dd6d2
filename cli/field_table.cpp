#include <algorithm>
#include <array>

#include "cli/fields.hpp"

namespace trivet::cli {
namespace {

using Shape = FieldShape;

constexpr std::string_view labels_about = "labels of the object, as app=web,tier=front";
constexpr std::string_view node_selectors_about = "only from nodes with these labels";
constexpr std::string_view pools_about = "pools by name; with no pool and no selector: every pool";

constexpr std::array pool_fields{
    Field{"addresses", Shape::texts, "ranges, as 192.0.2.0/24 or 192.0.2.10-192.0.2.20"},
    Field{"auto_assign", Shape::boolean, "VIPs that name no pool may take from it (default: true)"},
    Field{"avoid_buggy_ips", Shape::boolean, "skip IPv4 addresses that end in .0 or .255"},
    Field{"priority", Shape::number, "lower is taken from first; 0 comes last"},
    Field{"namespaces", Shape::texts, "only for VIPs of these namespaces"},
    Field{"namespace_selectors", Shape::selectors, "only for namespaces with these labels"},
    Field{"vip_selectors", Shape::selectors, "only for VIPs with these labels"},
    Field{"reuse_cooldown", Shape::seconds, "how long a released address rests, as 90 or 5m"},
    Field{"on_quorum_loss", Shape::text, "withdraw (default) or hold"},
    Field{"labels", Shape::labels, labels_about},
};

constexpr std::array vip_fields{
    Field{"pool", Shape::text, "take the address from this pool"},
    Field{"addresses", Shape::texts, "the addresses wanted; default: any free one"},
    Field{"ip_families", Shape::texts, "ipv4, ipv6, or both in order of preference"},
    Field{"ip_family_policy", Shape::text, "single, prefer_dual or require_dual"},
    Field{"sharing_key", Shape::text, "VIPs with this key may share an address"},
    Field{"ports", Shape::ports, "ports, as 80/tcp,53/udp; none claims them all", "--port,--ports"},
    Field{"backends", Shape::backends, "where its traffic can go, as 80/tcp=192.0.2.5:8080@n1",
          "--backend,--backends"},
    Field{"traffic_policy", Shape::text, "cluster (default) or local"},
    Field{"eligible_nodes", Shape::texts, "nodes that may own it; default: every node"},
    Field{"preferred_nodes", Shape::texts, "nodes that own it first, in order, when it is new"},
    Field{"delivery", Shape::text, "none (default: answer only) or bind (also on the owner's lo)"},
    Field{"labels", Shape::labels, labels_about},
};

constexpr std::array l2_advertisement_fields{
    Field{"pools", Shape::texts, pools_about},
    Field{"pool_selectors", Shape::selectors, "pools by label"},
    Field{"node_selectors", Shape::selectors, node_selectors_about},
    Field{"interfaces", Shape::texts, "default: those whose subnet holds the address"},
    Field{"labels", Shape::labels, labels_about},
};

constexpr std::array bgp_advertisement_fields{
    Field{"aggregation_length", Shape::number,
          "announce IPv4 addresses in prefixes of this length"},
    Field{"aggregation_length_v6", Shape::number, "the same for IPv6"},
    Field{"local_pref", Shape::number, "LOCAL_PREF towards peers of our own AS"},
    Field{"med", Shape::number, "MULTI_EXIT_DISC, which the lower of two wins"},
    Field{"prepend", Shape::number, "how often our AS stands in the path beyond once (0-32)"},
    Field{"communities", Shape::texts,
          "as 65000:100, large:65000:1:2, no-export, or names of a community object"},
    Field{"extended_communities", Shape::texts, "as rt:65000:1, soo:192.0.2.1:1, or 0x and hex"},
    Field{"graceful_shutdown", Shape::boolean, "mark the routes as going away (RFC 8326)"},
    Field{"pools", Shape::texts, pools_about},
    Field{"pool_selectors", Shape::selectors, "pools by label"},
    Field{"node_selectors", Shape::selectors, node_selectors_about},
    Field{"peers", Shape::texts, "to these bgp-peers; default: to all"},
    Field{"vip_selectors", Shape::selectors, "only VIPs with these labels"},
    Field{"labels", Shape::labels, labels_about},
};

constexpr std::array bgp_peer_fields{
    Field{"my_asn", Shape::number, "our AS number"},
    Field{"peer_asn", Shape::number, "the peer's AS number"},
    Field{"local_asn", Shape::number, "an AS number shown to this peer instead of ours"},
    Field{"dynamic_asn", Shape::text, "internal or external, instead of --peer-asn"},
    Field{"peer_address", Shape::text, "the peer's address"},
    Field{"interface", Shape::text, "instead of an address: the router on this link"},
    Field{"peer_prefix", Shape::text, "instead of an address: whoever connects from this prefix"},
    Field{"source_address", Shape::text, "our address on the session"},
    Field{"peer_port", Shape::number, "the peer's port (default: 179)"},
    Field{"passive", Shape::boolean, "wait until the peer connects"},
    Field{"hold_time", Shape::seconds, "as 90 or 90s"},
    Field{"keepalive_time", Shape::seconds, "default: a third of the hold time"},
    Field{"connect_time", Shape::seconds, "pause between attempts to connect"},
    Field{"router_id", Shape::text, "our BGP identifier, in the form of an IPv4 address"},
    Field{"node_selectors", Shape::selectors, node_selectors_about},
    Field{"password", Shape::password, "TCP MD5 password of the session"},
    Field{"password_secret", Shape::secret, "name of a Kubernetes secret, kept for reference"},
    Field{"ttl_security_hops", Shape::number, "refuse packets from farther away (RFC 5082)"},
    Field{"ebgp_multi_hop", Shape::boolean, "the peer is more than one hop away"},
    Field{"bfd_profile", Shape::text, "watch the peer by BFD with these timers"},
    Field{"bfd_strict", Shape::boolean, "no session before BFD is up"},
    Field{"enable_graceful_restart", Shape::boolean, "RFC 4724"},
    Field{"restart_time", Shape::seconds, "how long the peer keeps our routes over a restart"},
    Field{"role", Shape::text,
          "ours (RFC 9234): provider, route_server, route_server_client, customer or peer"},
    Field{"vrf", Shape::text, "bind the session to this VRF or other device"},
    Field{"families", Shape::texts, "ipv4, ipv6 or both (default)"},
    Field{"disable_mp", Shape::boolean, "one address family a session"},
    Field{"dual_stack_address_family", Shape::boolean,
          "both families on one session (default), or the transport's alone"},
    Field{"prefixes_max", Shape::number, "end the session when the peer sends more"},
    Field{"graceful_shutdown", Shape::boolean,
          "mark all routes to this peer as going away (RFC 8326)"},
    Field{"labels", Shape::labels, labels_about},
};

constexpr std::array bfd_profile_fields{
    Field{"receive_interval", Shape::number, "milliseconds"},
    Field{"transmit_interval", Shape::number, "milliseconds"},
    Field{"detect_multiplier", Shape::number, "lost packets until the peer is down"},
    Field{"echo_interval", Shape::number, "milliseconds"},
    Field{"echo_mode", Shape::boolean, "send echo packets"},
    Field{"passive_mode", Shape::boolean, "let the peer begin"},
    Field{"minimum_ttl", Shape::number, "least TTL of received packets, for multi-hop"},
    Field{"labels", Shape::labels, labels_about},
};

constexpr std::array community_fields{
    Field{"communities", Shape::aliases, "names and values, as no-export=65535:65281"},
    Field{"labels", Shape::labels, labels_about},
};

constexpr std::array namespace_fields{
    Field{"labels", Shape::labels, "what a pool's namespace selectors look at"},
};

}  // namespace

std::string Field::flag_name() const {
    if (!flag.empty()) return std::string(flag.substr(0, flag.find(',')));
    auto name = "--" + std::string(json);
    std::replace(name.begin(), name.end(), '_', '-');
    return name;
}

std::span<const Field> fields_of(Kind kind) {
    switch (kind) {
        case Kind::pool:
            return pool_fields;
        case Kind::vip:
            return vip_fields;
        case Kind::l2_advertisement:
            return l2_advertisement_fields;
        case Kind::bgp_advertisement:
            return bgp_advertisement_fields;
        case Kind::bgp_peer:
            return bgp_peer_fields;
        case Kind::bfd_profile:
            return bfd_profile_fields;
        case Kind::community:
            return community_fields;
        case Kind::name_space:
            return namespace_fields;
        case Kind::node:
            return {};
    }
    return {};
}

std::string flag_of_path(Kind kind, std::string_view path) {
    const auto top = path.substr(0, path.find_first_of(".["));
    for (const auto& field : fields_of(kind)) {
        if (field.json == top) return field.flag_name();
    }
    return {};
}

}  // namespace trivet::cli
