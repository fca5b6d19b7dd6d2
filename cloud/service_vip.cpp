#include "cloud/service_vip.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "cloud/service_wishes.hpp"
#include "core/vip_rules.hpp"

namespace trivet::cloud {

namespace {

/// What the API server has decided for the Service: its policy may prefer two families, and the
/// cluster have one. Servers before 1.20 say nothing but the cluster's address.
void set_families(const Service& service, Vip& vip) {
    vip.ip_families = service.ip_families;
    if (vip.ip_families.empty())
        if (const auto address = IpAddress::parse(service.cluster_ip))
            vip.ip_families = {address->family()};
    vip.ip_family_policy = service.ip_family_policy.value_or(IpFamilyPolicy::single);
    if (vip.ip_family_policy == IpFamilyPolicy::prefer_dual && vip.ip_families.size() < 2)
        vip.ip_family_policy = IpFamilyPolicy::single;
}

Result<void> check_families(const Vip& vip) {
    const std::vector<IpFamily> families = effective_families(vip);
    for (const IpAddress address : vip.addresses)
        if (std::ranges::find(families, address.family()) == families.end())
            return fail(ErrorCode::conflict,
                        fmt::format("the Service wants {}, but its spec.ipFamilies have no {}: "
                                    "change one of them",
                                    address.to_string(), address.is_v4() ? "IPv4" : "IPv6"));
    return {};
}

}  // namespace

bool asks_us(const Service& service, const CloudOptions& options) {
    if (!service.is_load_balancer()) return false;
    if (!service.load_balancer_class) return options.handle_unclassed;
    return *service.load_balancer_class == options.load_balancer_class;
}

bool made_by_us(const Vip& vip, const CloudOptions& options) {
    const auto label = vip.labels.find(cluster_label);
    return label != vip.labels.end() && label->second == options.cluster;
}

Result<Vip> vip_of(const Service& service, Slices slices, const NodeMap& nodes,
                   const CloudOptions& options, const Vip* present) {
    const auto key = vip_key_of(options.cluster, {service.meta.name_space, service.meta.name});
    if (!key) return fail(key.error());
    auto wishes = wishes_of(service);
    if (!wishes) return fail(wishes.error());
    Vip vip;
    vip.name_space = key->name_space;
    vip.name = key->name;
    vip.labels = service.meta.labels;
    vip.labels[cluster_label] = options.cluster;
    vip.labels[service_uid_label] = service.meta.uid;
    vip.pool = std::move(wishes->pool);
    vip.addresses = std::move(wishes->addresses);
    vip.sharing_key = std::move(wishes->sharing_key);
    for (const ServicePort& port : service.ports) vip.ports.push_back({port.port, port.protocol});
    set_families(service, vip);
    if (auto checked = check_families(vip); !checked) return fail(checked.error());
    vip.traffic_policy = service.external_traffic_policy;
    vip.eligible_nodes = eligible_nodes(service, slices, nodes);
    vip.backends = backends_of(service, slices, nodes);
    if (present != nullptr) vip.preferred_nodes = present->preferred_nodes;
    if (auto checked = check_object(vip); !checked) return fail(checked.error());
    return vip;
}

}  // namespace trivet::cloud
