// Posts JSON bodies over kept-alive TLS connections, a fixed number in flight, and reports rate and
// latency as one JSON object. Knows nothing of Trivet or of a peer: target, path, headers, body and
// authority are given, so that one program measures both.
#include <fstream>
#include <iostream>

#include <CLI/CLI.hpp>
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>

#include "cmake/pch_base.hpp"

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Clock = std::chrono::steady_clock;

namespace {

struct Options {
    std::string host = "127.0.0.1";
    std::string port = "7480";
    std::string path;
    std::string body;                  // a template, see fill()
    std::vector<std::string> headers;  // "Name: value"
    std::string token;
    std::string ca_file;
    unsigned in_flight = 1;
    unsigned requests = 1000;
    unsigned seconds_max = 30;
    unsigned first = 0;
};

struct Shared {
    Options options;
    asio::ssl::context tls{asio::ssl::context::tls_client};
    unsigned next = 0;
    Clock::time_point end;
    std::vector<double> latencies_ms;
    std::map<unsigned, unsigned> statuses;
    unsigned broken_connections = 0;
};

constexpr std::string_view encode_from = "<base64>", encode_to = "</base64>";

std::string base64(const std::string& text) {
    std::string encoded(4 * ((text.size() + 2) / 3) + 1, '\0');  // and the final NUL it writes
    const auto* bytes = static_cast<const unsigned char*>(static_cast<const void*>(text.data()));
    auto* out = static_cast<unsigned char*>(static_cast<void*>(encoded.data()));
    encoded.resize(
        static_cast<std::size_t>(EVP_EncodeBlock(out, bytes, static_cast<int>(text.size()))));
    return encoded;
}

/// The body of a request: "{n}" becomes its number; then what stands between <base64> and </base64>
/// is encoded, because a gateway may take bytes in no other form.
std::string fill(std::string text, unsigned number) {
    for (std::size_t at = 0; (at = text.find("{n}", at)) != std::string::npos;)
        text.replace(at, 3, std::to_string(number));
    for (std::size_t at = 0; (at = text.find(encode_from, at)) != std::string::npos;) {
        const std::size_t from = at + encode_from.size();
        const std::size_t to = text.find(encode_to, from);
        if (to == std::string::npos) throw std::invalid_argument("--body: <base64> has no end");
        text.replace(at, to + encode_to.size() - at, base64(text.substr(from, to - from)));
    }
    return text;
}

http::request<http::string_body> make_request(const Options& options, unsigned number) {
    http::request<http::string_body> request(http::verb::post, options.path, 11);
    request.set(http::field::host, options.host);
    request.set(http::field::content_type, "application/json");
    for (const std::string& header : options.headers) {
        const std::size_t colon = header.find(':');
        if (colon == std::string::npos)
            throw std::invalid_argument("--header: '" + header + "' has no colon");
        request.set(header.substr(0, colon),
                    header.substr(header.find_first_not_of(' ', colon + 1)));
    }
    if (!options.token.empty()) request.set(http::field::authorization, "Bearer " + options.token);
    request.body() = fill(options.body, number);
    request.prepare_payload();
    return request;
}

asio::awaitable<void> work(Shared& shared, asio::ip::tcp::endpoint endpoint) {
    beast::ssl_stream<beast::tcp_stream> stream(co_await asio::this_coro::executor, shared.tls);
    co_await beast::get_lowest_layer(stream).async_connect(endpoint, asio::use_awaitable);
    beast::get_lowest_layer(stream).socket().set_option(asio::ip::tcp::no_delay(true));
    co_await stream.async_handshake(asio::ssl::stream_base::client, asio::use_awaitable);
    beast::flat_buffer buffer;
    while (shared.next < shared.options.requests && Clock::now() < shared.end) {
        const auto request = make_request(shared.options, shared.options.first + shared.next++);
        const auto sent = Clock::now();
        co_await http::async_write(stream, request, asio::use_awaitable);
        http::response<http::string_body> response;
        co_await http::async_read(stream, buffer, response, asio::use_awaitable);
        shared.latencies_ms.push_back(
            std::chrono::duration<double, std::milli>(Clock::now() - sent).count());
        if (shared.statuses[response.result_int()]++ == 0 && response.result_int() >= 300)
            std::cerr << "first answer with " << response.result_int() << ": " << response.body()
                      << "\n";
    }
}

double quantile(const std::vector<double>& sorted, double q) {
    if (sorted.empty()) return 0;
    return sorted[static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1))];
}

nlohmann::json measure(Shared& shared) {
    if (!shared.options.ca_file.empty()) {
        shared.tls.load_verify_file(shared.options.ca_file);
        shared.tls.set_verify_mode(asio::ssl::verify_peer);
    }
    asio::io_context io(1);
    const asio::ip::tcp::endpoint endpoint(
        asio::ip::make_address(shared.options.host),
        static_cast<std::uint16_t>(std::stoul(shared.options.port)));
    const auto start = Clock::now();
    shared.end = start + std::chrono::seconds(shared.options.seconds_max);
    for (unsigned i = 0; i < shared.options.in_flight; ++i)
        asio::co_spawn(io, work(shared, endpoint), [&shared](std::exception_ptr error) {
            if (error) ++shared.broken_connections;
        });
    io.run();
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    std::sort(shared.latencies_ms.begin(), shared.latencies_ms.end());
    nlohmann::json statuses = nlohmann::json::object();
    for (const auto& [status, count] : shared.statuses) statuses[std::to_string(status)] = count;
    return {{"in_flight", shared.options.in_flight},
            {"answers", shared.latencies_ms.size()},
            {"seconds", seconds},
            {"per_second", static_cast<double>(shared.latencies_ms.size()) / seconds},
            {"p50_ms", quantile(shared.latencies_ms, 0.5)},
            {"p99_ms", quantile(shared.latencies_ms, 0.99)},
            {"max_ms", quantile(shared.latencies_ms, 1.0)},
            {"statuses", statuses},
            {"broken_connections", shared.broken_connections}};
}

}  // namespace

int main(int argc, char** argv) {
    Shared shared;
    Options& options = shared.options;
    CLI::App app{"http_load: POST a JSON body, a fixed number in flight"};
    app.add_option("--host", options.host, "address of the server");
    app.add_option("--port", options.port, "its port");
    app.add_option("--path", options.path, "where to POST")->required();
    app.add_option("--body", options.body,
                   "the body; {n} becomes the request's number, <base64>...</base64> is encoded")
        ->required();
    app.add_option("--header", options.headers, "\"Name: value\", as often as needed");
    app.add_option("--token", options.token, "bearer token");
    app.add_option("--ca-file", options.ca_file,
                   "PEM of the authority to check the server against");
    app.add_option("--in-flight", options.in_flight, "connections, each with one request under way")
        ->check(CLI::Range(1, 1024));
    app.add_option("--requests", options.requests, "how many requests in all")
        ->check(CLI::Range(1, 10'000'000));
    app.add_option("--seconds-max", options.seconds_max, "stop earlier after this time")
        ->check(CLI::Range(1, 600));
    app.add_option("--first", options.first, "number of the first request");
    CLI11_PARSE(app, argc, argv);
    try {
        (void)make_request(options, options.first);  // its mistakes are told before the load starts
        const nlohmann::json result = measure(shared);
        std::cout << result.dump() << "\n";
        return shared.broken_connections == 0 ? 0 : 1;
    } catch (const std::exception& error) {
        std::cerr << "http_load: " << error.what() << "\n";
        return 1;
    }
}
