#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/interval_set.hpp"
#include "core/objects.hpp"
#include "core/time.hpp"

namespace trivet {

/// How full a pool is, in addresses; 2^64-1 stands for "that many or more".
struct PoolUse {
    std::uint64_t total = 0;  // that may be given out at all
    std::uint64_t assigned = 0;
    std::uint64_t cooling = 0;  // released, not yet given out again

    bool operator==(const PoolUse&) const = default;
};

/// A VIP as the allocator knows it: VipRecord::created, so that the smaller one is older.
using VipId = std::uint64_t;

/// An address that was given back: it cools down, and its last holder may have it again.
struct Release {
    std::uint64_t order = 0;  // of releases; never equal for one address
    WallTime at{};
    std::string vip;  // vip_name() of the last holder

    bool operator==(const Release&) const = default;
};

/// Who holds which address, which addresses are free, and which of them comes next.
/// Deterministic; every operation takes O(log n) except put_pool and remove_pool, which look at
/// what the pool holds. It knows nothing of selectors and families wanted: VipPlanner does.
/// Not thread-safe: ClusterState owns it.
class Allocator {
public:
    /// Why a VIP may not hold an address that is held already.
    struct Obstacle {
        VipId holder = 0;
        std::string reason;
    };
    struct Overlap {
        AddressRange range;  // of the pool asked about
        std::string pool;
        AddressRange with;
    };
    /// What became free, or otherwise new, since take_gains() was called last.
    struct Gains {
        std::set<std::string> pools;         // have an address for anybody
        std::set<IpAddress> addresses;       // are held by nobody now
        std::set<std::string> sharing_keys;  // may be shared in a new way
        std::set<IpAddress> records;         // whose Release was made or ended
    };
    struct Moment {
        std::uint64_t order = 0;
        WallTime now{};
    };

    /// Held addresses outside the new ranges must have been released. No overlap with others.
    void put_pool(const Pool& pool, WallTime now);
    void remove_pool(const std::string& name);
    std::optional<Overlap> overlap(const Pool& pool) const;  // with other pools

    const std::string* pool_of(IpAddress address) const;  // null: outside every pool
    bool has_family(const std::string& pool, IpFamily family) const;
    PoolUse use(const std::string& pool, IpFamily family) const;

    const std::vector<VipId>* holders(IpAddress address) const;  // oldest first; null: nobody
    std::vector<IpAddress> held_within(const AddressRange& range) const;

    /// Why `vip` may not hold `address` beside the VIPs that hold it; it may be one of them.
    std::optional<Obstacle> obstacle(IpAddress address, const Vip& vip, VipId id) const;

    /// The address that `vip` gets from `pool` when it does not name one: its own old one, else
    /// one it may share, else the lowest never used, else the least recently released one.
    std::optional<IpAddress> choose(const std::string& pool, IpFamily family, const Vip& vip,
                                    VipId id) const;
    std::optional<IpAddress> own_old(const std::string& pool, IpFamily family,
                                     const Vip& vip) const;
    std::optional<IpAddress> shareable(const std::string& pool, IpFamily family, const Vip& vip,
                                       VipId id) const;

    /// Whether any address is held with this sharing key.
    bool has_shared(const std::string& sharing_key) const {
        return shared_.contains(sharing_key);  // never with the empty key
    }

    void take(IpAddress address, const Vip& vip, VipId id);
    void release(IpAddress address, const Vip& vip, VipId id, Moment moment);
    /// `id` keeps `address` while its ports or sharing terms change; obstacle() allowed it.
    void restate(IpAddress address, const Vip& before, const Vip& after, VipId id);

    const Release* released(IpAddress address) const;
    const std::map<IpAddress, Release>& releases() const { return released_; }
    bool has_releases(const std::string& vip) const { return released_by_.contains(vip); }
    void restore_release(IpAddress address, Release release, WallTime now);

    /// Ends the cooldowns that are over.
    void advance(WallTime now);
    /// When the pool's next address of the family has cooled down.
    std::optional<WallTime> next_cooled(const std::string& pool, IpFamily family) const;

    Gains take_gains() { return std::exchange(gains_, {}); }

private:
    /// What all holders of one address agree on.
    struct Terms {
        std::string sharing_key;
        TrafficPolicy traffic_policy = TrafficPolicy::cluster;
        std::set<std::string> eligible_nodes;  // only where the policy is local
        bool operator==(const Terms&) const = default;
    };
    struct Holding {
        std::vector<VipId> holders;  // sorted
        Terms terms;
        std::map<Port, VipId> ports;
    };
    using Queue = std::set<std::pair<std::uint64_t, IpAddress>>;  // by order of release
    struct Shelf {                                                // one family of a pool
        std::uint64_t total = 0;
        std::uint64_t assigned = 0;
        std::uint64_t assigned_buggy = 0;  // from before avoid_buggy_ips was set
        bool present = false;
        Queue ready;
        Queue cooling;
    };
    struct PoolState {
        std::vector<AddressRange> ranges;
        bool avoid_buggy_ips = false;
        std::chrono::seconds cooldown{0};
        IntervalSet fresh;  // never used; no range in it begins with a buggy address to avoid
        std::array<Shelf, 2> shelves;
    };

    static Terms terms_of(const Vip& vip);
    static Shelf& shelf(PoolState& pool, IpFamily family);
    static const Shelf& shelf(const PoolState& pool, IpFamily family);
    static void trim(PoolState& pool, IpAddress start);
    PoolState* state_of(IpAddress address);
    bool is_eligible(const PoolState& pool, IpAddress address) const;
    void enqueue(IpAddress address, const Release& release, WallTime now);
    void dequeue(IpAddress address, const Release& release);
    void end_release(IpAddress address);
    void evict();
    void count(IpAddress address, bool assigned);

    std::map<std::string, PoolState> pools_;
    std::map<IpAddress, std::pair<IpAddress, std::string>> range_of_;  // first: last, pool
    std::map<IpAddress, Holding> held_;
    std::map<std::string, std::set<IpAddress>> shared_;  // by sharing key
    std::map<IpAddress, Release> released_;
    std::map<std::string, std::set<IpAddress>> released_by_;
    Queue idle_releases_;  // whose address no pool gives out: outside every pool, or avoided
    std::set<std::pair<WallTime, IpAddress>> cooled_at_;
    Gains gains_;
};

}  // namespace trivet
