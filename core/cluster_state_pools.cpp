// Pools in ClusterState: overlap, addresses in use, force.
#include <algorithm>
#include <fmt/format.h>

#include "core/assert.hpp"
#include "core/cluster_state.hpp"
#include "core/vip_rules.hpp"

namespace trivet {

namespace {

constexpr std::size_t vips_named_max = 20;  // in one message

std::string row_of(const std::string& pool) { return "pool/" + pool; }

}  // namespace

Result<void> ClusterState::put(const Pool& pool, bool force, Change& change) {
    if (const auto overlap = allocator_.overlap(pool))
        return fail(ErrorCode::conflict,
                    fmt::format("range {} of pool '{}' overlaps range {} of pool '{}'; an address "
                                "belongs to one pool",
                                overlap->range.to_string(), pool.name, overlap->with.to_string(),
                                overlap->pool),
                    "addresses");
    const auto found = pools_.find(pool.name);
    const bool is_new = found == pools_.end();
    if (!is_new) {
        if (found->second.object == pool) return {};
        auto freed = free_up(found->second.object, pool.addresses, force, change);
        if (!freed) return freed;
    }
    allocator_.put_pool(pool, time_);
    pools_.insert_or_assign(pool.name, Stored<Pool>{pool, change.index});
    change.rows.insert(row_of(pool.name));
    const PoolUse use = pool_use(pool.name);
    change.event(is_new ? "pool_created" : "pool_changed", row_of(pool.name),
                 fmt::format("pool '{}' {}: {} of {} addresses assigned", pool.name,
                             is_new ? "created" : "changed", use.assigned,
                             use.total == UINT64_MAX ? "2^64 or more" : std::to_string(use.total)));
    pools_changed();
    change.touch_all(fmt::format("pool '{}' changed", pool.name));
    return {};
}

Result<void> ClusterState::delete_pool(const std::string& name, bool force, Change& change) {
    const Pool pool = pools_.at(name).object;
    if (auto freed = free_up(pool, {}, force, change); !freed) return freed;
    allocator_.remove_pool(name);
    pools_.erase(name);
    change.rows.insert(row_of(name));
    change.event("pool_deleted", row_of(name), "pool '" + name + "' deleted");
    pools_changed();
    change.touch_all("pool '" + name + "' deleted");
    return {};
}

/// Frees the addresses of `pool` that `kept` does not hold: refused when they are in use, unless
/// by force.
Result<void> ClusterState::free_up(const Pool& pool, const std::vector<AddressRange>& kept,
                                   bool force, Change& change) {
    IntervalSet remaining;
    for (const AddressRange& range : kept) remaining.add(range);
    std::vector<std::pair<IpAddress, VipId>> used;
    for (const AddressRange& range : pool.addresses)
        for (const IpAddress address : allocator_.held_within(range))
            if (!remaining.contains(address))
                for (const VipId id : *allocator_.holders(address)) used.emplace_back(address, id);
    if (!used.empty() && !force) return fail(in_use(pool.name, used));
    for (const auto& [address, id] : used) take_by_force(pool.name, address, id, change);
    return {};
}

Error ClusterState::in_use(const std::string& pool,
                           const std::vector<std::pair<IpAddress, VipId>>& used) const {
    std::string list;
    for (std::size_t i = 0; i < std::min(used.size(), vips_named_max); ++i) {
        const ObjectKey& vip = vip_by_id_.at(used[i].second);
        list += fmt::format("{}'{}/{}' ({})", i == 0 ? "" : ", ", vip.name_space, vip.name,
                            used[i].first.to_string());
    }
    if (used.size() > vips_named_max)
        list += fmt::format(" and {} more", used.size() - vips_named_max);
    return {ErrorCode::conflict,
            fmt::format("pool '{}' would lose addresses that VIPs hold: {}; delete or change these "
                        "VIPs first, or use force to take the addresses away from them",
                        pool, list)};
}

void ClusterState::take_by_force(const std::string& pool, IpAddress address, VipId id,
                                 Change& change) {
    VipRecord& record = record_of(id);
    allocator_.release(address, record.vip, id, {change.order(), time_});
    change.touch(record.assigned);
    std::erase(record.assigned, address);
    record.revision = change.index;
    record.pending_reason = "its address was taken by force";  // until it is tried again, below
    stand_in_line(record);
    const std::string row = key_of(record.vip).to_string();
    change.rows.insert(row);
    change.event("address_taken_by_force", row,
                 fmt::format("VIP '{}' lost {}: pool '{}' gave it up by force",
                             vip_name(record.vip), address.to_string(), pool));
}

void ClusterState::pools_changed() {
    pool_order_ = VipPlanner::in_order(pools_);
    line_is_stale_ = true;  // apply_actions() settles it
}

}  // namespace trivet
