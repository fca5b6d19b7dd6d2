#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/allocator.hpp"
#include "core/command.hpp"
#include "core/ids.hpp"
#include "core/objects.hpp"
#include "core/records.hpp"

namespace trivet {

/// All that users configured and who holds which address: the replicated, deterministic state
/// machine (design section 3). No I/O, no clock, no randomness. One strand owns it.
class ClusterState {
public:
    /// Errors, in Applied::result: invalid_argument, not_found, conflict; each names the object and
    /// the remedy.
    Applied apply(LogIndex index, const Command& command);

    /// Rows as row() gave them. Errors: corrupt, naming the row.
    static Result<ClusterState> restore(const std::vector<StateRow>& rows);
    /// The present value of a row named in Applied::changed; nullopt when it is gone.
    std::optional<std::string> row(const std::string& key) const;

    /// When an address that a pending VIP waits for has cooled down: propose AdvanceTime then.
    std::optional<WallTime> next_deadline() const;

    LogIndex last_applied() const { return last_applied_; }
    bool initialised() const { return !cluster_id_.empty(); }
    const std::string& cluster_id() const { return cluster_id_; }
    const std::string& admin_token_hash() const { return admin_token_hash_; }

    const std::map<std::string, Stored<Pool>>& pools() const;
    const std::map<ObjectKey, VipRecord>& vips() const;
    const std::map<std::string, Stored<L2Advertisement>>& l2_advertisements() const;
    const std::map<ObjectKey, Stored<ConfigObject>>& config_objects() const;
    const std::map<std::string, Stored<Namespace>>& namespaces() const;
    const std::map<std::string, Stored<Node>>& nodes() const;

    const VipRecord* find_vip(std::string_view name_space, std::string_view name) const;
    /// The pool whose ranges hold `address`; null when none does.
    const Pool* pool_of(IpAddress address) const;
    PoolUse pool_use(std::string_view pool) const;  // see core/allocator.hpp
    /// VIPs that hold `address`, oldest first (more than one when it is shared).
    std::vector<const VipRecord*> holders(IpAddress address) const;

private:
    LogIndex last_applied_;
    std::string cluster_id_;
    std::string admin_token_hash_;
};

}  // namespace trivet
