#include "api/bgp_metrics.hpp"

#include <functional>

namespace trivet::api {

using prometheus::MetricType;

namespace {

using Labels = std::vector<std::pair<std::string, std::string>>;

Labels labels_of(const BgpSessionRuntime& session) {
    return {{"peer", session.peer}, {"session", session.session}};
}

using Number = std::function<double(const BgpSessionRuntime&)>;

std::vector<Sample> each(const std::vector<BgpSessionRuntime>& sessions, const Number& number,
                         bool as_metallb) {
    std::vector<Sample> samples;
    for (const BgpSessionRuntime& session : sessions)
        samples.push_back({number(session), as_metallb ? Labels{{"peer", session.peer_address}}
                                                       : labels_of(session)});
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

double advertised(const BgpSessionRuntime& session) {
    std::size_t sum = 0;
    for (const BgpFamilyRuntime& family : session.families) sum += family.advertised;
    return static_cast<double>(sum);
}

double updates_sent(const BgpSessionRuntime& session) {
    const auto found = session.sent.find("update");
    return found == session.sent.end() ? 0 : static_cast<double>(found->second);
}

}  // namespace

void add_bgp(Families& families, const std::vector<BgpSessionRuntime>& sessions) {
    if (sessions.empty()) return;
    add(families, MetricType::Gauge, "trivet_bgp_session_up", "1 while the session is established",
        each(sessions, is_up, false));
    add(families, MetricType::Counter, "trivet_bgp_session_flaps_total",
        "How often the session left established",
        each(
            sessions, [](const auto& session) { return static_cast<double>(session.flaps); },
            false));
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
    add(families, MetricType::Gauge, "metallb_bgp_session_up", "As trivet_bgp_session_up",
        each(sessions, is_up, true));
    add(families, MetricType::Gauge, "metallb_bgp_announced_prefixes_total",
        "As trivet_bgp_advertised_prefixes", each(sessions, advertised, true));
    add(families, MetricType::Counter, "metallb_bgp_updates_total",
        "As trivet_bgp_messages_total, updates sent", each(sessions, updates_sent, true));
}

}  // namespace trivet::api
