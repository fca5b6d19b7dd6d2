#include "announce/realtime/deadline_timer.hpp"

#include <algorithm>
#include <cstdint>

#include <sys/timerfd.h>
#include <unistd.h>

#include "core/assert.hpp"

namespace trivet::announce {

DeadlineTimer::DeadlineTimer()
    : descriptor_(::timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC)) {
    TRIVET_ASSERT(descriptor_ >= 0);
}

DeadlineTimer::~DeadlineTimer() { ::close(descriptor_); }

void DeadlineTimer::arm(std::optional<Instant> at) noexcept {
    if (at == at_) return;
    at_ = at;
    itimerspec when{};
    if (at) {
        // Zero would disarm it.
        const auto since_boot = std::max(at->time_since_epoch(), Duration{1});
        when.it_value.tv_sec = since_boot / std::chrono::seconds{1};
        when.it_value.tv_nsec = (since_boot % std::chrono::seconds{1}).count();
    }
    TRIVET_ASSERT(::timerfd_settime(descriptor_, TFD_TIMER_ABSTIME, &when, nullptr) == 0);
}

void DeadlineTimer::clear() noexcept {
    std::uint64_t count = 0;
    const auto taken = ::read(descriptor_, &count, sizeof count);
    if (taken == sizeof count) at_.reset();  // it fires once
}

}  // namespace trivet::announce
