#include "announce/boot_timer.hpp"

#include <cerrno>
#include <cstdint>
#include <cstring>

#include <sys/timerfd.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "announce/boot_clock.hpp"
#include "core/assert.hpp"

namespace trivet::announce {

namespace asio = boost::asio;

BootTimer::BootTimer(asio::posix::stream_descriptor descriptor, Handler on_expiry)
    : descriptor_(std::move(descriptor)), on_expiry_(std::move(on_expiry)) {}

Result<std::shared_ptr<BootTimer>> BootTimer::open(asio::any_io_executor executor,
                                                   Handler on_expiry) {
    const int fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    if (fd < 0)
        return fail(ErrorCode::unavailable,
                    std::string("cannot make a timer: ") + std::strerror(errno) +
                        "; raise the limit of open files (LimitNOFILE= of the service)");
    auto timer = std::make_shared<BootTimer>(asio::posix::stream_descriptor(executor, fd),
                                             std::move(on_expiry));
    asio::co_spawn(executor, run(timer), asio::detached);
    return timer;
}

void BootTimer::arm(std::optional<Instant> when) {
    if (!descriptor_.is_open() || when == armed_) return;
    armed_ = when;
    itimerspec setting{};  // all zero disarms
    if (when) {
        // Zero would disarm; the clock was past one nanosecond long before this process began.
        const auto since_boot = std::max<std::int64_t>(when->time_since_epoch().count(), 1);
        setting.it_value.tv_sec = since_boot / 1'000'000'000;
        setting.it_value.tv_nsec = since_boot % 1'000'000'000;
    }
    const int failed =
        timerfd_settime(descriptor_.native_handle(), TFD_TIMER_ABSTIME, &setting, nullptr);
    TRIVET_ASSERT(failed == 0);
}

void BootTimer::close() {
    boost::system::error_code ignored;  // close() of a timer has nothing to lose
    descriptor_.close(ignored);
}

asio::awaitable<void> BootTimer::run(std::shared_ptr<BootTimer> self) {
    for (;;) {
        auto [error] = co_await self->descriptor_.async_wait(
            asio::posix::stream_descriptor::wait_read, asio::as_tuple(asio::use_awaitable));
        if (error || !self->descriptor_.is_open()) co_return;
        std::uint64_t expirations = 0;
        const auto size =
            ::read(self->descriptor_.native_handle(), &expirations, sizeof expirations);
        if (size != sizeof expirations) continue;  // armed anew before it was read
        self->armed_.reset();
        self->on_expiry_(boot_now());
    }
}

}  // namespace trivet::announce
