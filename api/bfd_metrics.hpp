#pragma once
#include <vector>

#include "api/bgp_runtime.hpp"
#include "api/metric_families.hpp"

namespace trivet::api {

/// Of the sessions that BFD watches; and under MetalLB's names, so that its alerts go on.
void add_bfd(Families& families, const std::vector<BgpSessionRuntime>& sessions);

}  // namespace trivet::api
