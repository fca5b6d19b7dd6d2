#include "cloud/kube_service.hpp"

#include <array>
#include <fmt/format.h>

#include "cloud/json_reader.hpp"
#include "cloud/kube_words.hpp"

namespace trivet::cloud {

using nlohmann::json;

namespace {

constexpr std::size_t ports_max = 4096;  // Trivet takes 1,024 and says so
constexpr std::size_t ingress_max = 256;
constexpr std::size_t families_max = 2;

constexpr std::array policy_words{std::pair{"SingleStack", IpFamilyPolicy::single},
                                  std::pair{"PreferDualStack", IpFamilyPolicy::prefer_dual},
                                  std::pair{"RequireDualStack", IpFamilyPolicy::require_dual}};
constexpr std::array traffic_words{std::pair{"Cluster", TrafficPolicy::cluster},
                                   std::pair{"Local", TrafficPolicy::local}};
constexpr std::array family_words{std::pair{"IPv4", IpFamily::ipv4},
                                  std::pair{"IPv6", IpFamily::ipv6}};

void read_target_port(JsonReader& reader, ServicePort& port) {
    const json* target = reader.find("targetPort");
    if (target == nullptr) return;
    if (target->is_string())
        reader.text("targetPort", port.target_port_name);
    else
        reader.integer("targetPort", port.target_port, std::uint16_t{0}, std::uint16_t{65535});
}

Result<ServicePort> read_port(const json& item, const std::string& path) {
    ServicePort port;
    JsonReader reader(item, path);
    reader.text("name", port.name);
    if (auto protocol = read_word(reader, "protocol", protocol_words)) port.protocol = *protocol;
    reader.integer("port", port.port, std::uint16_t{1}, std::uint16_t{65535});
    read_target_port(reader, port);
    reader.integer("nodePort", port.node_port, std::uint16_t{0}, std::uint16_t{65535});
    if (port.port == 0) reader.refuse("port", fmt::format("'{}' has no port", path));
    if (auto finished = reader.finish(); !finished) return fail(finished.error());
    return port;
}

void read_families(JsonReader& spec, std::vector<IpFamily>& families) {
    std::vector<std::string> words;
    spec.texts("ipFamilies", words, families_max);
    for (const std::string& word : words) {
        const auto family = find_word(word, family_words);
        if (!family) return spec.refuse("ipFamilies", fmt::format("'{}' is no IP family", word));
        families.push_back(*family);
    }
}

void read_spec(JsonReader& spec, Service& service) {
    spec.text("type", service.type);
    if (spec.find("loadBalancerClass") != nullptr)
        spec.text("loadBalancerClass", service.load_balancer_class.emplace());
    spec.list("ports", ports_max, [&](const json& item, const std::string& path) -> Result<void> {
        auto port = read_port(item, path);
        if (!port) return fail(port.error());
        service.ports.push_back(std::move(*port));
        return {};
    });
    read_families(spec, service.ip_families);
    service.ip_family_policy = read_word(spec, "ipFamilyPolicy", policy_words);
    spec.text("clusterIP", service.cluster_ip);
    spec.text("loadBalancerIP", service.load_balancer_ip);
    service.external_traffic_policy =
        read_word(spec, "externalTrafficPolicy", traffic_words).value_or(TrafficPolicy::cluster);
}

void read_ingress(JsonReader& load_balancer, Service& service) {
    load_balancer.list("ingress", ingress_max,
                       [&](const json& item, const std::string& path) -> Result<void> {
                           Ingress ingress;
                           JsonReader reader(item, path);
                           reader.text("ip", ingress.ip);
                           ingress.whole = item;
                           service.ingress.push_back(std::move(ingress));
                           return reader.finish();
                       });
}

}  // namespace

Result<Service> read_service(const json& object) {
    auto meta = read_meta(object);
    if (!meta) return fail(meta.error());
    Service service;
    service.meta = std::move(*meta);
    JsonReader whole(object);
    whole.object("spec", [&](JsonReader& spec) { read_spec(spec, service); });
    whole.object("status", [&](JsonReader& status) {
        status.object("loadBalancer", [&](JsonReader& reader) { read_ingress(reader, service); });
    });
    if (auto finished = whole.finish(); !finished) return fail(finished.error());
    return service;
}

}  // namespace trivet::cloud
