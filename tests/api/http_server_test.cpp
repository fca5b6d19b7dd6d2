#include "api/http_server.hpp"

#include <fstream>

#include <sys/stat.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/api/http_fixture.hpp"
#include "tests/api/request_cases.hpp"

namespace trivet::api::test {

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

/// Answers with what it was asked, and counts how often.
struct Echo {
    std::shared_ptr<std::atomic<int>> calls = std::make_shared<std::atomic<int>>(0);
    std::shared_ptr<std::atomic<bool>> hang = std::make_shared<std::atomic<bool>>(false);

    static asio::awaitable<HttpResponse> run(Echo echo, HttpRequest request) {
        ++*echo.calls;
        if (request.path == std::vector<std::string>{"throw"}) throw std::runtime_error("burst");
        if (request.path == std::vector<std::string>{"hang"}) {
            asio::steady_timer never(co_await asio::this_coro::executor, 1h);
            co_await never.async_wait(asio::use_awaitable);
        }
        if (request.path == std::vector<std::string>{"slow"}) {
            asio::steady_timer soon(co_await asio::this_coro::executor, 50ms);
            co_await soon.async_wait(asio::use_awaitable);
        }
        std::string path;
        for (const auto& segment : request.path) path += "/" + segment;
        const nlohmann::json body{{"method", request.method},
                                  {"path", path},
                                  {"size", request.body.size()},
                                  {"body", request.body.substr(0, 64)},
                                  {"unix", std::holds_alternative<UnixPeer>(request.peer)}};
        co_return HttpResponse{.body = body.dump()};
    }
    HttpHandler handler() const {
        return [echo = *this](HttpRequest request) { return run(echo, std::move(request)); };
    }
};

const std::string simple_get = "GET /a HTTP/1.1\r\nHost: lbd\r\n\r\n";

std::string post(const std::string& fields, const std::string& body) {
    return "POST /a HTTP/1.1\r\nHost: lbd\r\n" + fields + "\r\n" + body;
}

nlohmann::json json_of(const std::optional<Reply>& reply) {
    return reply ? nlohmann::json::parse(reply->body) : nlohmann::json{};
}

class RefusedRequests : public testing::Test {
protected:
    void expect_verdict(Client client, const RequestCase& request) {
        SCOPED_TRACE(request.name);
        const int calls_before = *echo_.calls;
        client.send(request.bytes);
        const auto reply = client.reply();
        ASSERT_TRUE(reply);
        if (request.status == 0) {
            EXPECT_EQ(reply->status, 200u);
            return;
        }
        EXPECT_EQ(reply->status, request.status);
        EXPECT_EQ(reply->headers.at("content-type"), "application/problem+json");
        EXPECT_EQ(json_of(reply)["status"], request.status);
        EXPECT_EQ(reply->headers.at("connection"), "close");
        EXPECT_TRUE(client.closed()) << "the connection must close after a refusal";
        EXPECT_EQ(*echo_.calls, calls_before) << "the handler must not see a refused request";
    }

    Echo echo_;
    RunningServer server_{echo_.handler()};
};

}  // namespace

TEST_F(RefusedRequests, OverTheUnixSocketAreAnsweredAndClosed) {
    for (const auto& request : head_cases())
        expect_verdict(Client::unix_socket(server_.socket_path()), request);
    for (const auto& request : body_cases())
        expect_verdict(Client::unix_socket(server_.socket_path()), request);
}

TEST_F(RefusedRequests, OverTlsAreAnsweredAndClosed) {
    std::size_t refused = 0;
    for (const auto& cases : {head_cases(), body_cases()})
        for (const auto& request : cases) {
            expect_verdict(Client::tls(server_.port()), request);
            refused += request.status != 0 ? 1 : 0;
        }
    EXPECT_EQ(server_.counters().requests_refused, refused);
}

TEST(HttpServer, AnswersOverBothTransports) {
    Echo echo;
    RunningServer server(echo.handler());
    auto local = Client::unix_socket(server.socket_path());
    local.send(simple_get);
    EXPECT_EQ(json_of(local.reply())["unix"], true);
    auto remote = Client::tls(server.port());
    EXPECT_TRUE(remote.handshake_done());
    EXPECT_EQ(remote.alpn(), "http/1.1");
    remote.send(simple_get);
    const auto reply = remote.reply();
    EXPECT_EQ(json_of(reply)["unix"], false);
    EXPECT_EQ(reply->headers.at("cache-control"), "no-store");
    EXPECT_EQ(reply->headers.at("x-content-type-options"), "nosniff");
    EXPECT_EQ(reply->headers.at("content-type"), "application/json");
    EXPECT_EQ(reply->headers.at("date").size(),
              std::string("Sun, 06 Nov 1994 08:49:37 GMT").size());
}

TEST(HttpServer, KeepsAConnectionAlive) {
    Echo echo;
    RunningServer server(echo.handler());
    auto client = Client::tls(server.port());
    for (int i = 0; i < 100; ++i) {
        client.send(post("Content-Length: 3\r\n", "abc"));
        ASSERT_EQ(json_of(client.reply())["body"], "abc");
    }
    EXPECT_EQ(server.counters().connections_accepted, 1u);
    client.send("GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(client.reply()->headers.at("connection"), "close");
    EXPECT_TRUE(client.closed());
}

TEST(HttpServer, AnswersPipelinedRequestsInOrder) {
    Echo echo;
    RunningServer server(echo.handler());
    auto client = Client::unix_socket(server.socket_path());
    client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n" + post("Content-Length: 5\r\n", "hello") +
                post("Transfer-Encoding: chunked\r\n", "2\r\nhi\r\n0\r\n\r\n") +
                "\r\nGET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + simple_get);
    EXPECT_EQ(json_of(client.reply())["path"], "/slow");
    EXPECT_EQ(json_of(client.reply())["body"], "hello");
    EXPECT_EQ(json_of(client.reply())["body"], "hi");
    EXPECT_EQ(json_of(client.reply())["path"], "/last");
    EXPECT_TRUE(client.closed()) << "nothing after Connection: close is looked at";
    EXPECT_EQ(*echo.calls, 4);
}

TEST(HttpServer, TellsHeadTheLengthAlone) {  // RFC 9110 section 9.3.2
    Echo echo;
    RunningServer server(echo.handler());
    auto client = Client::unix_socket(server.socket_path());
    client.send("HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n" + simple_get);
    const auto head = client.reply(true);
    ASSERT_TRUE(head);
    EXPECT_GT(std::stoi(head->headers.at("content-length")), 10);
    EXPECT_EQ(json_of(client.reply())["method"], "GET");
}

TEST(HttpServer, ServesHttp10) {
    Echo echo;
    RunningServer server(echo.handler());
    auto once = Client::unix_socket(server.socket_path());
    once.send("GET /a HTTP/1.0\r\n\r\n");
    EXPECT_EQ(once.reply()->headers.at("connection"), "close");
    EXPECT_TRUE(once.closed());
    auto kept = Client::unix_socket(server.socket_path());
    kept.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_EQ(kept.reply()->headers.at("connection"), "keep-alive");
    kept.send("GET /a HTTP/1.0\r\n\r\n");
    EXPECT_EQ(kept.reply()->status, 200u);
}

TEST(HttpServer, SaysContinueToAClientThatWaits) {  // RFC 9110 section 10.1.1
    Echo echo;
    RunningServer server(echo.handler());
    auto client = Client::tls(server.port());
    client.send(post("Content-Length: 5\r\nExpect: 100-continue\r\n", ""));
    EXPECT_EQ(client.reply()->status, 100u);
    client.send("hello");
    EXPECT_EQ(json_of(client.reply())["body"], "hello");
    client.send(post("Content-Length: 5\r\nExpect: 100-continue\r\n", "hello"));
    EXPECT_EQ(client.reply()->status, 200u) << "not said when the body is already here";
    client.send(post("Content-Length: 1048577\r\nExpect: 100-continue\r\n", ""));
    EXPECT_EQ(client.reply()->status, 413u);
}

TEST(HttpServer, TakesBodiesUpToTheLimit) {
    Echo echo;
    RunningServer server(echo.handler());
    constexpr std::size_t limit = 1024 * 1024;
    for (const bool tls : {false, true}) {
        const auto connect = [&] {
            return tls ? Client::tls(server.port()) : Client::unix_socket(server.socket_path());
        };
        auto at_limit = connect();
        at_limit.send(post("Content-Length: 1048576\r\n", std::string(limit, 'x')));
        EXPECT_EQ(json_of(at_limit.reply())["size"], limit);
        at_limit.send(post("Transfer-Encoding: chunked\r\n",
                           "100000\r\n" + std::string(limit, 'x') + "\r\n0\r\n\r\n"));
        EXPECT_EQ(json_of(at_limit.reply())["size"], limit);
        auto over = connect();
        over.send(post("Content-Length: 1048577\r\n", std::string(limit + 1, 'x')));
        EXPECT_EQ(over.reply()->status, 413u) << "and the answer survives the unread body";
        auto over_chunked = connect();
        over_chunked.send(post("Transfer-Encoding: chunked\r\n",
                               "80000\r\n" + std::string(limit / 2, 'x') + "\r\n80001\r\n" +
                                   std::string(limit / 2 + 1, 'x') + "\r\n0\r\n\r\n"));
        EXPECT_EQ(over_chunked.reply()->status, 413u);
    }
}

TEST(HttpServer, BoundsTheBodiesOfAllRequestsTogether) {
    Echo echo;
    RunningServer server(echo.handler(), {.body_bytes_total = 10});
    auto waiting = Client::unix_socket(server.socket_path());
    waiting.send(post("Content-Length: 8\r\nExpect: 100-continue\r\n", ""));
    EXPECT_EQ(waiting.reply()->status, 100u);
    waiting.send("1234");
    auto second = Client::unix_socket(server.socket_path());
    second.send(post("Content-Length: 8\r\n", "12345678"));
    const auto refused = second.reply();
    EXPECT_EQ(refused->status, 503u);
    EXPECT_EQ(refused->headers.at("retry-after"), "1");
    waiting.send("5678");
    EXPECT_EQ(waiting.reply()->status, 200u);
    auto third = Client::unix_socket(server.socket_path());
    third.send(post("Content-Length: 8\r\n", "12345678"));
    EXPECT_EQ(third.reply()->status, 200u) << "the room is given back";
}

TEST(HttpServer, TurnsAnExceptionIntoAProblemAndLogsIt) {
    Echo echo;
    RunningServer server(echo.handler());
    auto client = Client::unix_socket(server.socket_path());
    client.send("GET /throw HTTP/1.1\r\nHost: a\r\n\r\n");
    const auto reply = client.reply();
    EXPECT_EQ(reply->status, 500u);
    EXPECT_EQ(json_of(reply)["code"], "internal");
    EXPECT_EQ(reply->body.find("burst"), std::string::npos) << "inner workings stay inside";
    EXPECT_NE(server.logged().find("burst"), std::string::npos);
    client.send(simple_get);
    EXPECT_EQ(client.reply()->status, 200u);
    EXPECT_EQ(server.counters().answers[500], 1u);
    EXPECT_EQ(server.counters().answers[200], 1u);
}

TEST(HttpServer, GivesUpOnASlowHead) {
    Echo echo;
    RunningServer server(echo.handler(), {.header_timeout = 50ms});
    for (const bool tls : {false, true}) {
        auto client = tls ? Client::tls(server.port()) : Client::unix_socket(server.socket_path());
        client.send("GET /a HTTP/1.1\r\nHost:");
        EXPECT_EQ(client.reply()->status, 408u);
        EXPECT_TRUE(client.closed());
    }
    EXPECT_EQ(*echo.calls, 0);
    EXPECT_EQ(server.counters().timeouts, 2u);
}

TEST(HttpServer, AHeadThatTricklesInGetsNoMoreTime) {
    Echo echo;
    RunningServer server(echo.handler(), {.header_timeout = 100ms, .linger_timeout = 100ms});
    auto client = Client::unix_socket(server.socket_path());
    client.send("GET /a HTTP/1.1\r\n");
    const auto start = std::chrono::steady_clock::now();
    while (client.send("X: 1\r\n") && std::chrono::steady_clock::now() - start < 5s)
        std::this_thread::yield();
    const auto lasted = std::chrono::steady_clock::now() - start;
    EXPECT_LT(lasted, 5s);  // header_timeout, or the head's size limit if that comes first
}

TEST(HttpServer, GivesUpOnASlowBody) {
    Echo echo;
    RunningServer server(echo.handler(), {.body_timeout = 50ms});
    auto counted = Client::tls(server.port());
    counted.send(post("Content-Length: 5\r\n", "hel"));
    EXPECT_EQ(counted.reply()->status, 408u);
    auto chunked = Client::tls(server.port());
    chunked.send(post("Transfer-Encoding: chunked\r\n", "5\r\nhel"));
    EXPECT_EQ(chunked.reply()->status, 408u);
    EXPECT_EQ(*echo.calls, 0);
}

TEST(HttpServer, ClosesIdleConnections) {
    Echo echo;
    RunningServer server(echo.handler(), {.idle_timeout = 50ms});
    auto fresh = Client::unix_socket(server.socket_path());
    EXPECT_TRUE(fresh.closed());
    auto used = Client::tls(server.port());
    used.send(simple_get);
    EXPECT_EQ(used.reply()->status, 200u);
    EXPECT_TRUE(used.closed());
}

TEST(HttpServer, GivesUpOnASlowHandler) {
    Echo echo;
    RunningServer server(echo.handler(), {.handler_timeout = 50ms});
    auto client = Client::unix_socket(server.socket_path());
    client.send("GET /hang HTTP/1.1\r\nHost: a\r\n\r\n");
    const auto reply = client.reply();
    EXPECT_EQ(reply->status, 504u);
    EXPECT_EQ(json_of(reply)["code"], "timeout");
}

TEST(HttpServer, GivesUpOnASlowHandshake) {
    Echo echo;
    RunningServer server(echo.handler(), {.handshake_timeout = 50ms});
    auto client = Client::tcp(server.port());
    EXPECT_TRUE(client.closed());
}

TEST(HttpServer, GivesUpOnAPeerThatDoesNotRead) {
    const HttpHandler big = [](HttpRequest) -> asio::awaitable<HttpResponse> {
        co_return HttpResponse{.body = std::string(8 * 1024 * 1024, 'x')};
    };
    RunningServer server(big, {.write_timeout = 50ms});
    auto client = Client::unix_socket(server.socket_path());
    client.send(simple_get);
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    while (server.counters().connections_open + server.counters().timeouts != 1 ||
           server.counters().timeouts == 0) {
        ASSERT_LT(std::chrono::steady_clock::now(), deadline);
        std::this_thread::yield();
    }
}

TEST(HttpServer, LimitsConnectionsOfEachKind) {
    Echo echo;
    RunningServer server(echo.handler(), {.connections = 2});
    auto first = Client::tls(server.port());
    auto second = Client::tls(server.port());
    EXPECT_FALSE(Client::tls(server.port()).handshake_done());
    auto local = Client::unix_socket(server.socket_path());
    local.send(simple_get);
    EXPECT_EQ(local.reply()->status, 200u) << "the network cannot lock out the local socket";
    EXPECT_EQ(server.counters().connections_refused, 1u);
    first.send("GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(first.reply()->status, 200u);
}

TEST(HttpServer, SpeaksTls12AndLaterOnly) {
    Echo echo;
    RunningServer server(echo.handler());
    EXPECT_FALSE(Client::tls(server.port(), TLS1_VERSION).handshake_done());
    EXPECT_FALSE(Client::tls(server.port(), TLS1_1_VERSION).handshake_done());
    EXPECT_TRUE(Client::tls(server.port(), TLS1_2_VERSION).handshake_done());
    EXPECT_TRUE(Client::tls(server.port(), TLS1_3_VERSION).handshake_done());
}

TEST(HttpServer, TellsPlainHttpThatThePortSpeaksHttps) {
    Echo echo;
    RunningServer server(echo.handler());
    auto client = Client::tcp(server.port());
    client.send(simple_get);
    const auto reply = client.reply();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->status, 400u);
    EXPECT_NE(reply->body.find("https://"), std::string::npos);
    EXPECT_TRUE(client.closed());
    EXPECT_EQ(*echo.calls, 0);
}

TEST(HttpServer, FinishesRunningRequestsWhenItStops) {
    Echo echo;
    RunningServer server(echo.handler());
    auto idle = Client::tls(server.port());
    auto busy = Client::unix_socket(server.socket_path());
    busy.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    while (*echo.calls == 0) std::this_thread::yield();
    server.stop(5s);
    const auto reply = busy.reply();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->status, 200u);
    EXPECT_EQ(reply->headers.at("connection"), "close");
    EXPECT_TRUE(busy.closed());
    EXPECT_TRUE(idle.closed());
    EXPECT_FALSE(std::ifstream(server.socket_path()).good()) << "the socket file is gone";
    server.stop(5s);
}

TEST(HttpServer, CutsOffWhatDoesNotEndWithinTheGrace) {
    Echo echo;
    RunningServer server(echo.handler());
    auto client = Client::unix_socket(server.socket_path());
    client.send("GET /hang HTTP/1.1\r\nHost: a\r\n\r\n");
    while (*echo.calls == 0) std::this_thread::yield();
    server.stop(10ms);
    EXPECT_TRUE(client.closed());
    EXPECT_EQ(server.counters().connections_open, 0u);
}

TEST(HttpServer, SaysWhichPortIsTaken) {
    Echo echo;
    RunningServer server(echo.handler());
    const auto second = server.thread().call([&] {
        return server.server().listen_tls({asio::ip::address_v4::loopback(), server.port()},
                                          nullptr);
    });
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::unavailable);
    EXPECT_NE(second.error().message.find("127.0.0.1:" + std::to_string(server.port())),
              std::string::npos);
}

TEST(UnixSocket, HasModeAndReplacesOnlyADeadOne) {
    Echo echo;
    RunningServer server(echo.handler());
    struct stat made{};
    ASSERT_EQ(::stat(server.socket_path().c_str(), &made), 0);
    EXPECT_EQ(made.st_mode & 0777u, 0660u);

    const auto listen = [&](const std::string& path) {
        return server.thread().call([&] { return server.server().listen_unix(path); });
    };
    const auto live = listen(server.socket_path());
    ASSERT_FALSE(live);
    EXPECT_EQ(live.error().code, ErrorCode::conflict);
    EXPECT_NE(live.error().message.find(server.socket_path()), std::string::npos);

    const auto stale = server.socket_path() + ".stale";
    {
        asio::io_context context;
        asio::local::stream_protocol::acceptor dead(context,
                                                    asio::local::stream_protocol::endpoint(stale));
    }
    ASSERT_EQ(::stat(stale.c_str(), &made), 0) << "a dead process leaves its file";
    EXPECT_TRUE(listen(stale));
    auto client = Client::unix_socket(stale);
    client.send(simple_get);
    EXPECT_EQ(client.reply()->status, 200u);

    const auto plain = server.socket_path() + ".txt";
    std::ofstream(plain) << "precious";
    const auto in_the_way = listen(plain);
    ASSERT_FALSE(in_the_way);
    EXPECT_EQ(in_the_way.error().code, ErrorCode::conflict);
    EXPECT_NE(in_the_way.error().message.find(plain), std::string::npos);
    EXPECT_TRUE(std::ifstream(plain).good()) << "what is no socket is left alone";

    EXPECT_EQ(listen(std::string(200, 'x')).error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(listen("/nonexistent/folder/lbd.sock").error().code, ErrorCode::unavailable);
}

}  // namespace trivet::api::test
