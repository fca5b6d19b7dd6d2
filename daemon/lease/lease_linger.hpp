#pragma once
#include <array>
#include <map>
#include <optional>
#include <vector>

#include "daemon/lease/lease_gate.hpp"

namespace trivet::daemon {

/// An address that goes to another group of the gate; 0 before: it was in none that ever opened.
struct GateMove {
    IpAddress address;
    GateGroup before = 0;
    GateGroup after = 0;
    bool is_erased = false;  // then `after` is 0
    friend bool operator==(const GateMove&, const GateMove&) = default;
};

/// Which addresses go on accepting after this node has lost them, and until when: the second of the
/// two deadlines of docs/internals/leases.md. Without I/O or clock. It never allocates: the nodes
/// of its map come with the moves, and leave again by take_spent(). Not thread-safe.
///
/// Addresses that were lost within the same 20 ms share a group of the gate, so that the groups
/// suffice however quickly plans follow each other.
class LeaseLinger {
public:
    static constexpr Duration linger_max = std::chrono::seconds{1};
    static constexpr Duration slot_width = std::chrono::milliseconds{20};
    static_assert(linger_max / slot_width + 1 < linger_groups_max);

    struct Entry {
        GateGroup target = 0;  // where it goes afterwards
        bool is_erased = false;
        std::size_t slot = 0;
    };
    using Entries = std::map<IpAddress, Entry>;
    using Spent = std::multimap<IpAddress, Entry>;

    bool is_empty() const { return entries_.empty(); }
    /// Null: it does not linger.
    const Entry* find(IpAddress address) const;
    static GateGroup group_of(std::size_t slot) {
        return linger_group_first + static_cast<GateGroup>(slot);
    }

    /// The slot for what is lost now and may be accepted until `accept`.
    std::size_t open_slot(Instant now, Instant accept);
    /// `spare` has an entry for the address.
    void add(const GateMove& move, std::size_t slot, Entries& spare);
    /// It lingers already, and goes elsewhere afterwards.
    void retarget(const GateMove& move);
    void remove(IpAddress address);

    /// The node's lease goes on; lingering goes no further than it.
    void extend(Instant lease_deadline, Instant now);
    void close_all();

    /// In the past: nothing lingers there. Index: the slot.
    Instant accept_until(std::size_t slot) const { return slots_[slot].accept; }
    std::optional<Instant> next_deadline() const;
    /// Gives each address that `is_done` to `move`, and forgets it.
    template <class IsDone, class Move>
    void finish(IsDone is_done, Move move);
    /// The slot is over at `now`, or it is not in use.
    bool is_over(std::size_t slot, Instant now) const { return slots_[slot].accept <= now; }
    /// After finish(): slots that are over may be used again.
    void forget_over(Instant now);

    /// Memory that is not needed any more, for whoever may free it.
    void take_spent(Spent& spent) { spent.merge(spent_); }

private:
    struct Slot {
        bool is_used = false;
        Instant opened{};  // of its first address
        Instant accept{};
    };

    Entries entries_;
    Spent spent_;
    std::array<Slot, linger_groups_max> slots_{};
};

template <class IsDone, class Move>
void LeaseLinger::finish(IsDone is_done, Move move) {
    for (auto entry = entries_.begin(); entry != entries_.end();) {
        const auto here = entry++;
        if (!is_done(here->second)) continue;
        move(here->first, here->second);
        spent_.insert(entries_.extract(here));
    }
}

}  // namespace trivet::daemon
