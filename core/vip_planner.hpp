#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/allocator.hpp"
#include "core/objects.hpp"
#include "core/records.hpp"
#include "core/waiting_line.hpp"

namespace trivet {

/// Decides which addresses a VIP gets, and says why not. Changes nothing. Made for one decision
/// over ClusterState's parts, which must outlive it.
///
/// Where MetalLB is silent or differs (docs/adr/0002-allocation-rules.md): pools are tried by
/// priority; among equals those that name namespaces or selectors, which fit the VIP, come before
/// pools for everybody, as in MetalLB; then by name.
class VipPlanner {
public:
    using Pools = std::map<std::string, Stored<Pool>>;
    using Namespaces = std::map<std::string, Stored<Namespace>>;

    struct Parts {
        const Pools& pools;
        const std::vector<std::string>& pools_in_order;  // in_order() of them
        const Namespaces& namespaces;
        const Allocator& allocator;
        const std::map<VipId, ObjectKey>& vips;
    };
    struct Plan {
        std::vector<IpAddress> chosen;  // to take beside those that are kept
        std::string lacking;            // why that is not everything; else empty
    };

    explicit VipPlanner(Parts parts) : parts_(parts) {}

    static std::vector<std::string> in_order(const Pools& pools);

    /// Which of `assigned` a VIP with this spec still has a claim to, in its order of preference.
    std::vector<IpAddress> fitting(const Vip& vip, const std::vector<IpAddress>& assigned) const;

    /// Whether what the user newly asks for by name can be had at all; `before` is null when the
    /// VIP is new. What was granted before and stays is not asked again.
    /// Errors: not_found, no such pool; invalid_argument, an address that no pool gives;
    /// conflict, a pool that does not serve the VIP, or an address that another VIP holds.
    Result<void> check_wishes(const Vip& vip, VipId id, const VipRecord* before) const;

    Plan plan(const Vip& vip, VipId id, const std::vector<IpAddress>& kept) const;
    WaitingLine::Wait wait_of(const Vip& vip, VipId id, const std::vector<IpAddress>& kept) const;

    /// Wanted addresses first, then by preference of family.
    static void sort(const Vip& vip, std::vector<IpAddress>& assigned);

    /// "VIP 'default/web'".
    std::string name_of(VipId id) const;

private:
    struct Need {
        std::vector<IpAddress> wanted;
        std::vector<IpFamily> families;  // each by itself
        bool any_family = false;         // one address, of what the pool has
        bool first_family = false;       // one address, of the first of `families` that can be had
    };

    Need need_of(const Vip& vip, const std::vector<IpAddress>& kept) const;
    std::optional<std::string> exclusion(const Pool& pool, const Vip& vip) const;
    Result<void> check_wanted(const Vip& vip, VipId id, IpAddress address) const;
    std::vector<const Pool*> candidates(const Vip& vip) const;
    std::vector<const Pool*> by_affinity(std::vector<const Pool*> pools, const Vip& vip, VipId id,
                                         const Need& need,
                                         const std::vector<IpAddress>& kept) const;
    std::optional<IpAddress> choose_one(const std::vector<const Pool*>& pools, const Vip& vip,
                                        VipId id, const Need& need) const;
    void choose_each(const std::vector<const Pool*>& pools, const Vip& vip, VipId id,
                     const Need& need, Plan& plan) const;
    IpFamily family_of(const Pool& pool) const;
    std::string no_pool_reason(const Vip& vip) const;
    std::string exhausted_reason(const std::vector<const Pool*>& pools, const Vip& vip,
                                 std::optional<IpFamily> family) const;
    std::string pool_names() const;

    Parts parts_;
};

}  // namespace trivet
