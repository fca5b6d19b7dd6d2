#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cloud/kube_meta.hpp"

namespace trivet::cloud {

struct ServicePort {
    std::string name;
    Protocol protocol = Protocol::tcp;
    std::uint16_t port = 0;
    std::uint16_t target_port = 0;  // 0: by name, or not given (then as `port`)
    std::string target_port_name;
    std::uint16_t node_port = 0;  // 0: none

    bool operator==(const ServicePort&) const = default;
};

/// One entry of status.loadBalancer.ingress. `whole` is the entry as it stands, with what the API
/// server and others have added (ipMode, ports, fields that we do not know).
struct Ingress {
    std::string ip;  // empty: the entry names a host
    nlohmann::json whole;
};

/// A Kubernetes Service, the fields that we use. A value.
struct Service {
    ObjectMeta meta;
    std::string type = "ClusterIP";
    std::optional<std::string> load_balancer_class;
    std::vector<ServicePort> ports;
    std::vector<IpFamily> ip_families;
    std::optional<IpFamilyPolicy> ip_family_policy;
    std::string cluster_ip;  // "None" for a headless one
    std::string load_balancer_ip;
    TrafficPolicy external_traffic_policy = TrafficPolicy::cluster;
    std::vector<Ingress> ingress;  // status.loadBalancer.ingress

    bool is_load_balancer() const { return type == "LoadBalancer"; }
};

/// Errors: invalid_argument, with field.
Result<Service> read_service(const nlohmann::json& object);

}  // namespace trivet::cloud
