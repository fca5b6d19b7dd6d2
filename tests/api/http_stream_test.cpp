// Answers that go on (HttpResponse::stream).
#include <future>
#include <thread>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>

#include "api/http_server.hpp"
#include "tests/api/http_fixture.hpp"

namespace trivet::api::test {

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

const std::string simple_get = "GET /a HTTP/1.1\r\nHost: lbd\r\n\r\n";

asio::awaitable<HttpResponse> answer_with(std::shared_ptr<BodyStream> stream) {
    co_return HttpResponse{.stream = std::move(stream)};
}

/// Whether it does before patience ends.
template <class Condition>
bool comes_true(Condition condition) {
    const auto patience = std::chrono::steady_clock::now() + 10s;
    while (!condition()) {
        if (std::chrono::steady_clock::now() >= patience) return false;
        std::this_thread::yield();
    }
    return true;
}

/// Goes on for ever, in parts of a size; counts how often it is cancelled.
class Endless final : public BodyStream {
public:
    explicit Endless(std::size_t size) : part_(size, 'x') {}

    asio::awaitable<std::string> next() override {
        if (part_.empty()) {  // nothing comes, until it is cancelled
            asio::steady_timer never(co_await asio::this_coro::executor, 1h);
            never_ = &never;
            co_await never.async_wait(asio::as_tuple(asio::use_awaitable));
            never_ = nullptr;
        }
        co_return cancelled != 0 ? std::string() : part_;
    }
    void cancel() override {
        ++cancelled;
        if (never_ != nullptr) never_->cancel();
    }
    std::atomic<int> cancelled = 0;

private:
    std::string part_;
    asio::steady_timer* never_ = nullptr;
};

HttpHandler streaming(std::shared_ptr<BodyStream> stream) {
    return [stream](HttpRequest) -> asio::awaitable<HttpResponse> { return answer_with(stream); };
}

TEST(HttpStream, GoesOnUntilThePeerLeaves) {
    const auto stream = std::make_shared<Endless>(1000);
    RunningServer server(streaming(stream));
    {
        auto client = Client::tls(server.port());
        client.send(simple_get);
        const auto head = client.reply();
        ASSERT_TRUE(head);
        EXPECT_EQ(head->headers.at("transfer-encoding"), "chunked");
        EXPECT_EQ(head->headers.at("connection"), "close");
        for (int i = 0; i < 5; ++i) {
            EXPECT_EQ(client.line(), "3e8\r\n");
            EXPECT_EQ(client.line(), std::string(1000, 'x') + "\r\n");
        }
        client.send(simple_get);  // is not answered, and disturbs nothing
        EXPECT_EQ(client.line(), "3e8\r\n");
    }
    EXPECT_TRUE(comes_true([&] { return server.counters().connections_open == 0; }));
    EXPECT_GE(stream->cancelled, 1);
}

TEST(HttpStream, OfSilenceNoticesThatThePeerLeft) {
    for (const bool over_tls : {false, true}) {
        const auto stream = std::make_shared<Endless>(0);
        RunningServer server(streaming(stream));
        {
            auto client =
                over_tls ? Client::tls(server.port()) : Client::unix_socket(server.socket_path());
            client.send(simple_get);
            ASSERT_TRUE(client.reply());
        }
        EXPECT_TRUE(comes_true([&] { return server.counters().connections_open == 0; }));
        EXPECT_GE(stream->cancelled, 1);
    }
}

TEST(HttpStream, EndsWhenThePeerDoesNotRead) {
    for (const bool over_tls : {false, true}) {
        RunningServer server(streaming(std::make_shared<Endless>(64 * 1024)),
                             {.write_timeout = 50ms});
        auto client =
            over_tls ? Client::tls(server.port()) : Client::unix_socket(server.socket_path());
        client.send(simple_get);
        EXPECT_TRUE(comes_true([&] { return server.counters().timeouts == 1; })) << over_tls;
        EXPECT_TRUE(comes_true([&] { return server.counters().connections_open == 0; }));
    }
}

TEST(HttpStream, EndsWhenTheServerStops) {
    for (const std::size_t size : {std::size_t{0}, std::size_t{1000}}) {
        const auto stream = std::make_shared<Endless>(size);
        RunningServer server(streaming(stream));
        auto client = Client::tls(server.port());
        client.send(simple_get);
        ASSERT_TRUE(client.reply());
        auto stopped = std::async(std::launch::async, [&] { server.stop(5s); });
        const auto rest = client.until_close();
        ASSERT_TRUE(rest);
        EXPECT_TRUE(rest->ends_with("0\r\n\r\n"));
        stopped.get();
        EXPECT_EQ(server.counters().connections_open, 0u);
    }
}

}  // namespace
}  // namespace trivet::api::test
