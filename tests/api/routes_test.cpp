// The way of a call to its handler: paths, methods, bodies, access, errors.
#include "api/routes.hpp"

#include <gtest/gtest.h>

#include "api/authenticate.hpp"
#include "api/route_match.hpp"
#include "tests/api/fake_control.hpp"

namespace trivet::api::test {

using nlohmann::json;

namespace {

class Rest : public testing::Test, public RestFixture {};

const std::string lan = R"({"name": "lan", "addresses": ["192.0.2.10-192.0.2.19"]})";

unsigned refusal(const std::string& method, const std::vector<std::string>& path) {
    const auto matched = match_route(method, path);
    const auto* response = std::get_if<HttpResponse>(&matched);
    return response == nullptr ? 0 : response->status;
}

}  // namespace

TEST(Problem, HasTheFormOfRfc9457) {
    const auto response = problem(Error{ErrorCode::conflict, "pool 'lan' exists already", "name"});
    EXPECT_EQ(response.status, 409u);
    EXPECT_EQ(response.content_type, "application/problem+json");
    EXPECT_EQ(json::parse(response.body), (json{{"type", "about:blank"},
                                                {"title", "Conflict"},
                                                {"status", 409},
                                                {"detail", "pool 'lan' exists already"},
                                                {"code", "conflict"},
                                                {"field", "name"}}));
    EXPECT_TRUE(problem(Error{ErrorCode::not_leader, "x"}).headers.contains("Retry-After"));
    EXPECT_TRUE(problem(Error{ErrorCode::unavailable, "x"}).headers.contains("Retry-After"));
    EXPECT_TRUE(
        problem(Error{ErrorCode::unauthenticated, "x"}).headers.contains("WWW-Authenticate"));
    EXPECT_TRUE(json::accept(problem(Error{ErrorCode::internal, "bad \xff byte"}).body));
}

TEST(Problem, GivesEveryErrorItsStatus) {
    const std::vector<std::pair<ErrorCode, unsigned>> table{
        {ErrorCode::invalid_argument, 400}, {ErrorCode::unauthenticated, 401},
        {ErrorCode::not_allowed, 403},      {ErrorCode::not_found, 404},
        {ErrorCode::conflict, 409},         {ErrorCode::exhausted, 409},
        {ErrorCode::too_large, 413},        {ErrorCode::insufficient_storage, 507},
        {ErrorCode::not_leader, 503},       {ErrorCode::unavailable, 503},
        {ErrorCode::timeout, 504},          {ErrorCode::corrupt, 500},
        {ErrorCode::internal, 500}};
    for (const auto& [code, status] : table) {
        EXPECT_EQ(http_status(code), status);
        EXPECT_EQ(json::parse(problem(Error{code, "x"}).body)["code"], to_string(code));
        EXPECT_NE(status_phrase(status), "Error");
    }
}

TEST(RouteMatch, EveryRowFindsItself) {
    for (const auto& info : route_table()) {
        std::vector<std::string> path;
        for (const auto segment : segments_of(info.path)) path.emplace_back(segment);
        const auto matched = match_route(std::string(info.method), path);
        const auto* found = std::get_if<Matched>(&matched);
        ASSERT_NE(found, nullptr) << info.path;
        EXPECT_EQ(found->route->info.path, info.path);
        EXPECT_EQ(found->route->info.method, info.method);
        EXPECT_EQ(refusal("PATCH", path), 405u);
        EXPECT_EQ(refusal("BREW", path), 501u);
    }
}

TEST_F(Rest, UnknownPathsSuggestTheNearest) {
    EXPECT_EQ(get("/v1/pool").status, 404u);
    EXPECT_NE(get("/v1/pool").body["detail"].get<std::string>().find("/v1/pools"),
              std::string::npos);
    EXPECT_NE(get("/v1/vips/default/web/explian")
                  .body["detail"]
                  .get<std::string>()
                  .find("/v1/vips/default/web/explain"),
              std::string::npos);
    EXPECT_EQ(get("/").status, 404u);
    EXPECT_EQ(get("/etc/passwd").body["code"], "not_found");
}

TEST_F(Rest, ASlashAtTheEndIsAnotherPath) {
    const auto outcome = get("/v1/pools/");
    EXPECT_EQ(outcome.status, 404u);
    EXPECT_EQ(outcome.reply.headers.at("content-type"), "application/problem+json");
}

TEST_F(Rest, MethodsThatAPathLacksAreNamed) {
    const auto outcome = call("PATCH", "/v1/pools");
    EXPECT_EQ(outcome.status, 405u);
    EXPECT_EQ(outcome.reply.headers.at("allow"), "GET, HEAD, POST");
    EXPECT_EQ(call("BREW", "/v1/pools").status, 501u);
    EXPECT_EQ(call("HEAD", "/v1/pools").status, 200u);
}

TEST_F(Rest, BodiesMustBeJson) {
    const auto form =
        call("POST", "/v1/pools", lan, "Content-Type: application/x-www-form-urlencoded\r\n");
    EXPECT_EQ(form.status, 415u);
    EXPECT_NE(form.body["detail"].get<std::string>().find("content-type: application/json"),
              std::string::npos);
    EXPECT_EQ(call("POST", "/v1/pools", lan, "").status, 201u) << "without a type it is taken";
    EXPECT_EQ(call("PUT", "/v1/pools/lan", lan, "Content-Type: Application/JSON; charset=utf-8\r\n")
                  .status,
              200u);
    EXPECT_EQ(call("POST", "/v1/pools").status, 400u) << "a body is needed";
    EXPECT_EQ(post("/v1/pools", "{").status, 400u);
    EXPECT_EQ(post("/v1/pools", "[]").status, 400u);
    EXPECT_EQ(post("/v1/pools", R"({"name": "a", "name": "b"})").status, 400u);
    EXPECT_EQ(post("/v1/pools", std::string(33, '[') + std::string(33, ']')).status, 413u);
    EXPECT_EQ(post("/v1/pools", std::string(100'000, '[')).status, 413u);
    EXPECT_EQ(post("/v1/nodes/n1/drain", R"({"x": 1})").status, 400u);
    EXPECT_EQ(post("/v1/nodes/n1/drain", "{}").status, 200u);
    EXPECT_EQ(call("DELETE", "/v1/pools/lan", R"({"x": 1})").status, 400u);
}

TEST_F(Rest, QueryParametersAreChecked) {
    EXPECT_EQ(get("/v1/pools?consistency=stale").status, 200u);
    EXPECT_EQ(get("/v1/pools?consistency=weak").status, 400u);
    const auto typo = call("DELETE", "/v1/pools/lan?froce=true");
    EXPECT_EQ(typo.status, 400u);
    EXPECT_NE(typo.body["detail"].get<std::string>().find("'force'"), std::string::npos);
    EXPECT_EQ(call("DELETE", "/v1/pools/lan?force=perhaps").body["field"], "force");
}

TEST_F(Rest, ReadsWaitForTheBarrierUnlessStaleWillDo) {
    control.set([](auto& knobs) {
        knobs.barrier_fails = Error{ErrorCode::not_leader, "no leader is known"};
    });
    for (const auto* path :
         {"/v1/pools", "/v1/vips", "/v1/nodes", "/v1/vips/default/web/explain"}) {
        const auto refused = get(path);
        EXPECT_EQ(refused.status, 503u) << path;
        EXPECT_EQ(refused.body["code"], "not_leader");
        EXPECT_EQ(refused.reply.headers.at("retry-after"), "1");
    }
    EXPECT_EQ(control.knobs().barriers, 4);
    EXPECT_EQ(get("/v1/pools?consistency=stale").status, 200u);
    for (const auto* path : {"/v1/status", "/v1/cluster", "/v1/events", "/metrics", "/livez",
                             "/readyz", "/openapi.json"})
        EXPECT_EQ(get(path).status, 200u) << path;
    EXPECT_EQ(control.knobs().barriers, 4);
}

TEST_F(Rest, FailuresOfTheLogReachTheCaller) {
    const std::vector<std::pair<ErrorCode, unsigned>> table{{ErrorCode::insufficient_storage, 507},
                                                            {ErrorCode::not_leader, 503},
                                                            {ErrorCode::unavailable, 503},
                                                            {ErrorCode::too_large, 413}};
    for (const auto& [code, status] : table) {
        control.set([&](auto& knobs) { knobs.propose_fails = Error{code, "because"}; });
        for (const auto& outcome : {post("/v1/pools", lan), put("/v1/pools/lan", lan),
                                    post("/v1/apply", R"({"items": [{"kind": "pool", "name": "a",
                                        "addresses": ["192.0.2.1"]}]})")}) {
            EXPECT_EQ(outcome.status, status);
            EXPECT_EQ(outcome.body["detail"], "because");
        }
    }
    EXPECT_EQ(get("/v1/pools").body["items"].size(), 0u);
}

// ---- access -------------------------------------------------------------------------------------

TEST_F(Rest, OverTcpTheTokenIsAskedFor) {
    const auto refused = call_tls("GET", "/v1/pools");
    EXPECT_EQ(refused.status, 401u);
    EXPECT_EQ(refused.reply.headers.at("www-authenticate"), "Bearer realm=\"trivet\"");
    EXPECT_EQ(refused.body["code"], "unauthenticated");
}

TEST(Authenticate, TakesTheTokenAloneOverTcp) {
    const auto hash = hash_of_token("right");
    TokenTable tokens;
    TokenTable::Changed changed;
    const CreateToken shim{.name = "shim", .hash = hash_of_token("cloudy"), .limits = {{"a"}, {}}};
    ASSERT_TRUE(tokens.create(shim, {}, 3, changed));
    const CreateToken ops{.name = "ops", .hash = hash_of_token("second"), .role = TokenRole::admin};
    ASSERT_TRUE(tokens.create(ops, {}, 4, changed));
    EXPECT_EQ(hash_of_token("abc"),  // FIPS 180-2 appendix B.1
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    const auto verdict = [&](std::optional<std::string> header, std::string_view known) {
        HttpRequest request;
        request.peer = TcpPeer{"192.0.2.1"};
        if (header) request.headers["authorization"] = *header;
        return authenticate(request, known, tokens);
    };
    const auto caller = [&](const std::string& bearer) {
        return verdict("Bearer " + bearer, hash).value();
    };
    EXPECT_EQ(caller("right").token, "");
    EXPECT_FALSE(caller("right").limits);
    EXPECT_EQ(caller("second").token, "ops");
    EXPECT_FALSE(caller("second").limits);
    EXPECT_EQ(caller("cloudy").token, "shim");
    EXPECT_EQ(caller("cloudy").token_revision, 3u);
    EXPECT_EQ(caller("cloudy").limits, (TokenLimits{{"a"}, {}}));
    EXPECT_TRUE(verdict("Bearer right", hash).has_value());
    EXPECT_TRUE(verdict("bearer   right", hash).has_value());
    EXPECT_FALSE(verdict(std::nullopt, hash).has_value());
    for (const auto* wrong :
         {"", "Bearer", "Bearer ", "Bearer wrong", "Bearer righ", "Bearer rightt", "Basic right",
          "right", "Bearer right, Bearer right", "Bearerright"})
        EXPECT_FALSE(verdict(wrong, hash)) << wrong;
    EXPECT_FALSE(verdict("Bearer " + std::string(10'000, 'x'), hash));
    EXPECT_FALSE(verdict("Bearer " + hash, hash)) << "the hash is no token";
    EXPECT_FALSE(verdict("Bearer ", "")) << "without a cluster there is no administrator";
    EXPECT_FALSE(verdict("Bearer x", ""));
}

TEST(Authenticate, TakesEverybodyWhoMayUseTheSocket) {
    HttpRequest request;
    request.peer = UnixPeer{1000, 1000};
    const auto caller = authenticate(request, "", {});
    ASSERT_TRUE(caller);
    EXPECT_FALSE(caller->limits);
}

/// All rows with the table's own words, so that no row can be forgotten.
TEST(Access, IsDeniedByDefaultInEveryRow) {
    FakeControl control;
    control.make_cluster("right");
    Thread thread;
    const auto handler = make_handler(control);
    int number = 0;
    for (const auto& info : route_table()) {
        HttpRequest request;
        request.method = info.method;
        for (const auto segment : segments_of(info.path)) request.path.emplace_back(segment);
        request.peer = TcpPeer{"192.0.2." + std::to_string(++number)};
        const auto response = thread.await(handler(request));
        const std::map<std::string, unsigned> without_token{
            {"GET /livez", 200},
            {"GET /readyz", 200},
            {"POST /v1/cluster/members", 400},  // its body has the token
            {"POST /v1/cluster/init", 403},
            {"POST /v1/cluster/join", 403},
            {"POST /v1/cluster/recover", 403},
            {"POST /v1/cluster/restore", 403},
        };
        const auto row = std::string(info.method) + " " + std::string(info.path);
        const auto special = without_token.find(row);
        const unsigned expected = special == without_token.end() ? 401 : special->second;
        EXPECT_EQ(response.status, expected) << row;
        EXPECT_EQ(info.needs_admin, expected == 401) << row;
    }
    EXPECT_TRUE(control.knobs().admissions.empty());
    EXPECT_EQ(control.knobs().recoveries, 0);
    EXPECT_EQ(control.knobs().barriers, 0);
    EXPECT_EQ(control.knobs().proposals, 1) << "that of make_cluster()";
}

TEST_F(Rest, TheTokenOpensTheApiOverTcp) {
    const std::string right = std::string("Authorization: Bearer ") + token + "\r\n";
    EXPECT_EQ(call_tls("GET", "/v1/pools", right).status, 200u);
    EXPECT_EQ(
        call_tls("POST", "/v1/pools", right + "Content-Type: application/json\r\n", lan).status,
        201u);
    EXPECT_EQ(call_tls("GET", "/metrics", right).status, 200u);
    EXPECT_EQ(call_tls("GET", "/v1/nothing").status, 401u) << "says nothing about what there is";
    EXPECT_EQ(call_tls("GET", "/v1/nothing", right).status, 404u);
    EXPECT_EQ(call_tls("POST", "/v1/pools", "", "no JSON at all").status, 401u);
    EXPECT_EQ(call_tls("POST", "/v1/pools", "", std::string(100'000, 'x')).status, 401u)
        << "a large body is not read before the token";
    EXPECT_EQ(call_tls("POST", "/v1/cluster/init", right).status, 403u);
}

TEST(FailedAttempts, SlowDownOneAddressAndAreBounded) {
    FailedAttempts attempts;
    FailedAttempts::Time now{std::chrono::hours{1}};
    for (unsigned i = 0; i < FailedAttempts::free_failures; ++i)
        EXPECT_EQ(attempts.note("a", now).count(), 0);
    EXPECT_EQ(attempts.note("a", now), FailedAttempts::penalty);
    EXPECT_EQ(attempts.note("b", now).count(), 0);
    now += FailedAttempts::window + std::chrono::seconds{1};
    EXPECT_EQ(attempts.note("a", now).count(), 0) << "forgotten after a while";
    for (std::size_t i = 0; i < 2 * FailedAttempts::addresses_max; ++i)
        attempts.note(std::to_string(i), now + std::chrono::milliseconds{i});
    EXPECT_EQ(attempts.size(), FailedAttempts::addresses_max);
}

// ---- before there is a cluster ------------------------------------------------------------------

TEST(RestBeforeInit, OnlyInitAndStatusWork) {
    RestFixture rest(false);
    const auto refused = rest.get("/v1/pools");
    EXPECT_EQ(refused.status, 409u);
    EXPECT_NE(refused.body["detail"].get<std::string>().find("lbctl init"), std::string::npos);
    EXPECT_EQ(rest.post("/v1/pools", lan).status, 409u);
    EXPECT_EQ(rest.get("/v1/status").body["initialised"], false);
    EXPECT_EQ(rest.get("/livez").status, 200u);
    const auto ready = rest.get("/readyz");
    EXPECT_EQ(ready.status, 503u);
    EXPECT_EQ(ready.body["ready"], false);
    EXPECT_EQ(ready.body["reasons"].size(), 1u);
    EXPECT_EQ(ready.reply.headers.at("retry-after"), "1");
    EXPECT_EQ(rest.get("/v1/status").body["role"], "none");
    EXPECT_EQ(rest.get("/v1/status").body["leader"], "");
    EXPECT_EQ(rest.get("/v1/cluster").body["members"], json::array());

    const auto made = rest.post("/v1/cluster/init", "{}");
    EXPECT_EQ(made.status, 201u);
    EXPECT_EQ(made.body, (json{{"node", "n1"},
                               {"api", "https://10.0.0.1:7480"},
                               {"admin_token", "fresh"},
                               {"ca_hash", "sha256:00"}}));
    EXPECT_EQ(rest.post("/v1/cluster/init", "{}").status, 409u) << "a cluster is made once";
    EXPECT_EQ(rest.get("/v1/pools").status, 200u);
    EXPECT_EQ(rest.get("/readyz").status, 200u);
}

}  // namespace trivet::api::test
