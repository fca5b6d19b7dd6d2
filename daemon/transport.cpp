#include "daemon/transport.hpp"

#include <array>
#include <fmt/format.h>
#include <utility>

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "daemon/peer_link.hpp"
#include "daemon/peer_session.hpp"
#include "daemon/transport_shared.hpp"

namespace trivet::daemon {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr std::size_t sessions_max = 256;  // members_max, and those on their way in or out
constexpr auto accept_pause = std::chrono::milliseconds{200};  // after "too many open files"
// A removed member is told of that by the leader; then the line is cut.
constexpr auto farewell = std::chrono::seconds{3};
// Unacknowledged for so long, data is taken for lost (RFC 5482): five heartbeats' worth of silence
// and more than any retransmission on a local network.
constexpr int user_timeout_ms = 2000;

}  // namespace

Hello TransportShared::hello_to(raft::RaftId peer) const {
    return {.version_min = protocol_version_min,
            .version_max = protocol_version_max,
            .cluster_id = callbacks.cluster_id(),
            .id = options.id,
            .to = peer,
            .node = options.node,
            .address = callbacks.address(),
            .boots = options.boots};
}

void TransportShared::note_refusal(const std::string& node, const std::string& why) {
    const auto found = refusals.find(node);
    if (found != refusals.end() && found->second == why) return;
    log.warning("a node was turned away", {{"peer", node}, {"reason", why}});
    if (refusals.size() >= refusals_max && found == refusals.end())
        refusals.erase(refusals.begin());
    refusals[node] = why;
}

void TransportShared::tell_lease_key(PeerStream& stream, raft::RaftId peer, LeaseKeyUse use) {
    if (is_stopped || !callbacks.on_lease_key) return;
    const bool dialled = use == LeaseKeyUse::send;  // who dials sends
    const PeerPair pair{.dialler = dialled ? options.id : peer,
                        .acceptor = dialled ? peer : options.id};
    const Result<LeaseKey> key = export_lease_key(stream.native_handle(), pair);
    if (key)
        callbacks.on_lease_key(peer, use, *key);
    else
        log.error("no leases with a node", {{"reason", key.error().message}});
}

void Watchdog::arm(std::chrono::milliseconds timeout) {
    timer_.expires_after(timeout);
    timer_.async_wait([this, fired = std::weak_ptr(has_fired_)](boost::system::error_code error) {
        const auto alive = fired.lock();
        if (error || !alive) return;
        *alive = true;
        boost::system::error_code ignored;  // it is closed either way
        socket_.close(ignored);
    });
}

asio::awaitable<Result<Frame>> read_frame(PeerStream& stream, std::size_t bytes_max) {
    std::array<char, frame_header_bytes> head{};
    constexpr auto as_value = asio::as_tuple(asio::use_awaitable);
    const auto head_buffer = asio::buffer(head);
    const auto [head_error, head_size] = co_await asio::async_read(stream, head_buffer, as_value);
    if (head_error) co_return fail(ErrorCode::unavailable, head_error.message());
    const FrameHeader header = decode_header({head.data(), head.size()});
    if (header.body_bytes > bytes_max)
        co_return fail(ErrorCode::too_large,
                       fmt::format("a frame of {} bytes where at most {} are allowed",
                                   header.body_bytes, bytes_max));
    std::string body(header.body_bytes, '\0');
    const auto body_buffer = asio::buffer(body);
    const auto [body_error, body_size] = co_await asio::async_read(stream, body_buffer, as_value);
    if (body_error) co_return fail(ErrorCode::unavailable, body_error.message());
    co_return decode_frame(header.type, body);
}

void tune(tcp::socket& socket) {
    boost::system::error_code ignored;  // each is a wish; the protocol works without
    socket.set_option(tcp::no_delay(true), ignored);
    socket.set_option(asio::socket_base::keep_alive(true), ignored);
    ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout_ms,
                 sizeof user_timeout_ms);
    constexpr int idle_s = 5;
    ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
    constexpr int interval_s = 1;
    ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_KEEPINTVL, &interval_s,
                 sizeof interval_s);
}

Transport::Transport(asio::io_context& io, Log& log, Options options, Callbacks callbacks)
    : shared_(std::make_shared<TransportShared>(TransportShared{.io = io,
                                                                .log = log,
                                                                .options = std::move(options),
                                                                .callbacks = std::move(callbacks),
                                                                .contexts = {},
                                                                .sessions = {},
                                                                .by_peer = {},
                                                                .refusals = {}})),
      acceptor_(io) {}

Transport::~Transport() { stop(); }

Result<void> Transport::listen(const tcp::endpoint& endpoint, PeerContexts contexts) {
    shared_->contexts = std::move(contexts);
    if (acceptor_.is_open()) return {};
    boost::system::error_code error;
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) {
        boost::system::error_code ignored;  // the first error is the one to tell
        acceptor_.close(ignored);
        return fail(ErrorCode::unavailable,
                    fmt::format("cannot listen on cluster.listen {}:{}: {}",
                                endpoint.address().to_string(), endpoint.port(), error.message()));
    }
    accept();
    return {};
}

bool Transport::is_listening() const { return acceptor_.is_open(); }

void Transport::use(PeerContexts contexts) { shared_->contexts = std::move(contexts); }

void Transport::accept() {
    acceptor_.async_accept(
        [this, shared = shared_](boost::system::error_code error, tcp::socket socket) {
            if (shared->is_stopped) return;
            if (error) {
                auto pause = std::make_shared<asio::steady_timer>(shared->io, accept_pause);
                pause->async_wait([this, shared, pause](boost::system::error_code) {
                    if (!shared->is_stopped) accept();
                });
                return;
            }
            if (shared->sessions.size() < sessions_max)
                PeerSession::start(shared, std::move(socket));
            accept();
        });
}

void Transport::set_peers(const std::map<raft::RaftId, raft::Member>& members) {
    for (const auto& [id, member] : members) {
        if (id == shared_->options.id) continue;
        auto& link = links_[id];
        if (link && link->leads_to(member)) continue;
        if (link) link->close();
        link = PeerLink::start(shared_, id, member);
    }
    for (const auto& [id, link] : links_) {
        if (members.contains(id) || link->is_leaving()) continue;
        link->leave(farewell);
    }
    std::erase_if(links_, [](const auto& entry) { return entry.second->is_closed(); });
}

bool Transport::send(raft::RaftId to, const Frame& frame) {
    const auto link = links_.find(to);
    return link != links_.end() && link->second->send(encode(frame));
}

Transport::LinkState Transport::link(raft::RaftId peer) const {
    const auto found = links_.find(peer);
    return found == links_.end() ? LinkState{} : found->second->state();
}

std::vector<std::string> Transport::refusals() const {
    std::vector<std::string> texts;
    for (const auto& [node, why] : shared_->refusals)
        texts.push_back("node '" + node + "' was turned away: " + why);
    return texts;
}

void Transport::stop() {
    if (shared_->is_stopped) return;
    shared_->is_stopped = true;
    boost::system::error_code ignored;  // nothing is accepted any more either way
    acceptor_.close(ignored);
    for (const auto& [id, link] : links_) link->close();
    links_.clear();
    const auto sessions = std::exchange(shared_->sessions, {});  // each holds what holds it
    for (const auto& session : sessions) session->close();
}

}  // namespace trivet::daemon
