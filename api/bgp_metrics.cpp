#include "api/bgp_metrics.hpp"

#include <functional>

namespace trivet::api {

using prometheus::MetricType;

Labels labels_of(const BgpSessionRuntime& session) {
    return {{"peer", session.peer}, {"session", session.session}};
}

Labels metallb_labels(const BgpSessionRuntime& session) { return {{"peer", session.peer_address}}; }

namespace {

using Number = std::function<double(const BgpSessionRuntime&)>;

std::vector<Sample> each(const std::vector<BgpSessionRuntime>& sessions, const Number& number,
                         Labels (*labels)(const BgpSessionRuntime&)) {
    std::vector<Sample> samples;
    for (const BgpSessionRuntime& session : sessions)
        samples.push_back({number(session), labels(session)});
    return samples;
}

std::vector<Sample> each_family(const std::vector<BgpSessionRuntime>& sessions,
                                std::size_t BgpFamilyRuntime::* number) {
    std::vector<Sample> samples;
    for (const BgpSessionRuntime& session : sessions)
        for (const BgpFamilyRuntime& family : session.families) {
            Labels labels = labels_of(session);
            labels.emplace_back("family", family.family);
            samples.push_back({static_cast<double>(family.*number), std::move(labels)});
        }
    return samples;
}

std::vector<Sample> messages(const std::vector<BgpSessionRuntime>& sessions) {
    std::vector<Sample> samples;
    for (const BgpSessionRuntime& session : sessions)
        for (const auto& [direction, counts] :
             {std::pair("received", &session.received), std::pair("sent", &session.sent)})
            for (const auto& [type, count] : *counts) {
                Labels labels = labels_of(session);
                labels.emplace_back("direction", direction);
                labels.emplace_back("type", type);
                samples.push_back({static_cast<double>(count), std::move(labels)});
            }
    return samples;
}

double is_up(const BgpSessionRuntime& session) { return session.is_established() ? 1 : 0; }

double flaps(const BgpSessionRuntime& session) { return static_cast<double>(session.flaps); }

Number sum(std::size_t BgpFamilyRuntime::* number) {
    return [number](const BgpSessionRuntime& session) {
        std::size_t sum = 0;
        for (const BgpFamilyRuntime& family : session.families) sum += family.*number;
        return static_cast<double>(sum);
    };
}

using Counts = std::map<std::string, std::uint64_t>;

Number count(Counts BgpSessionRuntime::* direction, const char* type) {
    return [direction, type](const BgpSessionRuntime& session) {
        const auto found = (session.*direction).find(type);
        return found == (session.*direction).end() ? 0 : static_cast<double>(found->second);
    };
}

Number total(Counts BgpSessionRuntime::* direction) {
    return [direction](const BgpSessionRuntime& session) {
        std::uint64_t sum = 0;
        for (const auto& [type, count] : session.*direction) sum += count;
        return static_cast<double>(sum);
    };
}

void add_sessions(Families& families, const std::vector<BgpSessionRuntime>& sessions) {
    add(families, MetricType::Gauge, "trivet_bgp_session_up", "1 while the session is established",
        each(sessions, is_up, labels_of));
    add(families, MetricType::Counter, "trivet_bgp_session_flaps_total",
        "How often the session left established", each(sessions, flaps, labels_of));
    add(families, MetricType::Gauge, "trivet_bgp_advertised_prefixes",
        "Routes that the peer has been told", each_family(sessions, &BgpFamilyRuntime::advertised));
    add(families, MetricType::Gauge, "trivet_bgp_held_back_prefixes",
        "Routes that the peer should know and cannot be told",
        each_family(sessions, &BgpFamilyRuntime::held_back));
    add(families, MetricType::Gauge, "trivet_bgp_received_prefixes",
        "Routes of the peer, which are counted and dropped",
        each_family(sessions, &BgpFamilyRuntime::received));
    add(families, MetricType::Counter, "trivet_bgp_messages_total", "Messages by type",
        messages(sessions));
}

/// The names that MetalLB's dashboards and alerts ask for.
void add_metallb_names(Families& families, const std::vector<BgpSessionRuntime>& sessions) {
    using Session = BgpSessionRuntime;
    struct Alias {
        MetricType type;
        const char* name;
        const char* help;
        Number number;
    };
    const Alias aliases[] = {
        {MetricType::Gauge, "metallb_bgp_session_up", "As trivet_bgp_session_up", is_up},
        {MetricType::Gauge, "metallb_bgp_announced_prefixes_total",
         "As trivet_bgp_advertised_prefixes", sum(&BgpFamilyRuntime::advertised)},
        {MetricType::Gauge, "metallb_bgp_received_prefixes_total",
         "As trivet_bgp_received_prefixes", sum(&BgpFamilyRuntime::received)},
        {MetricType::Counter, "metallb_bgp_updates_total", "UPDATE messages sent",
         count(&Session::sent, "update")},
        {MetricType::Counter, "metallb_bgp_updates_total_received", "UPDATE messages received",
         count(&Session::received, "update")},
        {MetricType::Counter, "metallb_bgp_opens_sent", "OPEN messages sent",
         count(&Session::sent, "open")},
        {MetricType::Counter, "metallb_bgp_opens_received", "OPEN messages received",
         count(&Session::received, "open")},
        {MetricType::Counter, "metallb_bgp_notifications_sent", "NOTIFICATION messages sent",
         count(&Session::sent, "notification")},
        {MetricType::Counter, "metallb_bgp_keepalives_sent", "KEEPALIVE messages sent",
         count(&Session::sent, "keepalive")},
        {MetricType::Counter, "metallb_bgp_keepalives_received", "KEEPALIVE messages received",
         count(&Session::received, "keepalive")},
        {MetricType::Counter, "metallb_bgp_route_refresh_sent", "ROUTE-REFRESH messages sent",
         count(&Session::sent, "route_refresh")},
        {MetricType::Counter, "metallb_bgp_total_sent", "Messages sent", total(&Session::sent)},
        {MetricType::Counter, "metallb_bgp_total_received", "Messages received",
         total(&Session::received)},
    };
    for (const Alias& alias : aliases)
        add(families, alias.type, alias.name, alias.help,
            each(sessions, alias.number, metallb_labels));
}

}  // namespace

void add_bgp(Families& families, const std::vector<BgpSessionRuntime>& sessions) {
    if (sessions.empty()) return;
    add_sessions(families, sessions);
    add_metallb_names(families, sessions);
}

}  // namespace trivet::api
