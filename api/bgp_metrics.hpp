#pragma once
#include <vector>

#include "api/bgp_runtime.hpp"
#include "api/metric_families.hpp"

namespace trivet::api {

/// Of a session, under our names and under MetalLB's.
Labels labels_of(const BgpSessionRuntime& session);
Labels metallb_labels(const BgpSessionRuntime& session);

/// Per session and family; and under MetalLB's names, so that its dashboards and alerts go on.
void add_bgp(Families& families, const std::vector<BgpSessionRuntime>& sessions);

}  // namespace trivet::api
