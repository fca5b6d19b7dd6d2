#include "cloud/shim/byte_stream.hpp"

#include <fmt/format.h>

#include <netinet/tcp.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

#include "cloud/shim/clock.hpp"

namespace trivet::cloud {

namespace asio = boost::asio;
namespace beast = boost::beast;

namespace {

constexpr auto as_value = asio::as_tuple(asio::use_awaitable);
using UnixStream = beast::basic_stream<asio::local::stream_protocol>;
using TlsStream = beast::ssl_stream<beast::tcp_stream>;
using Connected = Result<std::unique_ptr<ByteStream>>;

// A watch may be silent for minutes: the kernel finds out that the other end is gone.
constexpr int keepalive_idle_s = 30;
constexpr int keepalive_interval_s = 10;
constexpr int keepalive_probes = 3;
constexpr int user_timeout_ms = 60'000;  // of what was sent and not acknowledged

auto broken(const boost::system::error_code& error, std::string_view what) {
    const auto code = error == beast::error::timeout ? ErrorCode::timeout : ErrorCode::unavailable;
    return fail(code, error == beast::error::timeout
                          ? fmt::format("{}: no answer in time", what)
                          : fmt::format("{}: {}", what, error.message()));
}

/// The end of a connection that says so, or does not: whether the answer was whole is HTTP's to
/// tell, and JSON's.
bool is_end(const boost::system::error_code& error) {
    return error == asio::error::eof || error == asio::ssl::error::stream_truncated;
}

template <class Stream>
class StreamOf final : public ByteStream {
public:
    StreamOf(Stream stream, std::unique_ptr<model::TlsTrust> trust)
        : trust_(std::move(trust)), stream_(std::move(stream)) {}

    void set_deadline(Instant deadline) override {
        beast::get_lowest_layer(stream_).expires_at(steady_time(deadline));
    }
    asio::awaitable<Result<std::size_t>> read_some(asio::mutable_buffer buffer) override {
        const auto [error, size] = co_await stream_.async_read_some(buffer, as_value);
        if (is_end(error)) co_return std::size_t{0};
        if (error) co_return broken(error, "reading");
        co_return size;
    }
    asio::awaitable<Result<void>> write(std::string_view bytes) override {
        const auto [error, size] =
            co_await asio::async_write(stream_, asio::buffer(bytes), as_value);
        if (error) co_return broken(error, "sending");
        co_return Result<void>{};
    }
    void close() override { beast::get_lowest_layer(stream_).close(); }

private:
    std::unique_ptr<model::TlsTrust> trust_;  // the stream's context
    Stream stream_;
};

template <class Stream>
std::unique_ptr<ByteStream> make_stream(Stream stream, std::unique_ptr<model::TlsTrust> trust) {
    return std::make_unique<StreamOf<Stream>>(std::move(stream), std::move(trust));
}

void set_option(asio::ip::tcp::socket& socket, int level, int name, int value) {
    // A kernel without it only notices a dead peer later; the reflectors' deadlines do as well.
    setsockopt(socket.native_handle(), level, name, &value, sizeof value);
}

void tune(asio::ip::tcp::socket& socket) {
    set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, keepalive_idle_s);
    set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, keepalive_interval_s);
    set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, keepalive_probes);
    set_option(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, user_timeout_ms);
}

asio::awaitable<Connected> connect_unix(std::string path, Instant deadline) {
    if (path.size() >= sizeof(sockaddr_un{}.sun_path))
        co_return fail(ErrorCode::invalid_argument,
                       fmt::format("socket path '{}' is longer than the system allows", path));
    UnixStream stream(co_await asio::this_coro::executor);
    stream.expires_at(steady_time(deadline));
    asio::local::stream_protocol::endpoint endpoint(path);
    const auto [error] = co_await stream.async_connect(endpoint, as_value);
    if (error == boost::system::errc::permission_denied)
        co_return fail(
            ErrorCode::not_allowed,
            fmt::format("'{}' may not be opened: run as root or in the group lbd", path));
    if (error) co_return broken(error, path);
    co_return make_stream(std::move(stream), nullptr);
}

asio::awaitable<Connected> shake_hands(beast::tcp_stream tcp, HttpOrigin::Tcp place,
                                       Instant deadline) {
    auto trust = place.trust();
    if (!trust) co_return fail(trust.error());
    TlsStream stream(std::move(tcp), (*trust)->context());
    const std::string& name = place.server_name.empty() ? place.host : place.server_name;
    if (auto named = (*trust)->expect_host(stream.native_handle(), name); !named)
        co_return fail(named.error());
    beast::get_lowest_layer(stream).expires_at(steady_time(deadline));
    const auto [error] = co_await stream.async_handshake(asio::ssl::stream_base::client, as_value);
    if (error) {
        const std::string refusal = (*trust)->refusal(stream.native_handle());
        if (refusal.empty()) co_return broken(error, "TLS");
        co_return fail(ErrorCode::not_allowed, "its certificate is not trusted: " + refusal);
    }
    co_return make_stream(std::move(stream), std::move(*trust));
}

asio::awaitable<Connected> connect_tcp(HttpOrigin::Tcp place, Instant deadline) {
    const auto executor = co_await asio::this_coro::executor;
    asio::ip::tcp::resolver resolver(executor);
    const std::string port = std::to_string(place.port);
    const auto [unknown, endpoints] = co_await resolver.async_resolve(place.host, port, as_value);
    if (unknown) co_return broken(unknown, fmt::format("host '{}' is not known", place.host));
    beast::tcp_stream stream(executor);
    stream.expires_at(steady_time(deadline));
    const auto [error, endpoint] = co_await stream.async_connect(endpoints, as_value);
    if (error) co_return broken(error, "connecting");
    tune(stream.socket());
    if (!place.trust) co_return make_stream(std::move(stream), nullptr);
    co_return co_await shake_hands(std::move(stream), std::move(place), deadline);
}

}  // namespace

std::string HttpOrigin::host_header() const {
    const auto* tcp = std::get_if<Tcp>(&place);
    if (tcp == nullptr) return "lbd";
    const bool v6 = tcp->host.find(':') != std::string::npos;
    return fmt::format("{}{}{}:{}", v6 ? "[" : "", tcp->host, v6 ? "]" : "", tcp->port);
}

asio::awaitable<Connected> connect(std::shared_ptr<const HttpOrigin> origin, Instant deadline) {
    Connected connected;
    if (const auto* local = std::get_if<HttpOrigin::Unix>(&origin->place)) {
        std::string path = local->path;
        connected = co_await connect_unix(std::move(path), deadline);
    } else {
        HttpOrigin::Tcp place = std::get<HttpOrigin::Tcp>(origin->place);
        connected = co_await connect_tcp(std::move(place), deadline);
    }
    if (!connected) connected.error().message = origin->title + ": " + connected.error().message;
    co_return connected;
}

}  // namespace trivet::cloud
