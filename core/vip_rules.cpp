#include "core/vip_rules.hpp"

#include <algorithm>

namespace trivet {

namespace {

bool wants_family(const Vip& vip, IpFamily family) {
    return std::ranges::any_of(vip.addresses,
                               [&](IpAddress address) { return address.family() == family; });
}

}  // namespace

IpFamilyPolicy effective_policy(const Vip& vip) {
    if (vip.ip_family_policy) return *vip.ip_family_policy;
    const bool both_wanted = wants_family(vip, IpFamily::ipv4) && wants_family(vip, IpFamily::ipv6);
    return vip.ip_families.size() > 1 || both_wanted ? IpFamilyPolicy::require_dual
                                                     : IpFamilyPolicy::single;
}

std::vector<IpFamily> effective_families(const Vip& vip) {
    std::vector<IpFamily> families = vip.ip_families;
    if (families.empty() && !vip.addresses.empty()) families = {vip.addresses.front().family()};
    if (effective_policy(vip) == IpFamilyPolicy::single) return families;
    // As in Kubernetes: one family named under a dual policy is the preferred one of both.
    for (const IpFamily family : {IpFamily::ipv4, IpFamily::ipv6})
        if (std::ranges::find(families, family) == families.end()) families.push_back(family);
    return families;
}

bool is_buggy(IpAddress address) {
    if (!address.is_v4()) return false;
    const std::uint8_t last_octet = address.bytes().back();
    return last_octet == 0 || last_octet == 255;
}

std::string vip_name(const Vip& vip) { return vip.name_space + "/" + vip.name; }

}  // namespace trivet
