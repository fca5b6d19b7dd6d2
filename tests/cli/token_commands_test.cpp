#include <gmock/gmock.h>

#include "tests/cli/lbctl_fixture.hpp"

namespace trivet::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;

json shim() {
    return json::parse(R"({"name": "shim", "role": "cloud", "namespaces": ["prod.*", "shop"],
        "pools": [], "created": "2026-01-01T00:00:00.000Z",
        "expires": "2026-02-01T00:00:00.000Z", "revision": 7})");
}

json ops() {
    return json::parse(R"({"name": "ops", "role": "admin", "namespaces": [], "pools": [],
        "created": "2026-01-01T00:00:00.000Z", "expires": null, "revision": 8})");
}

TEST_F(Lbctl, TokenCreatePrintsTheTokenAlone) {
    auto made = shim();
    made["token"] = "trivet_ab12";
    answer_json("POST /v1/tokens", made, 201);
    const auto ran = run({"token", "create", "shim", "--namespaces", "prod.*,shop", "--namespaces",
                          "web", "--pools", "lan", "--valid-for", "720h"});
    EXPECT_EQ(ran.code, ExitCode::ok) << ran.err;
    EXPECT_EQ(ran.out, "trivet_ab12\n");
    EXPECT_THAT(ran.err, HasSubstr("'lbctl token delete shim'"));
    EXPECT_EQ(sent(), json::parse(R"({"name": "shim", "role": "cloud", "pools": ["lan"],
        "namespaces": ["prod.*", "shop", "web"], "valid_for_s": 2592000})"));
    EXPECT_EQ(json::parse(run({"token", "create", "ops", "--role", "admin", "-o", "json"}).out),
              made);
    EXPECT_EQ(sent(1), json::parse(R"({"name": "ops", "role": "admin"})"));
}

TEST_F(Lbctl, TokenListIsATable) {
    answer_json("GET /v1/tokens", json{{"items", {ops(), shim()}}, {"revision", 9}});
    EXPECT_EQ(run({"token", "list"}).out,
              "NAME  ROLE   NAMESPACES   POOLS  CREATED                   EXPIRES\n"
              "ops   admin  all          all    2026-01-01T00:00:00.000Z  never\n"
              "shim  cloud  prod.*,shop  all    2026-01-01T00:00:00.000Z  "
              "2026-02-01T00:00:00.000Z\n");
    EXPECT_EQ(run({"token", "list", "-o", "name"}).out, "token/ops\ntoken/shim\n");
    EXPECT_EQ(json::parse(run({"token", "list", "-o", "json"}).out)["revision"], 9);
}

TEST_F(Lbctl, TokenShowAndDelete) {
    answer_json("GET /v1/tokens/shim", shim());
    answer_json("DELETE /v1/tokens/shim", shim());
    EXPECT_THAT(run({"token", "show", "shim"}).out, HasSubstr("2026-02-01T00:00:00.000Z"));
    EXPECT_EQ(run({"token", "show", "shim", "-o", "name"}).out, "token/shim\n");
    EXPECT_EQ(run({"token", "delete", "shim"}).out, "token/shim deleted\n");
    EXPECT_EQ(run({"token", "show", "other"}).code, ExitCode::not_found);
}

TEST_F(Lbctl, WhatATokenMayNotDoIsFour) {
    answer("POST /v1/tokens",
           model::FakeServer::Answer{403, R"({"status": 403, "code": "not_allowed", "detail":
               "token 'shim' has the role cloud, and this call needs the role admin"})",
                                     "application/problem+json"});
    const auto ran = run({"token", "create", "mine", "--role", "admin"});
    EXPECT_EQ(ran.code, ExitCode::not_allowed);
    EXPECT_THAT(ran.err, HasSubstr("needs the role admin"));
}

}  // namespace
}  // namespace trivet::cli
