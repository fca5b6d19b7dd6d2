#include "core/flap_damping.hpp"

#include <algorithm>

namespace trivet {

void FlapPenalty::add_fence(WallTime now) {
    const bool was_damped = is_damped(now);
    points_ = std::min(value(now) + per_fence, points_max);
    at_ = now;
    suppressed_ = was_damped || points_ > suppress_above;
}

std::uint32_t FlapPenalty::value(WallTime now) const {
    if (now <= at_) return points_;
    const auto passed = now - at_;
    const auto halvings = passed / half_life;
    if (halvings >= 32) return 0;
    // Integers alone, so that every machine comes to the same: halved as often as it goes, and a
    // straight line between two halvings.
    const std::uint64_t whole = std::uint64_t{points_} >> halvings;
    const auto rest = static_cast<std::uint64_t>((passed % half_life).count());
    const auto span = static_cast<std::uint64_t>(half_life.count());
    return static_cast<std::uint32_t>(whole - (whole - whole / 2) * rest / span);
}

}  // namespace trivet
