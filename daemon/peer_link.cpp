#include "daemon/peer_link.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <random>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "daemon/config.hpp"
#include "daemon/peer_tls.hpp"

namespace trivet::daemon {

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace std::chrono_literals;

namespace {

constexpr auto as_value = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::milliseconds dial_timeout{1000};
constexpr std::chrono::milliseconds handshake_timeout{3000};
// A peer that takes nothing for so long is as good as gone.
constexpr std::chrono::milliseconds write_timeout{5000};
// A node that comes back shall hear from the leader before it calls an election.
constexpr std::chrono::milliseconds pause_first{20};
constexpr std::chrono::milliseconds pause_max{400};
// Who was turned away needs a person; asking again is for the time after.
constexpr std::chrono::milliseconds pause_refused{2000};
constexpr std::size_t batch_bytes_max = 256u << 10;

Result<void> ended(const boost::system::error_code& error, const char* while_what) {
    return fail(ErrorCode::unavailable, fmt::format("{}: {}", while_what, error.message()));
}

/// RFC 8085's advice for retries: no two nodes in step.
std::chrono::milliseconds jittered(std::chrono::milliseconds pause) {
    static thread_local std::minstd_rand random{std::random_device{}()};
    std::uniform_int_distribution<std::int64_t> some(pause.count() / 2, pause.count());
    return std::chrono::milliseconds{some(random)};
}

}  // namespace

struct PeerLink::Connection {
    explicit Connection(TransportShared& shared)
        : context(shared.contexts.dialling),
          stream(tcp::socket(shared.io), *context),
          watchdog(shared.io, stream.next_layer()) {}

    void close() {
        boost::system::error_code ignored;  // it is gone either way
        stream.next_layer().close(ignored);
    }

    std::shared_ptr<asio::ssl::context> context;  // lives as long as the stream
    PeerStream stream;
    Watchdog watchdog;
};

std::shared_ptr<PeerLink> PeerLink::start(std::shared_ptr<TransportShared> shared,
                                          raft::RaftId peer, const raft::Member& member) {
    auto link = std::make_shared<PeerLink>(std::move(shared), peer, member);
    asio::co_spawn(link->shared_->io, [link]() { return link->run(); }, asio::detached);
    return link;
}

PeerLink::PeerLink(std::shared_ptr<TransportShared> shared, raft::RaftId peer,
                   const raft::Member& member)
    : shared_(std::move(shared)),
      peer_(peer),
      node_(member.name),
      address_(member.address),
      wake_(shared_->io),
      pause_(shared_->io),
      leave_(shared_->io) {}

bool PeerLink::send(std::string frame) {
    if (!is_up_ || queue_bytes_ + frame.size() > queue_bytes_max) return false;
    queue_bytes_ += frame.size();
    queue_.push_back(std::move(frame));
    wake_.cancel();
    return true;
}

void PeerLink::leave(std::chrono::milliseconds farewell) {
    is_leaving_ = true;
    leave_.expires_after(farewell);
    leave_.async_wait([self = shared_from_this()](boost::system::error_code) { self->close(); });
}

void PeerLink::close() {
    is_closed_ = true;
    if (connection_) connection_->close();
    wake_.cancel();
    pause_.cancel();
    leave_.cancel();
}

asio::awaitable<void> PeerLink::run() {
    const auto self = shared_from_this();
    std::chrono::milliseconds pause = pause_first;
    while (!is_closed_) {
        const bool was_up = is_up_;
        const Result<void> result = co_await serve_once();
        const bool had_been_up = is_up_ || was_up;
        set_up(false);
        if (is_closed_ || shared_->is_stopped) break;
        if (!result) note_problem(result.error());
        const bool is_refused = !result && result.error().code == ErrorCode::not_allowed;
        pause = had_been_up ? pause_first : std::min(pause * 2, pause_max);
        pause_.expires_after(jittered(is_refused ? pause_refused : pause));
        co_await pause_.async_wait(as_value);
    }
}

/// One connection from its beginning to its end.
asio::awaitable<Result<void>> PeerLink::serve_once() {
    if (!shared_->contexts.dialling)
        co_return fail(ErrorCode::unavailable, "this node has no certificate yet");
    const auto connection = std::make_shared<Connection>(*shared_);
    connection_ = connection;
    Result<void> result = co_await dial(*connection);
    if (result) result = co_await greet(*connection);
    if (result && !is_closed_) {
        set_up(true);
        asio::co_spawn(
            shared_->io,
            [connection, self = shared_from_this()] { return watch(connection, self); },
            asio::detached);
        result = co_await write_on(*connection);
    }
    connection->watchdog.disarm();
    connection->close();
    co_return result;
}

asio::awaitable<Result<void>> PeerLink::dial(Connection& connection) {
    const auto endpoint = parse_endpoint(address_);
    if (!endpoint) co_return fail(endpoint.error());
    tcp::socket& socket = connection.stream.next_layer();
    connection.watchdog.arm(dial_timeout);
    const auto [connect_error] = co_await socket.async_connect(*endpoint, as_value);
    if (connect_error) co_return ended(connect_error, "it cannot be reached");
    tune(socket);
    connection.watchdog.arm(handshake_timeout);
    const auto [tls_error] =
        co_await connection.stream.async_handshake(asio::ssl::stream_base::client, as_value);
    if (tls_error) co_return ended(tls_error, "the TLS handshake failed");
    if (!peer_is(connection.stream.native_handle(), node_))
        co_return fail(
            ErrorCode::not_allowed,
            fmt::format("the certificate that {} shows is not that of node '{}'", address_, node_));
    co_return Result<void>{};
}

asio::awaitable<Result<void>> PeerLink::greet(Connection& connection) {
    const std::string hello = encode(Frame{shared_->hello_to(peer_)});
    const auto hello_buffer = asio::buffer(hello);
    const auto [error, size] =
        co_await asio::async_write(connection.stream, hello_buffer, as_value);
    if (error) co_return ended(error, "the greeting could not be sent");
    const Result<Frame> answer = co_await read_frame(connection.stream, hello_bytes_max);
    if (!answer) co_return fail(answer.error());
    if (const auto* refusal = std::get_if<Refusal>(&*answer))
        co_return fail(ErrorCode::not_allowed,
                       fmt::format("node '{}' turns this node away: {}", node_, refusal->reason));
    const auto* welcome = std::get_if<Welcome>(&*answer);
    if (welcome == nullptr || welcome->version < protocol_version_min ||
        welcome->version > protocol_version_max || welcome->id != peer_)
        co_return fail(ErrorCode::not_allowed,
                       fmt::format("{} does not answer as node '{}' does", address_, node_));
    Result<void> checked = shared_->callbacks.check_peer(peer_, node_, welcome->boots);
    // The welcome says that the peer has the key, and that it is no earlier life of itself, whose
    // keys went with it: from here on the new one is the right one.
    if (checked) shared_->tell_lease_key(connection.stream, peer_, LeaseKeyUse::send);
    co_return checked;
}

asio::awaitable<Result<void>> PeerLink::write_on(Connection& connection) {
    while (!is_closed_ && connection.stream.next_layer().is_open()) {
        if (queue_.empty()) {
            connection.watchdog.disarm();
            wake_.expires_at(std::chrono::steady_clock::time_point::max());
            co_await wake_.async_wait(as_value);
            continue;
        }
        const std::string batch = take_batch();
        connection.watchdog.arm(write_timeout);
        const auto buffer = asio::buffer(batch);
        const auto [error, size] = co_await asio::async_write(connection.stream, buffer, as_value);
        if (error) co_return ended(error, "the connection broke off");
    }
    co_return fail(ErrorCode::unavailable, "the connection was closed");
}

/// The other side sends nothing more on this connection, so what comes is its end.
asio::awaitable<void> PeerLink::watch(std::shared_ptr<Connection> connection,
                                      std::shared_ptr<PeerLink> self) {
    char byte = 0;
    const auto buffer = asio::buffer(&byte, 1);
    co_await connection->stream.async_read_some(buffer, as_value);
    connection->close();
    if (self->connection_ == connection) self->wake_.cancel();
}

std::string PeerLink::take_batch() {
    std::string batch = std::move(queue_.front());
    queue_.pop_front();
    while (!queue_.empty() && batch.size() + queue_.front().size() <= batch_bytes_max) {
        batch += queue_.front();
        queue_.pop_front();
    }
    queue_bytes_ -= batch.size();
    return batch;
}

void PeerLink::set_up(bool is_up) {
    if (is_up == is_up_) return;
    is_up_ = is_up;
    queue_.clear();
    queue_bytes_ = 0;
    if (is_up) problem_.clear();
    shared_->log.info(is_up ? "connected to a node" : "the connection to a node ended",
                      {{"peer", node_}, {"address", address_}});
    if (!shared_->is_stopped) shared_->callbacks.on_link(peer_, is_up);
}

/// Said once, however often it is tried.
void PeerLink::note_problem(const Error& error) {
    if (error.message == problem_) return;
    problem_ = error.message;
    shared_->log.write(error.code == ErrorCode::unavailable ? LogLevel::info : LogLevel::warning,
                       "no connection to a node",
                       {{"peer", node_}, {"address", address_}, {"reason", error.message}});
}

}  // namespace trivet::daemon
