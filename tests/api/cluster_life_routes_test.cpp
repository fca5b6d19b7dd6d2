// Recovery and snapshots. How a cluster is made stands in routes_test.cpp.
#include <gtest/gtest.h>

#include "tests/api/fake_control.hpp"

namespace trivet::api::test {

using nlohmann::json;

namespace {

class RestLife : public testing::Test, public RestFixture {
protected:
    void fail_all(ErrorCode code) {
        control.set([&](auto& knobs) { knobs.life_fails = Error{code, "because"}; });
    }
};

}  // namespace

TEST_F(RestLife, RecoveryMustBeWanted) {
    const auto asked = call("POST", "/v1/cluster/recover");
    EXPECT_EQ(asked.status, 400u);
    EXPECT_EQ(asked.body["field"], "yes");
    EXPECT_NE(asked.body["detail"].get<std::string>().find("gone for good"), std::string::npos);
    EXPECT_EQ(post("/v1/cluster/recover", "{}").body["field"], "yes");
    EXPECT_EQ(post("/v1/cluster/recover", R"({"yes": false})").body["field"], "yes");
    EXPECT_EQ(post("/v1/cluster/recover", R"({"yes": "true"})").body["field"], "yes");
    EXPECT_EQ(post("/v1/cluster/recover", R"({"yes": true, "now": true})").body["field"], "now");
    EXPECT_EQ(control.knobs().recoveries, 0);
    const auto done = post("/v1/cluster/recover", R"({"yes": true})");
    EXPECT_EQ(done.status, 200u);
    EXPECT_EQ(done.body, json::object());
    EXPECT_EQ(control.knobs().recoveries, 1);
    fail_all(ErrorCode::conflict);
    EXPECT_EQ(post("/v1/cluster/recover", R"({"yes": true})").status, 409u);
}

TEST_F(RestLife, ASnapshotIsTheTextAsItIs) {
    const auto saved = get("/v1/cluster/snapshot");
    EXPECT_EQ(saved.status, 200u);
    EXPECT_EQ(saved.reply.headers.at("content-type"), "application/json");
    EXPECT_EQ(saved.reply.body, R"({"format":"trivet-snapshot"})") << "to the byte";
    EXPECT_EQ(control.knobs().barriers, 1);
    EXPECT_EQ(get("/v1/cluster/snapshot?consistency=stale").status, 200u)
        << "what can still be saved without a leader";
    EXPECT_EQ(control.knobs().barriers, 1);
    EXPECT_EQ(call_tls("GET", "/v1/cluster/snapshot").status, 401u);
    control.set([](auto& knobs) {
        knobs.barrier_fails = Error{ErrorCode::not_leader, "no leader is known"};
    });
    EXPECT_EQ(get("/v1/cluster/snapshot").status, 503u);
    fail_all(ErrorCode::internal);
    EXPECT_EQ(get("/v1/cluster/snapshot?consistency=stale").status, 500u);
}

TEST(RestBeforeInit, ASnapshotIsRestored) {
    RestFixture rest(false);
    EXPECT_EQ(rest.get("/v1/cluster/snapshot").status, 409u);
    for (const auto* bad : {R"({"path": "snapshot.json"})", R"({"path": ""})", R"({"path": 1})",
                            R"({"path": "/a\u0000b"})", "{}"})
        EXPECT_EQ(rest.post("/v1/cluster/restore", bad).body["field"], "path") << bad;
    EXPECT_EQ(rest.post("/v1/cluster/restore", R"({"paht": "/a"})").body["field"], "paht");
    EXPECT_TRUE(rest.control.knobs().restored.empty());
    const auto made = rest.post("/v1/cluster/restore", R"({"path": "/root/s.json"})");
    EXPECT_EQ(made.status, 201u);
    EXPECT_EQ(made.body, (json{{"node", "n1"},
                               {"api", "https://10.0.0.1:7480"},
                               {"admin_token", ""},
                               {"ca_hash", "sha256:00"}}));
    EXPECT_EQ(rest.control.knobs().restored, std::vector<std::string>{"/root/s.json"});
    for (const auto& [code, status] : std::vector<std::pair<ErrorCode, unsigned>>{
             {ErrorCode::not_found, 404}, {ErrorCode::conflict, 409}, {ErrorCode::corrupt, 500}}) {
        rest.control.set([&](auto& knobs) { knobs.life_fails = Error{code, "because"}; });
        EXPECT_EQ(rest.post("/v1/cluster/restore", R"({"path": "/s"})").status, status);
    }
}

}  // namespace trivet::api::test
