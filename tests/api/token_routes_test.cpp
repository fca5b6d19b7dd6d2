// Tokens over REST, and what one of the role cloud may do.
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/authenticate.hpp"
#include "api/route_match.hpp"
#include "api/routes.hpp"
#include "tests/api/fake_control.hpp"

namespace trivet::api::test {

using nlohmann::json;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

namespace {

class RestTokens : public testing::Test, public RestFixture {
protected:
    RestTokens() {
        post("/v1/pools", R"({"name": "lan", "addresses": ["192.0.2.10-192.0.2.19"]})");
        post("/v1/pools", R"({"name": "wan", "addresses": ["198.51.100.10-198.51.100.19"]})");
    }

    /// Makes a token over the socket; the fields of an HTTP request that shows it.
    std::string bearer(const std::string& body) {
        const auto made = post("/v1/tokens", body);
        EXPECT_EQ(made.status, 201u) << made.body;
        return "Content-Type: application/json\r\nAuthorization: Bearer " +
               made.body["token"].get<std::string>() + "\r\n";
    }
    std::string shim() {
        return bearer(
            R"({"name": "shim", "role": "cloud", "namespaces": ["prod.*"], "pools": ["lan"]})");
    }
    static std::string detail(const Outcome& outcome) {
        return outcome.body.value("detail", std::string());
    }
    std::vector<std::string> names(const std::string& target, const std::string& fields) {
        std::vector<std::string> found;
        const auto outcome = call_tls("GET", target, fields);
        for (const auto& item : outcome.body.at("items"))
            found.push_back(item["name"].get<std::string>());
        return found;
    }
};

std::vector<std::string> literal_path(std::string_view pattern) {
    std::vector<std::string> path;
    for (const auto segment : segments_of(pattern)) path.emplace_back(segment);
    return path;
}

}  // namespace

TEST_F(RestTokens, AreShownOnceAndKeptAsHashes) {
    const auto made = post("/v1/tokens", R"({"name": "shim", "role": "cloud",
        "namespaces": ["prod.*", "shop"], "pools": ["lan"], "valid_for_s": 3600})");
    ASSERT_EQ(made.status, 201u) << made.body;
    EXPECT_EQ(made.reply.headers.at("location"), "/v1/tokens/shim");
    const auto secret = made.body["token"].get<std::string>();
    EXPECT_EQ(secret.size(), std::string("trivet_").size() + 64);
    EXPECT_EQ(control.state().tokens().find("shim")->hash, hash_of_token(secret));
    auto known = made.body;
    known.erase("token");
    EXPECT_EQ(known, (json{{"name", "shim"},
                           {"role", "cloud"},
                           {"namespaces", json::array({"prod.*", "shop"})},
                           {"pools", json::array({"lan"})},
                           {"created", "1970-01-02T00:00:00.000Z"},
                           {"expires", "1970-01-02T01:00:00.000Z"},
                           {"revision", made.body["revision"]}}));
    EXPECT_EQ(get("/v1/tokens/shim").body, known);
    EXPECT_EQ(get("/v1/tokens").body["items"], json::array({known}));
    EXPECT_EQ(remove("/v1/tokens/shim").body, known);
    EXPECT_EQ(get("/v1/tokens/shim").status, 404u);
    EXPECT_EQ(remove("/v1/tokens/shim").status, 404u);
    EXPECT_EQ(get("/v1/tokens").body["items"], json::array());
}

TEST_F(RestTokens, SayWhatIsWrongWithABody) {
    for (const auto& [body, field] : std::vector<std::pair<std::string, std::string>>{
             {R"({"role": "cloud", "namespaces": ["a"]})", "name"},
             {R"({"name": "t"})", "role"},
             {R"({"name": "t", "role": "root"})", "role"},
             {R"({"name": "t", "role": "cloud"})", "namespaces"},
             {R"({"name": "t", "role": "cloud", "namespaces": ["prod*"]})", "namespaces"},
             {R"({"name": "t", "role": "admin", "pools": ["lan"]})", "pools"},
             {R"({"name": "t", "role": "admin", "valid_for_s": 0})", "valid_for_s"},
             {R"({"name": "t", "role": "admin", "valid_for_s": 315360001})", "valid_for_s"},
             {R"({"name": "t", "role": "admin", "token": "mine"})", "token"}}) {
        const auto refused = post("/v1/tokens", body);
        EXPECT_EQ(refused.status, 400u) << body;
        EXPECT_EQ(refused.body["field"], field) << body << refused.body;
    }
    EXPECT_EQ(post("/v1/tokens", R"({"name": "t", "role": "admin"})").status, 201u);
    EXPECT_EQ(post("/v1/tokens", R"({"name": "t", "role": "admin"})").status, 409u);
}

TEST_F(RestTokens, OfAnAdministratorOpenEverything) {
    const auto ops = bearer(R"({"name": "ops", "role": "admin"})");
    EXPECT_EQ(call_tls("GET", "/v1/cluster", ops).status, 200u);
    EXPECT_EQ(call_tls("DELETE", "/v1/pools/wan", ops).status, 200u);
    EXPECT_EQ(call_tls("DELETE", "/v1/tokens/ops", ops).status, 200u) << "also itself";
    const auto after = call_tls("GET", "/v1/pools", ops);
    EXPECT_EQ(after.status, 401u);
    EXPECT_THAT(detail(after), HasSubstr("deleted"));
}

TEST_F(RestTokens, ThatHaveExpiredOpenNothing) {
    const auto brief = bearer(R"({"name": "brief", "role": "admin", "valid_for_s": 60})");
    EXPECT_EQ(call_tls("GET", "/v1/pools", brief).status, 200u);
    control.set([](auto& knobs) { knobs.now += std::chrono::seconds{60}; });
    control.apply({AdvanceTime{}});
    EXPECT_EQ(call_tls("GET", "/v1/pools", brief).status, 401u);
}

// ---- the role cloud -----------------------------------------------------------------------------

/// All rows of the table, so that a new one is closed to the role until it is named here.
TEST(CloudRole, IsRefusedInEveryRowButThese) {
    const std::set<std::string> open{
        "GET /v1/vips",
        "GET /v1/vips/{namespace}",
        "POST /v1/vips/{namespace}",
        "GET /v1/vips/{namespace}/{name}",
        "PUT /v1/vips/{namespace}/{name}",
        "DELETE /v1/vips/{namespace}/{name}",
        "GET /v1/vips/{namespace}/{name}/explain",
        "GET /v1/pools",
        "GET /v1/pools/{name}",
        "GET /v1/namespaces",
        "GET /v1/namespaces/{name}",
        "GET /v1/nodes",
        "GET /v1/nodes/{name}",
        "GET /v1/status",
        "GET /v1/events",
        "GET /v1/watch",
        "POST /v1/apply",
        "GET /livez",
        "GET /readyz",
        "POST /v1/cluster/members",  // its body has the token
    };
    FakeControl control;
    control.make_cluster("right");
    control.apply(
        {CreateToken{.name = "shim", .hash = hash_of_token("cloudy"), .limits = {{"*"}, {}}}});
    Thread thread;
    const auto handler = make_handler(control);
    for (const auto& info : route_table()) {
        HttpRequest request;
        request.method = info.method;
        request.path = literal_path(info.path);
        request.headers["authorization"] = "Bearer cloudy";
        request.peer = TcpPeer{"192.0.2.1"};
        const auto row = std::string(info.method) + " " + std::string(info.path);
        if (row == "GET /v1/events") request.query["object"] = "vip/a/b";
        const auto response = thread.await(handler(request));
        if (open.contains(row)) {
            EXPECT_NE(response.status, 401u) << row;
            EXPECT_NE(response.status, 403u) << row << response.body;
        } else {
            EXPECT_EQ(response.status, 403u) << row;
        }
    }
    EXPECT_EQ(control.knobs().proposals, 3) << "those of the set-up, and the DELETE";
}

TEST_F(RestTokens, OfACloudNameWhatTheyLack) {
    const auto fields = shim();
    const auto refused = call_tls("GET", "/v1/cluster", fields);
    EXPECT_EQ(refused.status, 403u);
    EXPECT_EQ(refused.body["code"], "not_allowed");
    EXPECT_EQ(detail(refused),
              "token 'shim' has the role cloud, and this call needs the role admin");
    const auto other = call_tls("GET", "/v1/vips/default", fields);
    EXPECT_EQ(other.status, 403u);
    EXPECT_EQ(other.body["field"], "namespace");
    EXPECT_EQ(
        detail(other),
        "token 'shim' has the role cloud, and may not use the namespace 'default', only prod.*");
    EXPECT_EQ(call_tls("GET", "/v1/nothing", fields).status, 404u);
}

TEST_F(RestTokens, OfACloudHaveVipsInTheirNamespacesAndPools) {
    const auto fields = shim();
    const auto make = [&](const std::string& name_space, const std::string& body) {
        return call_tls("POST", "/v1/vips/" + name_space, fields, body);
    };
    const auto made = make("prod.web", R"({"name": "a", "pool": "lan"})");
    EXPECT_EQ(made.status, 201u) << made.body;
    const auto put = [&](const std::string& body) {
        return call_tls("PUT", "/v1/vips/prod.web/a", fields, body);
    };
    EXPECT_EQ(put(R"({"pool": "lan", "labels": {"x": "y"}})").status, 200u);
    EXPECT_EQ(put(R"({"pool": "wan"})").body["field"], "pool");
    EXPECT_EQ(put("{}").status, 403u);
    EXPECT_EQ(put(R"({"pool": ["lan"]})").status, 403u);
    EXPECT_EQ(put(R"({"pool": null})").status, 403u);
    EXPECT_EQ(put("[]").status, 403u);
    EXPECT_EQ(put("{").status, 400u);
    EXPECT_EQ(put(R"({"pool": "lan", "pool": "wan"})").status, 400u);
    const auto foreign = make("prod.web", R"({"name": "b", "pool": "wan"})");
    EXPECT_EQ(foreign.status, 403u);
    EXPECT_THAT(detail(foreign), HasSubstr("may not ask for pool 'wan', only lan"));
    const auto without = make("prod.web", R"({"name": "b"})");
    EXPECT_EQ(without.status, 403u);
    EXPECT_THAT(detail(without), HasSubstr("must name a pool, one of lan"));
    EXPECT_EQ(make("prod", R"({"name": "b", "pool": "lan"})").status, 403u);
    EXPECT_EQ(make("default", R"({"name": "b", "pool": "lan"})").status, 403u);
    EXPECT_EQ(make("prod.web", R"({"name": "b", "pool": "lan", "namespace": "default"})").status,
              400u)
        << "path and body must agree";
    EXPECT_EQ(call_tls("GET", "/v1/vips/prod.web/a/explain", fields).status, 200u);
    EXPECT_EQ(call_tls("POST", "/v1/vips/prod.web/a/move", fields, R"({"node": "n1"})").status,
              403u);
    EXPECT_EQ(call_tls("DELETE", "/v1/vips/prod.web/a", fields).status, 200u);
    EXPECT_EQ(get("/v1/vips").body["items"].size(), 0u);
}

TEST_F(RestTokens, OfACloudWithEveryPoolMayLeaveTheChoice) {
    const auto fields = bearer(R"({"name": "any", "role": "cloud", "namespaces": ["a"]})");
    EXPECT_EQ(call_tls("POST", "/v1/vips/a", fields, R"({"name": "x"})").status, 201u);
    EXPECT_EQ(call_tls("POST", "/v1/vips/a", fields, R"({"name": "y", "pool": "wan"})").status,
              201u);
    EXPECT_EQ(call_tls("POST", "/v1/vips/b", fields, R"({"name": "y", "pool": "wan"})").status,
              403u);
}

TEST_F(RestTokens, OfACloudSeeTheirOwnVipsAlone) {
    const auto fields = shim();
    for (const char* name_space : {"default", "prod", "prod.a", "prod.b", "stage.a"})
        post(std::string("/v1/vips/") + name_space,
             std::string(R"({"name": "of-)") + name_space + "\"}");
    EXPECT_THAT(names("/v1/vips", fields), UnorderedElementsAre("of-prod.a", "of-prod.b"));
    EXPECT_THAT(names("/v1/vips/prod.a", fields), UnorderedElementsAre("of-prod.a"));
    EXPECT_EQ(names("/v1/pools", fields).size(), 2u);
    EXPECT_EQ(get("/v1/vips").body["items"].size(), 5u);
}

TEST_F(RestTokens, OfACloudReadTheEventsOfTheirOwn) {
    const auto fields = shim();
    post("/v1/vips/prod.a", R"({"name": "web"})");
    const auto own = call_tls("GET", "/v1/events?object=vip/prod.a/web", fields);
    EXPECT_EQ(own.status, 200u);
    EXPECT_GE(own.body["items"].size(), 1u);
    for (const char* target :
         {"/v1/events", "/v1/events?object=vip/default/web", "/v1/events?object=pool/lan",
          "/v1/events?object=vip/prod.*", "/v1/events?object=vip/", "/v1/events?object=token/shim"})
        EXPECT_EQ(call_tls("GET", target, fields).status,
                  std::string(target) == "/v1/events?object=vip/prod.*" ? 200u : 403u)
            << target;
}

TEST_F(RestTokens, OfACloudApplyTheirOwnVipsAlone) {
    const auto fields = shim();
    const auto apply = [&](const std::string& items, const std::string& options = "") {
        return call_tls("POST", "/v1/apply", fields, "{\"items\": [" + items + "]" + options + "}");
    };
    const std::string own =
        R"({"kind": "vip", "namespace": "prod.a", "name": "web", "pool": "lan"})";
    EXPECT_EQ(apply(own).status, 200u);
    EXPECT_EQ(apply("", R"(, "dry_run": true)").status, 200u);
    for (const auto& [item, field] : std::vector<std::pair<std::string, std::string>>{
             {R"({"kind": "vip", "namespace": "default", "name": "b", "pool": "lan"})",
              "items[1].namespace"},
             {R"({"kind": "vip", "name": "b", "pool": "lan"})", "items[1].namespace"},
             {R"({"kind": "vip", "namespace": "prod.a", "name": "b"})", "items[1].pool"},
             {R"({"kind": "vip", "namespace": "prod.a", "name": "b", "pool": "wan"})",
              "items[1].pool"},
             {R"({"kind": "pool", "name": "c", "addresses": ["203.0.113.1"]})", "items[1].kind"},
             {"7", "items[1].kind"}}) {
        for (const char* options : {"", R"(, "dry_run": true)"}) {
            const auto refused = apply(own + "," + item, options);
            EXPECT_EQ(refused.status, 403u) << item;
            EXPECT_EQ(refused.body["field"], field) << item << refused.body;
        }
    }
    EXPECT_EQ(get("/v1/vips").body["items"].size(), 1u);
}

TEST_F(RestTokens, DoNotSeeEachOthersAnswers) {
    const std::string key = "Idempotency-Key: k1\r\n";
    const auto a = bearer(R"({"name": "a", "role": "cloud", "namespaces": ["a"]})") + key;
    const auto b = bearer(R"({"name": "b", "role": "cloud", "namespaces": ["b"]})") + key;
    const std::string web = R"({"name": "web"})";
    EXPECT_EQ(call_tls("POST", "/v1/vips/a", a, web).status, 201u);
    EXPECT_EQ(call_tls("POST", "/v1/vips/b", b, web).status, 201u) << "a key of its own";
    EXPECT_EQ(call_tls("POST", "/v1/vips/a", a, web).status, 201u) << "the first answer again";
    EXPECT_EQ(call_tls("POST", "/v1/vips/b", a, web).status, 403u);
    const std::string admin = std::string("Authorization: Bearer ") + token +
                              "\r\nContent-Type: application/json\r\n" + key;
    EXPECT_EQ(call_tls("POST", "/v1/vips/c", admin, web).status, 201u);

    // Of a token that was deleted nothing is left for the next one of that name.
    EXPECT_EQ(remove("/v1/tokens/a").status, 200u);
    const auto again = bearer(R"({"name": "a", "role": "cloud", "namespaces": ["a"]})") + key;
    EXPECT_EQ(call_tls("POST", "/v1/vips/a", again, web).status, 409u) << "the VIP exists";
}

TEST_F(RestTokens, AreMadeAnewWithEachCall) {
    const std::string body = R"({"name": "t", "role": "admin"})";
    const std::string fields = "Content-Type: application/json\r\nIdempotency-Key: k\r\n";
    EXPECT_EQ(call("POST", "/v1/tokens", body, fields).status, 201u);
    const auto again = call("POST", "/v1/tokens", body, fields);
    EXPECT_EQ(again.status, 409u);
    EXPECT_THAT(detail(again), HasSubstr("delete it"));
}

}  // namespace trivet::api::test
