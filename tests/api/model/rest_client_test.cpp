#include "api/model/rest_client.hpp"

#include <atomic>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <ostream>

#include <unistd.h>

#include "tests/support/fake_server.hpp"

namespace trivet::model {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using Method = RestClient::Method;
using Answer = FakeServer::Answer;

struct Url {
    const char* name;
    const char* url;
    const char* host;  // null: refused
    std::uint16_t port = 0;
};
void PrintTo(const Url& c, std::ostream* out) { *out << c.name; }

class ServerUrls : public testing::TestWithParam<Url> {};

TEST_P(ServerUrls, AreTakenApart) {
    const auto parsed = parse_server_url(GetParam().url);
    ASSERT_EQ(parsed.has_value(), GetParam().host != nullptr);
    if (!parsed) {
        EXPECT_THAT(parsed.error().message, testing::HasSubstr(GetParam().url));
        return;
    }
    EXPECT_EQ(parsed->host, GetParam().host);
    EXPECT_EQ(parsed->port, GetParam().port);
}

INSTANTIATE_TEST_SUITE_P(
    All, ServerUrls,
    testing::Values(Url{"Address", "https://10.0.0.1:7481", "10.0.0.1", 7481},
                    Url{"DefaultPort", "https://lb.example", "lb.example", 7480},
                    Url{"Slash", "https://lb.example/", "lb.example", 7480},
                    Url{"Ipv6", "https://[fd00::1]:443", "fd00::1", 443},
                    Url{"Ipv6WithoutPort", "https://[fd00::1]", "fd00::1", 7480},
                    Url{"Unencrypted", "http://10.0.0.1", nullptr},
                    Url{"NoScheme", "10.0.0.1", nullptr}, Url{"NoHost", "https://:80", nullptr},
                    Url{"Path", "https://a/b", nullptr}, Url{"User", "https://u@a", nullptr},
                    Url{"Query", "https://a?b", nullptr}, Url{"BadPort", "https://a:0", nullptr},
                    Url{"BracketsAroundAName", "https://[a]", nullptr},
                    Url{"OpenBracket", "https://[fd00::1", nullptr},
                    Url{"BareIpv6", "https://fd00::1", nullptr}),
    [](const auto& test) { return test.param.name; });

TEST(UrlPath, EncodesSegments) {
    EXPECT_EQ(url_path({"v1", "vips", "default", "web"}), "/v1/vips/default/web");
    EXPECT_EQ(url_path({"a/b", "c d", "\u00e9%"}), "/a%2Fb/c%20d/%C3%A9%25");
}

RestClient client_of(const FakeServer& server, std::chrono::milliseconds timeout = 5s) {
    return RestClient({.server = UnixServer{server.socket_path()}, .timeout = timeout});
}

TEST(RestClient, SendsAndReadsJson) {
    const auto server = FakeServer::on_unix_socket(
        [](const auto&) { return Answer{201, R"({"name": "web", "revision": 3})"}; });
    auto answer = client_of(*server).call(Method::post, "/v1/vips/default", json{{"name", "web"}});
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ((*answer)["revision"], 3);
    const auto request = server->requests().at(0);
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.target, "/v1/vips/default");
    EXPECT_EQ(request.body, R"({"name":"web"})");
    EXPECT_EQ(request.headers.at("host"), "lbd");
    EXPECT_EQ(request.headers.at("content-type"), "application/json");
    EXPECT_EQ(request.headers.count("authorization"), 0U);
}

TEST(RestClient, AnEmptyAnswerIsNull) {
    const auto server = FakeServer::on_unix_socket([](const auto&) { return Answer{204}; });
    auto answer = client_of(*server).call(Method::del, "/v1/pools/lan");
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_TRUE(answer->is_null());
}

TEST(RestClient, AProblemBecomesAnError) {
    const auto server = FakeServer::on_unix_socket([](const auto&) {
        return Answer{409,
                      R"({"status": 409, "title": "Conflict", "detail": "pool 'lan' exists",
                          "code": "conflict", "field": "name"})",
                      "application/problem+json"};
    });
    auto answer = client_of(*server).call(Method::post, "/v1/pools", json::object());
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::conflict);
    EXPECT_EQ(answer.error().message, "pool 'lan' exists");
    EXPECT_EQ(answer.error().field, "name");
}

TEST(RestClient, SendsAgainWithOneKeyWhileThereIsNoLeader) {
    std::atomic<int> calls = 0;
    const auto server = FakeServer::on_unix_socket([&calls](const auto&) {
        if (++calls < 3) return Answer{503, R"({"detail": "no leader yet", "code": "not_leader"})"};
        return Answer{200, "{}"};
    });
    std::vector<std::string> waited;
    RestClient client(
        {.server = UnixServer{server->socket_path()},
         .on_waiting = [&waited](std::string_view what) { waited.emplace_back(what); }});
    ASSERT_TRUE(client.call(Method::post, "/v1/pools", json::object()));
    const auto requests = server->requests();
    ASSERT_EQ(requests.size(), 3U);
    EXPECT_EQ(requests[0].headers.at("idempotency-key"), requests[2].headers.at("idempotency-key"));
    EXPECT_EQ(requests[0].headers.at("idempotency-key").size(), 32U);
    EXPECT_THAT(waited, testing::ElementsAre("no leader yet"));
}

TEST(RestClient, GivesUpWithTheServersReason) {
    const auto server = FakeServer::on_unix_socket([](const auto&) {
        return Answer{503, R"({"detail": "no leader", "code": "not_leader"})"};
    });
    auto answer = client_of(*server, 200ms).call(Method::get, "/v1/status");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::not_leader);
    EXPECT_EQ(answer.error().message, "no leader (waited 0.2 s)");
}

TEST(RestClient, ASilentServerIsATimeout) {
    const auto server =
        FakeServer::on_unix_socket([](const auto&) { return FakeServer::NoAnswer{}; });
    auto answer = client_of(*server, 100ms).call(Method::put, "/v1/pools/lan", json::object());
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::timeout);
    EXPECT_THAT(answer.error().message, testing::HasSubstr("may have been made"));
}

/// What may have taken effect, and how often it is sent.
struct Unknown {
    const char* name;
    Method method;
    const char* target;
    FakeServer::Reply first;
    std::size_t sent;
};
void PrintTo(const Unknown& c, std::ostream* out) { *out << c.name; }

class UnknownOutcomes : public testing::TestWithParam<Unknown> {};

TEST_P(UnknownOutcomes, AreSentAgainWhereThatDoesNoHarm) {
    std::atomic<int> calls = 0;
    const auto server = FakeServer::on_unix_socket([&calls](const auto&) -> FakeServer::Reply {
        if (++calls == 1) return GetParam().first;
        return Answer{200, "{}"};
    });
    const bool has_body = GetParam().method == Method::post || GetParam().method == Method::put;
    const auto answer =
        client_of(*server).call(GetParam().method, GetParam().target,
                                has_body ? std::optional<json>(json::object()) : std::nullopt);
    const auto requests = server->requests();
    ASSERT_EQ(requests.size(), GetParam().sent);
    EXPECT_EQ(answer.has_value(), GetParam().sent == 2);
    if (!answer) {
        EXPECT_THAT(answer.error().message, testing::HasSubstr("may have been made"));
    }
    if (requests.size() == 2 && GetParam().method != Method::get) {
        EXPECT_EQ(requests[0].headers.at("idempotency-key"),
                  requests[1].headers.at("idempotency-key"));
    }
}

const FakeServer::Reply breaks_off = FakeServer::BreakOff{};
const FakeServer::Reply gateway_timeout =
    Answer{504, R"({"detail": "it may still take effect", "code": "timeout"})"};

INSTANTIATE_TEST_SUITE_P(
    All, UnknownOutcomes,
    testing::Values(Unknown{"Get", Method::get, "/v1/status", breaks_off, 2},
                    Unknown{"GetOfTheCluster", Method::get, "/v1/cluster/snapshot", breaks_off, 2},
                    Unknown{"Post", Method::post, "/v1/vips/default", breaks_off, 2},
                    Unknown{"Put", Method::put, "/v1/pools/lan", breaks_off, 2},
                    Unknown{"Delete", Method::del, "/v1/pools/lan", breaks_off, 2},
                    Unknown{"Apply", Method::post, "/v1/apply", gateway_timeout, 2},
                    Unknown{"PostTimedOut", Method::post, "/v1/pools", gateway_timeout, 2},
                    Unknown{"Invite", Method::post, "/v1/cluster/invite", breaks_off, 1},
                    Unknown{"Remove", Method::del, "/v1/cluster/members/n2", breaks_off, 1},
                    Unknown{"Transfer", Method::post, "/v1/cluster/transfer", gateway_timeout, 1}),
    [](const auto& test) { return test.param.name; });

TEST(RestClient, WhatBreaksOffAgainAndAgainEndsWithTheDeadline) {
    const auto server =
        FakeServer::on_unix_socket([](const auto&) { return FakeServer::BreakOff{}; });
    auto answer = client_of(*server, 200ms).call(Method::post, "/v1/pools", json::object());
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::internal);
    EXPECT_THAT(answer.error().message,
                testing::AllOf(testing::HasSubstr("broke off"), testing::HasSubstr("waited 0.2 s"),
                               testing::HasSubstr("may have been made")));
    EXPECT_GE(server->requests().size(), 2U);
}

/// What the last attempt was told does not hide that an earlier one may have got through.
TEST(RestClient, TheDoubtStays) {
    std::atomic<int> calls = 0;
    const auto server = FakeServer::on_unix_socket([&calls](const auto&) -> FakeServer::Reply {
        if (++calls == 1) return FakeServer::BreakOff{};
        return Answer{503, R"({"detail": "no leader", "code": "not_leader"})"};
    });
    auto answer = client_of(*server, 200ms).call(Method::post, "/v1/pools", json::object());
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::not_leader);
    EXPECT_THAT(answer.error().message, testing::HasSubstr("may have been made"));
}

TEST(RestClient, NobodyThereIsATimeoutThatNamesTheSocket) {
    RestClient client({.server = UnixServer{"/nonexistent/lbd.sock"}, .timeout = 120ms});
    auto answer = client.call(Method::get, "/v1/status");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::timeout);
    EXPECT_THAT(answer.error().message, testing::HasSubstr("/nonexistent/lbd.sock"));
}

TEST(RestClient, ASocketPathThatIsTooLong) {
    RestClient client({.server = UnixServer{"/" + std::string(200, 'x')}});
    EXPECT_EQ(client.call(Method::get, "/v1/status").error().code, ErrorCode::invalid_argument);
}

struct Strange {
    const char* name;
    Answer answer;
    ErrorCode code;
    const char* message;
};
void PrintTo(const Strange& c, std::ostream* out) { *out << c.name; }

class StrangeAnswers : public testing::TestWithParam<Strange> {};

TEST_P(StrangeAnswers, AreErrors) {
    const auto server = FakeServer::on_unix_socket([](const auto&) { return GetParam().answer; });
    auto answer = client_of(*server, 200ms).call(Method::get, "/v1/status");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, GetParam().code) << answer.error().message;
    EXPECT_THAT(answer.error().message, testing::HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    All, StrangeAnswers,
    testing::Values(
        Strange{"NoJson", {200, "<html>"}, ErrorCode::internal, "not JSON: %3Chtml%3E"},
        Strange{"TooDeep", {200, std::string(100'000, '[')}, ErrorCode::internal, "not JSON"},
        Strange{
            "UnknownCode", {409, R"({"code": "new", "detail": "d"})"}, ErrorCode::conflict, "d"},
        Strange{
            "TitleAlone", {404, R"({"title": "Not Found"})"}, ErrorCode::not_found, "Not Found"},
        Strange{"NoReason", {422, "{}"}, ErrorCode::internal, "HTTP 422"},
        Strange{"ProblemIsAList", {400, "[1]"}, ErrorCode::invalid_argument, "HTTP 400"},
        Strange{"ProxyPage", {503, "busy"}, ErrorCode::unavailable, "HTTP 503"}),
    [](const auto& test) { return test.param.name; });

class RestClientTls : public testing::Test {
protected:
    RestClientTls()
        : certificates_(make_certificates({"127.0.0.1", "lb.example"})),
          server_(FakeServer::on_tls([](const auto&) { return Answer{200, "{}"}; },
                                     certificates_.tls)) {
        std::ofstream(ca_file_) << certificates_.ca_pem;
    }
    ~RestClientTls() override { std::filesystem::remove(ca_file_); }

    Result<json> call(TlsServer server) {
        server.port = server_->port();
        RestClient client({.server = std::move(server), .timeout = 5s});
        return client.call(Method::get, "/v1/status");
    }

    TestCertificates certificates_;
    std::unique_ptr<FakeServer> server_;
    // Tests run side by side, each in a process of its own.
    std::string ca_file_ = fmt::format("{}rest_client_{}.pem", testing::TempDir(), ::getpid());
};

TEST_F(RestClientTls, TrustsTheCaFile) {
    auto answer = call({.host = "127.0.0.1", .token = "secret", .ca_file = ca_file_});
    ASSERT_TRUE(answer) << answer.error().message;
    const auto request = server_->requests().at(0);
    EXPECT_EQ(request.headers.at("authorization"), "Bearer secret");
    EXPECT_EQ(request.headers.at("host"), fmt::format("127.0.0.1:{}", server_->port()));
}

TEST_F(RestClientTls, TrustsTheCaHash) {
    auto answer = call({.host = "127.0.0.1", .ca_hash = certificates_.ca_hash});
    EXPECT_TRUE(answer) << answer.error().message;
}

TEST_F(RestClientTls, SendsNothingToAnUntrustedServer) {
    const auto other = make_certificates({"127.0.0.1"});
    const auto by_hash = call({.host = "127.0.0.1", .token = "secret", .ca_hash = other.ca_hash});
    ASSERT_FALSE(by_hash);
    EXPECT_EQ(by_hash.error().code, ErrorCode::not_allowed);
    EXPECT_THAT(by_hash.error().message, testing::HasSubstr("that it sent has the CA hash"));
    const auto by_system = call({.host = "127.0.0.1", .token = "secret"});
    ASSERT_FALSE(by_system);
    EXPECT_EQ(by_system.error().code, ErrorCode::not_allowed);
    EXPECT_THAT(by_system.error().message, testing::HasSubstr("--ca-hash"));
    EXPECT_TRUE(server_->requests().empty());
}

TEST_F(RestClientTls, InsistsOnTheName) {
    // 127.0.0.2 reaches the same machine, but the certificate does not carry it.
    const auto wrong = make_certificates({"127.0.0.2", "lb.example"});
    const auto server =
        FakeServer::on_tls([](const auto&) { return Answer{200, "{}"}; }, wrong.tls);
    for (const bool by_hash : {true, false}) {
        std::ofstream(ca_file_) << wrong.ca_pem;
        RestClient client({.server = TlsServer{.host = "127.0.0.1",
                                               .port = server->port(),
                                               .ca_file = by_hash ? "" : ca_file_,
                                               .ca_hash = by_hash ? wrong.ca_hash : ""}});
        auto answer = client.call(Method::get, "/v1/status");
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error().code, ErrorCode::not_allowed);
        EXPECT_THAT(answer.error().message, testing::HasSubstr("a name or address that"));
    }
    EXPECT_TRUE(server->requests().empty());
}

TEST_F(RestClientTls, APinnedLeafOfAnotherCaIsRefused) {
    // The server sends a certificate that hashes right, but its own is not signed by it.
    const auto other = make_certificates({"127.0.0.1"});
    const auto leaf_end = other.tls.chain.find("-----END CERTIFICATE-----\n") + 26;
    const auto server = FakeServer::on_tls(
        [](const auto&) { return Answer{200, "{}"}; },
        {other.tls.chain.substr(0, leaf_end) + certificates_.ca_pem, other.tls.key});
    RestClient client(
        {.server = TlsServer{
             .host = "127.0.0.1", .port = server->port(), .ca_hash = certificates_.ca_hash}});
    auto answer = client.call(Method::get, "/v1/status");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::not_allowed);
    EXPECT_TRUE(server->requests().empty());
}

TEST_F(RestClientTls, AnUnusableCaIsNamed) {
    EXPECT_THAT(call({.host = "127.0.0.1", .ca_hash = "sha256:12"}).error().message,
                testing::HasSubstr("sha256:12"));
    EXPECT_THAT(call({.host = "127.0.0.1", .ca_file = "/nonexistent"}).error().message,
                testing::HasSubstr("/nonexistent"));
}

}  // namespace
}  // namespace trivet::model
