#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/ids.hpp"
#include "core/objects.hpp"
#include "core/result.hpp"
#include "core/time.hpp"

/// What the state machine keeps and reports beside the users' objects. Plain values.
namespace trivet {

template <class T>
struct Stored {
    T object;
    std::uint64_t revision = 0;  // log index of the last command that changed it
};

struct VipRecord {
    Vip vip;
    std::uint64_t revision = 0;
    /// Log index * 65,536 + place within the command: unique, and pending VIPs are served in its
    /// order, oldest first.
    std::uint64_t created = 0;
    std::vector<IpAddress> assigned;  // never changes by itself once given
    std::string
        pending_reason;  // why it lacks (some of) its addresses; empty when it has all it asked for
    bool pending() const { return assigned.empty(); }
};

/// Something that happened to an object, for `lbctl events`. Derived from commands, so every node
/// has the same.
struct Event {
    std::uint64_t index = 0;  // log index of the command; 0: seen by one node alone
    WallTime at{};
    std::string type;    // "vip_assigned", "vip_pending", "vip_released", "pool_changed", ...
    std::string object;  // ObjectKey::to_string()
    std::string message;
};

struct Applied {
    /// A refused command changes nothing but last_applied and time; a cooldown that ends by the new
    /// time may then still serve a VIP, so that `changed` and `events` count either way.
    Result<void> result;
    std::vector<std::string>
        changed;  // keys of the rows that differ now, sorted, without duplicates
    std::vector<Event> events;
    /// The request was answered before, by the command of this index, as `result` says; nothing
    /// took effect now.
    std::optional<LogIndex> repeats = {};
};

/// A row of the persisted state: one object or one bookkeeping record as JSON.
struct StateRow {
    std::string key;
    std::string value;
};

}  // namespace trivet
