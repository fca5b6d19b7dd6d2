#pragma once
#include <chrono>
#include <cstddef>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include "api/byte_stream.hpp"
#include "api/http_server.hpp"
#include "api/request_check.hpp"
#include "api/response_text.hpp"

namespace trivet::api {

/// What all sessions of one server share; lives on the server's executor.
struct SessionShared {
    boost::asio::any_io_executor executor;
    HttpHandler handler;
    HttpServer::Limits limits;
    HttpLog log;
    HttpCounters counters;
    std::size_t body_bytes = 0;  // of all requests that run now
    bool stopping = false;

    /// The Date header; formatted once a second.
    const std::string& date();

private:
    std::time_t date_second_ = 0;
    std::string date_;
};

/// One connection: reads requests one after the other, has each checked and handled, answers in
/// order. The server owns it; all of it happens on the server's executor. Every wait has a
/// deadline.
class HttpSession : public std::enable_shared_from_this<HttpSession> {
public:
    HttpSession(std::shared_ptr<SessionShared> shared, std::unique_ptr<ByteStream> stream,
                Peer peer);

    /// Returns when the connection is closed. The caller keeps the session alive meanwhile.
    boost::asio::awaitable<void> run();
    /// Closes now when no request runs, else after its answer.
    void finish();
    void abort();

private:
    using Clock = std::chrono::steady_clock;
    struct Call;
    struct Streaming;
    enum class Next { keep, close, drop };  // after an answer; drop: no farewell

    boost::asio::awaitable<Next> serve_one();
    boost::asio::awaitable<Result<std::optional<std::size_t>, Refusal>> read_head();
    boost::asio::awaitable<Result<bool, Refusal>> read_body(RequestFraming framing,
                                                            std::string& body);
    boost::asio::awaitable<Result<bool, Refusal>> read_counted(std::size_t length,
                                                               std::string& body);
    boost::asio::awaitable<Result<bool, Refusal>> read_chunked(std::string& body);
    boost::asio::awaitable<HttpResponse> handle(HttpRequest request);
    boost::asio::awaitable<Next> answer(HttpResponse response, Next next, ResponseForm form);
    boost::asio::awaitable<Next> send_stream(std::shared_ptr<BodyStream> body, ResponseForm form);
    boost::asio::awaitable<bool> send_part(std::string text);
    static boost::asio::awaitable<void> notice_end(std::shared_ptr<HttpSession> self,
                                                   std::shared_ptr<Streaming> streaming);
    boost::asio::awaitable<void> stop_noticing(std::shared_ptr<Streaming> streaming);
    boost::asio::awaitable<Next> refuse(Refusal refusal);
    boost::asio::awaitable<void> say_farewell(std::chrono::milliseconds linger);
    boost::asio::awaitable<void> discard();
    boost::asio::awaitable<void> give_up_handshake(boost::system::error_code error);
    boost::asio::awaitable<bool> fill(std::size_t bytes);

    bool reserve_body(std::size_t bytes);
    void release_body();
    std::string_view buffered() const;

    /// What waits on the stream is cancelled after `timeout`, and `expired_` is set.
    void arm(std::chrono::milliseconds timeout);
    void disarm() { deadline_ = Clock::time_point::max(); }
    void start_timer();
    void on_timer();

    std::shared_ptr<SessionShared> shared_;
    std::unique_ptr<ByteStream> stream_;
    Peer peer_;
    boost::beast::flat_buffer buffer_;      // received, not yet consumed
    std::size_t reserved_ = 0;              // this request's part of shared_->body_bytes
    std::shared_ptr<Call> call_;            // the handler that runs now
    std::shared_ptr<Streaming> streaming_;  // the answer that goes on now
    bool idle_ = true;  // nothing of a request has come: may be closed at any time
    bool aborted_ = false;

    boost::asio::steady_timer timer_;
    Clock::time_point deadline_ = Clock::time_point::max();
    Clock::time_point timer_at_ = Clock::time_point::max();  // when timer_ wakes; may be too early
    bool expired_ = false;
};

}  // namespace trivet::api
