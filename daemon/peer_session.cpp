#include "daemon/peer_session.hpp"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "daemon/peer_tls.hpp"

namespace trivet::daemon {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr auto as_value = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::milliseconds greeting_timeout{5000};

}  // namespace

void PeerSession::start(const std::shared_ptr<TransportShared>& shared, tcp::socket socket) {
    const auto session = std::make_shared<PeerSession>(shared, std::move(socket));
    shared->sessions.insert(session);
    asio::co_spawn(shared->io, [session]() { return session->run(); }, asio::detached);
}

PeerSession::PeerSession(std::shared_ptr<TransportShared> shared, tcp::socket socket)
    : shared_(std::move(shared)),
      context_(shared_->contexts.accepting),
      stream_(std::move(socket), *context_),
      watchdog_(shared_->io, stream_.next_layer()) {}

void PeerSession::close() {
    boost::system::error_code ignored;  // it is gone either way
    stream_.next_layer().close(ignored);
}

asio::awaitable<void> PeerSession::run() {
    const auto self = shared_from_this();
    tune(stream_.next_layer());
    const Result<Hello> hello = co_await hear_hello();
    if (hello && !shared_->is_stopped) {
        const Result<std::uint32_t> version = check(*hello);
        if (version) {
            shared_->refusals.erase(hello->node);
            // Before the welcome, after which the peer may use it.
            shared_->tell_lease_key(stream_, hello->id, LeaseKeyUse::receive);
            Frame welcome = Welcome{.version = *version,  // by name: see answer_of.hpp
                                    .id = shared_->options.id,
                                    .node = shared_->options.node,
                                    .boots = shared_->options.boots};
            const bool is_said = co_await say(std::move(welcome));
            if (is_said && !shared_->is_stopped) {
                replace_older(hello->id);
                shared_->callbacks.on_introduction(hello->id, {.role = raft::MemberRole::learner,
                                                               .name = hello->node,
                                                               .address = hello->address});
                co_await take_frames(hello->id, hello->node);
            }
        } else {
            shared_->note_refusal(hello->node, version.error().message);
            Frame refusal = Refusal{version.error().message};
            co_await say(std::move(refusal));
        }
    }
    watchdog_.disarm();
    close();
    shared_->sessions.erase(self);
}

/// Who has no certificate of the cluster does not get past the handshake; nothing is logged for it,
/// or any port scan would fill the log.
asio::awaitable<Result<Hello>> PeerSession::hear_hello() {
    watchdog_.arm(greeting_timeout);
    const auto [error] = co_await stream_.async_handshake(asio::ssl::stream_base::server, as_value);
    if (error) co_return fail(ErrorCode::unauthenticated, error.message());
    Result<Frame> frame = co_await read_frame(stream_, hello_bytes_max);
    if (!frame) co_return fail(frame.error());
    auto* hello = std::get_if<Hello>(&*frame);
    if (hello == nullptr)
        co_return fail(ErrorCode::invalid_argument, "the first frame is no greeting");
    co_return std::move(*hello);
}

Result<std::uint32_t> PeerSession::check(const Hello& hello) {
    const auto refuse = [](std::string why) {
        return fail(ErrorCode::not_allowed, std::move(why));
    };
    if (!peer_is(stream_.native_handle(), hello.node))
        return refuse(fmt::format("its certificate is not that of node '{}'", hello.node));
    const auto version = common_version({}, {.min = hello.version_min, .max = hello.version_max});
    if (!version)
        return refuse(fmt::format(
            "it speaks versions {} to {} of the protocol between nodes, this node {} to {}: "
            "upgrade one release at a time",
            hello.version_min, hello.version_max, protocol_version_min, protocol_version_max));
    const std::string cluster = shared_->callbacks.cluster_id();
    if (!cluster.empty() && !hello.cluster_id.empty() && cluster != hello.cluster_id)
        return refuse("it belongs to another cluster, " + hello.cluster_id);
    if (hello.to != shared_->options.id)
        return refuse(fmt::format(
            "it looks for an earlier life of node '{}', whose data directory is gone: 'lbctl "
            "cluster remove {}' takes that out",
            shared_->options.node, shared_->options.node));
    if (hello.id == shared_->options.id)
        return refuse(
            "it runs on a copy of this node's data directory: stop it, empty that directory and "
            "join it as a node of its own");
    auto checked = shared_->callbacks.check_peer(hello.id, hello.node, hello.boots);
    if (!checked) return fail(checked.error());
    return *version;
}

/// The peer dials again only when its former connection is of no use.
void PeerSession::replace_older(raft::RaftId peer) {
    std::weak_ptr<PeerSession>& newest = shared_->by_peer[peer];
    if (const auto older = newest.lock()) older->close();
    newest = weak_from_this();
    std::erase_if(shared_->by_peer, [](const auto& entry) { return entry.second.expired(); });
}

asio::awaitable<bool> PeerSession::say(Frame frame) {
    const std::string bytes = encode(frame);
    const auto buffer = asio::buffer(bytes);
    const auto [error, size] = co_await asio::async_write(stream_, buffer, as_value);
    co_return !error;
}

asio::awaitable<void> PeerSession::take_frames(raft::RaftId peer, std::string node) {
    watchdog_.disarm();  // a follower may have nothing to say for long; keep-alive watches the line
    while (!shared_->is_stopped) {
        Result<Frame> frame = co_await read_frame(stream_, frame_bytes_max);
        if (shared_->is_stopped) co_return;
        if (!frame && frame.error().code != ErrorCode::unavailable)
            shared_->log.warning("a node sends what no node sends; the connection is closed",
                                 {{"peer", node}, {"reason", frame.error().message}});
        if (!frame) co_return;
        if (std::holds_alternative<Hello>(*frame) || std::holds_alternative<Welcome>(*frame) ||
            std::holds_alternative<Refusal>(*frame))
            continue;  // they mean nothing here
        shared_->callbacks.on_frame(peer, std::move(*frame));
    }
}

}  // namespace trivet::daemon
