#include "daemon/server.hpp"

#include <future>
#include <pthread.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>

#include "announce/durable_file.hpp"

namespace trivet::daemon {

namespace asio = boost::asio;

namespace {

constexpr std::chrono::seconds stop_grace{2};
constexpr std::size_t pem_bytes_max = 256 * 1024;

}  // namespace

ApiServer::ApiServer(asio::io_context& io, api::HttpHandler handler, Log& log)
    : io_(io), work_(asio::make_work_guard(io_)), server_(io_.get_executor(), std::move(handler)) {
    server_.on_log([&log](std::string_view level, std::string message) {
        log.write(parse_log_level(level).value_or(LogLevel::warning), message, {{"part", "api"}});
    });
    thread_ = std::thread([this] {
        pthread_setname_np(pthread_self(), "lbd-api");
        io_.run();
    });
}

ApiServer::~ApiServer() { stop(); }

/// Runs `call` on the API's thread and waits for its result: set-up only, never on a path that
/// serves.
template <class Call>
auto ApiServer::on_thread(Call call) {
    std::packaged_task<decltype(call())()> task(std::move(call));
    auto result = task.get_future();
    asio::post(io_, [&task] { task(); });
    return result.get();
}

Result<void> ApiServer::listen_unix(const std::filesystem::path& path) {
    return on_thread([&] { return server_.listen_unix(path.string()); });
}

Result<void> ApiServer::serve_tls(const asio::ip::tcp::endpoint& endpoint, const Pki& pki) {
    auto certificate = announce::read_file(pki.node_certificate(), pem_bytes_max);
    if (!certificate) return fail(certificate.error());
    auto authority = announce::read_file(pki.ca_certificate(), pem_bytes_max);
    if (!authority) return fail(authority.error());
    auto key = announce::read_file(pki.node_key(), pem_bytes_max);
    if (!key) return fail(key.error());
    // The authority's own certificate goes along, so that who knows only its hash can check it.
    *certificate += *authority;
    return on_thread([&]() -> Result<void> {
        if (auto ready = use_certificate(*certificate, *key); !ready) return ready;
        if (listening_) return {};
        auto listened = server_.listen_tls(endpoint, tls_);
        listening_ = listened.has_value();
        return listened;
    });
}

/// Handshakes from now on show the new certificate; connections that are up go on with theirs.
Result<void> ApiServer::use_certificate(const std::string& certificate, const std::string& key) {
    if (!tls_) {
        auto context =
            api::make_tls_context({.certificate_chain_pem = certificate, .private_key_pem = key});
        if (!context) return fail(context.error());
        tls_ = *context;
        return {};
    }
    boost::system::error_code error;
    tls_->use_certificate_chain(asio::buffer(certificate), error);
    if (!error) tls_->use_private_key(asio::buffer(key), asio::ssl::context::pem, error);
    if (error)
        return fail(ErrorCode::internal,
                    "OpenSSL does not take the renewed certificate: " + error.message());
    return {};
}

void ApiServer::ping(std::function<void()> done) { asio::post(io_, std::move(done)); }

void ApiServer::stop() {
    if (!thread_.joinable()) return;
    asio::co_spawn(io_, server_.stop(stop_grace), asio::use_future).get();
    work_.reset();
    io_.stop();
    thread_.join();
}

}  // namespace trivet::daemon
