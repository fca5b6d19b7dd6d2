#include "core/allocator.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <limits>

#include "core/assert.hpp"
#include "core/vip_rules.hpp"

namespace trivet {

namespace {

// One record is about 200 bytes; a /16 that is used up and emptied again still fits.
constexpr std::size_t releases_max = 65'536;

std::uint64_t add_saturating(std::uint64_t a, std::uint64_t b) {
    constexpr std::uint64_t all = std::numeric_limits<std::uint64_t>::max();
    return b > all - a ? all : a + b;
}

/// How many addresses up to `value` end in .0 or .255.
std::uint64_t buggy_up_to(std::uint32_t value) {
    return std::uint64_t{value >> 8} * 2 + 1 + ((value & 0xff) == 255 ? 1 : 0);
}

std::uint64_t buggy_within(const AddressRange& range) {
    if (range.family() != IpFamily::ipv4) return 0;
    const std::uint32_t first = range.first.v4_value();
    return buggy_up_to(range.last.v4_value()) - (first == 0 ? 0 : buggy_up_to(first - 1));
}

std::string describe(const Port& port) {
    constexpr std::array names = {"tcp", "udp", "sctp"};
    return fmt::format("{}/{}", port.port, names[static_cast<std::size_t>(port.protocol)]);
}

}  // namespace

Allocator::Terms Allocator::terms_of(const Vip& vip) {
    const bool local = vip.traffic_policy == TrafficPolicy::local;
    return {vip.sharing_key, vip.traffic_policy,
            local ? vip.eligible_nodes : std::set<std::string>{}};
}

Allocator::Shelf& Allocator::shelf(PoolState& pool, IpFamily family) {
    return pool.shelves[family == IpFamily::ipv4 ? 0 : 1];
}

const Allocator::Shelf& Allocator::shelf(const PoolState& pool, IpFamily family) {
    return pool.shelves[family == IpFamily::ipv4 ? 0 : 1];
}

/// Keeps the promise about `fresh` for the range that may begin at `start`.
void Allocator::trim(PoolState& pool, IpAddress start) {
    while (pool.avoid_buggy_ips && is_buggy(start) && pool.fresh.contains(start)) {
        pool.fresh.remove(start);
        start = start.next();
    }
}

bool Allocator::is_eligible(const PoolState& pool, IpAddress address) const {
    return !pool.avoid_buggy_ips || !is_buggy(address);
}

Allocator::PoolState* Allocator::state_of(IpAddress address) {
    const std::string* name = pool_of(address);
    return name == nullptr ? nullptr : &pools_.at(*name);
}

void Allocator::put_pool(const Pool& pool, WallTime now) {
    remove_pool(pool.name);
    PoolState& state = pools_[pool.name];
    state.ranges = pool.addresses;
    state.avoid_buggy_ips = pool.avoid_buggy_ips;
    state.cooldown = pool.reuse_cooldown;
    for (const AddressRange& range : pool.addresses) {
        range_of_.emplace(range.first, std::pair{range.last, pool.name});
        state.fresh.add(range);
        Shelf& counts = shelf(state, range.family());
        counts.present = true;
        const std::uint64_t usable =
            range.size() - (state.avoid_buggy_ips ? buggy_within(range) : 0);
        counts.total = add_saturating(counts.total, usable);
    }
    for (const AddressRange& range : pool.addresses) {
        for (const IpAddress address : held_within(range)) {
            state.fresh.remove(address);
            count(address, true);
        }
        for (auto it = released_.lower_bound(range.first);
             it != released_.end() && it->first <= range.last; ++it) {
            idle_releases_.erase({it->second.order, it->first});
            state.fresh.remove(it->first);
            enqueue(it->first, it->second, now);
        }
    }
    for (const AddressRange& free : state.fresh.ranges()) trim(state, free.first);
    gains_.pools.insert(pool.name);
}

void Allocator::remove_pool(const std::string& name) {
    const auto found = pools_.find(name);
    if (found == pools_.end()) return;
    for (Shelf& old : found->second.shelves)
        for (Queue* queue : {&old.ready, &old.cooling})
            for (const auto& [order, address] : *queue) {
                cooled_at_.erase({released_.at(address).at + found->second.cooldown, address});
                idle_releases_.emplace(order, address);
            }
    for (const AddressRange& range : found->second.ranges) range_of_.erase(range.first);
    pools_.erase(found);
}

std::optional<Allocator::Overlap> Allocator::overlap(const Pool& pool) const {
    for (const AddressRange& range : pool.addresses) {
        auto it = range_of_.upper_bound(range.first);
        if (it != range_of_.begin()) --it;
        for (; it != range_of_.end() && it->first <= range.last; ++it) {
            const AddressRange other{it->first, it->second.first};
            if (it->second.second != pool.name && other.overlaps(range))
                return Overlap{range, it->second.second, other};
        }
    }
    return std::nullopt;
}

const std::string* Allocator::pool_of(IpAddress address) const {
    const auto after = range_of_.upper_bound(address);
    if (after == range_of_.begin()) return nullptr;
    const auto& [last, pool] = std::prev(after)->second;
    return address <= last ? &pool : nullptr;
}

bool Allocator::has_family(const std::string& pool, IpFamily family) const {
    const auto found = pools_.find(pool);
    return found != pools_.end() && shelf(found->second, family).present;
}

PoolUse Allocator::use(const std::string& pool, IpFamily family) const {
    const auto found = pools_.find(pool);
    if (found == pools_.end()) return {};
    const Shelf& counts = shelf(found->second, family);
    return {add_saturating(counts.total, counts.assigned_buggy), counts.assigned,
            counts.cooling.size()};
}

const std::vector<VipId>* Allocator::holders(IpAddress address) const {
    const auto found = held_.find(address);
    return found == held_.end() ? nullptr : &found->second.holders;
}

std::vector<IpAddress> Allocator::held_within(const AddressRange& range) const {
    std::vector<IpAddress> held;
    for (auto it = held_.lower_bound(range.first); it != held_.end() && it->first <= range.last;
         ++it)
        held.push_back(it->first);
    return held;
}

std::optional<Allocator::Obstacle> Allocator::obstacle(IpAddress address, const Vip& vip,
                                                       VipId id) const {
    const auto found = held_.find(address);
    if (found == held_.end()) return std::nullopt;
    const Holding& holding = found->second;
    const auto other = std::ranges::find_if(holding.holders, [&](VipId h) { return h != id; });
    if (other == holding.holders.end()) return std::nullopt;
    // The holders agree with each other, so that one of them speaks for all.
    const Terms wanted = terms_of(vip);
    if (wanted.sharing_key.empty() || wanted.sharing_key != holding.terms.sharing_key)
        return Obstacle{*other, "VIPs share an address only with one equal, non-empty sharing_key"};
    if (wanted.traffic_policy != holding.terms.traffic_policy)
        return Obstacle{*other, "VIPs that share an address need the same traffic_policy"};
    if (wanted.eligible_nodes != holding.terms.eligible_nodes)
        return Obstacle{*other,
                        "VIPs with traffic_policy local that share an address need the same "
                        "eligible_nodes"};
    // Without ports listed a VIP claims them all.
    if (holding.ports.empty() && holding.holders.size() == 1)
        return Obstacle{*other, "it lists no ports, which claims them all"};
    if (vip.ports.empty())
        return Obstacle{*other, "this VIP lists no ports, which claims them all"};
    for (const Port& port : vip.ports) {
        const auto claimed = holding.ports.find(port);
        if (claimed != holding.ports.end() && claimed->second != id)
            return Obstacle{claimed->second, "both want port " + describe(port)};
    }
    return std::nullopt;
}

std::optional<IpAddress> Allocator::choose(const std::string& pool, IpFamily family, const Vip& vip,
                                           VipId id) const {
    if (const auto old = own_old(pool, family, vip)) return old;
    if (const auto shared = shareable(pool, family, vip, id)) return shared;
    const PoolState& state = pools_.at(pool);
    if (const auto fresh = state.fresh.lowest(family)) return fresh;
    const Queue& ready = shelf(state, family).ready;
    if (!ready.empty()) return ready.begin()->second;
    return std::nullopt;
}

std::optional<IpAddress> Allocator::own_old(const std::string& pool, IpFamily family,
                                            const Vip& vip) const {
    if (released_by_.empty()) return std::nullopt;
    const auto own = released_by_.find(vip_name(vip));
    if (own == released_by_.end()) return std::nullopt;
    std::optional<IpAddress> latest;
    for (const IpAddress address : own->second) {
        const std::string* home = pool_of(address);
        if (address.family() != family || home == nullptr || *home != pool) continue;
        if (!is_eligible(pools_.at(pool), address)) continue;
        if (!latest || released_.at(*latest).order < released_.at(address).order) latest = address;
    }
    return latest;
}

std::optional<IpAddress> Allocator::shareable(const std::string& pool, IpFamily family,
                                              const Vip& vip, VipId id) const {
    if (vip.sharing_key.empty()) return std::nullopt;
    const auto shared = shared_.find(vip.sharing_key);
    if (shared == shared_.end()) return std::nullopt;
    for (const IpAddress address : shared->second) {
        const std::string* home = pool_of(address);
        if (address.family() != family || home == nullptr || *home != pool) continue;
        if (!is_eligible(pools_.at(pool), address)) continue;
        if (!obstacle(address, vip, id)) return address;
    }
    return std::nullopt;
}

void Allocator::count(IpAddress address, bool assigned) {
    PoolState* pool = state_of(address);
    TRIVET_ASSERT(pool != nullptr);
    Shelf& counts = shelf(*pool, address.family());
    const auto step = [&](std::uint64_t& number) {
        TRIVET_ASSERT(assigned || number > 0);
        number = assigned ? number + 1 : number - 1;
    };
    step(counts.assigned);
    if (!is_eligible(*pool, address)) step(counts.assigned_buggy);
}

void Allocator::take(IpAddress address, const Vip& vip, VipId id) {
    TRIVET_ASSERT(!obstacle(address, vip, id));
    Holding& holding = held_[address];
    if (holding.holders.empty()) {
        end_release(address);
        PoolState* pool = state_of(address);
        TRIVET_ASSERT(pool != nullptr);
        pool->fresh.remove(address);
        trim(*pool, address.next());
        count(address, true);
        holding.terms = terms_of(vip);
        if (!vip.sharing_key.empty()) shared_[vip.sharing_key].insert(address);
    }
    const auto place = std::ranges::lower_bound(holding.holders, id);
    TRIVET_ASSERT(place == holding.holders.end() || *place != id);
    holding.holders.insert(place, id);
    for (const Port& port : vip.ports) holding.ports.emplace(port, id);
    if (!vip.sharing_key.empty()) gains_.sharing_keys.insert(vip.sharing_key);
}

void Allocator::release(IpAddress address, const Vip& vip, VipId id, Moment moment) {
    const auto found = held_.find(address);
    TRIVET_ASSERT(found != held_.end());
    Holding& holding = found->second;
    const auto place = std::ranges::lower_bound(holding.holders, id);
    TRIVET_ASSERT(place != holding.holders.end() && *place == id);
    holding.holders.erase(place);
    for (const Port& port : vip.ports) holding.ports.erase(port);
    if (!holding.terms.sharing_key.empty()) gains_.sharing_keys.insert(holding.terms.sharing_key);
    if (!holding.holders.empty()) return;

    const auto shared = shared_.find(holding.terms.sharing_key);
    if (shared != shared_.end() && shared->second.erase(address) > 0 && shared->second.empty())
        shared_.erase(shared);
    held_.erase(found);
    count(address, false);
    const auto [record, inserted] =
        released_.emplace(address, Release{moment.order, moment.now, vip_name(vip)});
    TRIVET_ASSERT(inserted);
    released_by_[record->second.vip].insert(address);
    gains_.records.insert(address);
    gains_.addresses.insert(address);
    enqueue(address, record->second, moment.now);
    if (released_.size() > releases_max) evict();
}

void Allocator::restate(IpAddress address, const Vip& before, const Vip& after, VipId id) {
    Holding& holding = held_.at(address);
    TRIVET_ASSERT(!obstacle(address, after, id));
    for (const Port& port : before.ports) holding.ports.erase(port);
    for (const Port& port : after.ports) holding.ports.emplace(port, id);
    const Terms terms = terms_of(after);
    if (terms != holding.terms) {  // then nobody else holds it
        if (!holding.terms.sharing_key.empty()) {
            const auto shared = shared_.find(holding.terms.sharing_key);
            shared->second.erase(address);
            if (shared->second.empty()) shared_.erase(shared);
        }
        holding.terms = terms;
        if (!terms.sharing_key.empty()) shared_[terms.sharing_key].insert(address);
    }
    if (!terms.sharing_key.empty()) gains_.sharing_keys.insert(terms.sharing_key);
}

const Release* Allocator::released(IpAddress address) const {
    const auto found = released_.find(address);
    return found == released_.end() ? nullptr : &found->second;
}

void Allocator::restore_release(IpAddress address, Release release, WallTime now) {
    TRIVET_ASSERT(!held_.contains(address));
    const auto record = released_.emplace(address, std::move(release)).first;
    released_by_[record->second.vip].insert(address);
    PoolState* pool = state_of(address);
    if (pool != nullptr) {
        pool->fresh.remove(address);
        trim(*pool, address.next());
    }
    enqueue(address, record->second, now);
}

/// Puts a released address where it waits for its next use.
void Allocator::enqueue(IpAddress address, const Release& release, WallTime now) {
    PoolState* pool = state_of(address);
    if (pool == nullptr || !is_eligible(*pool, address)) {
        idle_releases_.emplace(release.order, address);
        return;
    }
    const WallTime cooled = release.at + pool->cooldown;
    if (cooled > now) {
        shelf(*pool, address.family()).cooling.emplace(release.order, address);
        cooled_at_.emplace(cooled, address);
        return;
    }
    shelf(*pool, address.family()).ready.emplace(release.order, address);
    gains_.pools.insert(*pool_of(address));
}

void Allocator::dequeue(IpAddress address, const Release& release) {
    idle_releases_.erase({release.order, address});
    PoolState* pool = state_of(address);
    if (pool == nullptr) return;
    shelf(*pool, address.family()).ready.erase({release.order, address});
    shelf(*pool, address.family()).cooling.erase({release.order, address});
    cooled_at_.erase({release.at + pool->cooldown, address});
}

void Allocator::end_release(IpAddress address) {
    const auto record = released_.find(address);
    if (record == released_.end()) return;
    dequeue(address, record->second);
    const auto by = released_by_.find(record->second.vip);
    by->second.erase(address);
    if (by->second.empty()) released_by_.erase(by);
    released_.erase(record);
    gains_.records.insert(address);
}

/// Forgets one record: the oldest that nothing waits for; when all still cool down, the one that
/// would end first. Its address then counts as never used.
void Allocator::evict() {
    const std::pair<std::uint64_t, IpAddress>* oldest = nullptr;
    const auto consider = [&](const Queue& queue) {
        if (!queue.empty() && (oldest == nullptr || *queue.begin() < *oldest))
            oldest = &*queue.begin();
    };
    consider(idle_releases_);
    for (const auto& [name, pool] : pools_)
        for (const Shelf& queues : pool.shelves) consider(queues.ready);
    TRIVET_ASSERT(oldest != nullptr || !cooled_at_.empty());
    const IpAddress address = oldest != nullptr ? oldest->second : cooled_at_.begin()->second;
    end_release(address);
    PoolState* pool = state_of(address);
    if (pool == nullptr || !is_eligible(*pool, address)) return;
    pool->fresh.add(address);
    gains_.pools.insert(*pool_of(address));
}

void Allocator::advance(WallTime now) {
    while (!cooled_at_.empty() && cooled_at_.begin()->first <= now) {
        const IpAddress address = cooled_at_.begin()->second;
        cooled_at_.erase(cooled_at_.begin());
        Shelf& queues = shelf(*state_of(address), address.family());
        const std::uint64_t order = released_.at(address).order;
        queues.cooling.erase({order, address});
        queues.ready.emplace(order, address);
        gains_.pools.insert(*pool_of(address));
    }
}

std::optional<WallTime> Allocator::next_cooled(const std::string& pool, IpFamily family) const {
    const auto found = pools_.find(pool);
    if (found == pools_.end()) return std::nullopt;
    const Queue& cooling = shelf(found->second, family).cooling;
    if (cooling.empty()) return std::nullopt;
    // All of a pool cool down equally long, so that the first released is the first to end.
    return released_.at(cooling.begin()->second).at + found->second.cooldown;
}

}  // namespace trivet
