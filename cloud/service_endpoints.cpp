#include "cloud/service_endpoints.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "core/check_parts.hpp"
#include "core/fnv1a.hpp"

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

/// One that Trivet refuses would cost the Service its address.
bool is_usable(IpAddress address) { return check_usable({address, address}, "", "").has_value(); }

/// Sorted, each once: Trivet refuses a list that names one twice.
void sort_once(std::vector<Backend>& backends) {
    std::ranges::sort(backends);
    const auto repeated = std::ranges::unique(backends);
    backends.erase(repeated.begin(), repeated.end());
}

/// `max` of the items, chosen by their names (rendezvous): one that comes or goes changes no other
/// but the one that makes room, or takes it.
template <class Item, class NameOf>
void choose(const Service& service, std::vector<Item>& items, std::size_t max, NameOf name_of) {
    if (items.size() <= max) return;
    std::vector<std::pair<std::uint64_t, Item>> ranked;
    for (Item& item : items) {
        const std::uint64_t rank = fnv1a(name_of(item), fnv1a(service.meta.uid));
        ranked.emplace_back(rank, std::move(item));
    }
    std::ranges::sort(ranked);
    items.clear();
    for (std::size_t i = 0; i < max; ++i) items.push_back(std::move(ranked[i].second));
}

/// One of each family; the internal ones come first.
std::vector<IpAddress> addresses_of(const KubeNode& node) {
    std::vector<IpAddress> addresses;
    for (const IpAddress address : node.addresses)
        if (is_usable(address) &&
            std::ranges::find(addresses, address.family(), &IpAddress::family) == addresses.end())
            addresses.push_back(address);
    return addresses;
}

void add_nodes(const Service& service, Slices slices, const NodeMap& nodes,
               std::vector<Backend>& backends) {
    const bool local = service.external_traffic_policy == TrafficPolicy::local;
    const std::set<std::string> with_endpoints = nodes_with_endpoints(slices);
    const std::size_t ports = static_cast<std::size_t>(std::ranges::count_if(
        service.ports, [](const ServicePort& port) { return port.node_port != 0; }));
    if (ports == 0) return;
    std::vector<std::string> names;
    for (const auto& [name, node] : nodes.kube_nodes())
        if (!node.excluded && (!local || with_endpoints.contains(name))) names.push_back(name);
    const std::size_t by_size = std::max<std::size_t>(1, backends_per_kind_max / (2 * ports));
    choose(service, names, local ? by_size : std::min(by_size, passing_nodes_max),
           [](std::string_view name) { return name; });
    for (const std::string& name : names)
        for (const IpAddress address : addresses_of(*nodes.find(name)))
            for (const ServicePort& port : service.ports)
                if (port.node_port != 0)
                    backends.push_back({Backend::Kind::node_port,
                                        {port.port, port.protocol},
                                        address,
                                        port.node_port,
                                        nodes.trivet_name(name)});
}

std::vector<Backend> pods_of(const Service& service, Slices slices, const NodeMap& nodes) {
    std::vector<Backend> pods;
    for (const auto& [slice, endpoint] : usable_endpoints(slices))
        for (const std::string& text : endpoint->addresses) {
            const auto address = IpAddress::parse(text);
            if (!address || address->family() != slice->family || !is_usable(*address)) continue;
            for (const SlicePort& port : slice->ports) {
                const ServicePort* known = service_port_of(service, port);
                if (known == nullptr || port.port == 0) continue;
                pods.push_back({Backend::Kind::server,
                                {known->port, known->protocol},
                                *address,
                                port.port,
                                nodes.trivet_name(endpoint->node)});
            }
        }
    return pods;
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

std::vector<Backend> backends_of(const Service& service, Slices slices, const NodeMap& nodes) {
    std::vector<Backend> backends = pods_of(service, slices, nodes);
    sort_once(backends);  // the same endpoint may be in two slices for a while
    choose(service, backends, backends_per_kind_max, [](const Backend& backend) {
        return fmt::format("{} {}", backend.address.to_string(), backend.port.port);
    });
    add_nodes(service, slices, nodes, backends);
    sort_once(backends);  // and two nodes may claim one address
    return backends;
}

}  // namespace trivet::cloud
