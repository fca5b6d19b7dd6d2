#include "cloud/shim/health_server.hpp"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

namespace trivet::cloud {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

namespace {

constexpr auto as_value = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::seconds request_timeout{10};
constexpr std::chrono::milliseconds accept_pause{100};  // out of descriptors, say
constexpr std::size_t head_bytes_max = 8 * 1024;

}  // namespace

Result<void> HealthServer::listen(const tcp::endpoint& endpoint) {
    boost::system::error_code error;
    if (acceptor_.is_open()) acceptor_.close(error);
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(connections_max, error);
    if (!error) return {};
    return fail(ErrorCode::unavailable,
                fmt::format("--listen {}:{}: {}; choose another address or port",
                            endpoint.address().to_string(), endpoint.port(), error.message()));
}

asio::awaitable<void> HealthServer::run() {
    asio::steady_timer timer(acceptor_.get_executor());
    while (!stopped_) {
        auto [error, socket] = co_await acceptor_.async_accept(as_value);
        if (stopped_) break;
        if (error) {
            timer.expires_after(accept_pause);
            co_await timer.async_wait(as_value);
            continue;
        }
        if (connections_ >= connections_max) continue;  // closes it
        ++connections_;
        asio::co_spawn(acceptor_.get_executor(), serve(beast::tcp_stream(std::move(socket))),
                       [this](const std::exception_ptr& failure) {
                           if (failure) std::rethrow_exception(failure);
                           --connections_;
                       });
    }
}

void HealthServer::stop() {
    stopped_ = true;
    boost::system::error_code ignored;  // it is closed either way
    acceptor_.close(ignored);
}

asio::awaitable<void> HealthServer::serve(beast::tcp_stream stream) {
    stream.expires_after(request_timeout);
    beast::flat_buffer buffer(head_bytes_max);
    http::request_parser<http::empty_body> parser;
    parser.header_limit(head_bytes_max);
    const auto [unread, size] = co_await http::async_read(stream, buffer, parser, as_value);
    if (unread) co_return;
    const auto& request = parser.get();
    http::response<http::string_body> response;
    response.version(request.version());
    response.keep_alive(false);
    response.set(http::field::content_type, "text/plain; version=0.0.4; charset=utf-8");
    response.set(http::field::cache_control, "no-store");
    if (request.method() == http::verb::get || request.method() == http::verb::head) {
        const auto target = std::string_view(request.target().data(), request.target().size());
        Reply reply = answer_(target.substr(0, target.find('?')));
        response.result(reply.status);
        response.body() = std::move(reply.text);
    } else {
        response.result(http::status::method_not_allowed);
        response.set(http::field::allow, "GET, HEAD");
        response.body() = "only GET is answered here\n";
    }
    response.prepare_payload();
    if (request.method() == http::verb::head) response.body().clear();
    co_await http::async_write(stream, response, as_value);
    boost::system::error_code ignored;  // the other end may have gone
    stream.socket().shutdown(tcp::socket::shutdown_both, ignored);
}

}  // namespace trivet::cloud
