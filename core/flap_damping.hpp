#pragma once
#include <chrono>
#include <cstdint>

#include "core/time.hpp"

namespace trivet {

/// How often a node was fenced lately, as RFC 2439 section 4.2 counts routes that flap: each fence
/// adds to a penalty that halves with time. A node above the limit is damped until it has cooled
/// down: it may hold what falls to it, but no VIP is moved to it. A value type; time is that of
/// commands.
class FlapPenalty {
public:
    static constexpr std::uint32_t per_fence = 1000;
    /// A node that failed once or twice is a node that was repaired; at the fourth fence within
    /// minutes it is flapping.
    static constexpr std::uint32_t suppress_above = 3000;
    static constexpr std::uint32_t reuse_below = 1500;
    static constexpr std::chrono::milliseconds half_life{5 * 60 * 1000};
    /// Three half lives above `reuse_below`: nobody waits longer than 15 minutes after the last
    /// fence.
    static constexpr std::uint32_t points_max = 12'000;

    FlapPenalty() = default;
    FlapPenalty(std::uint32_t points, WallTime at, bool suppressed)
        : points_(points), at_(at), suppressed_(suppressed) {}

    void add_fence(WallTime now);
    std::uint32_t value(WallTime now) const;
    bool is_damped(WallTime now) const { return suppressed_ && value(now) >= reuse_below; }

    // As kept: the penalty of the moment of the last fence, and whether it was too much then.
    std::uint32_t points() const { return points_; }
    WallTime at() const { return at_; }
    bool suppressed() const { return suppressed_; }
    friend bool operator==(const FlapPenalty&, const FlapPenalty&) = default;

private:
    std::uint32_t points_ = 0;
    WallTime at_{};
    bool suppressed_ = false;
};

}  // namespace trivet
