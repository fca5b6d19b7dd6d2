#pragma once
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>

#include "cloud/reflector.hpp"
#include "cloud/shim/byte_stream.hpp"

namespace trivet::cloud {

struct HttpCall {
    std::string method = "GET";
    std::string target;  // path and query, encoded
    std::string content_type = {};
    std::string body = {};
    std::vector<std::pair<std::string, std::string>> headers = {};
};

/// One connection to an origin, made when it is needed and kept while both ends want it: a call's
/// head, then its body in pieces as they arrive, for lists, watches and short answers alike. One
/// call at a time; one coroutine; the executor is single-threaded.
///
/// A call on a kept connection that the server closes without a byte is sent once more on a new
/// one: every call of this program may be repeated (docs/internals/kubernetes.md).
class HttpConnection {
public:
    static constexpr std::chrono::seconds connect_timeout{10};
    static constexpr std::size_t piece_bytes_max = 64 * 1024;

    HttpConnection(boost::asio::any_io_executor executor, std::shared_ptr<const HttpOrigin> origin)
        : executor_(std::move(executor)), origin_(std::move(origin)) {}

    /// Errors: as connect(); unavailable, it broke off; timeout; internal, no HTTP came back.
    boost::asio::awaitable<Result<ResponseHead>> open(HttpCall call, Instant deadline);
    /// The next piece; empty: that was all. Errors: as open().
    boost::asio::awaitable<Result<std::string>> read_some(Instant deadline);
    /// Ends what waits, which then fails.
    void close();
    /// The answer was read to its end, and another call may follow on this connection.
    bool is_reusable() const;

private:
    using Parser = boost::beast::http::response_parser<boost::beast::http::buffer_body>;

    boost::asio::awaitable<Result<void>> send(const std::string& bytes, Instant deadline);
    boost::asio::awaitable<Result<ResponseHead>> read_head();
    boost::asio::awaitable<Result<bool>> read_more();
    Result<std::size_t> parse();
    Result<std::string> write(const HttpCall& call) const;

    boost::asio::any_io_executor executor_;
    std::shared_ptr<const HttpOrigin> origin_;
    std::shared_ptr<ByteStream> stream_;  // null: not connected
    boost::beast::flat_buffer received_;
    std::optional<Parser> parser_;
    bool closed_ = false;  // by close(), while something waited
};

}  // namespace trivet::cloud
