#include "daemon/bgp_adapter.hpp"

#include <fmt/format.h>

namespace trivet::daemon {

namespace bfd = announce::bfd;
namespace bgp = announce::bgp;

namespace {

std::chrono::milliseconds since(Instant then, Instant now) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(now - then);
}

std::string_view family_name(bgp::AfiSafi family) {
    return family == bgp::ipv4_unicast ? "ipv4" : "ipv6";
}

std::map<std::string, std::uint64_t> by_type(const bgp::MessageCounters& counters) {
    return {{"open", counters.open},
            {"update", counters.update},
            {"notification", counters.notification},
            {"keepalive", counters.keepalive},
            {"route_refresh", counters.route_refresh}};
}

std::string why_waiting(const bgp::PeerStatus& peer) {
    if (!peer.transport_problem.empty()) return peer.transport_problem;
    switch (peer.session.waiting) {
        case bgp::Waiting::no:
            return "";
        case bgp::Waiting::stopped:
            return "stopped";
        case bgp::Waiting::idle_hold:
            return "waits before it tries again, because the session ended in an error";
        case bgp::Waiting::bfd:
            return "waits for BFD to come up (bfd_strict)";
    }
    return "";
}

/// What was agreed on beyond RFC 4271.
std::vector<std::string> capability_names(const bgp::Negotiated& negotiated) {
    std::vector<std::string> names;
    const auto name = [&names](bool has, const char* text) {
        if (has) names.emplace_back(text);
    };
    const bgp::CodecOptions& codec = negotiated.codec;
    name(codec.families.contains(bgp::ipv4_unicast), "ipv4-unicast");
    name(codec.families.contains(bgp::ipv6_unicast), "ipv6-unicast");
    name(codec.four_octet_as, "four-octet-as");
    name(negotiated.route_refresh, "route-refresh");
    name(codec.enhanced_route_refresh, "enhanced-route-refresh");
    name(codec.extended_messages, "extended-messages");
    name(!codec.extended_next_hop.empty(), "extended-next-hop");
    name(negotiated.peer_graceful_restart.has_value(), "graceful-restart");
    return names;
}

std::string next_hop_text(const bgp::PeerStatus& peer, bgp::AfiSafi family) {
    const bgp::NextHops& hops = peer.next_hops;
    const bool is_over_ipv6 = family == bgp::ipv4_unicast && peer.session.negotiated &&
                              peer.session.negotiated->codec.extended_next_hop.contains(family);
    if (family == bgp::ipv4_unicast && !is_over_ipv6)
        return hops.ipv4 ? hops.ipv4->to_string() : "";
    if (hops.ipv6) return hops.ipv6->to_string();
    return hops.ipv6_link_local ? hops.ipv6_link_local->to_string() : "";
}

api::BgpFamilyRuntime family_of(const bgp::PeerStatus& peer, bgp::AfiSafi family) {
    api::BgpFamilyRuntime out{.family = std::string(family_name(family))};
    if (const auto told = peer.advertised.find(family); told != peer.advertised.end())
        out.advertised = told->second;
    if (const auto held = peer.held_back.find(family); held != peer.held_back.end()) {
        out.held_back = held->second.routes;
        out.held_back_reason = held->second.reason;
    }
    if (const auto received = peer.session.families.find(family);
        received != peer.session.families.end())
        out.received = received->second.received_prefixes;
    out.next_hop = next_hop_text(peer, family);
    return out;
}

void add_negotiated(api::BgpSessionRuntime& out, const bgp::Negotiated& negotiated) {
    out.local_asn = negotiated.local_as;
    out.peer_asn = negotiated.peer_as;
    out.peer_identifier = IpAddress::v4(negotiated.peer_identifier).to_string();
    out.hold_time = negotiated.hold_time;
    out.keepalive_time = negotiated.keepalive_time;
    out.capabilities = capability_names(negotiated);
}

std::string in_words(bfd::Diagnostic diagnostic) {
    return diagnostic == bfd::Diagnostic::none ? "" : std::string(to_string(diagnostic));
}

api::BfdRuntime to_runtime(const bfd::SessionStatus& status, Instant now) {
    const bfd::BfdStatus& session = status.session;
    const bfd::BfdCounters& counters = session.counters;
    api::BfdRuntime out{.state = std::string(to_string(session.state)),
                        .diagnostic = in_words(session.diagnostic),
                        .remote_diagnostic = in_words(session.remote_diagnostic),
                        .transmit_interval = session.transmit_interval,
                        .detection_time = session.detection_time,
                        .problem = status.problem,
                        .control_received = counters.control_received,
                        .control_sent = counters.control_sent,
                        .echo_received = counters.echo_received,
                        .echo_sent = counters.echo_sent,
                        .up_events = counters.up_transitions,
                        .down_events = counters.down_transitions};
    if (session.changed_at) out.in_state = since(*session.changed_at, now);
    if (status.config.settings.echo_interval) out.echo = to_string(session.echo);
    for (std::size_t reason = 0; reason < counters.discarded.size(); ++reason)
        if (counters.discarded[reason] != 0)
            out.discarded.emplace(to_string(static_cast<bfd::Discard>(reason)),
                                  counters.discarded[reason]);
    return out;
}

api::BgpSessionRuntime to_runtime(const bgp::PeerStatus& peer, Instant now) {
    api::BgpSessionRuntime out{.peer = peer.name.substr(0, peer.name.find('@')),
                               .session = peer.name,
                               .state = std::string(to_string(peer.session.state))};
    const bgp::SessionStatus& session = peer.session;
    out.in_state = since(session.since, now);
    if (session.state != bgp::SessionState::established) out.reason = why_waiting(peer);
    out.last_error = session.last_error;
    if (session.last_error_at) out.last_error_ago = since(*session.last_error_at, now);
    out.flaps = session.flaps;
    if (peer.local) out.local_address = peer.local->to_string();
    out.peer_address = peer.remote.address.to_string();
    if (!peer.remote.interface.empty()) out.peer_address += "%" + peer.remote.interface;
    if (session.negotiated) {
        add_negotiated(out, *session.negotiated);
        for (const bgp::AfiSafi family : session.negotiated->codec.families)
            out.families.push_back(family_of(peer, family));
    }
    out.received = by_type(session.received);
    out.sent = by_type(session.sent);
    out.sent["update"] += peer.sent.updates_sent;
    out.updates_malformed = session.updates_attribute_discard + session.updates_treated_as_withdraw;
    return out;
}

}  // namespace

std::vector<api::BgpSessionRuntime> to_runtime(const std::vector<bgp::PeerStatus>& peers,
                                               const BfdSessions& bfd, Instant now) {
    std::vector<api::BgpSessionRuntime> sessions;
    sessions.reserve(peers.size());
    for (const bgp::PeerStatus& peer : peers) {
        sessions.push_back(to_runtime(peer, now));
        if (const auto found = bfd.find(peer.name); found != bfd.end())
            sessions.back().bfd = to_runtime(found->second, now);
    }
    return sessions;
}

}  // namespace trivet::daemon
