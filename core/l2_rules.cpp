#include "core/l2_rules.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "core/bgp_objects.hpp"

namespace trivet {

namespace {

bool selects(const L2Advertisement& l2, const Node& node) {
    return l2.node_selectors.empty() || any_matches(l2.node_selectors, node.labels);
}

}  // namespace

PoolAdvertisements advertisements_of(const ClusterState& state, const Pool& pool) {
    PoolAdvertisements names;
    for (const auto& [name, stored] : state.l2_advertisements())
        if (selects_pool(stored.object.pools, stored.object.pool_selectors, pool))
            names.l2.push_back(name);
    for (const ConfigObject* bgp : state.config_objects(Kind::bgp_advertisement))
        if (bgp_advertisement_of(*bgp).is_for(pool)) names.bgp.push_back(bgp->name);
    return names;
}

L2Rules::L2Rules(const ClusterState& state, const Pool& pool) : pool_(&pool) {
    const PoolAdvertisements names = advertisements_of(state, pool);
    for (const std::string& name : names.l2)
        advertisements_.push_back(&state.l2_advertisements().at(name).object);
    everywhere_ = names.l2.empty() && names.bgp.empty();
    if (!names.announced_by_l2()) only_bgp_ = names.bgp.front();
}

std::string L2Rules::only_bgp_reason() const {
    return fmt::format(
        "pool '{}' is announced by BGP alone (bgp-advertisement '{}'), not by layer 2", pool_->name,
        only_bgp_);
}

bool L2Rules::allow(const Node& node) const {
    return everywhere_ || std::ranges::any_of(advertisements_, [&](const L2Advertisement* l2) {
               return selects(*l2, node);
           });
}

std::set<std::string> L2Rules::interfaces(const Node& node) const {
    if (everywhere_) return {};
    std::set<std::string> interfaces;
    for (const L2Advertisement* l2 : advertisements_) {
        if (!selects(*l2, node)) continue;
        if (l2->interfaces.empty()) return {};
        interfaces.insert(l2->interfaces.begin(), l2->interfaces.end());
    }
    return interfaces;
}

bool L2Rules::reach(const Node& node, IpAddress address) const {
    if (!node.facts.interfaces) return true;
    const std::set<std::string> named = interfaces(node);
    return std::ranges::any_of(*node.facts.interfaces, [&](const NodeInterface& interface) {
        if (!named.empty()) return named.contains(interface.name);
        return std::ranges::any_of(interface.prefixes,
                                   [&](const Prefix& prefix) { return prefix.contains(address); });
    });
}

std::vector<std::string> L2Rules::names() const {
    std::vector<std::string> names;
    for (const L2Advertisement* l2 : advertisements_) names.push_back(l2->name);
    return names;
}

}  // namespace trivet
