#pragma once
#include <algorithm>
#include <cstdint>

#include "core/time.hpp"

namespace trivet::announce {

/// A token bucket in whole nanoseconds: so many frames a second, and a hundredth of that at once
/// (10 ms, so that a driver woken late loses nothing). Not thread-safe; its session owns it.
class FrameBudget {
public:
    explicit FrameBudget(std::uint32_t frames_per_second)
        : frame_time_(
              (std::chrono::nanoseconds{std::chrono::seconds{1}} + rounding(frames_per_second)) /
              std::max(frames_per_second, 1U)),
          burst_(std::max(frames_per_second / 100, burst_least)) {}

    bool allows(std::uint32_t frames, Instant now) const { return ready_at(frames) <= now; }
    /// When `frames` (at most burst()) may go together.
    Instant ready_at(std::uint32_t frames) const {
        return busy_until_ + frame_time_ * frames - frame_time_ * burst_;
    }
    void charge(std::uint32_t frames, Instant now) {
        busy_until_ = std::max(busy_until_, now) + frame_time_ * frames;
    }
    std::uint32_t burst() const { return burst_; }

private:
    // The pair of one ARP announcement must fit, whatever rate was asked for.
    static constexpr std::uint32_t burst_least = 2;
    // Rounding up keeps the rate at or below what was asked for.
    static Duration rounding(std::uint32_t frames_per_second) {
        return Duration{std::max(frames_per_second, 1U) - 1};
    }

    Duration frame_time_;
    std::uint32_t burst_;
    Instant busy_until_{};  // when everything charged so far has paid for itself
};

}  // namespace trivet::announce
