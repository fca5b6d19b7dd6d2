#include "cloud/kube_node.hpp"

#include "cloud/json_reader.hpp"

namespace trivet::cloud {

using nlohmann::json;

namespace {

constexpr std::size_t addresses_max = 256;

constexpr const char* host_name_label = "kubernetes.io/hostname";
/// Its presence alone counts, whatever its value (KEP-1143).
constexpr const char* exclude_label = "node.kubernetes.io/exclude-from-external-load-balancers";

void read_addresses(JsonReader& status, KubeNode& node) {
    std::vector<IpAddress> external;
    status.list("addresses", addresses_max,
                [&](const json& item, const std::string& path) -> Result<void> {
                    std::string type;
                    std::string text;
                    JsonReader reader(item, path);
                    reader.text("type", type);
                    reader.text("address", text);
                    const auto address = IpAddress::parse(text);
                    if (address && type == "InternalIP") node.addresses.push_back(*address);
                    if (address && type == "ExternalIP") external.push_back(*address);
                    return reader.finish();
                });
    node.addresses.insert(node.addresses.end(), external.begin(), external.end());
}

}  // namespace

Result<KubeNode> read_kube_node(const json& object) {
    auto meta = read_meta(object);
    if (!meta) return fail(meta.error());
    KubeNode node;
    node.meta = std::move(*meta);
    if (const auto label = node.meta.labels.find(host_name_label); label != node.meta.labels.end())
        node.host_name = label->second;
    node.excluded = node.meta.labels.contains(exclude_label);
    node.meta.labels.clear();
    JsonReader whole(object);
    whole.object("status", [&](JsonReader& status) { read_addresses(status, node); });
    if (auto finished = whole.finish(); !finished) return fail(finished.error());
    return node;
}

}  // namespace trivet::cloud
