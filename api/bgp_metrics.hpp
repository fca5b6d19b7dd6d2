#pragma once
#include <vector>

#include "api/bgp_runtime.hpp"
#include "api/metric_families.hpp"

namespace trivet::api {

/// Per session and family; and under MetalLB's names, so that its dashboards and alerts go on.
void add_bgp(Families& families, const std::vector<BgpSessionRuntime>& sessions);

}  // namespace trivet::api
