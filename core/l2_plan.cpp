#include "core/l2_plan.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>

#include "core/field_reader.hpp"

namespace trivet {

namespace {

/// Selects pools as L2Advertisement and bgp-advertisement do: by name, by labels, or all.
bool selects(const std::vector<std::string>& pools, const std::vector<LabelSelector>& selectors,
             const Pool& pool) {
    if (pools.empty() && selectors.empty()) return true;
    return std::ranges::find(pools, pool.name) != pools.end() ||
           any_matches(selectors, pool.labels);
}

bool selects(const ConfigObject& bgp, const Pool& pool) {
    std::vector<std::string> pools;
    std::vector<LabelSelector> selectors;
    if (const auto names = bgp.fields.find("pools"); names != bgp.fields.end())
        pools = names->get<std::vector<std::string>>();
    if (const auto list = bgp.fields.find("pool_selectors"); list != bgp.fields.end())
        for (const nlohmann::json& item : *list) {
            auto selector = read_selector(item, "pool_selectors");
            if (selector) selectors.push_back(std::move(*selector));
        }
    return selects(pools, selectors, pool);
}

bool selects(const L2Advertisement& l2, const Node& node) {
    return l2.node_selectors.empty() || any_matches(l2.node_selectors, node.labels);
}

/// The layer 2 advertisements of a pool. `everywhere`: there is none of any kind, so that every
/// node announces on every suitable interface.
struct L2Rules {
    std::vector<const L2Advertisement*> advertisements;
    bool everywhere = false;
    std::string only_bgp;  // the name of an advertisement, when BGP alone announces the pool
};

L2Rules rules_of(const ClusterState& state, const Pool& pool) {
    const PoolAdvertisements names = advertisements_of(state, pool);
    L2Rules rules;
    for (const std::string& name : names.l2)
        rules.advertisements.push_back(&state.l2_advertisements().at(name).object);
    rules.everywhere = names.l2.empty() && names.bgp.empty();
    if (!names.announced_by_l2()) rules.only_bgp = names.bgp.front();
    return rules;
}

bool allowed(const L2Rules& rules, const Node& node) {
    return rules.everywhere ||
           std::ranges::any_of(rules.advertisements,
                               [&](const L2Advertisement* l2) { return selects(*l2, node); });
}

std::string quoted(const std::vector<std::string>& names) {
    return fmt::format("'{}'", fmt::join(names, "', '"));
}

Placement nobody(std::string reason) { return {{}, {}, std::move(reason)}; }

/// The nodes that the holders allow, in the holders' order of age: where they disagree entirely,
/// the older one is right.
std::vector<std::string> allowed_by_holders(std::vector<std::string> nodes,
                                            const std::vector<const VipRecord*>& holders) {
    bool oldest = true;
    for (const VipRecord* holder : holders) {
        if (!holder->vip.eligible_nodes.empty()) {
            std::vector<std::string> narrowed;
            std::ranges::copy_if(nodes, std::back_inserter(narrowed), [&](const std::string& node) {
                return holder->vip.eligible_nodes.contains(node);
            });
            if (oldest || !narrowed.empty()) nodes = std::move(narrowed);
        }
        oldest = false;
    }
    return nodes;
}

Placement place_by(const ClusterState& state, const Pool& pool, const L2Rules& rules,
                   const std::vector<const VipRecord*>& holders) {
    if (!rules.only_bgp.empty())
        return nobody(
            fmt::format("pool '{}' is announced by BGP alone (bgp-advertisement '{}'), "
                        "not by layer 2",
                        pool.name, rules.only_bgp));
    if (state.nodes().empty()) return nobody("no node has joined the cluster yet");
    std::vector<std::string> in_service;
    std::vector<std::string> nodes;
    for (const auto& [name, stored] : state.nodes()) {
        if (stored.object.drained) continue;
        in_service.push_back(name);
        if (allowed(rules, stored.object)) nodes.push_back(name);
    }
    if (in_service.empty())
        return nobody("every node is drained; lbctl node undrain NODE brings one back");
    if (nodes.empty()) {
        std::vector<std::string> names;
        for (const L2Advertisement* l2 : rules.advertisements) names.push_back(l2->name);
        return nobody(
            fmt::format("the node_selectors of l2-advertisement {} match none of the "
                        "nodes {}",
                        quoted(names), quoted(in_service)));
    }
    std::vector<std::string> eligible = allowed_by_holders(nodes, holders);
    if (eligible.empty()) {
        const Vip& vip = holders.front()->vip;
        const std::vector<std::string> wanted(vip.eligible_nodes.begin(), vip.eligible_nodes.end());
        return nobody(
            fmt::format("VIP '{}/{}' is eligible on {} only; the nodes that may announce "
                        "it are {}",
                        vip.name_space, vip.name, quoted(wanted), quoted(nodes)));
    }
    return {eligible.front(), {eligible.begin() + 1, eligible.end()}, {}};
}

L2Target target_of(const L2Rules& rules, const Node& node,
                   const std::vector<const VipRecord*>& holders) {
    L2Target target;
    std::set<std::string> interfaces;
    bool by_subnet = rules.everywhere;
    for (const L2Advertisement* l2 : rules.advertisements) {
        if (!selects(*l2, node)) continue;
        by_subnet = by_subnet || l2->interfaces.empty();
        interfaces.insert(l2->interfaces.begin(), l2->interfaces.end());
    }
    if (!by_subnet) target.interfaces.assign(interfaces.begin(), interfaces.end());
    for (const VipRecord* holder : holders)
        if (holder->vip.delivery == Delivery::bind) target.delivery = Delivery::bind;
    return target;
}

}  // namespace

PoolAdvertisements advertisements_of(const ClusterState& state, const Pool& pool) {
    PoolAdvertisements names;
    for (const auto& [name, stored] : state.l2_advertisements())
        if (selects(stored.object.pools, stored.object.pool_selectors, pool))
            names.l2.push_back(name);
    const auto first_bgp =
        state.config_objects().lower_bound(ObjectKey{Kind::bgp_advertisement, "", ""});
    for (auto it = first_bgp;
         it != state.config_objects().end() && it->first.kind == Kind::bgp_advertisement; ++it)
        if (selects(it->second.object, pool)) names.bgp.push_back(it->first.name);
    return names;
}

Placement place(const ClusterState& state, IpAddress address) {
    const Pool* pool = state.pool_of(address);
    if (pool == nullptr) return nobody(address.to_string() + " is in no pool");
    const std::vector<const VipRecord*> holders = state.holders(address);
    if (holders.empty()) return nobody("no VIP holds " + address.to_string());
    return place_by(state, *pool, rules_of(state, *pool), holders);
}

std::optional<L2Target> l2_target(const ClusterState& state, const std::string& node,
                                  IpAddress address) {
    const Pool* pool = state.pool_of(address);
    if (pool == nullptr || !state.nodes().contains(node)) return std::nullopt;
    const std::vector<const VipRecord*> holders = state.holders(address);
    if (holders.empty()) return std::nullopt;
    const L2Rules rules = rules_of(state, *pool);
    if (place_by(state, *pool, rules, holders).owner != node) return std::nullopt;
    return target_of(rules, state.nodes().at(node).object, holders);
}

std::map<IpAddress, L2Target> l2_plan(const ClusterState& state, const std::string& node) {
    std::map<IpAddress, L2Target> plan;
    const auto self = state.nodes().find(node);
    if (self == state.nodes().end()) return plan;
    std::map<std::string, L2Rules> rules_of_pool;  // looked up once: there may be many VIPs
    for (const auto& [key, record] : state.vips())
        for (const IpAddress address : record.assigned) {
            if (plan.contains(address)) continue;
            const Pool* pool = state.pool_of(address);
            const auto [rules, is_new] = rules_of_pool.try_emplace(pool->name);
            if (is_new) rules->second = rules_of(state, *pool);
            const std::vector<const VipRecord*> holders = state.holders(address);
            if (place_by(state, *pool, rules->second, holders).owner != node) continue;
            plan.emplace(address, target_of(rules->second, self->second.object, holders));
        }
    return plan;
}

}  // namespace trivet
