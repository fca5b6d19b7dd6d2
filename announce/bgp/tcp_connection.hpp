#pragma once
#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "core/ip_address.hpp"

namespace trivet::announce::bgp {

/// Bytes in and out of one TCP connection. Not thread-safe: everything happens on the socket's
/// executor. Lives until closed, also when its owner lets go of it.
class TcpConnection : public std::enable_shared_from_this<TcpConnection> {
public:
    struct Handlers {  // none is called after close() or abort()
        std::function<void(std::span<const std::byte>)> on_bytes;
        std::function<void(const std::string& reason)> on_closed;
        /// The kernel took some; so much waits still.
        std::function<void(std::size_t taken, std::size_t waiting)> on_written;
    };

    static std::shared_ptr<TcpConnection> start(boost::asio::ip::tcp::socket socket,
                                                Handlers handlers);
    explicit TcpConnection(boost::asio::ip::tcp::socket socket, Handlers handlers);

    void send(std::vector<std::byte> bytes);
    /// Hands over what has arrived by now, a bounded part of it.
    void read_waiting();
    std::size_t waiting() const { return waiting_.size() + writing_.size() - written_; }
    /// After what waits was sent; the peer gets the time to read it. Idempotent.
    void close();
    void abort();

    IpAddress local() const { return local_; }
    IpAddress remote() const { return remote_; }

private:
    static boost::asio::awaitable<void> read(std::shared_ptr<TcpConnection> self);
    static boost::asio::awaitable<void> write(std::shared_ptr<TcpConnection> self);
    void end(const std::string& reason);
    void finish_sending();

    boost::asio::ip::tcp::socket socket_;
    boost::asio::steady_timer linger_timer_;
    Handlers handlers_;
    IpAddress local_, remote_;
    std::vector<std::byte> waiting_, writing_;
    std::size_t written_ = 0;  // of writing_
    bool is_writing_ = false;
    bool is_closing_ = false;
    std::array<std::byte, 16384> chunk_{};
};

}  // namespace trivet::announce::bgp
