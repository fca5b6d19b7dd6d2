#include "cloud/kube_slice.hpp"

#include <algorithm>

#include "cloud/json_reader.hpp"
#include "cloud/kube_words.hpp"

namespace trivet::cloud {

using nlohmann::json;

namespace {

// What the API server itself takes (discovery validation), so that nothing valid is refused.
constexpr std::size_t endpoints_max = 1000;
constexpr std::size_t addresses_max = 100;
constexpr std::size_t ports_max = 20'000;
constexpr std::size_t topology_max = 4096;
constexpr std::size_t versions_max = 64;

constexpr const char* service_name_label = "kubernetes.io/service-name";
constexpr const char* host_name_topology = "kubernetes.io/hostname";

Result<Endpoint> read_endpoint(const json& item, const std::string& path) {
    Endpoint endpoint;
    JsonReader reader(item, path);
    reader.texts("addresses", endpoint.addresses, addresses_max);
    reader.object("conditions", [&endpoint](JsonReader& conditions) {
        conditions.boolean("ready", endpoint.ready);
        endpoint.serving = endpoint.ready;
        conditions.boolean("serving", endpoint.serving);
        conditions.boolean("terminating", endpoint.terminating);
    });
    std::map<std::string, std::string> topology;  // v1beta1
    reader.map("topology", topology, topology_max);
    if (const auto host = topology.find(host_name_topology); host != topology.end())
        endpoint.node = host->second;
    reader.text("nodeName", endpoint.node);
    if (auto finished = reader.finish(); !finished) return fail(finished.error());
    return endpoint;
}

Result<SlicePort> read_slice_port(const json& item, const std::string& path) {
    SlicePort port;
    JsonReader reader(item, path);
    reader.text("name", port.name);
    if (auto protocol = read_word(reader, "protocol", protocol_words)) port.protocol = *protocol;
    reader.integer("port", port.port, std::uint16_t{0}, std::uint16_t{65535});
    if (auto finished = reader.finish(); !finished) return fail(finished.error());
    return port;
}

}  // namespace

std::string EndpointSlice::service_key() const {
    const auto label = meta.labels.find(service_name_label);
    if (label == meta.labels.end() || label->second.empty()) return {};
    return meta.name_space + "/" + label->second;
}

Result<EndpointSlice> read_endpoint_slice(const json& object) {
    auto meta = read_meta(object);
    if (!meta) return fail(meta.error());
    EndpointSlice slice;
    slice.meta = std::move(*meta);
    JsonReader whole(object);
    std::string type;
    whole.text("addressType", type);
    if (type == "IPv4") slice.family = IpFamily::ipv4;
    if (type == "IPv6") slice.family = IpFamily::ipv6;
    whole.list("endpoints", endpoints_max,
               [&](const json& item, const std::string& path) -> Result<void> {
                   auto endpoint = read_endpoint(item, path);
                   if (!endpoint) return fail(endpoint.error());
                   slice.endpoints.push_back(std::move(*endpoint));
                   return {};
               });
    whole.list("ports", ports_max, [&](const json& item, const std::string& path) -> Result<void> {
        auto port = read_slice_port(item, path);
        if (!port) return fail(port.error());
        slice.ports.push_back(std::move(*port));
        return {};
    });
    if (auto finished = whole.finish(); !finished) return fail(finished.error());
    return slice;
}

Result<std::string> endpoint_slice_path(const json& api_group) {
    std::vector<std::string> versions;
    JsonReader reader(api_group);
    reader.list("versions", versions_max,
                [&](const json& item, const std::string& path) -> Result<void> {
                    JsonReader version(item, path);
                    version.text("version", versions.emplace_back());
                    return version.finish();
                });
    if (auto finished = reader.finish(); !finished) return fail(finished.error());
    for (const char* known : {"v1", "v1beta1"})
        if (std::ranges::find(versions, known) != versions.end())
            return "/apis/discovery.k8s.io/" + std::string(known) + "/endpointslices";
    return fail(ErrorCode::not_found,
                "the API server has EndpointSlices neither as v1 nor as v1beta1: it is older than "
                "Kubernetes 1.17");
}

}  // namespace trivet::cloud
