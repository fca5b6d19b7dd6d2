#include "api/byte_stream.hpp"

#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace trivet::api {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

/// What a socket does the same way under both kinds of stream.
template <class Socket>
class SocketEnd {
public:
    explicit SocketEnd(Socket& socket) : socket_(socket) {}

    asio::awaitable<IoResult> read_some(asio::mutable_buffer to) {
        auto [error, size] = co_await socket_.async_read_some(to, as_result);
        co_return IoResult{error, size};
    }
    asio::awaitable<IoResult> write(asio::const_buffer from) {
        auto [error, size] = co_await asio::async_write(socket_, from, as_result);
        co_return IoResult{error, size};
    }
    void shutdown_send() {
        error_code gone;  // a peer that left already needs no farewell
        socket_.shutdown(Socket::shutdown_send, gone);
    }
    void cancel() {
        error_code closed;  // nothing waits on a closed socket
        socket_.cancel(closed);
    }
    void close() {
        error_code closed;  // the descriptor is given back even when close() reports an error
        socket_.close(closed);
    }

private:
    Socket& socket_;
};

class UnixStream final : public ByteStream {
public:
    using Socket = asio::local::stream_protocol::socket;
    explicit UnixStream(Socket socket) : socket_(std::move(socket)) {}

    asio::awaitable<error_code> handshake() override { co_return error_code{}; }
    asio::awaitable<IoResult> read_some(asio::mutable_buffer to) override {
        return end_.read_some(to);
    }
    asio::awaitable<IoResult> write(asio::const_buffer from) override { return end_.write(from); }
    asio::awaitable<void> finish() override {
        end_.shutdown_send();
        co_return;
    }
    asio::awaitable<IoResult> discard_some(asio::mutable_buffer to) override {
        return end_.read_some(to);
    }
    asio::awaitable<void> answer_plain(asio::const_buffer) override { co_return; }
    void cancel() override { end_.cancel(); }
    void close() override { end_.close(); }

private:
    Socket socket_;
    SocketEnd<Socket> end_{socket_};
};

class TlsStream final : public ByteStream {
public:
    using Socket = asio::ip::tcp::socket;
    TlsStream(Socket socket, std::shared_ptr<asio::ssl::context> context)
        : context_(std::move(context)), stream_(std::move(socket), *context_) {}

    asio::awaitable<error_code> handshake() override {
        auto [error] = co_await stream_.async_handshake(asio::ssl::stream_base::server, as_result);
        co_return error;
    }
    asio::awaitable<IoResult> read_some(asio::mutable_buffer to) override {
        auto [error, size] = co_await stream_.async_read_some(to, as_result);
        co_return IoResult{error, size};
    }
    asio::awaitable<IoResult> write(asio::const_buffer from) override {
        auto [error, size] = co_await asio::async_write(stream_, from, as_result);
        co_return IoResult{error, size};
    }
    asio::awaitable<void> finish() override {
        // Sends close_notify and waits for the peer's. A peer that goes on sending makes this
        // return with an error, after the close_notify has left: all that is wanted.
        co_await stream_.async_shutdown(as_result);
        end_.shutdown_send();
    }
    asio::awaitable<IoResult> discard_some(asio::mutable_buffer to) override {
        return end_.read_some(to);
    }
    asio::awaitable<void> answer_plain(asio::const_buffer from) override {
        co_await asio::async_write(stream_.next_layer(), from, as_result);
        end_.shutdown_send();
    }
    void cancel() override { end_.cancel(); }
    void close() override { end_.close(); }

private:
    std::shared_ptr<asio::ssl::context> context_;  // outlives the stream that was made of it
    asio::ssl::stream<Socket> stream_;
    SocketEnd<Socket> end_{stream_.next_layer()};
};

}  // namespace

std::unique_ptr<ByteStream> make_unix_stream(asio::local::stream_protocol::socket socket) {
    return std::make_unique<UnixStream>(std::move(socket));
}

std::unique_ptr<ByteStream> make_tls_stream(asio::ip::tcp::socket socket,
                                            std::shared_ptr<asio::ssl::context> context) {
    return std::make_unique<TlsStream>(std::move(socket), std::move(context));
}

bool is_plain_http(error_code error) {
    return error.category() == asio::error::get_ssl_category() &&
           ERR_GET_REASON(static_cast<unsigned long>(error.value())) == SSL_R_HTTP_REQUEST;
}

}  // namespace trivet::api
