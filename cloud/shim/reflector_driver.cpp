#include "cloud/shim/reflector_driver.hpp"

#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "cloud/shim/clock.hpp"

namespace trivet::cloud {

namespace asio = boost::asio;

namespace {

constexpr std::chrono::hours never{24};
constexpr std::chrono::milliseconds timer_error{100};

}  // namespace

ReflectorDriver::ReflectorDriver(asio::any_io_executor executor,
                                 std::shared_ptr<const HttpOrigin> origin,
                                 Reflector::Options options, ObjectSink& sink, OnChange on_change)
    : connection_(executor, std::move(origin)),
      reflector_(std::move(options), sink),
      on_change_(std::move(on_change)),
      timer_(executor) {}

asio::awaitable<void> ReflectorDriver::run() {
    perform(reflector_.start(boot_now()));
    while (!stopped_) {
        if (pending_) {
            ListWatchRequest request = *std::exchange(pending_, std::nullopt);
            co_await exchange(std::move(request));
        } else {
            co_await wait();
            if (!stopped_) perform(reflector_.on_timer(boot_now()));
        }
    }
}

void ReflectorDriver::stop() {
    stopped_ = true;
    dropped_ = true;
    timer_.cancel();
    connection_.close();
}

void ReflectorDriver::relist() {
    if (!stopped_) perform(reflector_.relist(boot_now()));
}

void ReflectorDriver::perform(ReflectorActions actions) {
    if (actions.drop) {
        dropped_ = true;
        connection_.close();
    }
    if (actions.send) {
        pending_ = std::move(actions.send);
        timer_.cancel();
    }
    if (actions.listed || !actions.changed.empty()) on_change_(actions);
}

asio::awaitable<void> ReflectorDriver::wait() {
    timer_.expires_at(steady_time(reflector_.next_deadline().value_or(boot_now() + never)));
    co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
}

/// One request until its answer ends, breaks off, or is of no interest any more.
asio::awaitable<void> ReflectorDriver::exchange(ListWatchRequest request) {
    const auto deadline = [this] {
        return reflector_.next_deadline().value_or(boot_now() + never);
    };
    dropped_ = false;
    ++requests_;
    HttpCall call{.target = std::move(request.target)};
    const auto head = co_await connection_.open(std::move(call), deadline());
    if (dropped_) co_return;
    if (!head) co_return on_broken(head.error());
    perform(reflector_.on_response(*head, boot_now()));
    while (!dropped_) {
        const auto piece = co_await connection_.read_some(deadline());
        if (dropped_) co_return;
        if (!piece) co_return on_broken(piece.error());
        if (piece->empty()) co_return perform(reflector_.on_closed(boot_now()));
        perform(reflector_.on_bytes(*piece, boot_now()));
    }
}

void ReflectorDriver::on_broken(const Error& error) {
    connection_.close();
    const Instant now = boot_now();
    const auto deadline = reflector_.next_deadline();
    // The stream's timer and this clock may differ by a little. Connecting has a shorter time.
    if (error.code == ErrorCode::timeout && deadline && now + timer_error >= *deadline)
        return perform(reflector_.on_timer(std::max(now, *deadline)));
    perform(reflector_.on_failed(error.message, now));
}

}  // namespace trivet::cloud
