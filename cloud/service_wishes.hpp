#pragma once
#include <string>
#include <vector>

#include "cloud/kube_service.hpp"

namespace trivet::cloud {

/// What a Service asks for in annotations, ours and MetalLB's, and in spec.loadBalancerIP.
struct ServiceWishes {
    std::string pool;                  // empty: any
    std::vector<IpAddress> addresses;  // empty: Trivet chooses
    std::string sharing_key;           // empty: it shares with nobody

    bool operator==(const ServiceWishes&) const = default;
};

/// The same wish may stand in several places. Errors: conflict, two places differ, naming both;
/// invalid_argument, something is no address.
Result<ServiceWishes> wishes_of(const Service& service);

}  // namespace trivet::cloud
