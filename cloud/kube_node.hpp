#pragma once
#include <string>
#include <vector>

#include "cloud/kube_meta.hpp"

namespace trivet::cloud {

/// A node of the Kubernetes cluster, the fields that we use. A value.
struct KubeNode {
    ObjectMeta meta;        // without labels, which are many: the two that matter are read here
    std::string host_name;  // label kubernetes.io/hostname
    bool excluded = false;  // label node.kubernetes.io/exclude-from-external-load-balancers
    std::vector<IpAddress> addresses;  // the internal ones, then the external ones
};

/// Errors: invalid_argument, with field.
Result<KubeNode> read_kube_node(const nlohmann::json& object);

}  // namespace trivet::cloud
