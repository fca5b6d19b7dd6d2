#pragma once
#include <chrono>
#include <deque>
#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "daemon/transport_shared.hpp"

namespace trivet::daemon {

/// The way to one other node: dials it, proves itself, sends what is queued, and dials again when
/// that ends. What was queued is dropped then; Raft sends again, and callers are told.
/// Lives on the thread of the Transport's io_context; its coroutine keeps it alive until close().
class PeerLink : public std::enable_shared_from_this<PeerLink> {
public:
    /// 16 requests of Raft to one member, each of 256 KiB and one entry, fit several times.
    static constexpr std::size_t queue_bytes_max = 32u << 20;

    static std::shared_ptr<PeerLink> start(std::shared_ptr<TransportShared> shared,
                                           raft::RaftId peer, const raft::Member& member);
    PeerLink(std::shared_ptr<TransportShared> shared, raft::RaftId peer,
             const raft::Member& member);

    bool leads_to(const raft::Member& member) const {
        return !is_leaving_ && member.name == node_ && member.address == address_;
    }
    bool is_leaving() const { return is_leaving_; }
    bool is_closed() const { return is_closed_; }
    /// False: it is not open, or too much waits.
    bool send(std::string frame);
    Transport::LinkState state() const { return {is_up_, is_up_ ? std::string{} : problem_}; }
    /// Closes after `farewell`, so that what is on its way arrives.
    void leave(std::chrono::milliseconds farewell);
    void close();

private:
    struct Connection;
    boost::asio::awaitable<void> run();
    boost::asio::awaitable<Result<void>> serve_once();
    boost::asio::awaitable<Result<void>> dial(Connection& connection);
    boost::asio::awaitable<Result<void>> greet(Connection& connection);
    boost::asio::awaitable<Result<void>> write_on(Connection& connection);
    static boost::asio::awaitable<void> watch(std::shared_ptr<Connection> connection,
                                              std::shared_ptr<PeerLink> self);
    std::string take_batch();
    void set_up(bool is_up);
    void note_problem(const Error& error);

    std::shared_ptr<TransportShared> shared_;
    raft::RaftId peer_;
    std::string node_, address_;
    std::shared_ptr<Connection> connection_;
    boost::asio::steady_timer wake_;   // the queue has something, or all is over
    boost::asio::steady_timer pause_;  // between attempts
    boost::asio::steady_timer leave_;
    std::deque<std::string> queue_;
    std::size_t queue_bytes_ = 0;
    bool is_up_ = false;
    bool is_leaving_ = false;
    bool is_closed_ = false;
    std::string problem_ = "it was not dialled yet";
};

}  // namespace trivet::daemon
