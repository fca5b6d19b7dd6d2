#pragma once
#include <map>
#include <memory>
#include <set>
#include <string>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>

#include "daemon/transport.hpp"

/// What the connections of one Transport share. Internal to it.
namespace trivet::daemon {

using PeerStream = boost::asio::ssl::stream<boost::asio::ip::tcp::socket>;

class PeerSession;

/// Outlives the Transport when a coroutine still has it; `is_stopped` then.
struct TransportShared {
    boost::asio::io_context& io;
    Log& log;
    Transport::Options options;
    Transport::Callbacks callbacks;
    PeerContexts contexts;
    bool is_stopped = false;
    std::set<std::shared_ptr<PeerSession>> sessions;             // all that were accepted
    std::map<raft::RaftId, std::weak_ptr<PeerSession>> by_peer;  // that said who they are
    std::map<std::string, std::string> refusals;                 // by node: why
    static constexpr std::size_t refusals_max = 16;

    Hello hello_to(raft::RaftId peer) const;
    void note_refusal(const std::string& node, const std::string& why);
    /// Hands the lease key of a connection with `peer` on.
    void tell_lease_key(PeerStream& stream, raft::RaftId peer, LeaseKeyUse use);
};

/// Closes a socket when something takes too long. Owned by the connection that it watches.
class Watchdog {
public:
    Watchdog(boost::asio::io_context& io, boost::asio::ip::tcp::socket& socket)
        : timer_(io), socket_(socket) {}
    /// The socket closes after `timeout`, unless called again or disarmed before.
    void arm(std::chrono::milliseconds timeout);
    void disarm() { timer_.cancel(); }
    bool has_fired() const { return *has_fired_; }

private:
    boost::asio::steady_timer timer_;
    boost::asio::ip::tcp::socket& socket_;
    std::shared_ptr<bool> has_fired_ = std::make_shared<bool>(false);
};

/// One frame of at most `bytes_max`. Errors: unavailable, the connection ended; too_large or
/// invalid_argument, the peer sends what no node sends.
boost::asio::awaitable<Result<Frame>> read_frame(PeerStream& stream, std::size_t bytes_max);

/// Small messages leave at once; a peer that vanishes is noticed although nothing is read from it.
void tune(boost::asio::ip::tcp::socket& socket);

}  // namespace trivet::daemon
