#include "announce/bgp/bgp_negotiation.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <iterator>
#include <string_view>
#include <utility>

#include "announce/bgp/bgp_notification.hpp"

namespace trivet::announce::bgp {

using namespace std::chrono_literals;

namespace {

constexpr std::uint16_t restart_time_max = 0xfff;  // 12 bits (RFC 4724 section 3)
constexpr std::chrono::seconds hold_time_max{0xffff};
constexpr std::chrono::seconds keepalive_min{1};  // RFC 4271 section 4.4

/// Without multiprotocol an OPEN means IPv4 unicast (RFC 4760 section 8), so a session that shall
/// carry IPv6 alone has to say so also with disable_mp.
bool offers_multiprotocol(const BgpPeerSettings& settings) {
    return !settings.disable_mp || transport_family(settings) == IpFamily::ipv6;
}

AfiSafi unicast(IpFamily family) { return family == IpFamily::ipv4 ? ipv4_unicast : ipv6_unicast; }

std::set<AfiSafi> wanted_families(const BgpPeerSettings& settings) {
    if (settings.disable_mp) return {unicast(transport_family(settings))};
    std::set<AfiSafi> families;
    if (settings.ipv4) families.insert(ipv4_unicast);
    if (settings.ipv6) families.insert(ipv6_unicast);
    return families;
}

bool is_known_internal(const BgpPeerSettings& settings) {
    return settings.dynamic_asn == DynamicAsn::internal || settings.peer_asn == local_as(settings);
}

/// What an OPEN's families mean: none is IPv4 unicast (RFC 4760 section 8).
std::set<AfiSafi> meant_families(const Capabilities& capabilities) {
    if (capabilities.families.empty()) return {ipv4_unicast};
    return capabilities.families;
}

template <class T>
std::set<T> common(const std::set<T>& left, const std::set<T>& right) {
    std::set<T> both;
    std::ranges::set_intersection(left, right, std::inserter(both, both.end()));
    return both;
}

OpenRefusal refusal(std::uint8_t subcode, std::string reason) {
    return {open_notification(subcode), std::move(reason)};
}

std::optional<OpenRefusal> check_as(const BgpPeerSettings& settings, AsNumber ours,
                                    AsNumber theirs) {
    const auto bad = [&](std::string_view expected) {
        return refusal(open_error::bad_peer_as,
                       fmt::format("the peer says that it is AS {}; {}", theirs.value(), expected));
    };
    // RFC 6793 section 9: it stands for numbers that do not fit, and nobody has it.
    if (theirs == as_trans) return bad("that number is reserved (AS_TRANS)");
    if (settings.peer_asn && theirs != *settings.peer_asn)
        return bad(fmt::format("AS {} is configured", settings.peer_asn->value()));
    if (settings.dynamic_asn == DynamicAsn::internal && theirs != ours)
        return bad(fmt::format("an internal peer must be AS {} as we are", ours.value()));
    if (settings.dynamic_asn == DynamicAsn::external && theirs == ours)
        return bad("an external peer must not be of our own AS");
    return std::nullopt;
}

/// RFC 6286 section 2.2: "the same as the BGP Identifier of the local BGP speaker and the message
/// is from an internal peer".
std::optional<OpenRefusal> check_identifier(const OpenMessage& ours, const OpenMessage& theirs) {
    if (theirs.bgp_identifier != ours.bgp_identifier || theirs.my_as != ours.my_as)
        return std::nullopt;
    return refusal(
        open_error::bad_bgp_identifier,
        fmt::format("the peer has our own BGP identifier {}: give one of the two another "
                    "router_id",
                    IpAddress::v4(theirs.bgp_identifier).to_string()));
}

std::string_view to_words(BgpRole role) {
    switch (role) {
        case BgpRole::provider:
            return "provider";
        case BgpRole::route_server:
            return "route server";
        case BgpRole::route_server_client:
            return "route server client";
        case BgpRole::customer:
            return "customer";
        case BgpRole::peer:
            return "peer";
    }
    return "unknown role";
}

/// RFC 9234 section 4.2, table 2. Who does not say a role is taken as if it were right.
std::optional<OpenRefusal> check_role(const OpenMessage& ours, const OpenMessage& theirs) {
    constexpr std::array<std::pair<BgpRole, BgpRole>, 5> allowed = {{
        {BgpRole::provider, BgpRole::customer},
        {BgpRole::customer, BgpRole::provider},
        {BgpRole::route_server, BgpRole::route_server_client},
        {BgpRole::route_server_client, BgpRole::route_server},
        {BgpRole::peer, BgpRole::peer},
    }};
    const auto& our_role = ours.capabilities.role;
    const auto& their_role = theirs.capabilities.role;
    if (!our_role || !their_role || ours.my_as == theirs.my_as) return std::nullopt;
    if (std::ranges::find(allowed, std::pair{*our_role, *their_role}) != allowed.end())
        return std::nullopt;
    return refusal(open_error::role_mismatch,
                   fmt::format("the peer's role is {}, which does not go with ours, {}",
                               to_words(*their_role), to_words(*our_role)));
}

/// RFC 5492 section 5: the data lists "the set of capabilities that causes the speaker to send the
/// message", as they stand in an OPEN.
std::optional<OpenRefusal> check_families(const OpenMessage& ours, const OpenMessage& theirs) {
    const std::set<AfiSafi> required = meant_families(ours.capabilities);
    if (!common(required, meant_families(theirs.capabilities)).empty()) return std::nullopt;
    std::string names;
    for (const AfiSafi& family : required)
        names += (names.empty() ? "" : " or ") + to_string(family);
    const auto data = encode_capabilities({.families = required});
    return OpenRefusal{open_notification(open_error::unsupported_capability, data),
                       fmt::format("the peer does not speak {}", names)};
}

/// A third of the hold time (RFC 4271 section 10), or what is configured in proportion to a hold
/// time that was negotiated down.
std::chrono::seconds keepalive_time(const BgpPeerSettings& settings, std::chrono::seconds hold) {
    if (hold == 0s) return 0s;  // RFC 4271 section 4.4: "MUST NOT be sent"
    std::chrono::seconds wanted = hold / 3;
    if (settings.keepalive_time && *settings.keepalive_time > 0s && settings.hold_time > 0s)
        wanted = *settings.keepalive_time * hold.count() / settings.hold_time.count();
    return std::max(keepalive_min, std::min(wanted, hold - 1s));
}

CodecOptions agreed_codec(const OpenMessage& ours, const OpenMessage& theirs) {
    const Capabilities& mine = ours.capabilities;
    const Capabilities& peers = theirs.capabilities;
    CodecOptions codec;
    codec.extended_messages = mine.extended_messages && peers.extended_messages;
    // RFC 8654 section 4: the peer may send long messages as soon as we have said that we can take
    // them, whatever it has said of itself.
    codec.extended_offered = mine.extended_messages;
    codec.four_octet_as = mine.four_octet_as && peers.four_octet_as;
    codec.is_external = ours.my_as != theirs.my_as;
    codec.enhanced_route_refresh = mine.enhanced_route_refresh && peers.enhanced_route_refresh;
    codec.families = common(meant_families(mine), meant_families(peers));
    codec.extended_next_hop =
        common(codec.families, common(mine.extended_next_hop, peers.extended_next_hop));
    return codec;
}

}  // namespace

AsNumber local_as(const BgpPeerSettings& settings) {
    return settings.local_asn.value_or(settings.my_asn);
}

IpFamily transport_family(const BgpPeerSettings& settings) {
    if (settings.peer_address) return settings.peer_address->family();
    if (settings.peer_prefix) return settings.peer_prefix->family();
    return IpFamily::ipv6;
}

OpenMessage make_open(const BgpPeerSettings& settings, const OpenTerms& terms) {
    OpenMessage open;
    open.my_as = local_as(settings);
    open.hold_time_s =
        static_cast<std::uint16_t>(std::clamp(settings.hold_time, 0s, hold_time_max).count());
    open.bgp_identifier = terms.bgp_identifier;
    if (!terms.with_capabilities) return open;

    const std::set<AfiSafi> families = wanted_families(settings);
    Capabilities& offered = open.capabilities;
    if (offers_multiprotocol(settings)) offered.families = families;
    offered.route_refresh = true;
    offered.enhanced_route_refresh = true;
    offered.extended_messages = true;
    offered.four_octet_as = open.my_as;
    // RFC 8950 section 4. Over an IPv4 transport there is no IPv6 next hop that we would give.
    if (transport_family(settings) == IpFamily::ipv6 && families.contains(ipv4_unicast))
        offered.extended_next_hop = {ipv4_unicast};
    // RFC 9234 section 4.1: between external peers alone.
    if (!is_known_internal(settings)) offered.role = settings.role;
    if (settings.graceful_restart) {
        GracefulRestart restart;
        restart.restarting = terms.restarting;
        restart.notification = true;  // RFC 8538 section 2
        restart.restart_time_s = static_cast<std::uint16_t>(
            std::clamp<std::int64_t>(settings.restart_time.count(), 0, restart_time_max));
        for (const AfiSafi& family : families) {
            const auto kept = terms.forwarding_kept.find(family);
            restart.forwarding[family] = kept != terms.forwarding_kept.end() && kept->second;
        }
        offered.graceful_restart = std::move(restart);
    }
    return open;
}

Result<Negotiated, OpenRefusal> negotiate(const BgpPeerSettings& settings, const OpenMessage& ours,
                                          const OpenMessage& theirs) {
    auto refused = check_as(settings, ours.my_as, theirs.my_as);
    if (!refused) refused = check_identifier(ours, theirs);
    if (!refused) refused = check_role(ours, theirs);
    if (!refused) refused = check_families(ours, theirs);
    if (refused) return tl::unexpected(*std::move(refused));

    Negotiated agreed;
    agreed.local_as = ours.my_as;
    agreed.peer_as = theirs.my_as;
    agreed.is_external = ours.my_as != theirs.my_as;
    agreed.peer_identifier = theirs.bgp_identifier;
    // RFC 4271 section 4.2: "the smaller of its configured Hold Time and the Hold Time received".
    agreed.hold_time = std::chrono::seconds{std::min(ours.hold_time_s, theirs.hold_time_s)};
    agreed.keepalive_time = keepalive_time(settings, agreed.hold_time);
    agreed.codec = agreed_codec(ours, theirs);
    agreed.route_refresh = ours.capabilities.route_refresh && theirs.capabilities.route_refresh;
    agreed.peer_capabilities = theirs.capabilities;
    if (ours.capabilities.graceful_restart) {
        agreed.peer_graceful_restart = theirs.capabilities.graceful_restart;
        agreed.graceful_notification =
            agreed.peer_graceful_restart && agreed.peer_graceful_restart->notification;
    }
    return agreed;
}

}  // namespace trivet::announce::bgp
