#pragma once
#include <optional>

#include "core/time.hpp"

namespace trivet::announce {

/// A timer of the kernel on CLOCK_BOOTTIME, for a thread that waits by poll() or epoll_wait(). Not
/// thread-safe.
class DeadlineTimer {
public:
    DeadlineTimer();
    ~DeadlineTimer();
    DeadlineTimer(const DeadlineTimer&) = delete;
    DeadlineTimer& operator=(const DeadlineTimer&) = delete;

    /// nullopt: never. A time in the past expires at once.
    void arm(std::optional<Instant> at) noexcept;
    void clear() noexcept;
    int descriptor() const { return descriptor_; }  // readable when it has expired

private:
    int descriptor_;
    std::optional<Instant> at_;
};

}  // namespace trivet::announce
