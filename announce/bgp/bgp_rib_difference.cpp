#include "announce/bgp/bgp_rib_difference.hpp"

#include <algorithm>
#include <compare>
#include <cstring>
#include <limits>
#include <numeric>
#include <span>
#include <utility>

#include "core/assert.hpp"

namespace trivet::announce::bgp {

namespace {

constexpr std::uint32_t nowhere = std::numeric_limits<std::uint32_t>::max();

/// Whether a set of one table looks like a set of the other to the peer. As a rule all routes of a
/// set have one set in the other table, so the last answer for each is remembered.
class SetComparison {
public:
    SetComparison(const RouteSlice& told, const RouteSlice& target, const UpdateSettings& settings)
        : told_(told.sets()),
          target_(target.sets()),
          settings_(settings),
          last_(target_.size(), Answer{}) {}

    bool same(std::uint32_t told, std::uint32_t target) {
        Answer& last = last_.at(target);
        if (last.told != told)
            last = {.told = told,
                    .same = sent_attributes(told_[told], settings_) ==
                            sent_attributes(target_[target], settings_)};
        return last.same;
    }

private:
    struct Answer {
        std::uint32_t told = nowhere;
        bool same = false;
    };
    std::span<const BgpAttributes> told_;
    std::span<const BgpAttributes> target_;
    const UpdateSettings& settings_;
    std::vector<Answer> last_;
};

/// Prefixes of one family, `wide` not longer than `narrow`.
bool covers(const Prefix& wide, const Prefix& narrow) {
    if (wide.length() > narrow.length()) return false;
    const IpAddress one = wide.address();
    const IpAddress other = narrow.address();
    const std::size_t first = one.is_v4() ? 12 : 0;
    const std::size_t whole = static_cast<std::size_t>(wide.length()) / 8;
    if (std::memcmp(one.bytes().data() + first, other.bytes().data() + first, whole) != 0)
        return false;
    const int rest = wide.length() % 8;
    if (rest == 0) return true;
    return ((one.bytes()[first + whole] ^ other.bytes()[first + whole]) >> (8 - rest)) == 0;
}

/// Takes those out of `withdrawals` that overlap with a prefix that is new to the peer. Both lists
/// are sorted by prefix, where a block comes before the blocks within it.
class LateWithdrawals {
public:
    LateWithdrawals(const RouteSlice& told, const RouteSlice& target)
        : told_(told.routes()), target_(target.routes()) {}

    void split(RibDifference& difference) {
        if (difference.withdrawals.empty() || difference.announcements.empty()) return;
        withdrawals_ = difference.withdrawals;
        is_late_.assign(withdrawals_.size(), false);
        std::size_t at = 0;
        for (const std::uint32_t index : difference.announcements) {
            if (!difference.is_new[index]) continue;
            const Prefix& announced = target_[index].prefix;
            while (at < withdrawals_.size() && prefix(at) < announced) on_withdrawn(at++);
            on_announced(announced);
        }
        while (at < withdrawals_.size()) on_withdrawn(at++);
        move_late(difference);
    }

private:
    const Prefix& prefix(std::size_t withdrawal) const {
        return told_[withdrawals_[withdrawal]].prefix;
    }
    void on_announced(const Prefix& announced) {
        if (cover_ == nullptr || !covers(*cover_, announced)) cover_ = &announced;
        leave_to(announced);
        for (const std::size_t withdrawal : around_) is_late_[withdrawal] = true;
        around_.clear();  // they are known to be late, and so are the ones around them
    }
    void on_withdrawn(std::size_t withdrawal) {
        leave_to(prefix(withdrawal));
        is_late_[withdrawal] = cover_ != nullptr && covers(*cover_, prefix(withdrawal));
        around_.push_back(withdrawal);
    }
    /// Forgets the withdrawn blocks that end before this prefix.
    void leave_to(const Prefix& next) {
        while (!around_.empty() && !covers(prefix(around_.back()), next)) around_.pop_back();
    }
    void move_late(RibDifference& difference) const {
        difference.withdrawals.clear();
        for (std::size_t at = 0; at < withdrawals_.size(); ++at)
            (is_late_[at] ? difference.late_withdrawals : difference.withdrawals)
                .push_back(withdrawals_[at]);
    }

    std::span<const BgpRoute> told_;
    std::span<const BgpRoute> target_;
    std::vector<std::uint32_t> withdrawals_;
    std::vector<bool> is_late_;
    std::vector<std::size_t> around_;  // withdrawals that hold the present place, widest first
    const Prefix* cover_ = nullptr;    // the widest announced block that may hold the present place
};

void check_order(std::span<const BgpRoute> routes, std::size_t at) {
    TRIVET_ASSERT(at == 0 || routes[at - 1].prefix < routes[at].prefix);
}

/// Withdrawals and announcements by prefix.
void merge(RibDifference& difference, const RouteSlice& told_slice, const std::vector<bool>& stale,
           const RouteSlice& target_slice, SetComparison& sets) {
    const auto told = told_slice.routes();
    const auto target = target_slice.routes();
    std::size_t old = 0;
    std::size_t next = 0;
    while (old < told.size() || next < target.size()) {
        const auto order = old == told.size()      ? std::strong_ordering::greater
                           : next == target.size() ? std::strong_ordering::less
                                                   : told[old].prefix <=> target[next].prefix;
        if (order < 0) {
            difference.withdrawals.push_back(static_cast<std::uint32_t>(old++));
            continue;
        }
        check_order(target, next);
        TRIVET_ASSERT(target[next].attributes < target_slice.sets().size());
        const bool is_new = order > 0;
        const bool is_changed =
            !is_new && ((!stale.empty() && stale[old]) ||
                        !sets.same(told[old].attributes, target[next].attributes));
        if (is_new || is_changed)
            difference.announcements.push_back(static_cast<std::uint32_t>(next));
        difference.is_new[next] = is_new;
        if (!is_new) ++old;
        ++next;
    }
}

/// A number for each attribute set that is to be announced, the same for sets that look alike to
/// the peer: their routes share messages.
std::vector<std::uint32_t> number_groups(const RibDifference& difference, const RouteSlice& target,
                                         const UpdateSettings& settings) {
    const auto sets = target.sets();
    std::vector<std::uint32_t> group_of_set(sets.size(), nowhere);
    std::vector<std::uint32_t> used;
    for (const std::uint32_t index : difference.announcements) {
        const std::uint32_t set = target.routes()[index].attributes;
        if (group_of_set[set] != nowhere) continue;
        group_of_set[set] = 0;
        used.push_back(set);
    }
    const auto sent = [&](std::uint32_t set) { return sent_attributes(sets[set], settings); };
    std::ranges::sort(
        used, [&](std::uint32_t one, std::uint32_t other) { return sent(one) < sent(other); });
    std::uint32_t group = 0;
    for (std::size_t at = 0; at < used.size(); ++at) {
        if (at != 0 && sent(used[at - 1]) != sent(used[at])) ++group;
        group_of_set[used[at]] = group;
    }
    return group_of_set;
}

/// Sorts the announcements by group, and by prefix within.
void sort_by_group(RibDifference& difference, const RouteSlice& target,
                   const UpdateSettings& settings) {
    const auto group_of_set = number_groups(difference, target, settings);
    const auto group_of = [&](std::uint32_t index) {
        return group_of_set[target.routes()[index].attributes];
    };
    std::vector<std::uint32_t>& ends = difference.group_ends;
    for (const std::uint32_t index : difference.announcements) {
        if (group_of(index) >= ends.size()) ends.resize(group_of(index) + std::size_t{1});
        ++ends[group_of(index)];
    }
    std::partial_sum(ends.begin(), ends.end(), ends.begin());
    if (ends.size() <= 1) return;
    std::vector<std::uint32_t> places(ends.size());
    std::copy(ends.begin(), ends.end() - 1, places.begin() + 1);
    std::vector<std::uint32_t> sorted(difference.announcements.size());
    for (const std::uint32_t index : difference.announcements)
        sorted[places[group_of(index)]++] = index;
    difference.announcements = std::move(sorted);
}

}  // namespace

RibDifference rib_difference(const RouteSlice& told, const std::vector<bool>& stale,
                             const RouteSlice& target, const UpdateSettings& settings) {
    TRIVET_ASSERT(target.size() < nowhere);
    TRIVET_ASSERT(stale.empty() || stale.size() == told.size());
    RibDifference difference;
    difference.is_new.assign(target.size(), false);
    SetComparison sets(told, target, settings);
    merge(difference, told, stale, target, sets);
    LateWithdrawals(told, target).split(difference);
    sort_by_group(difference, target, settings);
    return difference;
}

}  // namespace trivet::announce::bgp
