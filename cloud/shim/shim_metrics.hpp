#pragma once
#include <string>

#include "cloud/shim/shim.hpp"

namespace trivet::cloud {

/// GET /metrics, in the Prometheus text format (docs/reference/lb-cloud-controller.md).
std::string metrics_text(const Shim& shim);

}  // namespace trivet::cloud
