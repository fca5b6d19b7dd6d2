#pragma once
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "cloud/kube_node.hpp"

namespace trivet::cloud {

/// A machine that runs lbd, as far as a shim knows it.
struct TrivetNode {
    std::string name;
    std::vector<IpAddress> addresses = {};

    bool operator==(const TrivetNode&) const = default;
};

/// As Trivet's REST API shows it. Errors: invalid_argument, with field.
Result<TrivetNode> read_trivet_node(const nlohmann::json& object, const std::string& path);

/// Which Kubernetes node is which Trivet node: the same name (or host name), else an address in
/// common. Where Trivet runs on other machines than Kubernetes, nobody is anybody. A value, made
/// anew when either side changes.
class NodeMap {
public:
    NodeMap() = default;
    NodeMap(std::span<const KubeNode* const> kube_nodes, std::span<const TrivetNode> trivet_nodes);

    bool any_mapped() const { return !trivet_name_.empty(); }
    /// Empty: the Kubernetes node is no Trivet node.
    const std::string& trivet_name(const std::string& kube_node) const;
    /// Null when it is not there.
    const KubeNode* find(const std::string& kube_node) const;

    /// Whether every Service would be served on the same nodes, and have the same backends.
    bool decides_like(const NodeMap& other) const;

    const std::set<std::string>& trivet_names() const { return trivet_names_; }
    /// Those whose Kubernetes node may not carry load balancers' traffic.
    const std::set<std::string>& excluded() const { return excluded_; }
    const std::map<std::string, KubeNode>& kube_nodes() const { return kube_nodes_; }

private:
    std::map<std::string, KubeNode> kube_nodes_;
    std::map<std::string, std::string> trivet_name_;  // by name of the Kubernetes node
    std::set<std::string> trivet_names_;
    std::set<std::string> excluded_;
};

}  // namespace trivet::cloud
