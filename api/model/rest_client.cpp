#include "api/model/rest_client.hpp"

#include <fmt/format.h>
#include <thread>

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>

#include "api/model/rest_answer.hpp"
#include "api/model/tls_trust.hpp"

namespace trivet::model {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Clock = std::chrono::steady_clock;
using HttpRequest = http::request<http::string_body>;
using HttpAnswer = http::response<http::string_body>;
constexpr auto as_value = asio::as_tuple(asio::use_awaitable);

// A list of 100,000 VIPs has some 50 MB, a snapshot of such a cluster some 100 MB.
constexpr std::size_t answer_bytes_max = 256 * 1024 * 1024;
constexpr std::size_t answer_header_bytes_max = 16 * 1024;  // as much as the server reads
// Short enough that a leader elected in 300 ms is found at once, long enough not to be a load.
constexpr std::chrono::milliseconds retry_pause_first{50};
constexpr std::chrono::milliseconds retry_pause_max{500};

/// What a failed attempt means for the next one.
enum class Next : std::uint8_t {
    give_up,
    again,    // the call had no effect: it may be sent again
    unknown,  // it may have had its effect: sent again only where that does no harm
};

struct AttemptError {
    Error error;
    Next next = Next::give_up;
};
template <class T>
using Attempt = Result<T, AttemptError>;

auto attempt_failed(ErrorCode code, std::string message, Next next = Next::give_up) {
    return tl::unexpected(AttemptError{{code, std::move(message)}, next});
}

/// Whether a call that may have had its effect can be sent again with the same Idempotency-Key:
/// reads, and changes of objects, which take effect once for one key. What is done to the cluster
/// itself knows no keys: a second invitation would be another one, and so would a second token.
bool is_safe_to_repeat(RestClient::Method method, std::string_view target) {
    if (method == RestClient::Method::post && target == "/v1/tokens") return false;
    return method == RestClient::Method::get || !target.starts_with("/v1/cluster/");
}

/// The connection broke after the request may have reached the server.
auto broke_off(const boost::system::error_code& error) {
    if (error == http::error::body_limit) {
        return attempt_failed(ErrorCode::too_large,
                              fmt::format("the answer exceeds {} MiB; ask for less, as one "
                                          "namespace or one object",
                                          answer_bytes_max / 1024 / 1024));
    }
    return attempt_failed(ErrorCode::internal,
                          fmt::format("the connection broke off: {}", error.message()),
                          Next::unknown);
}

template <class Stream>
asio::awaitable<Attempt<HttpAnswer>> send_and_read(Stream& stream, const HttpRequest& request) {
    auto [write_error, written] = co_await http::async_write(stream, request, as_value);
    if (write_error) co_return broke_off(write_error);
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.header_limit(answer_header_bytes_max);
    parser.body_limit(answer_bytes_max);
    auto [read_error, read] = co_await http::async_read(stream, buffer, parser, as_value);
    if (read_error) co_return broke_off(read_error);
    co_return parser.release();
}

asio::awaitable<Attempt<HttpAnswer>> attempt(UnixServer server, HttpRequest request) {
    using Socket = asio::local::stream_protocol::socket;
    if (server.path.size() >= sizeof(sockaddr_un{}.sun_path)) {
        co_return attempt_failed(
            ErrorCode::invalid_argument,
            fmt::format("socket path '{}' is longer than the system allows", server.path));
    }
    Socket socket(co_await asio::this_coro::executor);
    auto [error] = co_await socket.async_connect({server.path}, as_value);
    if (error == boost::system::errc::permission_denied) {
        co_return attempt_failed(
            ErrorCode::not_allowed,
            fmt::format("you may not open '{}'; be root or a member of group lbd", server.path));
    }
    if (error) {
        // No socket, or one that nobody listens on: lbd is (not yet) running.
        const bool may_come = error == boost::system::errc::connection_refused ||
                              error == boost::system::errc::no_such_file_or_directory ||
                              error == boost::system::errc::resource_unavailable_try_again;
        co_return attempt_failed(ErrorCode::timeout,
                                 fmt::format("nobody answers at '{}' ({}); is lbd running here? "
                                             "Another machine is reached with --server",
                                             server.path, error.message()),
                                 may_come ? Next::again : Next::give_up);
    }
    co_return co_await send_and_read(socket, request);
}

Attempt<HttpAnswer> no_tls(const std::string& refusal, const TlsServer& server,
                           const boost::system::error_code& error) {
    if (refusal.empty()) {
        // A server that ends or starts: the call itself was not sent yet.
        const bool broke = error == asio::ssl::error::stream_truncated ||
                           error == asio::error::eof || error == asio::error::connection_reset;
        return attempt_failed(
            ErrorCode::internal,
            fmt::format("no TLS with {}:{}: {}", server.host, server.port, error.message()),
            broke ? Next::again : Next::give_up);
    }
    return attempt_failed(ErrorCode::not_allowed,
                          fmt::format("the certificate of {}:{} is not trusted: {}", server.host,
                                      server.port, refusal));
}

asio::awaitable<Attempt<HttpAnswer>> attempt(TlsServer server, HttpRequest request) {
    auto trust = TlsTrust::make(server);
    if (!trust) co_return tl::unexpected(AttemptError{trust.error()});
    const auto executor = co_await asio::this_coro::executor;
    asio::ip::tcp::resolver resolver(executor);
    auto [resolve_error, endpoints] =
        co_await resolver.async_resolve(server.host, std::to_string(server.port), as_value);
    if (resolve_error) {
        co_return attempt_failed(
            ErrorCode::invalid_argument,
            fmt::format("host '{}' is not known: {}", server.host, resolve_error.message()));
    }
    beast::ssl_stream<beast::tcp_stream> stream(executor, (*trust)->context());
    if (auto named = (*trust)->expect_host(stream.native_handle(), server.host); !named) {
        co_return tl::unexpected(AttemptError{named.error()});
    }
    auto& socket = beast::get_lowest_layer(stream).socket();
    auto [connect_error, endpoint] = co_await asio::async_connect(socket, endpoints, as_value);
    if (connect_error) {
        co_return attempt_failed(
            ErrorCode::timeout,
            fmt::format("{}:{} cannot be reached: {}", server.host, server.port,
                        connect_error.message()),
            connect_error == boost::system::errc::connection_refused ? Next::again : Next::give_up);
    }
    auto [tls_error] = co_await stream.async_handshake(asio::ssl::stream_base::client, as_value);
    if (tls_error) {
        co_return no_tls((*trust)->refusal(stream.native_handle()), server, tls_error);
    }
    co_return co_await send_and_read(stream, request);
}

/// 503: nothing was done. 504: the server itself does not know.
Next next_after(unsigned status) {
    if (status == 503) return Next::again;
    return status == 504 ? Next::unknown : Next::give_up;
}

Attempt<nlohmann::json> read_answer(const HttpAnswer& answer) {
    auto body = read_rest_answer(answer.result_int(), answer.body());
    if (body) return std::move(*body);
    return tl::unexpected(AttemptError{std::move(body).error(), next_after(answer.result_int())});
}

http::verb verb_of(RestClient::Method method) {
    switch (method) {
        case RestClient::Method::get:
            return http::verb::get;
        case RestClient::Method::put:
            return http::verb::put;
        case RestClient::Method::post:
            return http::verb::post;
        case RestClient::Method::del:
            return http::verb::delete_;
    }
    return http::verb::get;
}

HttpRequest make_request(const Server& server, RestClient::Method method, const std::string& target,
                         const std::optional<nlohmann::json>& body) {
    constexpr unsigned http_1_1 = 11;
    HttpRequest request{verb_of(method), target, http_1_1};
    request.set(http::field::user_agent, "trivet/" TRIVET_VERSION);
    request.set(http::field::accept, "application/json");
    request.set(http::field::connection, "close");
    if (const auto* tls = std::get_if<TlsServer>(&server)) {
        const bool v6 = tls->host.find(':') != std::string::npos;
        request.set(http::field::host,
                    fmt::format("{}{}{}:{}", v6 ? "[" : "", tls->host, v6 ? "]" : "", tls->port));
        if (!tls->token.empty()) {
            request.set(http::field::authorization, "Bearer " + tls->token);  // RFC 6750 §2.1
        }
    } else {
        request.set(http::field::host, "lbd");
    }
    if (method != RestClient::Method::get) request.set("Idempotency-Key", make_idempotency_key());
    if (body) {
        request.set(http::field::content_type, "application/json");
        request.body() = body->dump();
    }
    request.prepare_payload();
    return request;
}

/// One attempt within `budget`; whatever is still open then is closed by leaving.
Attempt<nlohmann::json> try_once(const Server& server, const HttpRequest& request,
                                 Clock::duration budget) {
    std::optional<Attempt<HttpAnswer>> answer;
    asio::io_context io(1);
    const auto done = [&answer](std::exception_ptr failure, Attempt<HttpAnswer> result) {
        if (failure) std::rethrow_exception(failure);
        answer = std::move(result);
    };
    std::visit([&](const auto& target) { asio::co_spawn(io, attempt(target, request), done); },
               server);
    io.run_for(budget);
    if (!answer) return attempt_failed(ErrorCode::timeout, "no answer in time", Next::unknown);
    if (!*answer) return tl::unexpected(answer->error());
    return read_answer(**answer);
}

}  // namespace

RestClient::RestClient(Options options) : options_(std::move(options)) {}

Result<nlohmann::json> RestClient::call(Method method, const std::string& target,
                                        const std::optional<nlohmann::json>& body) {
    const auto request = make_request(options_.server, method, target, body);
    const auto deadline = Clock::now() + options_.timeout;
    auto pause = retry_pause_first;
    std::optional<Error> waits_for;  // what the server, or its absence, said so far
    bool may_be_done = false;        // by one of the attempts
    const auto give_up = [&](Error error) {
        if (may_be_done && method != Method::get)
            error.message += "; the change may have been made: look before you repeat it";
        return fail(std::move(error));
    };
    while (true) {
        auto answer = try_once(options_.server, request, deadline - Clock::now());
        if (answer) return std::move(*answer);
        auto& [error, next] = answer.error();
        if (next == Next::give_up) return fail(std::move(error));
        may_be_done = may_be_done || next == Next::unknown;
        const bool again = next == Next::again || is_safe_to_repeat(method, target);
        // An attempt that the deadline cut short tells less than the one before it.
        const bool late = Clock::now() >= deadline;
        if (late ? !waits_for : !again) return give_up(std::move(error));
        if (!late) {
            if (!waits_for && options_.on_waiting) options_.on_waiting(error.message);
            waits_for = std::move(error);
        }
        if (late || Clock::now() + pause >= deadline) {
            waits_for->message += fmt::format(
                " (waited {:.1f} s)", std::chrono::duration<double>(options_.timeout).count());
            return give_up(std::move(*waits_for));
        }
        std::this_thread::sleep_for(pause);
        pause = std::min(2 * pause, retry_pause_max);
    }
}

std::string percent_encode(std::string_view text) {
    std::string encoded;
    for (const char c : text) {
        const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
                                c == '~';
        if (unreserved) {
            encoded += c;
        } else {
            encoded += fmt::format("%{:02X}", static_cast<std::uint8_t>(c));
        }
    }
    return encoded;
}

std::string url_path(std::initializer_list<std::string_view> segments) {
    std::string path;
    for (const auto segment : segments) path += "/" + percent_encode(segment);
    return path;
}

Result<TlsServer> parse_server_url(std::string_view url) {
    const auto refuse = [url](std::string_view why) {
        return fail(ErrorCode::invalid_argument,
                    fmt::format("server '{}' {}; it looks like https://10.0.0.1:7480", url, why));
    };
    constexpr std::string_view scheme = "https://";
    if (url.starts_with("http://")) return refuse("would send the token unencrypted");
    if (!url.starts_with(scheme)) return refuse("does not start with https://");
    auto rest = url.substr(scheme.size());
    if (rest.ends_with('/')) rest.remove_suffix(1);
    TlsServer server;
    if (rest.starts_with('[')) {  // RFC 3986 §3.2.2
        const auto end = rest.find(']');
        if (end == std::string_view::npos) return refuse("lacks a closing bracket");
        server.host = rest.substr(1, end - 1);
        rest.remove_prefix(end + 1);
        const auto address = IpAddress::parse(server.host);
        if (!address || address->is_v4()) return refuse("has brackets around no IPv6 address");
    } else {
        const auto end = std::min(rest.find(':'), rest.size());
        server.host = rest.substr(0, end);
        rest.remove_prefix(end);
    }
    if (server.host.empty()) return refuse("names no host");
    if (server.host.find_first_of("/?#@ ") != std::string::npos) {
        return refuse("has more than a host and a port");
    }
    if (rest.empty()) return server;
    const auto port = parse_port(rest.substr(1));
    if (!rest.starts_with(':') || !port) return refuse("has no valid port");
    server.port = port->port;
    return server;
}

}  // namespace trivet::model
