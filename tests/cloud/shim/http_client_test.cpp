#include "cloud/shim/http_client.hpp"

#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <gmock/gmock.h>

#include "cloud/shim/clock.hpp"

namespace trivet::cloud {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace std::chrono_literals;
using testing::HasSubstr;

/// A server that answers each request on a connection with the next of the texts given for it, and
/// closes when there is none left. It notes what it heard.
class Script {
public:
    explicit Script(std::vector<std::vector<std::string>> connections)
        : connections_(std::move(connections)),
          acceptor_(io_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
          thread_([this] { serve(); }) {}
    ~Script() { thread_.join(); }
    Script(const Script&) = delete;
    Script& operator=(const Script&) = delete;

    std::shared_ptr<HttpOrigin> origin() const {
        auto origin = std::make_shared<HttpOrigin>();
        origin->title = "the server";
        origin->place = HttpOrigin::Tcp{"127.0.0.1", acceptor_.local_endpoint().port(), {}, {}};
        origin->token = []() -> Result<std::string> { return std::string("secret"); };
        return origin;
    }
    const std::vector<std::string>& heard() const { return heard_; }  // once it has ended

private:
    void serve() {
        for (const auto& answers : connections_) {
            tcp::socket socket(io_);
            acceptor_.accept(socket);
            asio::streambuf buffer;
            for (const std::string& answer : answers) {
                boost::system::error_code error;
                const auto size = asio::read_until(socket, buffer, "\r\n\r\n", error);
                if (error) break;
                heard_.emplace_back(
                    asio::buffers_begin(buffer.data()),
                    asio::buffers_begin(buffer.data()) + static_cast<std::ptrdiff_t>(size));
                buffer.consume(buffer.size());
                asio::write(socket, asio::buffer(answer), error);
            }
        }
    }

    std::vector<std::vector<std::string>> connections_;
    asio::io_context io_;
    tcp::acceptor acceptor_;
    std::vector<std::string> heard_;
    std::thread thread_;  // last: it uses the others
};

Result<HttpAnswer> call(asio::io_context& io, HttpClient& client, HttpCall request) {
    std::optional<Result<HttpAnswer>> answer;
    asio::co_spawn(io, client.call(std::move(request)),
                   [&](const std::exception_ptr& failure, Result<HttpAnswer> result) {
                       if (failure) std::rethrow_exception(failure);
                       answer = std::move(result);
                   });
    io.restart();
    io.run();
    return std::move(*answer);
}

TEST(HttpClient, ReadsWholeAnswersOnOneConnection) {
    Script server({{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
                    "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n",
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"}});
    asio::io_context io;
    HttpClient client(io.get_executor(), server.origin(), {});
    const auto first = call(io, client, {.target = "/a?b=c"});
    ASSERT_TRUE(first) << first.error().message;
    EXPECT_EQ(first->body, "hello");
    const auto second = call(io, client, {.target = "/"});
    ASSERT_TRUE(second) << second.error().message;
    EXPECT_EQ(second->head.status, 429u);
    EXPECT_EQ(second->head.retry_after, 7s);
    const auto third = call(io, client, {.target = "/"});
    ASSERT_TRUE(third) << third.error().message;
    EXPECT_EQ(third->body, "abcde");
    EXPECT_EQ(client.calls(), 3u);
    client.close();
}

TEST(HttpClient, ATokenGoesWithEachRequest) {
    Script server({{"HTTP/1.1 204 No Content\r\n\r\n"}});
    asio::io_context io;
    HttpClient client(io.get_executor(), server.origin(), {});
    ASSERT_TRUE(call(io, client, {.method = "DELETE", .target = "/x"}));
    client.close();
    ASSERT_EQ(server.heard().size(), 1u);
    EXPECT_THAT(server.heard()[0], HasSubstr("DELETE /x HTTP/1.1\r\n"));
    EXPECT_THAT(server.heard()[0], HasSubstr("Authorization: Bearer secret\r\n"));
}

TEST(HttpClient, AKeptConnectionThatTheServerClosedCostsNothing) {
    Script server({{"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1"},
                   {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2"}});
    asio::io_context io;
    HttpClient client(io.get_executor(), server.origin(), {});
    ASSERT_EQ(call(io, client, {.target = "/"})->body, "1");
    const auto second = call(io, client, {.target = "/"});
    ASSERT_TRUE(second) << second.error().message;
    EXPECT_EQ(second->body, "2");
    client.close();
}

TEST(HttpClient, WhatIsNoWholeAnswerIsAnError) {
    struct Row {
        const char* answer;
        ErrorCode code;
    };
    const std::vector<Row> rows{
        {"", ErrorCode::unavailable},
        {"HTTP/1.1 200 OK\r\n", ErrorCode::unavailable},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", ErrorCode::unavailable},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab", ErrorCode::unavailable},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", ErrorCode::internal},
        {"SSH-2.0-OpenSSH\r\n\r\n", ErrorCode::internal},
        {"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n01234567890123456789", ErrorCode::too_large},
    };
    for (const Row& row : rows) {
        Script server({{row.answer}});
        asio::io_context io;
        HttpClient client(io.get_executor(), server.origin(), {.body_bytes_max = 10});
        const auto answer = call(io, client, {.target = "/"});
        ASSERT_FALSE(answer) << row.answer;
        EXPECT_EQ(answer.error().code, row.code) << row.answer << ": " << answer.error().message;
    }
}

TEST(HttpClient, NobodyThereIsSaidWithTheServersName) {
    asio::io_context io;
    auto origin = std::make_shared<HttpOrigin>();
    origin->title = "https://10.0.0.1:6443";
    tcp::acceptor free_port(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    origin->place = HttpOrigin::Tcp{"127.0.0.1", free_port.local_endpoint().port(), {}, {}};
    free_port.close();
    HttpClient client(io.get_executor(), origin, {});
    const auto answer = call(io, client, {.target = "/"});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::unavailable);
    EXPECT_THAT(answer.error().message, HasSubstr("https://10.0.0.1:6443: connecting"));
    origin->place = HttpOrigin::Unix{"/nowhere/lbd.sock"};
    EXPECT_THAT(call(io, client, {.target = "/"}).error().message, HasSubstr("/nowhere/lbd.sock"));
}

TEST(HttpConnection, HandsOnWhatArrivesAndEndsWhenItIsClosed) {
    Script server({{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"}});
    asio::io_context io;
    auto connection = std::make_shared<HttpConnection>(io.get_executor(), server.origin());
    std::string got;
    std::optional<Error> end;
    const auto follow = [&]() -> asio::awaitable<void> {
        HttpCall request{.target = "/"};
        const auto head = co_await connection->open(std::move(request), boot_now() + 10s);
        if (!head) {
            end = head.error();
            co_return;
        }
        for (;;) {
            const auto piece = co_await connection->read_some(boot_now() + 10s);
            if (!piece) {
                end = piece.error();
                co_return;
            }
            got += *piece;
            if (piece->empty()) co_return;
        }
    };
    asio::co_spawn(io, follow(), [](const std::exception_ptr& failure) {
        if (failure) std::rethrow_exception(failure);
    });
    io.run();
    EXPECT_EQ(got, "abc");
    ASSERT_TRUE(end) << "the server left in the middle";
    EXPECT_EQ(end->code, ErrorCode::unavailable);
}

}  // namespace
}  // namespace trivet::cloud
