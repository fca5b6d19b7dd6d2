#include "api/http_server.hpp"

#include <list>
#include <unordered_set>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "api/byte_stream.hpp"
#include "api/http_session.hpp"
#include "api/unix_listener.hpp"

namespace trivet::api {

namespace asio = boost::asio;
using asio::ip::tcp;
using asio::local::stream_protocol;

namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
// When descriptors run out, accept() fails at once and for ever: trying again must not eat the CPU.
constexpr std::chrono::milliseconds accept_retry{100};

void rethrow(std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);
}

}  // namespace

class HttpServer::Impl : public std::enable_shared_from_this<Impl> {
public:
    struct TlsListener {
        tcp::acceptor acceptor;
        std::shared_ptr<asio::ssl::context> context;
        std::size_t open = 0;
    };
    struct LocalListener {
        UnixListener listener;
        std::size_t open = 0;
    };

    Impl(asio::any_io_executor executor, HttpHandler handler, Limits limits)
        : shared_(std::make_shared<SessionShared>()), ended_(executor) {
        shared_->executor = std::move(executor);
        shared_->handler = std::move(handler);
        shared_->limits = limits;
    }

    Result<void> listen_unix(const std::string& path);
    Result<void> listen_tls(const tcp::endpoint& endpoint,
                            std::shared_ptr<asio::ssl::context> context);
    asio::awaitable<void> stop(std::chrono::milliseconds grace);
    void close_listeners();
    void abort_sessions();

    std::shared_ptr<SessionShared> shared_;
    std::list<TlsListener> tls_;      // lists: coroutines keep references to their listener
    std::list<LocalListener> local_;  // and a reference to *this

private:
    static asio::awaitable<void> accept_tls(std::shared_ptr<Impl> self, TlsListener& listener);
    static asio::awaitable<void> accept_local(std::shared_ptr<Impl> self, LocalListener& listener);
    static asio::awaitable<void> run(std::shared_ptr<Impl> self,
                                     std::shared_ptr<HttpSession> session, std::size_t& open);
    asio::awaitable<bool> accepted(boost::system::error_code error);
    void start_session(std::unique_ptr<ByteStream> stream, Peer peer, std::size_t& open);

    std::unordered_set<std::shared_ptr<HttpSession>> sessions_;
    asio::steady_timer ended_;  // cancelled when the last session has ended
};

Result<void> HttpServer::Impl::listen_unix(const std::string& path) {
    auto listener = UnixListener::open(shared_->executor, path, shared_->log);
    if (!listener) return fail(std::move(listener).error());
    local_.push_back({.listener = std::move(*listener)});
    asio::co_spawn(shared_->executor, accept_local(shared_from_this(), local_.back()), rethrow);
    return {};
}

Result<void> HttpServer::Impl::listen_tls(const tcp::endpoint& endpoint,
                                          std::shared_ptr<asio::ssl::context> context) {
    tcp::acceptor acceptor(shared_->executor);
    boost::system::error_code error;
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error) {
        const auto host = endpoint.address().to_string();
        return fail(ErrorCode::unavailable,
                    "cannot listen on " + (endpoint.address().is_v6() ? "[" + host + "]" : host) +
                        ":" + std::to_string(endpoint.port()) + ": " + error.message() +
                        "; set another 'api.listen' or free the address");
    }
    tls_.push_back({.acceptor = std::move(acceptor), .context = std::move(context)});
    asio::co_spawn(shared_->executor, accept_tls(shared_from_this(), tls_.back()), rethrow);
    return {};
}

asio::awaitable<void> HttpServer::Impl::accept_tls(std::shared_ptr<Impl> self,
                                                   TlsListener& listener) {
    while (!self->shared_->stopping) {
        auto [error, socket] = co_await listener.acceptor.async_accept(as_result);
        const bool usable = co_await self->accepted(error);
        if (!usable) continue;
        boost::system::error_code gone;
        const auto remote = socket.remote_endpoint(gone);
        if (gone) continue;  // the client left already
        socket.set_option(tcp::no_delay(true), gone);
        if (gone) continue;
        self->start_session(make_tls_stream(std::move(socket), listener.context),
                            TcpPeer{remote.address().to_string()}, listener.open);
    }
}

asio::awaitable<void> HttpServer::Impl::accept_local(std::shared_ptr<Impl> self,
                                                     LocalListener& listener) {
    while (!self->shared_->stopping) {
        auto [error, socket] = co_await listener.listener.acceptor().async_accept(as_result);
        const bool usable = co_await self->accepted(error);
        if (!usable) continue;
        const auto peer = peer_of(socket);
        if (!peer) {
            if (self->shared_->log) self->shared_->log("error", peer.error().message);
            continue;
        }
        self->start_session(make_unix_stream(std::move(socket)), *peer, listener.open);
    }
}

asio::awaitable<bool> HttpServer::Impl::accepted(boost::system::error_code error) {
    if (!error || shared_->stopping) co_return !error;
    if (error == asio::error::connection_aborted) co_return false;  // the client gave up meanwhile
    if (shared_->log) shared_->log("warning", "cannot accept a connection: " + error.message());
    asio::steady_timer pause(shared_->executor, accept_retry);
    co_await pause.async_wait(as_result);
    co_return false;
}

void HttpServer::Impl::start_session(std::unique_ptr<ByteStream> stream, Peer peer,
                                     std::size_t& open) {
    if (open >= shared_->limits.connections || shared_->stopping) {
        ++shared_->counters.connections_refused;
        return;  // the stream closes
    }
    ++open;
    ++shared_->counters.connections_accepted;
    ++shared_->counters.connections_open;
    auto session = std::make_shared<HttpSession>(shared_, std::move(stream), std::move(peer));
    sessions_.insert(session);
    asio::co_spawn(shared_->executor, run(shared_from_this(), std::move(session), open), rethrow);
}

asio::awaitable<void> HttpServer::Impl::run(std::shared_ptr<Impl> self,
                                            std::shared_ptr<HttpSession> session,
                                            std::size_t& open) {
    co_await session->run();
    --open;
    --self->shared_->counters.connections_open;
    self->sessions_.erase(session);
    if (self->sessions_.empty()) self->ended_.cancel();
}

asio::awaitable<void> HttpServer::Impl::stop(std::chrono::milliseconds grace) {
    const auto self = shared_from_this();
    shared_->stopping = true;
    close_listeners();
    // A session that ends while we walk would change the set.
    const std::vector<std::shared_ptr<HttpSession>> running(sessions_.begin(), sessions_.end());
    for (const auto& session : running) session->finish();
    ended_.expires_after(grace);
    while (!sessions_.empty()) {
        auto [cancelled] = co_await ended_.async_wait(as_result);
        if (!cancelled) break;
    }
    abort_sessions();
    while (!sessions_.empty()) {
        ended_.expires_at(asio::steady_timer::time_point::max());
        co_await ended_.async_wait(as_result);
    }
}

void HttpServer::Impl::close_listeners() {
    boost::system::error_code ignored;  // the descriptor is given back even on an error
    for (auto& listener : tls_) listener.acceptor.close(ignored);
    for (auto& listener : local_) listener.listener.close();
}

void HttpServer::Impl::abort_sessions() {
    const std::vector<std::shared_ptr<HttpSession>> running(sessions_.begin(), sessions_.end());
    for (const auto& session : running) session->abort();
}

HttpServer::HttpServer(asio::any_io_executor executor, HttpHandler handler, Limits limits)
    : impl_(std::make_shared<Impl>(std::move(executor), std::move(handler), limits)) {}

HttpServer::HttpServer(asio::any_io_executor executor, HttpHandler handler)
    : HttpServer(std::move(executor), std::move(handler), Limits{}) {}

HttpServer::~HttpServer() {
    impl_->shared_->stopping = true;
    impl_->close_listeners();
    impl_->abort_sessions();
}

void HttpServer::on_log(HttpLog log) { impl_->shared_->log = std::move(log); }

Result<void> HttpServer::listen_unix(const std::string& path) { return impl_->listen_unix(path); }

Result<void> HttpServer::listen_tls(const tcp::endpoint& endpoint,
                                    std::shared_ptr<asio::ssl::context> context) {
    return impl_->listen_tls(endpoint, std::move(context));
}

std::optional<tcp::endpoint> HttpServer::tls_endpoint() const {
    if (impl_->tls_.empty()) return std::nullopt;
    boost::system::error_code closed;
    auto endpoint = impl_->tls_.front().acceptor.local_endpoint(closed);
    if (closed) return std::nullopt;
    return endpoint;
}

const HttpCounters& HttpServer::counters() const { return impl_->shared_->counters; }

asio::awaitable<void> HttpServer::stop(std::chrono::milliseconds grace) {
    return impl_->stop(grace);
}

}  // namespace trivet::api
