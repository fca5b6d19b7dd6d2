#pragma once
#include <algorithm>
#include <iterator>
#include <span>
#include <vector>

#include "core/records.hpp"

namespace trivet {

/// Those of `hosts` that the holders of an address allow, in the holders' order of age: where they
/// disagree entirely, the older one is right. Not so for those whose traffic stays local: another
/// node has no backend of theirs. `name_of(host)` is the node's name.
template <class Host, class NameOf>
std::vector<Host> allowed_by_holders(std::vector<Host> hosts,
                                     std::span<const VipRecord* const> holders, NameOf name_of) {
    bool is_strict = true;
    for (const VipRecord* holder : holders) {
        is_strict = is_strict || holder->vip.traffic_policy == TrafficPolicy::local;
        if (!holder->vip.eligible_nodes.empty()) {
            std::vector<Host> narrowed;
            std::ranges::copy_if(hosts, std::back_inserter(narrowed), [&](const Host& host) {
                return holder->vip.eligible_nodes.contains(name_of(host));
            });
            if (is_strict || !narrowed.empty()) hosts = std::move(narrowed);
        }
        is_strict = false;
    }
    return hosts;
}

}  // namespace trivet
