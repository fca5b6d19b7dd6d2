#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "api/model/objects.hpp"

/// Service "web" in namespace "shop" of cluster "c1" is the VIP "web" in namespace "c1.shop".
namespace trivet::cloud {

/// Namespace and name of a Service.
struct ServiceKey {
    std::string name_space;
    std::string name;

    std::string to_string() const { return name_space + "/" + name; }
    friend auto operator<=>(const ServiceKey&, const ServiceKey&) = default;
};

/// A cluster's name has 1 to 63 of [a-z0-9-] and no dot, because the first dot of a VIP's
/// namespace ends it. Errors: invalid_argument.
Result<void> check_cluster_name(std::string_view cluster);

/// No two Services have one VIP: a name that Trivet cannot take (other characters, more than 253)
/// is written in base 32 behind "x--", and so is one that looks like that.
/// Errors: invalid_argument, it would be too long even so: more than 156 bytes and none of
/// Trivet's names. Kubernetes' own limit for a Service is 63.
Result<ObjectKey> vip_key_of(std::string_view cluster, const ServiceKey& service);

/// The way back. Nullopt: the VIP is of no Service of this cluster.
std::optional<ServiceKey> service_key_of(std::string_view cluster, const ObjectKey& vip);

}  // namespace trivet::cloud
