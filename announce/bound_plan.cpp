#include "announce/bound_plan.hpp"

#include <algorithm>

namespace trivet::announce {

BoundPlan plan_bound_addresses(const std::set<IpAddress>& wanted,
                               const std::vector<PresentAddress>& present) {
    BoundPlan plan;
    std::set<IpAddress> ours, foreign;
    for (const PresentAddress& one : present) {
        const bool is_host = one.prefix_length == one.address.bits();
        if (is_host && one.protocol == bound_address_protocol)
            ours.insert(one.address);
        else
            foreign.insert(one.address);
    }
    for (const IpAddress address : wanted) {
        if (ours.contains(address)) continue;
        (foreign.contains(address) ? plan.foreign : plan.add).push_back(address);
    }
    std::ranges::set_difference(ours, wanted, std::back_inserter(plan.remove));
    return plan;
}

}  // namespace trivet::announce
