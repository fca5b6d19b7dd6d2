#pragma once
#include <cstdint>
#include <prometheus/metric_family.h>
#include <string>
#include <utility>
#include <vector>

/// Building blocks of /metrics. Internal to api/.
namespace trivet::api {

using Families = std::vector<prometheus::MetricFamily>;

using Labels = std::vector<std::pair<std::string, std::string>>;

struct Sample {
    double value = 0;
    Labels labels = {};
};

void add(Families& families, prometheus::MetricType type, std::string name, std::string help,
         const std::vector<Sample>& samples);
void gauge(Families& families, std::string name, std::string help, double value);
void counter(Families& families, std::string name, std::string help, std::uint64_t value);

}  // namespace trivet::api
