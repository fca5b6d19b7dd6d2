#include "api/metric_families.hpp"

namespace trivet::api {

using prometheus::MetricType;

void add(Families& families, MetricType type, std::string name, std::string help,
         const std::vector<Sample>& samples) {
    prometheus::MetricFamily family{std::move(name), std::move(help), type, {}};
    for (const Sample& sample : samples) {
        prometheus::ClientMetric metric;
        for (const auto& [label, value] : sample.labels) metric.label.push_back({label, value});
        (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = sample.value;
        family.metric.push_back(std::move(metric));
    }
    families.push_back(std::move(family));
}

void gauge(Families& families, std::string name, std::string help, double value) {
    add(families, MetricType::Gauge, std::move(name), std::move(help), {{value}});
}

void counter(Families& families, std::string name, std::string help, std::uint64_t value) {
    add(families, MetricType::Counter, std::move(name), std::move(help),
        {{static_cast<double>(value)}});
}

}  // namespace trivet::api
