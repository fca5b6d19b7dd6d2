#pragma once
#include <functional>
#include <memory>
#include <optional>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "core/result.hpp"
#include "core/time.hpp"

namespace trivet::announce {

/// One timer on CLOCK_BOOTTIME (Asio's own timers run on CLOCK_MONOTONIC, which stands still while
/// the machine sleeps). Not thread-safe: everything happens on the executor's one thread.
class BootTimer : public std::enable_shared_from_this<BootTimer> {
public:
    using Handler = std::function<void(Instant)>;

    /// `on_expiry` is called at or after the armed time, with the present time.
    /// Errors: unavailable, no timer descriptor.
    static Result<std::shared_ptr<BootTimer>> open(boost::asio::any_io_executor executor,
                                                   Handler on_expiry);

    /// Replaces the armed time; a time in the past expires at once, nullopt never.
    void arm(std::optional<Instant> when);
    /// No handler is called after this. Idempotent.
    void close();

    BootTimer(boost::asio::posix::stream_descriptor descriptor, Handler on_expiry);

private:
    static boost::asio::awaitable<void> run(std::shared_ptr<BootTimer> self);

    boost::asio::posix::stream_descriptor descriptor_;
    Handler on_expiry_;
    std::optional<Instant> armed_;
};

}  // namespace trivet::announce
