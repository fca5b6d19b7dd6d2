#pragma once
#include <cstddef>
#include <set>
#include <vector>

#include "core/ip_address.hpp"

namespace trivet::announce {

/// Few prefixes that together hold all `addresses` (of one family): exactly those where `max_count`
/// permits, otherwise wider ones, beginning with the gaps that cost least. Sorted and disjoint;
/// `max_count` is at least 1. Pure.
std::vector<Prefix> covering_prefixes(const std::set<IpAddress>& addresses, std::size_t max_count);

}  // namespace trivet::announce
