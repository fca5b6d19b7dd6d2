#pragma once
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "api/http_server.hpp"
#include "api/tls_context.hpp"
#include "daemon/config.hpp"
#include "daemon/log.hpp"
#include "daemon/pki.hpp"

namespace trivet::daemon {

/// The API's thread: sockets, TLS and HTTP live on it, so that a storm of calls delays neither the
/// state machine nor the announcer. Its methods are called from the main thread.
class ApiServer {
public:
    /// `io` must outlive everything that a handler may wait on: a call that never ended keeps parts
    /// of it.
    ApiServer(boost::asio::io_context& io, api::HttpHandler handler, Log& log);
    ~ApiServer();
    ApiServer(const ApiServer&) = delete;
    ApiServer& operator=(const ApiServer&) = delete;

    Result<void> listen_unix(const std::filesystem::path& path);
    /// Starts the TLS listener, or gives a running one the certificate's new content.
    /// Errors: those of HttpServer::listen_tls and of reading the certificate.
    Result<void> serve_tls(const boost::asio::ip::tcp::endpoint& endpoint, const Pki& pki);
    /// Lets running calls finish for a moment, closes, ends the thread. Idempotent.
    void stop();
    /// Calls `done` on the API's thread: answers only while that thread runs.
    void ping(std::function<void()> done);

private:
    template <class Call>
    auto on_thread(Call call);
    Result<void> use_certificate(const std::string& certificate, const std::string& key);

    boost::asio::io_context& io_;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
    api::HttpServer server_;
    std::shared_ptr<boost::asio::ssl::context> tls_;
    bool listening_ = false;
    std::thread thread_;
};

}  // namespace trivet::daemon
