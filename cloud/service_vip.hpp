#pragma once
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "cloud/service_endpoints.hpp"
#include "cloud/vip_names.hpp"

namespace trivet::cloud {

/// Which Services a shim serves, and how it is known in Trivet.
struct CloudOptions {
    std::string cluster;
    std::string load_balancer_class = "trivet.dev/lb";
    bool handle_unclassed = true;  // those without a class, too
};

inline constexpr const char* cleanup_finalizer = "service.kubernetes.io/load-balancer-cleanup";
/// On a Service, beside the finalizer, which other controllers use too: the finalizer is ours, and
/// of which cluster. Both are set and removed in one patch.
inline constexpr const char* held_annotation = "trivet.dev/held-by";
/// On a VIP: who made it. A VIP without is somebody else's, whatever its name.
inline constexpr const char* cluster_label = "trivet.dev/cluster";
inline constexpr const char* service_uid_label = "trivet.dev/service-uid";

/// Whether the Service asks for an address, and asks us: type LoadBalancer, and our class or, if
/// wished, none. Of one that is being deleted this says what it asked for.
bool asks_us(const Service& service, const CloudOptions& options);

/// Whether this shim, or one before it, has made the VIP.
bool made_by_us(const Vip& vip, const CloudOptions& options);

/// The VIP that a Service shall have. `present` is the one it has, whose preferred_nodes stay: they
/// are the operators'. Errors: conflict, two wishes contradict each other; invalid_argument, Trivet
/// could not take it. Both name the Service's fields.
Result<Vip> vip_of(const Service& service, Slices slices, const NodeMap& nodes,
                   const CloudOptions& options, const Vip* present);

}  // namespace trivet::cloud
