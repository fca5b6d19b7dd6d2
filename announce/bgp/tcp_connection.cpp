#include "announce/bgp/tcp_connection.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "announce/bgp/bgp_socket.hpp"

namespace trivet::announce::bgp {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

// How long a closed connection is kept so that the peer reads the NOTIFICATION: closing at once,
// with bytes of the peer unread, would make the kernel send a reset that overtakes it.
constexpr std::chrono::seconds linger{2};

constexpr int reads_at_once = 64;

}  // namespace

TcpConnection::TcpConnection(tcp::socket socket, Handlers handlers)
    : socket_(std::move(socket)),
      linger_timer_(socket_.get_executor()),
      handlers_(std::move(handlers)) {
    boost::system::error_code error;
    const auto local = socket_.local_endpoint(error);
    if (!error) local_ = from_asio(local.address());
    const auto remote = socket_.remote_endpoint(error);
    if (!error) remote_ = from_asio(remote.address());
}

std::shared_ptr<TcpConnection> TcpConnection::start(tcp::socket socket, Handlers handlers) {
    auto connection = std::make_shared<TcpConnection>(std::move(socket), std::move(handlers));
    asio::co_spawn(connection->socket_.get_executor(), read(connection), asio::detached);
    return connection;
}

void TcpConnection::send(std::vector<std::byte> bytes) {
    if (is_closing_ || bytes.empty()) return;
    if (waiting_.empty())
        waiting_ = std::move(bytes);
    else
        waiting_.insert(waiting_.end(), bytes.begin(), bytes.end());
    if (std::exchange(is_writing_, true)) return;
    asio::co_spawn(socket_.get_executor(), write(shared_from_this()), asio::detached);
}

void TcpConnection::read_waiting() {
    const auto self = shared_from_this();  // a handler may let go of it
    for (int i = 0; i < reads_at_once && !is_closing_; ++i) {
        boost::system::error_code error;
        if (!socket_.non_blocking()) socket_.non_blocking(true, error);
        const std::size_t size = error ? 0 : socket_.read_some(asio::buffer(chunk_), error);
        if (error || size == 0) return;  // the waiting read tells of an end
        handlers_.on_bytes(std::span(chunk_).first(size));
    }
}

void TcpConnection::close() {
    if (std::exchange(is_closing_, true)) return;
    linger_timer_.expires_after(linger);
    linger_timer_.async_wait([self = shared_from_this()](boost::system::error_code error) {
        if (!error) self->abort();
    });
    if (!is_writing_) finish_sending();
}

void TcpConnection::abort() {
    is_closing_ = true;
    linger_timer_.cancel();
    boost::system::error_code ignored;  // there is nobody left to tell
    socket_.close(ignored);
}

void TcpConnection::finish_sending() {
    boost::system::error_code error;
    socket_.shutdown(tcp::socket::shutdown_send, error);
    if (error) abort();  // the peer was faster
}

void TcpConnection::end(const std::string& reason) {
    const bool was_closing = is_closing_;
    abort();
    if (!was_closing) handlers_.on_closed(reason);
}

asio::awaitable<void> TcpConnection::read(std::shared_ptr<TcpConnection> self) {
    for (;;) {
        const auto [error, size] =
            co_await self->socket_.async_read_some(asio::buffer(self->chunk_), as_result);
        if (error) {
            self->end(error == asio::error::eof ? "the peer closed the connection"
                                                : error.message());
            co_return;
        }
        if (!self->is_closing_) self->handlers_.on_bytes(std::span(self->chunk_).first(size));
    }
}

asio::awaitable<void> TcpConnection::write(std::shared_ptr<TcpConnection> self) {
    while (!self->waiting_.empty()) {
        self->writing_.clear();
        std::swap(self->writing_, self->waiting_);
        for (self->written_ = 0; self->written_ < self->writing_.size();) {
            const auto rest = asio::buffer(self->writing_) + self->written_;
            const auto [error, size] = co_await self->socket_.async_write_some(rest, as_result);
            if (error) {
                self->is_writing_ = false;
                self->end(error.message());
                co_return;
            }
            self->written_ += size;
            if (!self->is_closing_) self->handlers_.on_written(size, self->waiting());
        }
        self->writing_.clear();
        self->written_ = 0;
    }
    self->is_writing_ = false;
    if (self->is_closing_) self->finish_sending();
}

}  // namespace trivet::announce::bgp
