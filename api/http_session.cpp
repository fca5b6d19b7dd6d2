#include "api/http_session.hpp"

#include <array>
#include <exception>
#include <new>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "api/chunked_body.hpp"
#include "api/problem.hpp"
#include "api/request_head.hpp"

namespace trivet::api {

namespace asio = boost::asio;

namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

constexpr std::size_t head_read_bytes = 4 * 1024;    // the usual head arrives in one read
constexpr std::size_t chunk_read_bytes = 16 * 1024;  // a TLS record
constexpr std::size_t body_step_bytes = 64 * 1024;   // memory follows what really arrived
// An idle peer has no answer to lose; it need not even be there any more.
constexpr std::chrono::milliseconds idle_linger{100};
constexpr std::size_t discard_bytes_max = 4 * 1024 * 1024;  // of a request that was refused

asio::awaitable<HttpResponse> run_handler(std::shared_ptr<SessionShared> shared,
                                          HttpRequest request) {
    co_return co_await shared->handler(std::move(request));
}

auto refusal(unsigned status, std::string detail) {
    return tl::unexpected(Refusal{status, std::move(detail)});
}

}  // namespace

/// A handler that runs; outlives the session when the handler takes too long.
struct HttpSession::Call {
    asio::steady_timer timer;
    std::optional<HttpResponse> response = {};
    std::exception_ptr failure = {};
    bool finished = false;
};

/// An answer that goes on. Meanwhile the peer is listened to, which is how its leaving is noticed.
struct HttpSession::Streaming {
    std::shared_ptr<BodyStream> body;
    asio::steady_timer ended;  // cancelled when nobody listens to the peer any more
    bool is_listening = true;
    bool is_over = false;
};

const std::string& SessionShared::date() {
    const auto now = std::time(nullptr);
    if (now != date_second_) {
        date_ = http_date(now);
        date_second_ = now;
    }
    return date_;
}

HttpSession::HttpSession(std::shared_ptr<SessionShared> shared, std::unique_ptr<ByteStream> stream,
                         Peer peer)
    : shared_(std::move(shared)),
      stream_(std::move(stream)),
      peer_(std::move(peer)),
      buffer_(std::max(shared_->limits.header_bytes, chunk_read_bytes) + head_read_bytes),
      timer_(shared_->executor) {}

asio::awaitable<void> HttpSession::run() {
    arm(shared_->limits.handshake_timeout);
    const auto error = co_await stream_->handshake();
    if (error || expired_ || aborted_) {
        ++shared_->counters.connections_refused;
        co_await give_up_handshake(error);
    } else {
        Next next = Next::keep;
        while (next == Next::keep && !aborted_) next = co_await serve_one();
        if (next == Next::close && !aborted_)
            co_await say_farewell(idle_ ? std::min(idle_linger, shared_->limits.linger_timeout)
                                        : shared_->limits.linger_timeout);
    }
    disarm();
    timer_.cancel();
    stream_->close();
}

asio::awaitable<HttpSession::Next> HttpSession::serve_one() {
    const auto head_size = co_await read_head();
    if (!head_size) co_return co_await refuse(head_size.error());
    if (!*head_size) co_return expired_ || shared_->stopping ? Next::close : Next::drop;

    const RequestLimits limits{.header_bytes = shared_->limits.header_bytes,
                               .body_bytes = shared_->limits.body_bytes};
    auto head = parse_head(buffered().substr(0, **head_size), limits);
    if (!head) co_return co_await refuse(head.error());
    buffer_.consume(**head_size);

    const auto body_came = co_await read_body(head->framing, head->request.body);
    if (!body_came || !*body_came) {
        release_body();
        if (!body_came) co_return co_await refuse(body_came.error());
        co_return Next::drop;
    }
    const ResponseForm form{.with_body = head->request.method != "HEAD",
                            .keep_alive = head->keep_alive,
                            .minor_version = head->minor_version};
    head->request.peer = peer_;
    head->request.counters = &shared_->counters;
    auto response = co_await handle(std::move(head->request));
    release_body();
    if (aborted_) co_return Next::drop;
    co_return co_await answer(std::move(response), form.keep_alive ? Next::keep : Next::close,
                              form);
}

asio::awaitable<Result<std::optional<std::size_t>, Refusal>> HttpSession::read_head() {
    HeadScanner scanner(shared_->limits.header_bytes);
    bool skipped_empty_line = false;
    idle_ = buffer_.size() == 0;
    if (idle_ && shared_->stopping) co_return std::nullopt;
    arm(idle_ ? shared_->limits.idle_timeout : shared_->limits.header_timeout);
    for (;;) {
        const auto end = scanner.scan(buffered());
        if (!end) co_return tl::unexpected(end.error());
        if (*end && (**end > 2 || skipped_empty_line)) co_return *end;
        if (*end) {  // RFC 9112 section 2.2: one empty line before the request line is ignored
            skipped_empty_line = true;
            buffer_.consume(**end);
            scanner = HeadScanner(shared_->limits.header_bytes);
            continue;
        }
        const bool more = co_await fill(head_read_bytes);
        if (!more && expired_ && !idle_)
            co_return refusal(408, "the head of the request did not arrive in time");
        if (!more) co_return std::nullopt;
        if (idle_) arm(shared_->limits.header_timeout);
        idle_ = false;
    }
}

asio::awaitable<Result<bool, Refusal>> HttpSession::read_body(RequestFraming framing,
                                                              std::string& body) {
    if (!framing.chunked && framing.content_length.value_or(0) == 0) co_return true;
    const auto length = static_cast<std::size_t>(framing.content_length.value_or(0));
    if (!reserve_body(length)) co_return refusal(503, "too many large requests at a time");
    arm(shared_->limits.body_timeout);
    if (framing.expect_continue && buffer_.size() == 0) {  // RFC 9110 section 10.1.1
        static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
        const auto written = co_await stream_->write(asio::buffer(go_on));
        if (written.error || expired_) co_return false;
    }
    if (framing.chunked) co_return co_await read_chunked(body);
    co_return co_await read_counted(length, body);
}

asio::awaitable<Result<bool, Refusal>> HttpSession::read_counted(std::size_t length,
                                                                 std::string& body) {
    const auto early = std::min(length, buffer_.size());
    body.assign(buffered().substr(0, early));
    buffer_.consume(early);
    while (body.size() < length) {
        const auto start = body.size();
        body.resize(std::min(length, start + body_step_bytes));
        const auto read =
            co_await stream_->read_some(asio::buffer(body.data() + start, body.size() - start));
        body.resize(start + read.size);
        if (expired_) co_return refusal(408, "the body of the request did not arrive in time");
        if (read.error || aborted_) co_return false;
    }
    co_return true;
}

asio::awaitable<Result<bool, Refusal>> HttpSession::read_chunked(std::string& body) {
    ChunkedBody chunks(shared_->limits.body_bytes);
    for (;;) {
        const auto used = chunks.on_bytes(buffered(), body);
        if (!used) co_return tl::unexpected(used.error());
        buffer_.consume(*used);
        if (body.size() > reserved_ && !reserve_body(body.size() - reserved_))
            co_return refusal(503, "too many large requests at a time");
        if (chunks.done()) co_return true;
        const bool more = co_await fill(chunk_read_bytes);
        if (expired_) co_return refusal(408, "the body of the request did not arrive in time");
        if (!more) co_return false;
    }
}

asio::awaitable<HttpResponse> HttpSession::handle(HttpRequest request) {
    disarm();
    auto call = std::make_shared<Call>(Call{.timer = asio::steady_timer(shared_->executor)});
    call->timer.expires_after(shared_->limits.handler_timeout);
    asio::co_spawn(shared_->executor, run_handler(shared_, std::move(request)),
                   [call](std::exception_ptr failure, HttpResponse response) {
                       call->failure = failure;
                       call->response = std::move(response);
                       call->finished = true;
                       call->timer.cancel();
                   });
    if (!call->finished) {
        call_ = call;
        co_await call->timer.async_wait(as_result);
        call_.reset();
    }
    if (!call->finished) {
        ++shared_->counters.timeouts;
        co_return problem(
            Error{ErrorCode::timeout,
                  "the request was not finished in time; it may still take effect, so "
                  "look before you repeat it"});
    }
    if (!call->failure) co_return std::move(*call->response);
    try {
        std::rethrow_exception(call->failure);
    } catch (const std::bad_alloc&) {
        throw;  // ends the process: nothing sensible can be done without memory
    } catch (const std::exception& failure) {
        if (shared_->log)
            shared_->log("error", std::string("a request handler threw: ") + failure.what());
    }
    co_return problem(
        Error{ErrorCode::internal, "the request failed inside lbd; its log says why"});
}

asio::awaitable<HttpSession::Next> HttpSession::answer(HttpResponse response, Next next,
                                                       ResponseForm form) {
    if (shared_->stopping || response.stream) next = Next::close;
    form.keep_alive = next == Next::keep;
    ++shared_->counters.answers[response.status];
    const auto text = response_text(response, form, shared_->date());
    arm(shared_->limits.write_timeout);
    const auto written = co_await stream_->write(asio::buffer(text));
    if (expired_) ++shared_->counters.timeouts;
    if (written.error || expired_) co_return Next::drop;
    if (!response.stream || !form.with_body) co_return next;
    co_return co_await send_stream(std::move(response.stream), form);
}

/// Until the body ends, the peer leaves, does not read, or the server stops.
asio::awaitable<HttpSession::Next> HttpSession::send_stream(std::shared_ptr<BodyStream> body,
                                                            ResponseForm form) {
    const bool chunked = form.minor_version != 0;
    auto streaming = std::make_shared<Streaming>(
        Streaming{.body = body, .ended = asio::steady_timer(shared_->executor)});
    streaming->ended.expires_at(asio::steady_timer::time_point::max());
    streaming_ = streaming;
    disarm();
    asio::co_spawn(shared_->executor, notice_end(shared_from_this(), streaming), asio::detached);
    bool is_fine = true;
    while (is_fine && !streaming->is_over && !aborted_ && !shared_->stopping) {
        std::string part = co_await body->next();
        if (part.empty()) break;
        if (chunked) part = chunk_text(part);
        is_fine = co_await send_part(std::move(part));
    }
    const bool peer_left = streaming->is_over;
    streaming_.reset();
    co_await stop_noticing(streaming);
    if (!is_fine || peer_left || aborted_) co_return Next::drop;
    if (chunked) is_fine = co_await send_part(chunk_text({}));
    co_return is_fine ? Next::close : Next::drop;
}

asio::awaitable<bool> HttpSession::send_part(std::string text) {
    arm(shared_->limits.write_timeout);
    const auto written = co_await stream_->write(asio::buffer(text));
    disarm();
    if (expired_) ++shared_->counters.timeouts;
    co_return !written.error && !expired_;
}

/// What the peer sends meanwhile is of no request that it would get an answer to.
asio::awaitable<void> HttpSession::notice_end(std::shared_ptr<HttpSession> self,
                                              std::shared_ptr<Streaming> streaming) {
    std::array<char, 512> unwanted;
    for (std::size_t discarded = 0; discarded < discard_bytes_max && !streaming->is_over;) {
        const auto read = co_await self->stream_->read_some(asio::buffer(unwanted));
        if (read.error) break;
        discarded += read.size;
    }
    streaming->is_over = true;
    streaming->is_listening = false;
    streaming->body->cancel();
    streaming->ended.cancel();
}

/// A farewell reads, too: one at a time.
asio::awaitable<void> HttpSession::stop_noticing(std::shared_ptr<Streaming> streaming) {
    streaming->is_over = true;
    if (streaming->is_listening) stream_->cancel();
    while (streaming->is_listening) co_await streaming->ended.async_wait(as_result);
}

asio::awaitable<HttpSession::Next> HttpSession::refuse(Refusal refusal) {
    ++shared_->counters.requests_refused;
    if (refusal.status == 408) ++shared_->counters.timeouts;
    co_return co_await answer(problem(refusal), Next::close, ResponseForm{});
}

/// Closing a socket with unread bytes in it makes the kernel reset the connection, which may
/// destroy the answer before the peer has read it. So what the peer still sends is read, within
/// bounds.
asio::awaitable<void> HttpSession::say_farewell(std::chrono::milliseconds linger) {
    arm(linger);
    co_await stream_->finish();
    co_await discard();
}

asio::awaitable<void> HttpSession::discard() {
    std::array<char, 4096> unwanted;
    for (std::size_t discarded = 0; discarded < discard_bytes_max && !expired_ && !aborted_;) {
        const auto read = co_await stream_->discard_some(asio::buffer(unwanted));
        if (read.error) co_return;
        discarded += read.size;
    }
}

asio::awaitable<void> HttpSession::give_up_handshake(boost::system::error_code error) {
    if (!is_plain_http(error) || expired_ || aborted_) co_return;
    arm(shared_->limits.linger_timeout);
    const auto text = response_text(problem(Refusal{400, "this port speaks HTTPS: write https://"}),
                                    ResponseForm{.keep_alive = false}, shared_->date());
    co_await stream_->answer_plain(asio::buffer(text));
    co_await discard();
}

asio::awaitable<bool> HttpSession::fill(std::size_t bytes) {
    const auto read = co_await stream_->read_some(buffer_.prepare(bytes));
    buffer_.commit(read.size);
    co_return !read.error && !expired_ && !aborted_;
}

void HttpSession::finish() {
    if (idle_) stream_->cancel();
    if (streaming_) streaming_->body->cancel();
}

void HttpSession::abort() {
    aborted_ = true;
    stream_->close();
    if (call_) call_->timer.cancel();
    if (streaming_) streaming_->body->cancel();
}

bool HttpSession::reserve_body(std::size_t bytes) {
    if (bytes > shared_->limits.body_bytes_total - shared_->body_bytes) return false;
    shared_->body_bytes += bytes;
    reserved_ += bytes;
    return true;
}

void HttpSession::release_body() { shared_->body_bytes -= std::exchange(reserved_, 0); }

std::string_view HttpSession::buffered() const {
    const auto data = buffer_.data();
    return {static_cast<const char*>(data.data()), data.size()};
}

void HttpSession::arm(std::chrono::milliseconds timeout) {
    expired_ = false;
    deadline_ = Clock::now() + timeout;
    // A timer that wakes too early looks again: one timer operation serves many requests.
    if (deadline_ < timer_at_) start_timer();
}

void HttpSession::start_timer() {
    timer_at_ = deadline_;
    timer_.expires_at(timer_at_);
    timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
        if (error) return;
        if (const auto self = weak.lock()) self->on_timer();
    });
}

void HttpSession::on_timer() {
    timer_at_ = Clock::time_point::max();
    if (deadline_ == Clock::time_point::max()) return;
    if (Clock::now() < deadline_) return start_timer();
    expired_ = true;
    stream_->cancel();
}

}  // namespace trivet::api
