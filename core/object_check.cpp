// check_object(): what can be said of an object without looking at others.
#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "core/check_parts.hpp"
#include "core/vip_rules.hpp"

namespace trivet {

namespace {

constexpr std::size_t selectors_max = 256;
constexpr std::size_t wanted_max = 8;  // a VIP is one service, not a subnet
constexpr std::size_t ports_max = 1024;
constexpr std::size_t sharing_key_max = 253;     // as a name, so that it fits where names fit
constexpr std::size_t interface_bytes_max = 15;  // IFNAMSIZ - 1
constexpr std::chrono::seconds cooldown_max{366 * 24 * 3600};  // keeps deadlines far from overflow

Result<void> check_selectors(const std::vector<LabelSelector>& selectors, const char* field) {
    if (auto checked = check_length(selectors, field, selectors_max); !checked) return checked;
    for (std::size_t i = 0; i < selectors.size(); ++i)
        if (auto checked = at(check_selector(selectors[i]), fmt::format("{}[{}]", field, i));
            !checked)
            return checked;
    return {};
}

Result<void> check_ranges(const Pool& pool) {
    if (pool.addresses.empty())
        return fail(ErrorCode::invalid_argument,
                    "pool '" + pool.name +
                        "' has no addresses; give it at least one range, as 192.0.2.0/24 or "
                        "192.0.2.10-192.0.2.20",
                    "addresses");
    if (auto checked = check_length(pool.addresses, "addresses", list_max); !checked)
        return checked;
    for (std::size_t i = 0; i < pool.addresses.size(); ++i) {
        const AddressRange& range = pool.addresses[i];
        const std::string field = fmt::format("addresses[{}]", i);
        if (range.first.family() != range.last.family() || range.last < range.first)
            return fail(ErrorCode::invalid_argument,
                        "'" + range.to_string() + "' is reversed or mixes IPv4 and IPv6", field);
        if (auto checked = check_usable(range, "VIPs", field); !checked) return checked;
    }
    std::vector<AddressRange> sorted = pool.addresses;
    std::ranges::sort(sorted);
    for (std::size_t i = 1; i < sorted.size(); ++i)
        if (sorted[i - 1].overlaps(sorted[i]))
            return fail(ErrorCode::invalid_argument,
                        fmt::format("ranges '{}' and '{}' of pool '{}' overlap; write each address "
                                    "once",
                                    sorted[i - 1].to_string(), sorted[i].to_string(), pool.name),
                        "addresses");
    return {};
}

Result<void> check_one(const Pool& pool) {
    Result<void> checked = at(check_name("pool name", pool.name), "name");
    if (checked) checked = at(check_labels(pool.labels), "labels");
    if (checked) checked = check_ranges(pool);
    if (checked) checked = check_names(pool.namespaces, "namespaces", "namespace");
    if (checked) checked = check_selectors(pool.namespace_selectors, "namespace_selectors");
    if (checked) checked = check_selectors(pool.vip_selectors, "vip_selectors");
    if (checked && (pool.reuse_cooldown.count() < 0 || pool.reuse_cooldown > cooldown_max))
        return fail(ErrorCode::invalid_argument,
                    fmt::format("'reuse_cooldown' of {} s is not within 0-{} s",
                                pool.reuse_cooldown.count(), cooldown_max.count()),
                    "reuse_cooldown");
    return checked;
}

Result<void> check_wanted(const Vip& vip) {
    if (auto checked = check_length(vip.addresses, "addresses", wanted_max); !checked)
        return checked;
    const std::vector<IpFamily> families = effective_families(vip);
    for (std::size_t i = 0; i < vip.addresses.size(); ++i) {
        const IpAddress address = vip.addresses[i];
        const std::string field = fmt::format("addresses[{}]", i);
        if (auto checked = check_usable({address, address}, "VIPs", field); !checked)
            return checked;
        if (std::find(vip.addresses.begin(), vip.addresses.begin() + static_cast<long>(i),
                      address) != vip.addresses.begin() + static_cast<long>(i))
            return fail(ErrorCode::invalid_argument,
                        "address " + address.to_string() + " is wanted twice", field);
        if (std::ranges::find(families, address.family()) == families.end())
            return fail(ErrorCode::invalid_argument,
                        fmt::format("address {} is wanted, but {} is not among the VIP's families; "
                                    "add it to ip_families, or set ip_family_policy to "
                                    "require_dual",
                                    address.to_string(), to_string(address.family())),
                        field);
    }
    return {};
}

Result<void> check_ports(const Vip& vip) {
    if (auto checked = check_length(vip.ports, "ports", ports_max); !checked) return checked;
    std::set<Port> seen;
    for (std::size_t i = 0; i < vip.ports.size(); ++i) {
        const Port& port = vip.ports[i];
        const std::string field = fmt::format("ports[{}]", i);
        if (port.port == 0)
            return fail(ErrorCode::invalid_argument, "a port is within 1-65535", field + ".port");
        if (!seen.insert(port).second)
            return fail(ErrorCode::invalid_argument,
                        fmt::format("port {} is listed twice", port.port), field);
    }
    return {};
}

Result<void> check_preferred(const Vip& vip) {
    auto checked = check_names(vip.preferred_nodes, "preferred_nodes", "node name");
    if (!checked) return checked;
    std::set<std::string> seen;
    for (std::size_t i = 0; i < vip.preferred_nodes.size(); ++i)
        if (!seen.insert(vip.preferred_nodes[i]).second)
            return fail(ErrorCode::invalid_argument,
                        "node '" + vip.preferred_nodes[i] + "' is preferred twice",
                        fmt::format("preferred_nodes[{}]", i));
    return {};
}

Result<void> check_one(const Vip& vip) {
    Result<void> checked = at(check_name("VIP name", vip.name), "name");
    if (checked) checked = at(check_name("namespace", vip.name_space), "namespace");
    if (checked) checked = at(check_labels(vip.labels), "labels");
    if (checked && !vip.pool.empty()) checked = at(check_name("pool name", vip.pool), "pool");
    if (checked && (vip.ip_families.size() > 2 ||
                    (vip.ip_families.size() == 2 && vip.ip_families[0] == vip.ip_families[1])))
        return fail(ErrorCode::invalid_argument, "'ip_families' names each family at most once",
                    "ip_families");
    if (checked) checked = check_wanted(vip);
    if (checked) checked = check_ports(vip);
    if (checked) checked = check_names(vip.eligible_nodes, "eligible_nodes", "node name");
    if (checked) checked = check_preferred(vip);
    if (checked) checked = check_backends(vip.backends, vip.ports);
    if (!checked) return checked;
    const bool printable =
        std::ranges::all_of(vip.sharing_key, [](char c) { return c > 0x20 && c < 0x7f; });
    if (vip.sharing_key.size() > sharing_key_max || !printable)
        return fail(ErrorCode::invalid_argument,
                    "'sharing_key' has at most 253 printable ASCII characters and no space",
                    "sharing_key");
    return {};
}

Result<void> check_one(const L2Advertisement& l2) {
    Result<void> checked = at(check_name("l2-advertisement name", l2.name), "name");
    if (checked) checked = at(check_labels(l2.labels), "labels");
    if (checked) checked = check_names(l2.pools, "pools", "pool name");
    if (checked) checked = check_selectors(l2.pool_selectors, "pool_selectors");
    if (checked) checked = check_selectors(l2.node_selectors, "node_selectors");
    if (checked) checked = check_length(l2.interfaces, "interfaces", list_max);
    for (std::size_t i = 0; checked && i < l2.interfaces.size(); ++i)
        checked = at(check_interface_name(l2.interfaces[i]), fmt::format("interfaces[{}]", i));
    return checked;
}

Result<void> check_one(const Namespace& name_space) {
    Result<void> checked = at(check_name("namespace", name_space.name), "name");
    return checked ? at(check_labels(name_space.labels), "labels") : checked;
}

Result<void> check_one(const ConfigObject& config) {
    Result<void> checked =
        at(check_name(std::string(to_string(config.kind)) + " name", config.name), "name");
    return checked ? at(check_labels(config.labels), "labels") : checked;
}

}  // namespace

Result<void> check_interface_name(std::string_view name) {
    const bool valid = !name.empty() && name.size() <= interface_bytes_max && name != "." &&
                       name != ".." && std::ranges::all_of(name, [](char c) {
                           return c > 0x20 && c < 0x7f && c != '/' && c != ':';
                       });
    if (valid) return {};
    return fail(ErrorCode::invalid_argument,
                "'" + std::string(name) + "' is no interface name: 1 to 15 characters, as eth0");
}

Result<void> check_node(const Node& node) {
    Result<void> checked = at(check_name("node name", node.name), "name");
    if (checked) checked = at(check_labels(node.labels), "labels");
    if (!checked) return checked;
    if (node.facts.weight == 0 || node.facts.weight > NodeFacts::weight_max)
        return fail(ErrorCode::invalid_argument,
                    fmt::format("a weight of {} is not within 1-{}; a node that shall carry no VIP "
                                "is a witness",
                                node.facts.weight, NodeFacts::weight_max),
                    "weight");
    if (!node.facts.interfaces) return {};
    checked = check_length(*node.facts.interfaces, "interfaces", NodeFacts::interfaces_max);
    std::set<std::string> seen;
    for (std::size_t i = 0; checked && i < node.facts.interfaces->size(); ++i) {
        const NodeInterface& interface = (*node.facts.interfaces)[i];
        const std::string field = fmt::format("interfaces[{}]", i);
        checked = at(check_interface_name(interface.name), field);
        if (checked)
            checked = check_length(interface.prefixes, "prefixes", NodeInterface::prefixes_max);
        if (checked && !seen.insert(interface.name).second)
            return fail(ErrorCode::invalid_argument,
                        "interface '" + interface.name + "' is listed twice", field);
    }
    return checked;
}

Result<void> check_object(const Object& object) {
    return std::visit([](const auto& value) { return check_one(value); }, object);
}

}  // namespace trivet
