#pragma once
#include <cstdint>
#include <map>
#include <set>

#include "core/ip_address.hpp"

namespace trivet::announce {

/// Addresses that open and close together, because they have one lease. Whoever grants leases gives
/// out the numbers; 0 is never open.
using LeaseGroup = std::uint32_t;

/// Which groups are open, and which addresses each has. A group that is told of before it has
/// addresses is remembered while it is open. Not thread-safe; the engine owns it.
class LeaseGroups {
public:
    void enter(LeaseGroup group, IpAddress address) { groups_[group].members.insert(address); }
    void leave(LeaseGroup group, IpAddress address);
    /// Whether that was a change.
    bool set_open(LeaseGroup group, bool open);
    bool is_open(LeaseGroup group) const;
    const std::set<IpAddress>& members(LeaseGroup group) const;

private:
    struct Group {
        bool open = false;
        std::set<IpAddress> members;
    };

    void forget_if_idle(std::map<LeaseGroup, Group>::iterator group);

    std::map<LeaseGroup, Group> groups_;
};

}  // namespace trivet::announce
