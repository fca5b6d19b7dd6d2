#include "announce/realtime/event_signal.hpp"

#include <cerrno>
#include <cstdint>

#include <sys/eventfd.h>
#include <unistd.h>

#include "core/assert.hpp"

namespace trivet::announce {

EventSignal::EventSignal() : descriptor_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    TRIVET_ASSERT(descriptor_ >= 0);  // as without memory, nothing works without descriptors
}

EventSignal::~EventSignal() { ::close(descriptor_); }

void EventSignal::raise() noexcept {
    const std::uint64_t one = 1;
    const auto written = ::write(descriptor_, &one, sizeof one);
    TRIVET_ASSERT(written == sizeof one || errno == EAGAIN);  // EAGAIN: raised 2^64 times already
}

void EventSignal::clear() noexcept {
    std::uint64_t count = 0;
    const auto taken = ::read(descriptor_, &count, sizeof count);
    TRIVET_ASSERT(taken == sizeof count || errno == EAGAIN);  // EAGAIN: it was not raised
}

}  // namespace trivet::announce
