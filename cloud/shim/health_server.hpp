#pragma once
#include <functional>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/tcp_stream.hpp>

#include "core/result.hpp"

namespace trivet::cloud {

/// Answers GET over plain HTTP/1.1, one request a connection, for probes and scrapers. What it
/// tells is no secret. Bounded in connections, time and bytes. Single-threaded; run() must have
/// returned before it is destroyed.
class HealthServer {
public:
    static constexpr std::size_t connections_max = 16;

    struct Reply {
        unsigned status = 200;
        std::string text;
    };
    using Answer = std::function<Reply(std::string_view path)>;

    HealthServer(const boost::asio::any_io_executor& executor, Answer answer)
        : acceptor_(executor), answer_(std::move(answer)) {}

    /// Errors: unavailable, the address cannot be used.
    Result<void> listen(const boost::asio::ip::tcp::endpoint& endpoint);
    boost::asio::awaitable<void> run();
    void stop();

private:
    boost::asio::awaitable<void> serve(boost::beast::tcp_stream stream);

    boost::asio::ip::tcp::acceptor acceptor_;
    Answer answer_;
    std::size_t connections_ = 0;
    bool stopped_ = false;
};

}  // namespace trivet::cloud
