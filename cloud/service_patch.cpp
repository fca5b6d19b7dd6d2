#include "cloud/service_patch.hpp"

#include <algorithm>
#include <set>

namespace trivet::cloud {

using nlohmann::json;

namespace {

json finalizers_json(std::vector<std::string> finalizers) {
    if (finalizers.empty()) return nullptr;  // takes the field away
    return finalizers;
}

const Ingress* entry_of(const Service& service, IpAddress address) {
    for (const Ingress& ingress : service.ingress)
        if (const auto shown = IpAddress::parse(ingress.ip); shown && *shown == address)
            return &ingress;
    return nullptr;
}

}  // namespace

std::string holder_of(const Service& service) {
    const auto found = service.meta.annotations.find(held_annotation);
    return found == service.meta.annotations.end() ? "" : found->second;
}

bool is_held(const Service& service, const CloudOptions& options) {
    return service.meta.has_finalizer(cleanup_finalizer) && holder_of(service) == options.cluster;
}

json hold_patch(const Service& service, const CloudOptions& options) {
    std::vector<std::string> finalizers = service.meta.finalizers;
    if (!service.meta.has_finalizer(cleanup_finalizer)) finalizers.emplace_back(cleanup_finalizer);
    json annotations = json::object();
    annotations[held_annotation] = options.cluster;
    json patch = json::object();
    patch["metadata"] = {{"resourceVersion", service.meta.resource_version},
                         {"finalizers", finalizers},
                         {"annotations", std::move(annotations)}};
    return patch;
}

json let_go_patch(const Service& service) {
    std::vector<std::string> finalizers = service.meta.finalizers;
    std::erase(finalizers, cleanup_finalizer);
    json annotations = json::object();
    annotations[held_annotation] = nullptr;
    json patch = json::object();
    patch["metadata"] = {{"resourceVersion", service.meta.resource_version},
                         {"finalizers", finalizers_json(std::move(finalizers))},
                         {"annotations", std::move(annotations)}};
    return patch;
}

bool shows(const Service& service, const std::vector<IpAddress>& addresses) {
    std::set<IpAddress> shown;
    for (const Ingress& ingress : service.ingress) {
        const auto address = IpAddress::parse(ingress.ip);
        if (!address) return false;  // a host name, or what we cannot read: not ours
        shown.insert(*address);
    }
    return shown == std::set(addresses.begin(), addresses.end());
}

json status_patch(const Service& service, const std::vector<IpAddress>& addresses) {
    json ingress = json::array();
    for (const IpAddress address : addresses) {
        const Ingress* present = entry_of(service, address);
        ingress.push_back(present != nullptr ? present->whole : json{{"ip", address.to_string()}});
    }
    json load_balancer = json::object();
    load_balancer["ingress"] = addresses.empty() ? json(nullptr) : std::move(ingress);
    json patch = json::object();
    patch["metadata"]["resourceVersion"] = service.meta.resource_version;
    patch["status"]["loadBalancer"] = std::move(load_balancer);
    return patch;
}

}  // namespace trivet::cloud
