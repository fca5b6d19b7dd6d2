#include "core/vip_planner.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <tuple>

#include "core/object_json.hpp"
#include "core/vip_rules.hpp"

namespace trivet {

namespace {

constexpr std::size_t pools_named_max = 8;  // in one message
constexpr const char* metadata_name = "kubernetes.io/metadata.name";

template <class List, class Value>
bool contains(const List& list, const Value& value) {
    return std::ranges::find(list, value) != list.end();
}

bool has_family(const std::vector<IpAddress>& addresses, IpFamily family) {
    return std::ranges::any_of(addresses, [&](IpAddress a) { return a.family() == family; });
}

bool restricts(const Pool& pool) {
    return !pool.namespaces.empty() || !pool.namespace_selectors.empty() ||
           !pool.vip_selectors.empty();
}

/// Joins at most `pools_named_max` parts and counts the rest.
std::string join(std::vector<std::string> parts, const char* separator) {
    if (parts.size() <= pools_named_max) return fmt::format("{}", fmt::join(parts, separator));
    const std::size_t more = parts.size() - pools_named_max;
    parts.resize(pools_named_max);
    return fmt::format("{}{}and {} more", fmt::join(parts, separator), separator, more);
}

std::string ranges_of(const Pool& pool) {
    std::vector<std::string> ranges;
    for (const AddressRange& range : pool.addresses) ranges.push_back(range.to_string());
    return join(std::move(ranges), ", ");
}

/// All that decides which held addresses a VIP may share.
std::string sharing_terms(const Vip& vip) {
    std::string terms = fmt::format("{} {}", vip.sharing_key, to_string(vip.traffic_policy));
    if (vip.traffic_policy == TrafficPolicy::local)
        terms += fmt::format(" {}", fmt::join(vip.eligible_nodes, ","));
    const std::set<Port> ports(vip.ports.begin(), vip.ports.end());
    for (const Port& port : ports)
        terms += fmt::format(" {}/{}", port.port, to_string(port.protocol));
    return terms;
}

/// The position of an address's family in the order of preference.
std::size_t rank(const std::vector<IpFamily>& families, IpAddress address) {
    const auto found = std::ranges::find(families, address.family());
    if (found != families.end()) return static_cast<std::size_t>(found - families.begin());
    return families.size() + (address.is_v4() ? 0 : 1);
}

}  // namespace

std::vector<std::string> VipPlanner::in_order(const Pools& pools) {
    std::vector<const Pool*> ordered;
    for (const auto& [name, stored] : pools) ordered.push_back(&stored.object);
    std::ranges::sort(ordered, {}, [](const Pool* pool) {
        const std::uint64_t priority = pool->priority == 0 ? UINT64_MAX : pool->priority;
        return std::tuple(priority, !restricts(*pool), std::string_view(pool->name));
    });
    std::vector<std::string> names;
    for (const Pool* pool : ordered) names.push_back(pool->name);
    return names;
}

void VipPlanner::sort(const Vip& vip, std::vector<IpAddress>& assigned) {
    const std::vector<IpFamily> families = effective_families(vip);
    std::ranges::sort(assigned, {}, [&](IpAddress address) {
        const auto wanted = std::ranges::find(vip.addresses, address);
        return std::tuple(wanted - vip.addresses.begin(), rank(families, address), address);
    });
}

std::string VipPlanner::name_of(VipId id) const {
    const auto found = parts_.vips.find(id);
    if (found == parts_.vips.end()) return "this VIP";
    return fmt::format("VIP '{}/{}'", found->second.name_space, found->second.name);
}

std::vector<IpAddress> VipPlanner::fitting(const Vip& vip,
                                           const std::vector<IpAddress>& assigned) const {
    const std::vector<IpFamily> families = effective_families(vip);
    const bool single = effective_policy(vip) == IpFamilyPolicy::single;
    std::vector<IpAddress> kept;
    for (const IpAddress wanted : vip.addresses)
        if (contains(assigned, wanted)) kept.push_back(wanted);

    using Ranked = std::tuple<std::size_t, std::size_t, IpAddress>;  // rank, place, address
    std::vector<Ranked> ordered;
    for (const IpAddress address : assigned)
        ordered.emplace_back(rank(families, address), ordered.size(), address);
    std::ranges::sort(ordered);
    for (const auto& [family_rank, place, address] : ordered) {
        const IpFamily family = address.family();
        const std::string* pool = parts_.allocator.pool_of(address);
        const bool asked = families.empty() || contains(families, family);
        const bool covered = single ? !vip.addresses.empty() || !kept.empty()
                                    : has_family(vip.addresses, family) || has_family(kept, family);
        const bool in_pool = vip.pool.empty() || (pool != nullptr && *pool == vip.pool);
        if (!contains(kept, address) && asked && !covered && in_pool) kept.push_back(address);
    }
    return kept;
}

std::optional<std::string> VipPlanner::exclusion(const Pool& pool, const Vip& vip) const {
    if (!pool.namespaces.empty() || !pool.namespace_selectors.empty()) {
        // As MetalLB's serviceAllocation: named, or matched by a selector.
        bool served = contains(pool.namespaces, vip.name_space);
        if (!served && !pool.namespace_selectors.empty()) {
            Labels labels;
            if (const auto found = parts_.namespaces.find(vip.name_space);
                found != parts_.namespaces.end())
                labels = found->second.object.labels;
            labels[metadata_name] = vip.name_space;
            served = any_matches(pool.namespace_selectors, labels);
        }
        if (!served)
            return "its namespaces and namespace_selectors leave out namespace '" + vip.name_space +
                   "'";
    }
    if (!pool.vip_selectors.empty() && !any_matches(pool.vip_selectors, vip.labels))
        return "its vip_selectors do not match the VIP's labels";
    return std::nullopt;
}

std::string VipPlanner::pool_names() const {
    if (parts_.pools.empty()) return "there is no pool yet";
    std::vector<std::string> names;
    for (const auto& [name, stored] : parts_.pools) names.push_back("'" + name + "'");
    return "the pools are " + join(std::move(names), ", ");
}

Result<void> VipPlanner::check_wishes(const Vip& vip, VipId id, const VipRecord* before) const {
    const bool new_pool = before == nullptr || before->vip.pool != vip.pool;
    const bool new_labels = before == nullptr || before->vip.labels != vip.labels;
    if (!vip.pool.empty() && (new_pool || new_labels)) {
        const auto pool = parts_.pools.find(vip.pool);
        if (pool == parts_.pools.end() && new_pool)
            return fail(ErrorCode::not_found,
                        fmt::format("there is no pool '{}'; {}", vip.pool, pool_names()), "pool");
        const bool in_it = before != nullptr && !new_pool && !before->assigned.empty();
        if (pool != parts_.pools.end() && !in_it)
            if (const auto why = exclusion(pool->second.object, vip))
                return fail(ErrorCode::conflict,
                            fmt::format("pool '{}' does not serve VIP '{}': {}", vip.pool,
                                        vip_name(vip), *why),
                            "pool");
    }
    for (std::size_t i = 0; i < vip.addresses.size(); ++i) {
        const IpAddress address = vip.addresses[i];
        if (!new_pool && contains(before->vip.addresses, address)) continue;
        auto checked = check_wanted(vip, id, address);
        if (checked) continue;
        checked.error().field = fmt::format("addresses[{}]", i);
        return checked;
    }
    return {};
}

Result<void> VipPlanner::check_wanted(const Vip& vip, VipId id, IpAddress address) const {
    const std::string text = address.to_string();
    const std::string* home = parts_.allocator.pool_of(address);
    if (home == nullptr) {
        std::vector<std::string> pools;
        for (const auto& [name, stored] : parts_.pools)
            pools.push_back(fmt::format("'{}' ({})", name, ranges_of(stored.object)));
        const std::string known = pools.empty() ? "there is no pool yet"
                                                : "the pools are " + join(std::move(pools), ", ");
        return fail(ErrorCode::invalid_argument,
                    fmt::format("address {} is outside every pool; {}", text, known));
    }
    if (!vip.pool.empty() && *home != vip.pool)
        return fail(ErrorCode::conflict,
                    fmt::format("address {} belongs to pool '{}', but the VIP asks for pool '{}'; "
                                "leave one of both out",
                                text, *home, vip.pool));
    const Pool& pool = parts_.pools.at(*home).object;
    const std::vector<VipId>* holders = parts_.allocator.holders(address);
    if (holders != nullptr && contains(*holders, id)) return {};
    if (const auto why = exclusion(pool, vip))
        return fail(
            ErrorCode::conflict,
            fmt::format("address {} belongs to pool '{}', which does not serve VIP '{}': {}", text,
                        *home, vip_name(vip), *why));
    if (pool.avoid_buggy_ips && is_buggy(address))
        return fail(ErrorCode::invalid_argument,
                    fmt::format("address {} ends in .0 or .255, which pool '{}' avoids "
                                "(avoid_buggy_ips)",
                                text, *home));
    if (const auto obstacle = parts_.allocator.obstacle(address, vip, id))
        return fail(ErrorCode::conflict, fmt::format("address {} is held by {}: {}", text,
                                                     name_of(obstacle->holder), obstacle->reason));
    return {};
}

VipPlanner::Need VipPlanner::need_of(const Vip& vip, const std::vector<IpAddress>& kept) const {
    Need need;
    for (const IpAddress wanted : vip.addresses)
        if (!contains(kept, wanted)) need.wanted.push_back(wanted);
    const std::vector<IpFamily> families = effective_families(vip);
    if (effective_policy(vip) == IpFamilyPolicy::single) {
        if (!vip.addresses.empty() || !kept.empty()) return need;
        need.families = families;
        need.any_family = families.empty();
        need.first_family = !families.empty();
        return need;
    }
    for (const IpFamily family : families)
        if (!has_family(vip.addresses, family) && !has_family(kept, family))
            need.families.push_back(family);
    return need;
}

std::vector<const Pool*> VipPlanner::candidates(const Vip& vip) const {
    std::vector<const Pool*> pools;
    if (!vip.pool.empty()) {
        const auto found = parts_.pools.find(vip.pool);
        if (found != parts_.pools.end() && !exclusion(found->second.object, vip))
            pools.push_back(&found->second.object);
        return pools;
    }
    for (const std::string& name : parts_.pools_in_order) {
        const Pool& pool = parts_.pools.at(name).object;
        if (pool.auto_assign && !exclusion(pool, vip)) pools.push_back(&pool);
    }
    return pools;
}

IpFamily VipPlanner::family_of(const Pool& pool) const {
    return parts_.allocator.has_family(pool.name, IpFamily::ipv4) ? IpFamily::ipv4 : IpFamily::ipv6;
}

/// Pools where the VIP had an address come first, then those where it can share one, then those
/// that hold its other addresses.
std::vector<const Pool*> VipPlanner::by_affinity(std::vector<const Pool*> pools, const Vip& vip,
                                                 VipId id, const Need& need,
                                                 const std::vector<IpAddress>& kept) const {
    if (pools.size() < 2) return pools;
    const bool had_any = parts_.allocator.has_releases(vip_name(vip));
    if (!had_any && vip.sharing_key.empty() && kept.empty()) return pools;
    using Ranked = std::tuple<std::int64_t, std::size_t, const Pool*>;  // -affinity, place, pool
    std::vector<Ranked> ranked;
    for (const Pool* pool : pools) {
        const std::vector<IpFamily> families =
            need.any_family ? std::vector{family_of(*pool)} : need.families;
        std::int64_t affinity = 0;
        for (const IpFamily family : families) {
            if (parts_.allocator.own_old(pool->name, family, vip))
                affinity += 100;
            else if (parts_.allocator.shareable(pool->name, family, vip, id))
                affinity += 10;
        }
        for (const IpAddress address : kept)
            if (const std::string* home = parts_.allocator.pool_of(address);
                home != nullptr && *home == pool->name)
                affinity += 1;
        ranked.emplace_back(-affinity, ranked.size(), pool);
    }
    std::ranges::sort(ranked, {}, [](const Ranked& row) {
        return std::pair(std::get<0>(row), std::get<1>(row));
    });
    std::ranges::transform(ranked, pools.begin(),
                           [](const Ranked& row) { return std::get<2>(row); });
    return pools;
}

std::optional<IpAddress> VipPlanner::choose_one(const std::vector<const Pool*>& pools,
                                                const Vip& vip, VipId id, const Need& need) const {
    if (need.any_family) {
        for (const Pool* pool : pools)
            if (auto got = parts_.allocator.choose(pool->name, family_of(*pool), vip, id))
                return got;
        return std::nullopt;
    }
    for (const IpFamily family : need.families)
        for (const Pool* pool : pools)
            if (auto got = parts_.allocator.choose(pool->name, family, vip, id)) return got;
    return std::nullopt;
}

void VipPlanner::choose_each(const std::vector<const Pool*>& pools, const Vip& vip, VipId id,
                             const Need& need, Plan& plan) const {
    // One pool that can serve all families comes before better pools that cannot.
    for (const Pool* pool : pools) {
        std::vector<IpAddress> all;
        for (const IpFamily family : need.families)
            if (auto got = parts_.allocator.choose(pool->name, family, vip, id))
                all.push_back(*got);
        if (all.size() < need.families.size()) continue;
        plan.chosen.insert(plan.chosen.end(), all.begin(), all.end());
        return;
    }
    for (const IpFamily family : need.families) {
        std::optional<IpAddress> got;
        for (const Pool* pool : pools) {
            got = parts_.allocator.choose(pool->name, family, vip, id);
            if (got) break;
        }
        if (got) {
            plan.chosen.push_back(*got);
            continue;
        }
        if (!plan.lacking.empty()) plan.lacking += "; ";
        plan.lacking += pools.empty() ? no_pool_reason(vip) : exhausted_reason(pools, vip, family);
        if (pools.empty()) return;
    }
}

VipPlanner::Plan VipPlanner::plan(const Vip& vip, VipId id,
                                  const std::vector<IpAddress>& kept) const {
    const Need need = need_of(vip, kept);
    Plan plan;
    for (const IpAddress wanted : need.wanted) {
        if (auto checked = check_wanted(vip, id, wanted); checked) {
            plan.chosen.push_back(wanted);
            continue;
        } else {
            if (!plan.lacking.empty()) plan.lacking += "; ";
            plan.lacking += checked.error().message;
        }
    }
    if (!need.families.empty() || need.any_family) {
        const std::vector<const Pool*> pools = by_affinity(candidates(vip), vip, id, need, kept);
        if (!need.any_family && !need.first_family) {
            choose_each(pools, vip, id, need, plan);
        } else if (auto got = choose_one(pools, vip, id, need)) {
            plan.chosen.push_back(*got);
        } else {
            plan.lacking = pools.empty() ? no_pool_reason(vip)
                                         : exhausted_reason(pools, vip,
                                                            need.families.size() == 1
                                                                ? std::optional(need.families[0])
                                                                : std::nullopt);
        }
    }
    // All or nothing, except that what a VIP has it keeps, and that prefer_dual takes what it gets.
    if (!plan.lacking.empty() && kept.empty() &&
        effective_policy(vip) != IpFamilyPolicy::prefer_dual)
        plan.chosen.clear();
    return plan;
}

WaitingLine::Wait VipPlanner::wait_of(const Vip& vip, VipId id,
                                      const std::vector<IpAddress>& kept) const {
    const Need need = need_of(vip, kept);
    WaitingLine::Wait wait;
    wait.addresses = need.wanted;
    wait.sharing_key = vip.sharing_key;
    if (parts_.allocator.has_shared(vip.sharing_key)) wait.group.sharing = sharing_terms(vip);
    if (need.families.empty() && !need.any_family) {
        wait.group.alone = id;
        return wait;
    }
    const std::vector<const Pool*> pools = candidates(vip);
    for (const Pool* pool : pools) wait.group.pools.push_back(pool->name);
    wait.group.families = need.families;
    wait.group.how = static_cast<std::uint8_t>(
        static_cast<unsigned>(effective_policy(vip)) | (need.any_family ? 4u : 0u) |
        (need.first_family ? 8u : 0u) | (kept.empty() ? 16u : 0u));
    // One free address serves every member of a class alike. That is not so for a VIP that wants
    // one by name as well, or that has an old one to come back to.
    const bool has_old = std::ranges::any_of(pools, [&](const Pool* pool) {
        return parts_.allocator.own_old(pool->name, IpFamily::ipv4, vip) ||
               parts_.allocator.own_old(pool->name, IpFamily::ipv6, vip);
    });
    if (!need.wanted.empty() || has_old) wait.group.alone = id;
    return wait;
}

std::string VipPlanner::no_pool_reason(const Vip& vip) const {
    if (parts_.pools.empty())
        return "there is no pool yet; create one with the addresses that VIPs may have";
    if (!vip.pool.empty()) {
        const auto found = parts_.pools.find(vip.pool);
        if (found == parts_.pools.end())
            return fmt::format("there is no pool '{}'; create it, or name another: {}", vip.pool,
                               pool_names());
        return fmt::format("pool '{}' does not serve this VIP: {}", vip.pool,
                           exclusion(found->second.object, vip).value_or("it has no addresses"));
    }
    std::vector<std::string> reasons;
    for (const auto& [name, stored] : parts_.pools)
        reasons.push_back(fmt::format(
            "pool '{}': {}", name,
            stored.object.auto_assign
                ? exclusion(stored.object, vip).value_or("it has no addresses")
                : "auto_assign is off, so that only VIPs which name the pool are served"));
    return "no pool serves this VIP; name a pool, or create one that does (" +
           join(std::move(reasons), "; ") + ")";
}

std::string VipPlanner::exhausted_reason(const std::vector<const Pool*>& pools, const Vip& vip,
                                         std::optional<IpFamily> family) const {
    std::vector<std::string> reasons;
    for (const Pool* pool : pools) {
        const bool both = parts_.allocator.has_family(pool->name, IpFamily::ipv4) &&
                          parts_.allocator.has_family(pool->name, IpFamily::ipv6);
        const IpFamily looked_at = family.value_or(family_of(*pool));
        const char* label = looked_at == IpFamily::ipv4 ? "IPv4" : "IPv6";
        if (!parts_.allocator.has_family(pool->name, looked_at)) {
            reasons.push_back(fmt::format("pool '{}' has no {} range", pool->name, label));
            continue;
        }
        const PoolUse use = parts_.allocator.use(pool->name, looked_at);
        reasons.push_back(
            fmt::format("pool '{}' has no free {}address: {} of {} assigned, {} "
                        "cooling down",
                        pool->name, both ? std::string(label) + " " : "", use.assigned, use.total,
                        use.cooling));
    }
    std::string reason = join(std::move(reasons), "; ");
    if (!vip.sharing_key.empty()) reason += "; none can be shared by key '" + vip.sharing_key + "'";
    return reason;
}

}  // namespace trivet
