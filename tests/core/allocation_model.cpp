#include "tests/core/allocation_model.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "tests/core/test_objects.hpp"

namespace trivet::test {

namespace {

std::vector<IpAddress> all_of(const Pool& pool) {
    std::vector<IpAddress> all;
    for (const AddressRange& range : pool.addresses)
        for (IpAddress address = range.first;; address = address.next()) {
            all.push_back(address);
            if (address == range.last) break;
        }
    std::ranges::sort(all);
    return all;
}

bool has(const std::vector<IpAddress>& list, IpAddress address) {
    return std::ranges::find(list, address) != list.end();
}

bool has_family(const std::vector<IpAddress>& list, IpFamily family) {
    return std::ranges::any_of(list, [&](IpAddress a) { return a.family() == family; });
}

IpFamilyPolicy policy_of(const Vip& vip) {
    if (vip.ip_family_policy) return *vip.ip_family_policy;
    const bool both =
        has_family(vip.addresses, IpFamily::ipv4) && has_family(vip.addresses, IpFamily::ipv6);
    return both || vip.ip_families.size() == 2 ? IpFamilyPolicy::require_dual
                                               : IpFamilyPolicy::single;
}

bool share(const Vip& a, const Vip& b) {
    if (a.sharing_key.empty() || a.sharing_key != b.sharing_key) return false;
    if (a.traffic_policy != b.traffic_policy) return false;
    if (a.traffic_policy == TrafficPolicy::local && a.eligible_nodes != b.eligible_nodes)
        return false;
    if (a.ports.empty() || b.ports.empty()) return false;
    for (const Port& port : a.ports)
        if (std::ranges::find(b.ports, port) != b.ports.end()) return false;
    return true;
}

bool is_avoided(const Pool& pool, IpAddress address) {
    const int last = address.bytes()[15];
    return pool.avoid_buggy_ips && address.is_v4() && (last == 0 || last == 255);
}

IpFamily family_of(const Pool& pool) {
    for (const AddressRange& range : pool.addresses)
        if (range.family() == IpFamily::ipv4) return IpFamily::ipv4;
    return IpFamily::ipv6;
}

std::string name_of(const Vip& vip) { return vip.name_space + "/" + vip.name; }

}  // namespace

std::string AllocationModel::check(const ClusterState& state, const Step& step) {
    const AllocationModel before = std::exchange(*this, {});  // moved: held_ points into vips_
    records_ = before.records_;
    learn(state);
    std::string wrong = check_holders();
    for (const auto& [key, seen] : vips_)
        if (wrong.empty()) wrong = check_spec(key, seen);
    if (wrong.empty()) wrong = check_changes(before.vips_, step);
    if (wrong.empty() && !step.batch) wrong = check_order(before.vips_);
    if (wrong.empty() && !step.batch && !step.refused && step.vip && vips_.contains(*step.vip) &&
        !before.vips_.contains(*step.vip))
        wrong = check_choice(before, *step.vip);
    if (wrong.empty()) wrong = check_records(state, step, before);
    if (wrong.empty()) wrong = check_use(state);
    for (const auto& [key, seen] : vips_)
        if (wrong.empty() && seen.waiting && could_be_served(seen))
            wrong = key.to_string() + " waits, but could be served";
    return wrong;
}

void AllocationModel::learn(const ClusterState& state) {
    pools_.clear();
    namespaces_.clear();
    vips_.clear();
    held_.clear();
    time_ = state.time();
    addresses_.clear();
    for (const auto& [name, stored] : state.pools()) {
        pools_.emplace(name, stored.object);
        addresses_.emplace(name, all_of(stored.object));
    }
    for (const auto& [name, stored] : state.namespaces())
        namespaces_.emplace(name, stored.object.labels);
    for (const auto& [key, record] : state.vips())
        vips_.emplace(
            key, Seen{record.vip, record.created, record.assigned, !record.pending_reason.empty()});
    for (const auto& [key, seen] : vips_)
        for (const IpAddress address : seen.assigned) held_[address].push_back(&seen);
}

const Pool* AllocationModel::pool_of(IpAddress address) const {
    for (const auto& [name, pool] : pools_)
        for (const AddressRange& range : pool.addresses)
            if (range.contains(address)) return &pool;
    return nullptr;
}

bool AllocationModel::serves(const Pool& pool, const Vip& vip) const {
    bool in_namespace = pool.namespaces.empty() && pool.namespace_selectors.empty();
    for (const std::string& name : pool.namespaces) in_namespace |= name == vip.name_space;
    Labels labels;
    if (const auto found = namespaces_.find(vip.name_space); found != namespaces_.end())
        labels = found->second;
    labels["kubernetes.io/metadata.name"] = vip.name_space;
    for (const LabelSelector& selector : pool.namespace_selectors)
        in_namespace |= selector.matches(labels);
    bool selected = pool.vip_selectors.empty();
    for (const LabelSelector& selector : pool.vip_selectors)
        selected |= selector.matches(vip.labels);
    return in_namespace && selected;
}

std::vector<const Pool*> AllocationModel::candidates(const Vip& vip) const {
    std::vector<const Pool*> list;
    for (const auto& [name, pool] : pools_)
        if (serves(pool, vip) && (vip.pool.empty() ? pool.auto_assign : vip.pool == name))
            list.push_back(&pool);
    std::ranges::stable_sort(list, [](const Pool* a, const Pool* b) {
        if (a->priority != b->priority)
            return a->priority != 0 && (b->priority == 0 || a->priority < b->priority);
        const auto open = [](const Pool* p) {
            return p->namespaces.empty() && p->namespace_selectors.empty() &&
                   p->vip_selectors.empty();
        };
        return !open(a) && open(b);
    });
    return list;
}

bool AllocationModel::is_free_for(IpAddress address, const Vip& vip) const {
    if (held_.contains(address)) return false;
    const auto record = records_.find(address);
    if (record == records_.end() || record->second.vip == name_of(vip)) return true;
    return record->second.at + pool_of(address)->reuse_cooldown <= time_;
}

bool AllocationModel::is_shareable(IpAddress address, const Vip& vip) const {
    const auto held = held_.find(address);
    if (held == held_.end()) return false;
    return std::ranges::all_of(held->second,
                               [&](const Seen* other) { return share(vip, other->spec); });
}

bool AllocationModel::may_choose(const Pool& pool, IpAddress address, const Vip& vip) const {
    return !is_avoided(pool, address) && (is_free_for(address, vip) || is_shareable(address, vip));
}

bool AllocationModel::may_have_by_name(IpAddress address, const Vip& vip) const {
    const Pool* pool = pool_of(address);
    return pool != nullptr && (vip.pool.empty() || vip.pool == pool->name) && serves(*pool, vip) &&
           !is_avoided(*pool, address) && (!held_.contains(address) || is_shareable(address, vip));
}

bool AllocationModel::can_choose(const Vip& vip, IpFamily family) const {
    for (const Pool* pool : candidates(vip))
        for (const IpAddress address : addresses_.at(pool->name))
            if (address.family() == family && may_choose(*pool, address, vip)) return true;
    return false;
}

bool AllocationModel::could_be_served(const Seen& seen) const {
    const Vip& vip = seen.spec;
    std::size_t needs = 0;
    std::size_t possible = 0;
    for (const IpAddress wanted : vip.addresses) {
        if (has(seen.assigned, wanted)) continue;
        ++needs;
        possible += may_have_by_name(wanted, vip) ? 1 : 0;
    }
    const IpFamilyPolicy policy = policy_of(vip);
    if (policy == IpFamilyPolicy::single) {
        if (vip.addresses.empty() && seen.assigned.empty()) {
            ++needs;
            bool served = false;
            for (const IpFamily family : vip.ip_families) served |= can_choose(vip, family);
            if (vip.ip_families.empty())
                for (const Pool* pool : candidates(vip))
                    for (const IpAddress address : addresses_.at(pool->name))
                        served |=
                            address.family() == family_of(*pool) && may_choose(*pool, address, vip);
            possible += served ? 1 : 0;
        }
    } else {
        for (const IpFamily family : {IpFamily::ipv4, IpFamily::ipv6}) {
            if (has_family(vip.addresses, family) || has_family(seen.assigned, family)) continue;
            ++needs;
            possible += can_choose(vip, family) ? 1 : 0;
        }
    }
    const bool all_or_nothing = seen.assigned.empty() && policy != IpFamilyPolicy::prefer_dual;
    return all_or_nothing ? possible == needs : possible > 0;
}

std::string AllocationModel::check_holders() const {
    for (const auto& [address, holders] : held_) {
        if (pool_of(address) == nullptr) return address.to_string() + " is held outside every pool";
        for (std::size_t i = 0; i < holders.size(); ++i)
            for (std::size_t j = i + 1; j < holders.size(); ++j)
                if (!share(holders[i]->spec, holders[j]->spec))
                    return fmt::format("{} was given twice, to {} and {}", address.to_string(),
                                       name_of(holders[i]->spec), name_of(holders[j]->spec));
    }
    return "";
}

std::string AllocationModel::check_spec(const ObjectKey& key, const Seen& seen) const {
    const Vip& vip = seen.spec;
    const IpFamilyPolicy policy = policy_of(vip);
    std::size_t chosen[2] = {0, 0};
    bool complete = true;
    for (const IpAddress wanted : vip.addresses) complete &= has(seen.assigned, wanted);
    for (const IpAddress address : seen.assigned) {
        if (!vip.pool.empty() && pool_of(address)->name != vip.pool)
            return key.to_string() + " holds an address of another pool";
        if (has(vip.addresses, address)) continue;
        if (has_family(vip.addresses, address.family()))
            return key.to_string() + " holds an address beside the one it wants";
        ++chosen[address.is_v4() ? 0 : 1];
        if (policy == IpFamilyPolicy::single && !vip.ip_families.empty() &&
            std::ranges::find(vip.ip_families, address.family()) == vip.ip_families.end())
            return key.to_string() + " holds an address of a family that it does not want";
    }
    if (chosen[0] > 1 || chosen[1] > 1) return key.to_string() + " holds two of one family";
    if (policy == IpFamilyPolicy::single) {
        const std::size_t allowed = vip.addresses.empty() ? 1 : 0;
        if (chosen[0] + chosen[1] > allowed) return key.to_string() + " holds more than one";
        complete &= !seen.assigned.empty();
    } else {
        for (const IpFamily family : {IpFamily::ipv4, IpFamily::ipv6})
            complete &= has_family(seen.assigned, family);
    }
    if (complete == seen.waiting)
        return key.to_string() +
               (complete ? " waits for nothing" : " lacks something, but is content");
    return "";
}

/// Nothing changes by itself: a VIP loses addresses only by its own update or by force, and gains
/// them only when it waited.
std::string AllocationModel::check_changes(const Vips& before, const Step& step) const {
    for (const auto& [key, was] : before) {
        const auto found = vips_.find(key);
        const bool own = step.batch || (step.vip && *step.vip == key);
        if (found == vips_.end()) {
            if (!own) return key.to_string() + " vanished";
            continue;
        }
        if (own && !step.refused) continue;
        const Seen& is = found->second;
        if (!(is.spec == was.spec)) return key.to_string() + " has another spec";
        for (const IpAddress address : was.assigned)
            if (!has(is.assigned, address) && !step.force)
                return key.to_string() + " lost " + address.to_string();
        if (!was.waiting && !step.force && is.assigned != was.assigned)
            return key.to_string() + " changed although it waited for nothing";
    }
    for (const auto& [key, seen] : vips_)
        if (!before.contains(key) &&
            (step.refused || !(step.batch || (step.vip && *step.vip == key))))
            return key.to_string() + " appeared";
    return "";
}

/// An older VIP that waits for one address of any kind must not be passed over.
std::string AllocationModel::check_order(const Vips& before) const {
    for (const auto& [key, young] : vips_) {
        const auto was = before.find(key);
        for (const IpAddress got : young.assigned) {
            if (was != before.end() && has(was->second.assigned, got)) continue;
            if (held_.at(got).size() > 1) continue;  // shared: others may not be able to
            const auto record = records_.find(got);
            const Pool& pool = *pool_of(got);
            const bool cooling =
                record != records_.end() && record->second.at + pool.reuse_cooldown > time_;
            if (cooling || has(young.spec.addresses, got)) continue;
            for (const auto& [other_key, old] : vips_) {
                if (old.created >= young.created || !old.waiting) continue;
                if (!old.spec.addresses.empty() || !old.assigned.empty()) continue;
                if (policy_of(old.spec) == IpFamilyPolicy::require_dual) continue;
                const auto pools = candidates(old.spec);
                if (std::ranges::find(pools, &pool) == pools.end()) continue;
                const auto& wanted = old.spec.ip_families;
                const bool family =
                    policy_of(old.spec) == IpFamilyPolicy::prefer_dual ||
                    (wanted.empty() ? got.family() == family_of(pool)
                                    : std::ranges::find(wanted, got.family()) != wanted.end());
                if (family)
                    return fmt::format("{} got {} before the older {}", key.to_string(),
                                       got.to_string(), other_key.to_string());
            }
        }
    }
    return "";
}

/// A new VIP of a single family, without wishes, got the address that comes next.
std::string AllocationModel::check_choice(const AllocationModel& before,
                                          const ObjectKey& key) const {
    const Seen& seen = vips_.at(key);
    const Vip& vip = seen.spec;
    if (policy_of(vip) != IpFamilyPolicy::single || !vip.addresses.empty() ||
        vip.ip_families.size() > 1 || seen.assigned.empty())
        return "";
    const IpAddress got = seen.assigned.front();
    bool had_one = false;
    bool could_share = false;
    std::optional<IpAddress> next;
    for (const Pool* pool : before.candidates(vip)) {
        const IpFamily family =
            vip.ip_families.empty() ? family_of(*pool) : vip.ip_families.front();
        std::optional<std::pair<std::uint64_t, IpAddress>> best;
        for (const IpAddress address : addresses_.at(pool->name)) {
            if (address.family() != family || is_avoided(*pool, address)) continue;
            could_share |= before.is_shareable(address, vip);
            if (!before.is_free_for(address, vip)) continue;
            const auto record = before.records_.find(address);
            had_one |= record != before.records_.end() && record->second.vip == name_of(vip);
            const std::pair rank(record == before.records_.end() ? 0 : record->second.order,
                                 address);
            if (!best || rank < *best) best = rank;
        }
        if (best && !next) next = best->second;
    }
    const auto own = before.records_.find(got);
    if (had_one)
        return own != before.records_.end() && own->second.vip == name_of(vip)
                   ? ""
                   : key.to_string() + " did not get its old address back";
    if (could_share)
        return before.held_.contains(got)
                   ? ""
                   : key.to_string() + " got a free address, not a shared one";
    return next == got ? ""
                       : fmt::format("{} got {}, but {} comes next", key.to_string(),
                                     got.to_string(), next ? next->to_string() : "nothing");
}

std::string AllocationModel::check_use(const ClusterState& state) const {
    for (const auto& [name, pool] : pools_) {
        PoolUse use;
        for (const IpAddress address : addresses_.at(name)) {
            const bool held = held_.contains(address);
            use.assigned += held ? 1 : 0;
            use.total += held || !is_avoided(pool, address) ? 1 : 0;
            const auto record = records_.find(address);
            use.cooling += record != records_.end() && !is_avoided(pool, address) &&
                                   record->second.at + pool.reuse_cooldown > time_
                               ? 1
                               : 0;
        }
        if (state.pool_use(name) != use) return "pool_use of " + name + " is wrong";
    }
    return "";
}

/// Every address that was held and is not has a record, until somebody takes it.
std::string AllocationModel::check_records(const ClusterState& state, const Step& step,
                                           const AllocationModel& before) {
    constexpr std::string_view prefix = "released/";
    for (const std::string& key : step.changed) {
        if (!key.starts_with(prefix)) continue;
        const IpAddress address = test::address(key.substr(prefix.size()));
        const auto row = state.row(key);
        if (!row) {
            records_.erase(address);
            if (!held_.contains(address)) return address.to_string() + " has no release record";
            continue;
        }
        const auto value = json_of(*row);
        records_[address] = {WallTime(std::chrono::milliseconds(value["at"].get<std::int64_t>())),
                             value["order"], value["vip"]};
        if (records_[address].at != time_) return "the time of " + key + " is wrong";
    }
    for (const auto& [address, record] : records_)
        if (held_.contains(address)) return address.to_string() + " is released and held";
    for (const auto& [address, holders] : before.held_)
        if (!held_.contains(address) && !records_.contains(address))
            return address.to_string() + " has no release record";
    return "";
}

}  // namespace trivet::test
