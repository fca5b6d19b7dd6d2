// GET /metrics in the Prometheus text format.
#include <algorithm>
#include <limits>
#include <prometheus/text_serializer.h>

#include "api/bfd_metrics.hpp"
#include "api/bgp_metrics.hpp"
#include "api/handlers.hpp"
#include "api/http_text.hpp"
#include "api/metric_families.hpp"
#include "api/vip_view.hpp"

namespace trivet::api {

using prometheus::MetricType;

namespace {

/// The announcer's and the store's names as Prometheus takes them.
std::string metric_name(std::string name) {
    std::replace_if(
        name.begin(), name.end(), [](char c) { return !is_alphanumeric(c) && c != '_'; }, '_');
    return "trivet_" + name;
}

void add_vips(Families& families, const PhaseCounts& count) {
    std::vector<Sample> samples;
    for (const auto& [phase, number] : count)
        samples.push_back(
            {static_cast<double>(number), {{"phase", std::string(to_string(phase))}}});
    add(families, MetricType::Gauge, "trivet_vips", "VIPs by phase", samples);
}

void add_pools(Families& families, const ClusterState& state) {
    std::vector<Sample> total, assigned, cooling;
    for (const auto& [name, stored] : state.pools()) {
        const PoolUse use = state.pool_use(name);
        total.push_back({static_cast<double>(use.total), {{"pool", name}}});
        assigned.push_back({static_cast<double>(use.assigned), {{"pool", name}}});
        cooling.push_back({static_cast<double>(use.cooling), {{"pool", name}}});
    }
    add(families, MetricType::Gauge, "trivet_pool_addresses", "Addresses that a pool may give out",
        total);
    add(families, MetricType::Gauge, "trivet_pool_addresses_assigned", "Addresses held by VIPs",
        assigned);
    add(families, MetricType::Gauge, "trivet_pool_addresses_cooling",
        "Addresses released and not given out again", cooling);
}

void add_http(Families& families, const HttpCounters& http) {
    std::vector<Sample> answers;
    for (const auto& [status, number] : http.answers)
        answers.push_back({static_cast<double>(number), {{"code", std::to_string(status)}}});
    add(families, MetricType::Counter, "trivet_api_requests_total", "API answers by HTTP status",
        answers);
    counter(families, "trivet_api_requests_refused_total",
            "API requests refused before they were routed", http.requests_refused);
    counter(families, "trivet_api_connections_total", "API connections accepted",
            http.connections_accepted);
    counter(families, "trivet_api_connections_refused_total",
            "API connections over the limit or without a TLS handshake", http.connections_refused);
    counter(families, "trivet_api_timeouts_total", "API connections ended by a deadline",
            http.timeouts);
    gauge(families, "trivet_api_connections", "API connections open now",
          static_cast<double>(http.connections_open));
}

void add_failovers(Families& families, const FailoverHistogram& failovers) {
    prometheus::ClientMetric metric;
    std::uint64_t cumulative = 0;
    for (std::size_t i = 0; i < failover_bounds.size(); ++i) {
        cumulative += failovers.counts[i];
        metric.histogram.bucket.push_back({cumulative, failover_bounds[i]});
    }
    metric.histogram.bucket.push_back({failovers.count, std::numeric_limits<double>::infinity()});
    metric.histogram.sample_count = failovers.count;
    metric.histogram.sample_sum = failovers.sum;
    families.push_back({"lbd_failover_duration_seconds",
                        "From a dead node's last sign of life to this node's take-over",
                        MetricType::Histogram,
                        {metric}});
}

void add_node(Families& families, const NodeRuntime& runtime, const ClusterState& state) {
    add(families, MetricType::Gauge, "trivet_build_info", "Always 1; the labels tell",
        {{1, {{"version", runtime.version}, {"node", runtime.node}}}});
    gauge(families, "trivet_uptime_seconds", "Since lbd started",
          static_cast<double>(runtime.uptime.count()) / 1000);
    gauge(families, "trivet_read_only", "1 while changes are refused, as with a full disk",
          runtime.read_only ? 1 : 0);
    gauge(families, "trivet_initialised", "1 when the node belongs to a cluster",
          state.initialised() ? 1 : 0);
    gauge(families, "trivet_last_applied_index", "Log index of the newest applied command",
          static_cast<double>(state.last_applied().value()));
    add_failovers(families, runtime.failovers);
    for (const auto& [name, value] : runtime.counters)
        counter(families, metric_name(name) + "_total",
                "Reported by this node's announcer and store", value);
    for (const auto& [name, value] : runtime.gauges)
        gauge(families, metric_name(name), "Reported by this node's announcer and store", value);
}

}  // namespace

Waiting show_metrics(Control& control, RouteCall& call) {
    const PhaseCounts phases = co_await count_phases(control);
    Families families;
    add_node(families, control.node_runtime(), control.state());
    add_vips(families, phases);
    add_pools(families, control.state());
    add_http(families, call.counters);
    const std::vector<BgpSessionRuntime> sessions = control.bgp_sessions();
    add_bgp(families, sessions);
    add_bfd(families, sessions);
    Answer answer;
    answer.text = prometheus::TextSerializer().Serialize(families);
    answer.content_type = "text/plain; version=0.0.4; charset=utf-8";
    co_return answer;
}

}  // namespace trivet::api
