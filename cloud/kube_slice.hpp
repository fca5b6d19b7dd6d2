#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cloud/kube_meta.hpp"

namespace trivet::cloud {

struct Endpoint {
    std::vector<std::string> addresses;
    bool ready = true;  // absent means ready (EndpointConditions)
    bool serving = true;
    bool terminating = false;
    std::string node;  // empty: not on a node, or not told

    bool operator==(const Endpoint&) const = default;
};

struct SlicePort {
    std::string name;  // of the Service's port
    Protocol protocol = Protocol::tcp;
    std::uint16_t port = 0;  // 0: every port

    bool operator==(const SlicePort&) const = default;
};

/// Some of a Service's endpoints (discovery.k8s.io, v1 and v1beta1). A value.
struct EndpointSlice {
    ObjectMeta meta;
    std::optional<IpFamily> family;  // nullopt: its addresses are names
    std::vector<Endpoint> endpoints;
    std::vector<SlicePort> ports;

    /// "default/web"; empty when the slice names no Service.
    std::string service_key() const;
};

/// Errors: invalid_argument, with field.
Result<EndpointSlice> read_endpoint_slice(const nlohmann::json& object);

/// The path of the newest version of EndpointSlices that the server has, from its answer to
/// GET /apis/discovery.k8s.io. Errors: not_found, it has none that we know.
Result<std::string> endpoint_slice_path(const nlohmann::json& api_group);

}  // namespace trivet::cloud
