#include "api/bgp_session_view.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "api/bgp_view.hpp"

namespace trivet::api {

using nlohmann::json;

namespace {

json family_json(const BgpFamilyRuntime& family) {
    json out{{"family", family.family},
             {"advertised", family.advertised},
             {"received", family.received},
             {"next_hop", family.next_hop}};
    if (family.held_back != 0) {
        out["held_back"] = family.held_back;
        out["held_back_reason"] = family.held_back_reason;
    }
    return out;
}

double in_seconds(std::chrono::milliseconds duration) {
    return static_cast<double>(duration.count()) / 1000;
}

double in_milliseconds(std::chrono::microseconds duration) {
    return static_cast<double>(duration.count()) / 1000;
}

json bfd_json(const BfdRuntime& bfd) {
    json out{{"state", bfd.state},
             {"transmit_interval_ms", in_milliseconds(bfd.transmit_interval)},
             {"detection_time_ms", in_milliseconds(bfd.detection_time)},
             {"up_events", bfd.up_events},
             {"down_events", bfd.down_events},
             {"control_packets_received", bfd.control_received},
             {"control_packets_sent", bfd.control_sent}};
    if (bfd.in_state) out["state_seconds"] = in_seconds(*bfd.in_state);
    if (!bfd.diagnostic.empty()) out["diagnostic"] = bfd.diagnostic;
    if (!bfd.remote_diagnostic.empty()) out["remote_diagnostic"] = bfd.remote_diagnostic;
    if (!bfd.problem.empty()) out["problem"] = bfd.problem;
    if (!bfd.echo.empty()) {
        out["echo"] = bfd.echo;
        out["echo_packets_received"] = bfd.echo_received;
        out["echo_packets_sent"] = bfd.echo_sent;
    }
    if (!bfd.discarded.empty()) out["packets_discarded"] = bfd.discarded;
    return out;
}

}  // namespace

json bgp_session_json(const BgpSessionRuntime& session) {
    json out{{"session", session.session},
             {"state", session.state},
             {"state_seconds", in_seconds(session.in_state)},
             {"peer_address", session.peer_address},
             {"flaps", session.flaps}};
    const auto tell = [&out](const char* name, const std::string& text) {
        if (!text.empty()) out[name] = text;
    };
    tell("reason", session.reason);
    tell("last_error", session.last_error);
    tell("local_address", session.local_address);
    tell("peer_identifier", session.peer_identifier);
    if (session.bfd) out["bfd"] = bfd_json(*session.bfd);
    if (session.last_error_ago) out["last_error_seconds_ago"] = in_seconds(*session.last_error_ago);
    if (session.local_asn) out["local_asn"] = session.local_asn->value();
    if (session.peer_asn) out["peer_asn"] = session.peer_asn->value();
    if (session.hold_time) out["hold_time"] = session.hold_time->count();
    if (session.keepalive_time) out["keepalive_time"] = session.keepalive_time->count();
    if (!session.capabilities.empty()) out["capabilities"] = session.capabilities;
    json& families = out["families"] = json::array();
    for (const BgpFamilyRuntime& family : session.families) families.push_back(family_json(family));
    out["messages_received"] = session.received;
    out["messages_sent"] = session.sent;
    if (session.updates_malformed != 0) out["updates_malformed"] = session.updates_malformed;
    return out;
}

json bgp_peer_status(const std::string& node, const std::string& peer,
                     const std::vector<BgpSessionRuntime>& sessions) {
    json status{{"node", node}, {"state", "none"}, {"advertised", 0}};
    json& shown = status["sessions"] = json::array();
    std::size_t advertised = 0;
    bool all_up = true, bfd_up = true;
    std::string worst, bfd;
    for (const BgpSessionRuntime& session : sessions) {
        if (session.peer != peer) continue;
        shown.push_back(bgp_session_json(session));
        for (const BgpFamilyRuntime& family : session.families) advertised += family.advertised;
        if (!session.is_established() && std::exchange(all_up, false)) worst = session.state;
        if (!session.bfd || !bfd_up) continue;
        bfd = session.bfd->state;
        bfd_up = session.bfd->is_up();
    }
    if (!bfd.empty()) status["bfd"] = bfd;
    if (!shown.empty()) status["state"] = all_up ? "established" : worst;
    if (shown.empty())
        status["reason"] = fmt::format(
            "node '{}' has no session with it: its node_selectors leave the node out, or nobody "
            "of its peer_prefix has connected",
            node);
    status["advertised"] = advertised;
    return status;
}

json bgp_route_json(const BgpRouteRuntime& route) {
    json out = attributes_json(route.attributes);
    out["session"] = route.session;
    out["prefix"] = route.prefix.to_string();
    return out;
}

}  // namespace trivet::api
