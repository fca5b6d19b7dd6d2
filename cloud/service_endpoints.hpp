#pragma once
#include <set>
#include <span>
#include <string>
#include <vector>

#include "cloud/kube_service.hpp"
#include "cloud/kube_slice.hpp"
#include "cloud/node_map.hpp"

namespace trivet::cloud {

using Slices = std::span<const EndpointSlice* const>;  // of one Service

/// The name in a VIP's eligible_nodes that stands for "no node": an empty list means every node.
/// No machine has it.
inline constexpr const char* no_node = "no-node-has-a-ready-endpoint";

/// A VIP's eligible_nodes. Empty: every node. With externalTrafficPolicy Local the nodes that have
/// a ready endpoint (while there is none, those with one that still serves); without, all but the
/// excluded ones. Where no Kubernetes node runs Trivet, nothing can be said.
std::set<std::string> eligible_nodes(const Service& service, Slices slices, const NodeMap& nodes);

/// Where traffic of one port of a Service can go: what the appliance's own forwarding needs.
struct ServiceBackend {
    enum class Kind : std::uint8_t { node_port, pod };

    Kind kind = Kind::pod;
    Port service_port;
    IpAddress address;
    std::uint16_t port = 0;
    std::string node;  // of Kubernetes

    friend auto operator<=>(const ServiceBackend&, const ServiceBackend&) = default;
};

/// Both ways into the Service, sorted: each node's address and nodePort (nodes that are ready, not
/// excluded and, under Local, have an endpoint), and each pod's address and port.
std::vector<ServiceBackend> backends_of(const Service& service, Slices slices,
                                        const NodeMap& nodes);

}  // namespace trivet::cloud
