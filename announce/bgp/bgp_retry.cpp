#include "announce/bgp/bgp_retry.hpp"

#include <algorithm>

namespace trivet::announce::bgp {

namespace {

/// `first` doubled so many times, and never more than `most`.
Duration doubled(std::chrono::seconds first, unsigned times, std::chrono::seconds most) {
    constexpr unsigned times_max = 20;  // 2^20 s are twelve days: above any limit, below overflow
    return std::min(first * (1 << std::min(times, times_max)), most);
}

}  // namespace

Duration RetryTiming::next_connect_retry() {
    const std::chrono::seconds most = std::max(connect_time_, first_retry);
    const Duration delay = doubled(first_retry, retries_, most);
    if (delay < most) ++retries_;
    return jittered(delay);
}

Duration RetryTiming::on_flap(Instant now) {
    if (last_flap_ && now - *last_flap_ > memory) flaps_ = 0;
    last_flap_ = now;
    ++flaps_;
    if (flaps_ <= free_flaps) return Duration::zero();
    const unsigned beyond = flaps_ - free_flaps - 1;
    const Duration hold = doubled(first_hold, beyond, hold_max);
    if (hold >= hold_max) --flaps_;  // it grows no further
    return jittered(hold);
}

void RetryTiming::reset() {
    retries_ = 0;
    flaps_ = 0;
    last_flap_.reset();
}

Duration RetryTiming::jittered(Duration base) {
    constexpr unsigned least_permille = 750;
    const auto permille = static_cast<Duration::rep>(least_permille + random_() % 251);
    return base / 1000 * permille;
}

}  // namespace trivet::announce::bgp
