#pragma once
#include <cstdint>
#include <string>

#include "cloud/kube_meta.hpp"

namespace trivet::cloud {

/// coordination.k8s.io/v1 Lease: which of several shims works. A value. Its times are text, to be
/// compared for equality alone: who waits counts on its own clock from the moment it saw a change.
struct KubeLease {
    ObjectMeta meta;
    std::string holder_identity;
    std::uint32_t lease_duration_s = 0;
    std::string acquire_time;
    std::string renew_time;
    std::uint32_t lease_transitions = 0;
};

/// Errors: invalid_argument, with field.
Result<KubeLease> read_kube_lease(const nlohmann::json& object);

/// The body of a POST or PUT. A PUT carries meta.resource_version, so that of two who want it one
/// gets 409.
nlohmann::json to_json(const KubeLease& lease);

}  // namespace trivet::cloud
