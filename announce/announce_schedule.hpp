#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "announce/frame_budget.hpp"
#include "core/ip_address.hpp"
#include "core/time.hpp"

namespace trivet::announce {

/// Whose turn it is to send. Each address waits for at most one turn, which has a round and a due
/// time. Of the turns that are due the lowest round goes first, then the one longest due: no
/// address has its second announcement before every other has its first. All within a frame budget.
///
/// Every operation costs O(log n). Not thread-safe; its session owns it.
class AnnounceSchedule {
public:
    using Round = std::uint8_t;  // lower goes first

    explicit AnnounceSchedule(std::uint32_t frames_per_second) : budget_(frames_per_second) {}

    /// Gives `address` this turn, instead of the one it may be waiting for.
    void put(IpAddress address, Round round, Instant due);
    void remove(IpAddress address);
    void clear();

    /// Takes the next turn that is due, if the budget allows `frames` frames now.
    std::optional<IpAddress> take(std::uint32_t frames, Instant now);
    /// Pays for what was sent, also for frames that could not wait for a turn.
    void charge(std::uint32_t frames, Instant now) { budget_.charge(frames, now); }

    /// When take() will have something to give; nullopt when nobody waits.
    std::optional<Instant> next_deadline() const;
    std::size_t size() const { return turns_.size(); }

private:
    struct Turn {
        Round round;
        Instant due;
    };
    using Waiting = std::tuple<Instant, IpAddress>;       // by due time
    using Ready = std::tuple<Round, Instant, IpAddress>;  // due already: by round

    void make_ready(Instant now);

    std::map<IpAddress, Turn> turns_;
    std::set<Waiting> waiting_;  // each turn is in exactly one of these two
    std::set<Ready> ready_;
    FrameBudget budget_;
};

}  // namespace trivet::announce
