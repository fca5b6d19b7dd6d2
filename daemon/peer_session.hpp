#pragma once
#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "daemon/transport_shared.hpp"

namespace trivet::daemon {

/// A connection that another node dialled: hears who it is, checks that, and takes its frames.
/// Lives on the thread of the Transport's io_context; its coroutine keeps it alive until its end.
class PeerSession : public std::enable_shared_from_this<PeerSession> {
public:
    static void start(const std::shared_ptr<TransportShared>& shared,
                      boost::asio::ip::tcp::socket socket);
    PeerSession(std::shared_ptr<TransportShared> shared, boost::asio::ip::tcp::socket socket);
    void close();

private:
    boost::asio::awaitable<void> run();
    boost::asio::awaitable<Result<Hello>> hear_hello();
    boost::asio::awaitable<bool> say(Frame frame);
    boost::asio::awaitable<void> take_frames(raft::RaftId peer, std::string node);
    Result<std::uint32_t> check(const Hello& hello);
    void replace_older(raft::RaftId peer);

    std::shared_ptr<TransportShared> shared_;
    std::shared_ptr<boost::asio::ssl::context> context_;  // lives as long as the stream
    PeerStream stream_;
    Watchdog watchdog_;
};

}  // namespace trivet::daemon
