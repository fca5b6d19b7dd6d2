#include "cloud/garbage.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace trivet::cloud {

GarbageCollector::Plan GarbageCollector::look(const Sight& sight, Instant now) {
    Plan plan;
    deadline_.reset();
    if (sight.lists == 0) return plan;  // nothing is known of the Services
    notice(sight, now);
    for (const auto& [vip, missing] : missing_) {
        const Instant due = missing.since + options_.grace;
        if (now < due) {
            deadline_ = deadline_ ? std::min(*deadline_, due) : due;
        } else if (sight.lists <= missing.lists) {
            plan.wants_list = true;
        } else {
            plan.release.push_back(vip);
        }
    }
    if (options_.allow_mass_release || !is_mass(plan.release.size(), sight.vips.size()))
        return plan;
    plan.held_back = fmt::format(
        "{} of {} VIPs have no Service any more, which looks like a fault of the API server; they "
        "are kept. If those Services are really gone, start once with --allow-mass-release",
        plan.release.size(), sight.vips.size());
    plan.release.clear();
    return plan;
}

void GarbageCollector::notice(const Sight& sight, Instant now) {
    std::erase_if(missing_, [&sight](const auto& entry) {
        return !sight.vips.contains(entry.first) || sight.services.contains(entry.first);
    });
    for (const ObjectKey& vip : sight.vips)
        if (!sight.services.contains(vip)) missing_.try_emplace(vip, Missing{now, sight.lists});
}

bool GarbageCollector::is_mass(std::size_t count, std::size_t known) const {
    if (count == 0) return false;
    return count == known || count > std::max(mass_release_min, known * mass_release_percent / 100);
}

}  // namespace trivet::cloud
