#include "daemon/lease/lease_linger.hpp"

#include <algorithm>

#include "core/assert.hpp"

namespace trivet::daemon {

const LeaseLinger::Entry* LeaseLinger::find(IpAddress address) const {
    const auto found = entries_.find(address);
    return found == entries_.end() ? nullptr : &found->second;
}

std::size_t LeaseLinger::open_slot(Instant now, Instant accept) {
    auto slot = std::ranges::find_if(slots_, [now](const Slot& candidate) {
        return candidate.is_used && now - candidate.opened < slot_width && candidate.accept > now;
    });
    if (slot == slots_.end()) slot = std::ranges::find(slots_, false, &Slot::is_used);
    // One each 20 ms, for a second each: there are more than that.
    TRIVET_ASSERT(slot != slots_.end());
    if (!slot->is_used) *slot = {.is_used = true, .opened = now, .accept = {}};
    slot->accept = std::max(slot->accept, std::min(accept, slot->opened + linger_max));
    return static_cast<std::size_t>(slot - slots_.begin());
}

void LeaseLinger::add(const GateMove& move, std::size_t slot, Entries& spare) {
    auto node = spare.extract(move.address);
    TRIVET_ASSERT(!node.empty());
    node.mapped() = {.target = move.after, .is_erased = move.is_erased, .slot = slot};
    TRIVET_ASSERT(entries_.insert(std::move(node)).inserted);
}

void LeaseLinger::retarget(const GateMove& move) {
    Entry& entry = entries_.at(move.address);
    entry.target = move.after;
    entry.is_erased = move.is_erased;
}

void LeaseLinger::remove(IpAddress address) {
    const auto found = entries_.find(address);
    if (found != entries_.end()) spent_.insert(entries_.extract(found));
}

void LeaseLinger::extend(Instant lease_deadline, Instant now) {
    for (Slot& slot : slots_) {
        // One whose deadline has passed is over for good: a missed renewal ends both rights.
        if (!slot.is_used || slot.accept <= now) continue;
        slot.accept = std::max(slot.accept, std::min(lease_deadline, slot.opened + linger_max));
    }
}

void LeaseLinger::close_all() {
    for (Slot& slot : slots_) slot.accept = {};
}

std::optional<Instant> LeaseLinger::next_deadline() const {
    std::optional<Instant> next;
    for (const Slot& slot : slots_)
        if (slot.is_used && (!next || slot.accept < *next)) next = slot.accept;
    return next;
}

void LeaseLinger::forget_over(Instant now) {
    for (Slot& slot : slots_)
        if (slot.accept <= now) slot = {};
}

}  // namespace trivet::daemon
