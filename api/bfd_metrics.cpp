#include "api/bfd_metrics.hpp"

#include <algorithm>

#include "api/bgp_metrics.hpp"

namespace trivet::api {

using prometheus::MetricType;

namespace {

using Session = BgpSessionRuntime;

/// `more`: what tells this one apart from others of the metric and session.
void take(std::vector<Sample>& samples, const Session& session, std::uint64_t value,
          const Labels& more = {}) {
    Labels labels = labels_of(session);
    labels.insert(labels.end(), more.begin(), more.end());
    samples.push_back({static_cast<double>(value), std::move(labels)});
}

void add_own_names(Families& families, const std::vector<Session>& watched) {
    std::vector<Sample> up, events, packets, discarded, detection;
    for (const Session& session : watched) {
        const BfdRuntime& bfd = *session.bfd;
        take(up, session, bfd.is_up() ? 1 : 0);
        take(events, session, bfd.up_events, {{"to", "up"}});
        take(events, session, bfd.down_events, {{"to", "down"}});
        take(packets, session, bfd.control_received,
             {{"direction", "received"}, {"type", "control"}});
        take(packets, session, bfd.control_sent, {{"direction", "sent"}, {"type", "control"}});
        take(packets, session, bfd.echo_received, {{"direction", "received"}, {"type", "echo"}});
        take(packets, session, bfd.echo_sent, {{"direction", "sent"}, {"type", "echo"}});
        for (const auto& [reason, count] : bfd.discarded)
            take(discarded, session, count, {{"reason", reason}});
        detection.push_back(
            {static_cast<double>(bfd.detection_time.count()) / 1e6, labels_of(session)});
    }
    add(families, MetricType::Gauge, "trivet_bfd_session_up", "1 while BFD is up", up);
    add(families, MetricType::Counter, "trivet_bfd_session_events_total",
        "How often BFD went up and down", events);
    add(families, MetricType::Counter, "trivet_bfd_packets_total", "Packets by type", packets);
    add(families, MetricType::Counter, "trivet_bfd_packets_discarded_total",
        "Received packets that were of no use, by reason", discarded);
    add(families, MetricType::Gauge, "trivet_bfd_detection_time_seconds",
        "After so long a silence BFD goes down; 0: not known yet", detection);
}

/// The names that MetalLB's dashboards and alerts ask for.
void add_metallb_names(Families& families, const std::vector<Session>& watched) {
    struct Alias {
        MetricType type;
        const char* name;
        const char* help;
        std::uint64_t BfdRuntime::* count;
    };
    static constexpr Alias aliases[] = {
        {MetricType::Counter, "metallb_bfd_control_packet_input", "BFD control packets received",
         &BfdRuntime::control_received},
        {MetricType::Counter, "metallb_bfd_control_packet_output", "BFD control packets sent",
         &BfdRuntime::control_sent},
        {MetricType::Counter, "metallb_bfd_echo_packet_input", "BFD echo packets that came back",
         &BfdRuntime::echo_received},
        {MetricType::Counter, "metallb_bfd_echo_packet_output", "BFD echo packets sent",
         &BfdRuntime::echo_sent},
        {MetricType::Counter, "metallb_bfd_session_up_events", "How often BFD went up",
         &BfdRuntime::up_events},
        {MetricType::Counter, "metallb_bfd_session_down_events", "How often BFD went down",
         &BfdRuntime::down_events},
    };
    std::vector<Sample> up;
    for (const Session& session : watched)
        up.push_back({session.bfd->is_up() ? 1.0 : 0.0, metallb_labels(session)});
    add(families, MetricType::Gauge, "metallb_bfd_session_up", "As trivet_bfd_session_up", up);
    for (const Alias& alias : aliases) {
        std::vector<Sample> samples;
        for (const Session& session : watched)
            samples.push_back(
                {static_cast<double>((*session.bfd).*alias.count), metallb_labels(session)});
        add(families, alias.type, alias.name, alias.help, samples);
    }
}

}  // namespace

void add_bfd(Families& families, const std::vector<Session>& sessions) {
    std::vector<Session> watched;
    std::copy_if(sessions.begin(), sessions.end(), std::back_inserter(watched),
                 [](const Session& session) { return session.bfd.has_value(); });
    if (watched.empty()) return;
    add_own_names(families, watched);
    add_metallb_names(families, watched);
}

}  // namespace trivet::api
