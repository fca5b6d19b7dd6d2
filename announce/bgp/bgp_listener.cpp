#include "announce/bgp/bgp_listener.hpp"

#include <chrono>
#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/unicast.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "announce/boot_clock.hpp"

namespace trivet::announce::bgp {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr int backlog = 128;
constexpr int ttl_max = 255;
constexpr std::chrono::milliseconds after_failure{200};  // out of descriptors: others may close
constexpr std::chrono::seconds log_interval{10};

}  // namespace

BgpListener::BgpListener(tcp::acceptor acceptor, Handler on_accepted, Log log)
    : acceptor_(std::move(acceptor)),
      on_accepted_(std::move(on_accepted)),
      log_(std::move(log)),
      log_limit_(log_interval),
      family_(acceptor_.local_endpoint().address().is_v4() ? IpFamily::ipv4 : IpFamily::ipv6) {}

Result<std::shared_ptr<BgpListener>> BgpListener::open(const asio::any_io_executor& executor,
                                                       const Endpoint& local, Handler on_accepted,
                                                       Log log) {
    const auto endpoint = to_asio(local);
    if (!endpoint) return fail(endpoint.error());
    tcp::acceptor acceptor(executor);
    boost::system::error_code error;
    acceptor.open(endpoint->protocol(), error);
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    // Each family has its own, so that passwords and TTLs are set in the family's own terms.
    if (!error && !local.address.is_v4()) acceptor.set_option(asio::ip::v6_only(true), error);
    // Of the SYN-ACK, which a peer with GTSM looks at before it knows whom it speaks with (RFC 5082
    // section 3); an accepted connection gets its own.
    if (!error) acceptor.set_option(asio::ip::unicast::hops(ttl_max), error);
    if (!error) acceptor.bind(*endpoint, error);
    if (!error) acceptor.listen(backlog, error);
    if (error)
        return fail(
            error == asio::error::access_denied ? ErrorCode::not_allowed : ErrorCode::unavailable,
            fmt::format("cannot listen for BGP peers on {} port {}: {}; if another BGP "
                        "speaker runs here, stop it, or set another bgp.port in lbd.yaml",
                        local.address.to_string(), local.port, error.message()));
    auto listener =
        std::make_shared<BgpListener>(std::move(acceptor), std::move(on_accepted), std::move(log));
    asio::co_spawn(executor, run(listener), asio::detached);
    return listener;
}

void BgpListener::close() {
    boost::system::error_code ignored;  // it listens no more either way
    acceptor_.close(ignored);
}

asio::awaitable<void> BgpListener::run(std::shared_ptr<BgpListener> self) {
    asio::steady_timer pause(self->acceptor_.get_executor());
    for (;;) {
        auto [error, socket] = co_await self->acceptor_.async_accept(as_result);
        if (!self->acceptor_.is_open()) co_return;
        if (!error) {
            self->on_accepted_(std::move(socket));
            continue;
        }
        if (const auto held_back = self->log_limit_.admit(boot_now()))
            self->log_("warning", fmt::format("a BGP connection was not accepted: {}{}",
                                              error.message(), held_back_note(*held_back)));
        pause.expires_after(after_failure);
        co_await pause.async_wait(as_result);
    }
}

}  // namespace trivet::announce::bgp
