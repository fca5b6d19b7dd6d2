#include "core/interval_set.hpp"

#include <algorithm>
#include <limits>

namespace trivet {

namespace {

/// Whether `next` follows `last` without a gap, in one family.
bool touches(IpAddress last, IpAddress next) {
    return last.family() == next.family() && !last.is_last() && last.next() == next;
}

}  // namespace

void IntervalSet::add(const AddressRange& range) {
    AddressRange merged = range;
    auto it = last_of_.upper_bound(range.first);
    if (it != last_of_.begin()) {
        const auto before = std::prev(it);
        if (before->second >= range.first || touches(before->second, range.first)) it = before;
    }
    while (it != last_of_.end() && (it->first <= merged.last || touches(merged.last, it->first))) {
        merged.first = std::min(merged.first, it->first);
        merged.last = std::max(merged.last, it->second);
        it = last_of_.erase(it);
    }
    last_of_.emplace_hint(it, merged.first, merged.last);
}

void IntervalSet::remove(const AddressRange& range) {
    auto it = last_of_.upper_bound(range.first);
    if (it != last_of_.begin() && std::prev(it)->second >= range.first) --it;
    while (it != last_of_.end() && it->first <= range.last) {
        const AddressRange cut{it->first, it->second};
        it = last_of_.erase(it);
        if (cut.first < range.first) last_of_.emplace(cut.first, range.first.previous());
        if (cut.last > range.last) last_of_.emplace(range.last.next(), cut.last);
    }
}

bool IntervalSet::contains(IpAddress address) const {
    const auto after = last_of_.upper_bound(address);
    return after != last_of_.begin() && std::prev(after)->second >= address;
}

std::optional<IpAddress> IntervalSet::lowest(IpFamily family) const {
    const auto it = family == IpFamily::ipv4
                        ? last_of_.begin()
                        : last_of_.lower_bound(IpAddress::v6({}));  // IPv4 sorts before
    if (it == last_of_.end() || it->first.family() != family) return std::nullopt;
    return it->first;
}

std::optional<IpAddress> IntervalSet::first_gap(const AddressRange& range) const {
    const auto after = last_of_.upper_bound(range.first);
    if (after == last_of_.begin() || std::prev(after)->second < range.first) return range.first;
    const IpAddress covered = std::prev(after)->second;  // ranges never touch: a gap follows
    if (covered >= range.last) return std::nullopt;
    return covered.next();
}

std::uint64_t IntervalSet::size(IpFamily family) const {
    constexpr std::uint64_t all = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t total = 0;
    for (const auto& [first, last] : last_of_) {
        if (first.family() != family) continue;
        const std::uint64_t count = AddressRange{first, last}.size();
        total = count > all - total ? all : total + count;
    }
    return total;
}

std::vector<AddressRange> IntervalSet::ranges() const {
    std::vector<AddressRange> list;
    for (const auto& [first, last] : last_of_) list.push_back({first, last});
    return list;
}

}  // namespace trivet
