#include "cloud/service_endpoints.hpp"

#include <algorithm>

namespace trivet::cloud {

namespace {

bool is_ready(const Endpoint& endpoint) { return endpoint.ready; }

/// A pod that ends and still answers: better than none (KEP-1669).
bool still_serves(const Endpoint& endpoint) { return endpoint.serving && endpoint.terminating; }

std::vector<std::pair<const EndpointSlice*, const Endpoint*>> usable_endpoints(Slices slices) {
    std::vector<std::pair<const EndpointSlice*, const Endpoint*>> usable;
    for (const auto accepts : {is_ready, still_serves}) {
        for (const EndpointSlice* slice : slices)
            for (const Endpoint& endpoint : slice->endpoints)
                if (slice->family && accepts(endpoint)) usable.emplace_back(slice, &endpoint);
        if (!usable.empty()) break;
    }
    return usable;
}

std::set<std::string> nodes_with_endpoints(Slices slices) {
    std::set<std::string> names;
    for (const auto& [slice, endpoint] : usable_endpoints(slices))
        if (!endpoint->node.empty()) names.insert(endpoint->node);
    return names;
}

/// Of the Service's port that this port of a slice carries; null: none.
const ServicePort* service_port_of(const Service& service, const SlicePort& port) {
    const auto found = std::ranges::find_if(service.ports, [&port](const ServicePort& known) {
        return known.name == port.name && known.protocol == port.protocol;
    });
    return found == service.ports.end() ? nullptr : &*found;
}

void add_nodes(const Service& service, Slices slices, const NodeMap& nodes,
               std::vector<ServiceBackend>& backends) {
    const bool local = service.external_traffic_policy == TrafficPolicy::local;
    const std::set<std::string> with_endpoints = nodes_with_endpoints(slices);
    for (const auto& [name, node] : nodes.kube_nodes()) {
        if (!node.ready || node.excluded || (local && !with_endpoints.contains(name))) continue;
        for (const IpAddress address : node.addresses)
            for (const ServicePort& port : service.ports)
                if (port.node_port != 0)
                    backends.push_back({ServiceBackend::Kind::node_port,
                                        {port.port, port.protocol},
                                        address,
                                        port.node_port,
                                        name});
    }
}

void add_pods(const Service& service, Slices slices, std::vector<ServiceBackend>& backends) {
    for (const auto& [slice, endpoint] : usable_endpoints(slices))
        for (const std::string& text : endpoint->addresses) {
            const auto address = IpAddress::parse(text);
            if (!address || address->family() != slice->family) continue;
            for (const SlicePort& port : slice->ports) {
                const ServicePort* known = service_port_of(service, port);
                if (known == nullptr || port.port == 0) continue;
                backends.push_back({ServiceBackend::Kind::pod,
                                    {known->port, known->protocol},
                                    *address,
                                    port.port,
                                    endpoint->node});
            }
        }
}

}  // namespace

std::set<std::string> eligible_nodes(const Service& service, Slices slices, const NodeMap& nodes) {
    if (!nodes.any_mapped()) return {};
    std::set<std::string> eligible;
    if (service.external_traffic_policy == TrafficPolicy::local) {
        for (const std::string& kube_node : nodes_with_endpoints(slices))
            if (const std::string& name = nodes.trivet_name(kube_node); !name.empty())
                eligible.insert(name);
    } else {
        if (nodes.excluded().empty()) return {};
        eligible = nodes.trivet_names();
    }
    for (const std::string& name : nodes.excluded()) eligible.erase(name);
    if (eligible.empty()) eligible.insert(no_node);
    return eligible;
}

std::vector<ServiceBackend> backends_of(const Service& service, Slices slices,
                                        const NodeMap& nodes) {
    std::vector<ServiceBackend> backends;
    add_nodes(service, slices, nodes, backends);
    add_pods(service, slices, backends);
    std::ranges::sort(backends);
    const auto repeated = std::ranges::unique(backends);
    backends.erase(repeated.begin(), repeated.end());
    return backends;
}

}  // namespace trivet::cloud
