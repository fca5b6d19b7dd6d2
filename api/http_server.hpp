#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include "core/result.hpp"

namespace trivet::api {

/// Who is at the other end, as the transport knows it.
struct UnixPeer {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
};
struct TcpPeer {
    std::string address;
};
using Peer = std::variant<UnixPeer, TcpPeer>;

/// What the server did so far, for /metrics.
struct HttpCounters {
    std::uint64_t connections_accepted = 0;
    std::uint64_t connections_refused = 0;      // over the limit, or the TLS handshake failed
    std::uint64_t connections_open = 0;         // now
    std::uint64_t requests_refused = 0;         // before any handler saw them
    std::uint64_t timeouts = 0;                 // connections that a deadline ended
    std::map<unsigned, std::uint64_t> answers;  // by status, refusals included
};

struct HttpRequest {
    std::string method;             // "GET", "PUT", "POST", "DELETE"
    std::vector<std::string> path;  // decoded segments; no ".", ".." or empty ones
    std::map<std::string, std::string> query;
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;
    Peer peer;
    const HttpCounters* counters = nullptr;  // of the server; to be read on its executor alone
};

/// The body of an answer that goes on for as long as it wants. Its session owns it; on the server's
/// executor.
class BodyStream {
public:
    virtual ~BodyStream() = default;
    /// The next part, which may take any time; empty: that was all.
    virtual boost::asio::awaitable<std::string> next() = 0;
    /// next() returns soon, whatever it has: the client has left, or the server stops.
    virtual void cancel() = 0;
};

struct HttpResponse {
    unsigned status = 200;
    std::string content_type = "application/json";
    std::string body = {};
    std::map<std::string, std::string> headers = {};
    std::shared_ptr<BodyStream> stream = {};  // instead of `body`; the connection ends with it
};

using HttpHandler = std::function<boost::asio::awaitable<HttpResponse>(HttpRequest)>;

/// `level` is "info", "warning" or "error".
using HttpLog = std::function<void(std::string_view level, std::string message)>;

/// HTTP/1.1 over TLS and over the unix socket, with limits on everything; refuses the
/// request-smuggling forms that Beast lets through before any handler runs. All work happens on the
/// given executor, which must be single-threaded or a strand.
class HttpServer {
public:
    struct Limits {
        std::size_t header_bytes = 16 * 1024;
        std::size_t body_bytes = 1024 * 1024;
        std::size_t body_bytes_total = 64 * 1024 * 1024;  // of all requests that run at one time
        std::size_t connections = 1024;  // of each kind: the network cannot lock out the socket
        std::chrono::milliseconds handshake_timeout{10'000};
        std::chrono::milliseconds header_timeout{10'000};
        std::chrono::milliseconds body_timeout{30'000};
        std::chrono::milliseconds idle_timeout{75'000};
        std::chrono::milliseconds handler_timeout{30'000};
        std::chrono::milliseconds write_timeout{30'000};  // of a stream: for each part
        std::chrono::milliseconds linger_timeout{2'000};  // for the peer to read a last answer
    };

    HttpServer(boost::asio::any_io_executor executor, HttpHandler handler, Limits limits);
    HttpServer(boost::asio::any_io_executor executor, HttpHandler handler);
    ~HttpServer();
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    /// Where failures go that no client is told of: exceptions of handlers, accept errors. Set
    /// before listening.
    void on_log(HttpLog log);

    /// A socket file left by a dead process is replaced. Mode 0660, group `lbd` when it exists.
    /// Errors: conflict, a live process listens there or it is no socket; invalid_argument, the
    /// path is too long; unavailable, naming path and reason.
    Result<void> listen_unix(const std::string& path);
    /// `context` is shared so that a renewed certificate can be put in. Errors: unavailable, naming
    /// address and reason.
    Result<void> listen_tls(const boost::asio::ip::tcp::endpoint& endpoint,
                            std::shared_ptr<boost::asio::ssl::context> context);
    std::optional<boost::asio::ip::tcp::endpoint> tls_endpoint()
        const;  // with the real port when 0 was asked for

    const HttpCounters& counters() const;  // on the executor

    /// Stops accepting, removes the socket file, lets running requests finish for up to `grace`,
    /// then closes. Idempotent.
    boost::asio::awaitable<void> stop(std::chrono::milliseconds grace);

private:
    class Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace trivet::api
