#pragma once
#include <functional>
#include <memory>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "announce/bgp/bgp_socket.hpp"
#include "announce/log_limit.hpp"

namespace trivet::announce::bgp {

/// Takes connections of peers on port 179 (RFC 4271 section 8: "a BGP speaker listens"), of one
/// family. Not thread-safe: everything happens on the executor's thread.
class BgpListener : public std::enable_shared_from_this<BgpListener> {
public:
    using Handler = std::function<void(boost::asio::ip::tcp::socket)>;

    /// Errors: unavailable, somebody else has the port (another BGP speaker on this machine);
    /// not_allowed, lacks CAP_NET_BIND_SERVICE.
    static Result<std::shared_ptr<BgpListener>> open(const boost::asio::any_io_executor& executor,
                                                     const Endpoint& local, Handler on_accepted,
                                                     Log log);
    BgpListener(boost::asio::ip::tcp::acceptor acceptor, Handler on_accepted, Log log);

    int descriptor() { return acceptor_.native_handle(); }
    IpFamily family() const { return family_; }
    /// No handler is called after this. Idempotent.
    void close();

private:
    static boost::asio::awaitable<void> run(std::shared_ptr<BgpListener> self);

    boost::asio::ip::tcp::acceptor acceptor_;
    Handler on_accepted_;
    Log log_;
    LogLimit log_limit_;
    IpFamily family_;
};

}  // namespace trivet::announce::bgp
