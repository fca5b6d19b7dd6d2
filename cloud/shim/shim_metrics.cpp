#include "cloud/shim/shim_metrics.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <sys/resource.h>

namespace trivet::cloud {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

namespace {

class Families {
public:
    template <class Number>
    void gauge(const char* name, const char* help, Number value) {
        add(MetricType::Gauge, name, help).push_back(metric(MetricType::Gauge, value));
    }
    template <class Number>
    void counter(const char* name, const char* help, Number value) {
        add(MetricType::Counter, name, help).push_back(metric(MetricType::Counter, value));
    }
    void counters(const char* name, const char* help, const char* label,
                  const std::map<std::string, std::uint64_t>& values) {
        auto& metrics = add(MetricType::Counter, name, help);
        for (const auto& [word, value] : values) {
            ClientMetric one = metric(MetricType::Counter, value);
            one.label.push_back({label, word});
            metrics.push_back(std::move(one));
        }
    }
    std::string text() const { return prometheus::TextSerializer().Serialize(families_); }

private:
    std::vector<ClientMetric>& add(MetricType type, const char* name, const char* help) {
        MetricFamily family;
        family.name = name;
        family.help = help;
        family.type = type;
        families_.push_back(std::move(family));
        return families_.back().metric;
    }
    template <class Number>
    static ClientMetric metric(MetricType type, Number value) {
        ClientMetric one;
        if (type == MetricType::Gauge)
            one.gauge.value = static_cast<double>(value);
        else
            one.counter.value = static_cast<double>(value);
        return one;
    }

    std::vector<MetricFamily> families_;
};

double seconds_of(const timeval& time) {
    constexpr double microsecond = 1e-6;
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * microsecond;
}

}  // namespace

std::string metrics_text(const Shim& shim) {
    Families families;
    const Shim::Counters counters = shim.counters();
    const ServiceWorker::Counters& work = shim.worker().counters();
    families.gauge("trivet_shim_ready", "Whether both sides are in view", shim.lacks().empty());
    families.gauge("trivet_shim_leader", "Whether this one of several shims works", shim.leads());
    families.gauge("trivet_shim_services", "Services of all types", shim.services());
    families.gauge("trivet_shim_services_unreadable",
                   "Services that cannot be read, and keep what they have",
                   shim.unreadable_services());
    families.gauge("trivet_shim_vips", "VIPs of this cluster in Trivet", shim.vips());
    families.gauge("trivet_shim_vips_without_service", "VIPs whose Service is gone",
                   shim.missing());
    families.gauge("trivet_shim_mass_release_held_back",
                   "1: so many VIPs have no Service that they are kept (--allow-mass-release)",
                   !shim.held_back().empty());
    families.gauge("trivet_shim_queue", "Services that are waited with or worked on",
                   shim.worker().waiting());
    families.counter("trivet_shim_runs_total", "Looks at one Service", work.runs);
    families.counter("trivet_shim_run_failures_total", "Those that have to be repeated later",
                     work.failures);
    families.counters("trivet_shim_steps_total", "Changes of either side, by kind", "step",
                      work.steps);
    families.counter("trivet_shim_events_refused_total", "Events that the API server did not take",
                     work.events_refused);
    families.counter("trivet_shim_garbage_released_total",
                     "VIPs given back because their Service is gone", counters.garbage_released);
    families.counter("trivet_shim_kube_calls_total", "Single calls to the API server",
                     counters.kube_calls);
    families.counter("trivet_shim_list_watch_requests_total",
                     "Pages of lists and watches asked of the API server",
                     counters.list_watch_requests);
    families.counter("trivet_shim_trivet_calls_total", "Calls to Trivet", counters.trivet_calls);
    families.counter("trivet_shim_trivet_watches_total", "Watches begun at Trivet",
                     counters.trivet_watches);
    rusage usage{};
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        families.counter("process_cpu_seconds_total", "User and system time",
                         seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime));
    return families.text();
}

}  // namespace trivet::cloud
