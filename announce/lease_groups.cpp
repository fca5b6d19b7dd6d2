#include "announce/lease_groups.hpp"

#include "core/assert.hpp"

namespace trivet::announce {

void LeaseGroups::leave(LeaseGroup group, IpAddress address) {
    const auto found = groups_.find(group);
    TRIVET_ASSERT(found != groups_.end());
    found->second.members.erase(address);
    forget_if_idle(found);
}

bool LeaseGroups::set_open(LeaseGroup group, bool open) {
    if (group == 0) return false;
    const auto [found, is_new] = groups_.try_emplace(group);
    const bool was_open = std::exchange(found->second.open, open);
    forget_if_idle(found);
    return was_open != open;
}

bool LeaseGroups::is_open(LeaseGroup group) const {
    const auto found = groups_.find(group);
    return found != groups_.end() && found->second.open;
}

const std::set<IpAddress>& LeaseGroups::members(LeaseGroup group) const {
    static const std::set<IpAddress> none;
    const auto found = groups_.find(group);
    return found == groups_.end() ? none : found->second.members;
}

void LeaseGroups::forget_if_idle(std::map<LeaseGroup, Group>::iterator group) {
    if (!group->second.open && group->second.members.empty()) groups_.erase(group);
}

}  // namespace trivet::announce
