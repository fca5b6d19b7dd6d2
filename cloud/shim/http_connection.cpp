#include "cloud/shim/http_connection.hpp"

#include <charconv>
#include <fmt/format.h>
#include <sstream>

#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include "cloud/shim/clock.hpp"

namespace trivet::cloud {

namespace asio = boost::asio;
namespace http = boost::beast::http;

namespace {

constexpr std::size_t head_bytes_max = 64 * 1024;
constexpr std::size_t read_bytes = 16 * 1024;

/// RFC 9110 section 10.2.3; of its two forms API servers use the seconds.
std::optional<std::chrono::seconds> retry_after_of(std::string_view text) {
    constexpr unsigned most = 3600;
    unsigned seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return std::chrono::seconds(std::min(seconds, most));
}

}  // namespace

void HttpConnection::close() {
    closed_ = true;
    if (stream_) stream_->close();
}

bool HttpConnection::is_reusable() const {
    return stream_ && !closed_ && parser_ && parser_->is_done() && parser_->keep_alive() &&
           received_.size() == 0;
}

Result<std::string> HttpConnection::write(const HttpCall& call) const {
    constexpr unsigned http_1_1 = 11;
    http::request<http::string_body> request;
    request.version(http_1_1);
    request.method_string(call.method);
    request.target(origin_->base_path + call.target);
    request.set(http::field::host, origin_->host_header());
    request.set(http::field::user_agent, "trivet/" TRIVET_VERSION);
    request.set(http::field::accept, "application/json");
    for (const auto& [name, value] : call.headers) request.set(name, value);
    if (origin_->token) {
        const auto token = origin_->token();
        if (!token) return fail(token.error());
        if (!token->empty()) request.set(http::field::authorization, "Bearer " + *token);
    }
    if (!call.content_type.empty()) request.set(http::field::content_type, call.content_type);
    request.body() = call.body;
    request.prepare_payload();
    std::ostringstream text;
    text << request;
    return text.str();
}

asio::awaitable<Result<void>> HttpConnection::send(const std::string& bytes, Instant deadline) {
    received_.clear();
    parser_.emplace();
    parser_->header_limit(head_bytes_max);
    parser_->body_limit(boost::none);  // pieces are handed on; who gathers them has the limit
    if (!stream_) {
        auto connected =
            co_await connect(origin_, std::min(deadline, boot_now() + connect_timeout));
        if (!connected) co_return fail(connected.error());
        stream_ = std::move(*connected);
        if (closed_) co_return fail(ErrorCode::unavailable, "the call was given up");
    }
    stream_->set_deadline(deadline);
    const auto stream = stream_;
    co_return co_await stream->write(bytes);
}

asio::awaitable<Result<ResponseHead>> HttpConnection::open(HttpCall call, Instant deadline) {
    const auto bytes = write(call);
    if (!bytes) co_return fail(bytes.error());
    if (!is_reusable()) stream_.reset();
    closed_ = false;
    bool is_kept = stream_ != nullptr;
    for (;;) {
        Result<ResponseHead> head = ResponseHead{};
        if (auto sent = co_await send(*bytes, deadline); !sent)
            head = fail(sent.error());
        else
            head = co_await read_head();
        if (head) co_return head;
        const bool may_be_stale = is_kept && !parser_->got_some() && received_.size() == 0;
        stream_.reset();
        if (!may_be_stale || closed_ || head.error().code == ErrorCode::timeout) {
            co_return fail(head.error());
        }
        is_kept = false;
    }
}

/// Into received_; false: the other end has closed.
asio::awaitable<Result<bool>> HttpConnection::read_more() {
    const auto stream = stream_;
    const auto size = co_await stream->read_some(received_.prepare(read_bytes));
    if (!size) co_return fail(size.error());
    received_.commit(*size);
    co_return *size != 0;
}

/// What the parser takes of received_.
Result<std::size_t> HttpConnection::parse() {
    boost::system::error_code error;
    const std::size_t used = parser_->put(received_.data(), error);
    received_.consume(used);
    if (error && error != http::error::need_more && error != http::error::need_buffer)
        return fail(ErrorCode::internal,
                    fmt::format("{}: its answer is no HTTP: {}", origin_->title, error.message()));
    return used;
}

asio::awaitable<Result<ResponseHead>> HttpConnection::read_head() {
    while (!parser_->is_header_done()) {
        if (received_.size() != 0) {
            const auto used = parse();
            if (!used) co_return fail(used.error());
            if (parser_->is_header_done()) break;
            if (*used != 0) continue;
        }
        const auto more = co_await read_more();
        if (!more) co_return fail(more.error());
        if (!*more)
            co_return fail(ErrorCode::unavailable,
                           origin_->title + ": the connection was closed without an answer");
    }
    const auto& head = parser_->get();
    const auto retry_after = head[http::field::retry_after];
    co_return ResponseHead{head.result_int(), retry_after_of(std::string_view(retry_after.data(),
                                                                              retry_after.size()))};
}

asio::awaitable<Result<std::string>> HttpConnection::read_some(Instant deadline) {
    if (!stream_ || closed_) co_return fail(ErrorCode::unavailable, "the call was given up");
    stream_->set_deadline(deadline);
    std::string piece;
    for (;;) {
        if (parser_->is_done()) co_return std::string();
        piece.resize(piece_bytes_max);
        auto& body = parser_->get().body();
        body.data = piece.data();
        body.size = piece.size();
        body.more = true;
        std::size_t used = 0;
        if (received_.size() != 0) {
            const auto parsed = parse();
            if (!parsed) co_return fail(parsed.error());
            used = *parsed;
        }
        piece.resize(piece_bytes_max - body.size);
        if (!piece.empty()) co_return piece;
        if (parser_->is_done()) co_return std::string();
        if (used != 0 && received_.size() != 0) continue;
        const auto more = co_await read_more();
        if (!more) co_return fail(more.error());
        if (*more) continue;
        boost::system::error_code error;
        parser_->put_eof(error);
        if (error)
            co_return fail(ErrorCode::unavailable,
                           origin_->title + ": the connection broke off within an answer");
        co_return std::string();
    }
}

}  // namespace trivet::cloud
