#include "cloud/node_map.hpp"

#include <algorithm>

#include "cloud/json_reader.hpp"

namespace trivet::cloud {

namespace {

bool same_name(const KubeNode& kube, const TrivetNode& trivet) {
    return kube.meta.name == trivet.name || kube.host_name == trivet.name;
}

bool same_address(const KubeNode& kube, const TrivetNode& trivet) {
    return std::ranges::any_of(trivet.addresses, [&kube](IpAddress address) {
        return std::ranges::find(kube.addresses, address) != kube.addresses.end();
    });
}

/// Null: none. A name says more than an address, which may be behind a translation.
const TrivetNode* counterpart(const KubeNode& kube, std::span<const TrivetNode> trivet_nodes) {
    for (const auto same : {same_name, same_address}) {
        const auto found = std::ranges::find_if(
            trivet_nodes, [&](const TrivetNode& trivet) { return same(kube, trivet); });
        if (found != trivet_nodes.end()) return &*found;
    }
    return nullptr;
}

}  // namespace

Result<TrivetNode> read_trivet_node(const nlohmann::json& object, const std::string& path) {
    constexpr std::size_t addresses_max = 256;
    TrivetNode node;
    std::vector<std::string> hosts;
    JsonReader reader(object, path);
    reader.text("name", node.name);
    reader.object("status", [&hosts](JsonReader& status) {
        status.texts("addresses", hosts, addresses_max);
    });
    if (auto finished = reader.finish(); !finished) return fail(finished.error());
    if (node.name.empty())
        return fail(ErrorCode::invalid_argument, "a node has no name", path + ".name");
    // A host may be told by a name, which says nothing to us.
    for (const std::string& host : hosts)
        if (const auto address = IpAddress::parse(host)) node.addresses.push_back(*address);
    return node;
}

NodeMap::NodeMap(std::span<const KubeNode* const> kube_nodes,
                 std::span<const TrivetNode> trivet_nodes) {
    for (const TrivetNode& trivet : trivet_nodes) trivet_names_.insert(trivet.name);
    for (const KubeNode* kube : kube_nodes) {
        kube_nodes_.emplace(kube->meta.name, *kube);
        const TrivetNode* trivet = counterpart(*kube, trivet_nodes);
        if (trivet == nullptr) continue;
        trivet_name_.emplace(kube->meta.name, trivet->name);
        if (kube->excluded) excluded_.insert(trivet->name);
    }
}

bool NodeMap::decides_like(const NodeMap& other) const {
    const auto counts_alike = [](const auto& one, const auto& two) {
        return one.first == two.first && one.second.excluded == two.second.excluded &&
               one.second.addresses == two.second.addresses;
    };
    return trivet_name_ == other.trivet_name_ && trivet_names_ == other.trivet_names_ &&
           excluded_ == other.excluded_ &&
           std::ranges::equal(kube_nodes_, other.kube_nodes_, counts_alike);
}

const std::string& NodeMap::trivet_name(const std::string& kube_node) const {
    static const std::string none;
    const auto found = trivet_name_.find(kube_node);
    return found == trivet_name_.end() ? none : found->second;
}

const KubeNode* NodeMap::find(const std::string& kube_node) const {
    const auto found = kube_nodes_.find(kube_node);
    return found == kube_nodes_.end() ? nullptr : &found->second;
}

}  // namespace trivet::cloud
