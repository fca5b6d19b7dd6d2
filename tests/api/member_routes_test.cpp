// The members of the cluster: how they are shown, invited, admitted, changed.
#include <gtest/gtest.h>

#include "api/authenticate.hpp"
#include "api/routes.hpp"
#include "tests/api/fake_control.hpp"

namespace trivet::api::test {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

class RestMembers : public testing::Test, public RestFixture {
protected:
    /// All that a body says but for what `change` makes of it.
    template <class Change>
    Outcome admit(Change change) {
        json body{{"token", "secret-of-one-use"},
                  {"node", "n2"},
                  {"id", "00000000000000b2"},
                  {"address", "10.0.0.2:7481"}};
        change(body);
        return post("/v1/cluster/members", body.dump());
    }
    template <class Change>
    Outcome join(Change change) {
        json body{{"address", "10.0.0.1:7480"}, {"token", "tok"}, {"ca_hash", hash}};
        change(body);
        return post("/v1/cluster/join", body.dump());
    }
    Outcome call_admin(const std::string& method, const std::string& target,
                       const std::string& body = {}) {
        return call_tls(method, target, std::string("Authorization: Bearer ") + token + "\r\n",
                        body);
    }
    void fail_all(ErrorCode code) {
        control.set([&](auto& knobs) { knobs.life_fails = Error{code, "because"}; });
    }

    const std::string hash = "sha256:" + std::string(64, 'a');
};

ClusterView three_members() {
    ClusterView view{.node = "n2",
                     .leader = "n2",
                     .leader_api = "https://10.0.0.2:7480",
                     .term = 4,
                     .commit_index = 90,
                     .applied_index = 88,
                     .members = {},
                     .warnings = {"an even number of voters"}};
    view.members.push_back({.node = "n1",
                            .id = "00000000000000a1",
                            .votes = true,
                            .address = "10.0.0.1:7481",
                            .last_heard = milliseconds{30},
                            .match_index = 89,
                            .applied_index = 87});
    view.members.push_back({.node = "n2",
                            .id = "00000000000000b2",
                            .votes = true,
                            .address = "10.0.0.2:7481",
                            .is_leader = true});
    view.members.push_back({.node = "n3",
                            .id = "00000000000000c3",
                            .address = "10.0.0.3:7481",
                            .has_lost_data = true});
    return view;
}

}  // namespace

// ---- the view -----------------------------------------------------------------------------------

TEST_F(RestMembers, AreShownWithWhatIsKnownOfThem) {
    control.set([](auto& knobs) { knobs.view = three_members(); });
    const auto shown = get("/v1/cluster");
    ASSERT_EQ(shown.status, 200u);
    const std::uint64_t revision = shown.body["revision"];
    EXPECT_EQ(shown.body, json::parse(R"({"initialised": true, "cluster_id": "c1", "nodes": ["n1"],
        "node": "n2", "leader": "n2", "leader_api": "https://10.0.0.2:7480", "term": 4,
        "commit_index": 90, "applied_index": 88, "warnings": ["an even number of voters"],
        "revision": )" + std::to_string(revision) +
                                      R"(, "members": [
        {"node": "n1", "id": "00000000000000a1", "role": "voter", "address": "10.0.0.1:7481",
         "leader": false, "lost_data": false, "last_heard_ms": 30, "match_index": 89,
         "applied_index": 87},
        {"node": "n2", "id": "00000000000000b2", "role": "voter", "address": "10.0.0.2:7481",
         "leader": true, "lost_data": false},
        {"node": "n3", "id": "00000000000000c3", "role": "agent", "address": "10.0.0.3:7481",
         "leader": false, "lost_data": true}]})"));
    EXPECT_EQ(get("/v1/status").body["role"], "voter");
    EXPECT_EQ(get("/v1/status").body["leader"], "n2");
    control.set([](auto& knobs) { knobs.view->node = "n3"; });
    EXPECT_EQ(get("/v1/status").body["role"], "agent");
}

TEST_F(RestMembers, WithoutALeaderTheNodeIsNotReady) {
    EXPECT_EQ(get("/readyz").status, 200u);
    control.set([](auto& knobs) {
        knobs.view = three_members();
        knobs.view->leader.clear();
    });
    const auto ready = get("/readyz");
    EXPECT_EQ(ready.status, 503u);
    EXPECT_EQ(ready.reply.headers.at("retry-after"), "1");
    EXPECT_NE(ready.body["reasons"][0].get<std::string>().find("no leader"), std::string::npos);
    EXPECT_EQ(get("/v1/cluster").status, 200u);
    EXPECT_EQ(get("/v1/cluster").body["leader"], "");
}

TEST(RestAfterJoin, UntilTheStateIsThereCallersAreToldToWait) {
    RestFixture rest(false);
    rest.control.set([](auto& knobs) { knobs.view = three_members(); });
    const auto refused = rest.get("/v1/pools");
    EXPECT_EQ(refused.status, 503u) << refused.body;
    EXPECT_EQ(refused.body["code"], "unavailable");
    EXPECT_EQ(refused.reply.headers.at("retry-after"), "1");
    const auto ready = rest.get("/readyz");
    EXPECT_EQ(ready.status, 503u);
    EXPECT_NE(ready.body["reasons"][0].get<std::string>().find("has joined"), std::string::npos);
}

// ---- in -----------------------------------------------------------------------------------------

TEST_F(RestMembers, AnInvitationIsGoodForAnHourOrAsLongAsWanted) {
    const auto made = post("/v1/cluster/invite", "{}");
    EXPECT_EQ(made.status, 201u);
    EXPECT_EQ(made.body, (json{{"address", "10.0.0.1:7480"},
                               {"token", "tok"},
                               {"ca_hash", "sha256:00"},
                               {"command", "lbctl join 10.0.0.1:7480"}}));
    EXPECT_EQ(call("POST", "/v1/cluster/invite").status, 201u) << "without a body";
    EXPECT_EQ(post("/v1/cluster/invite", R"({"valid_for_s": 604800})").status, 201u);
    EXPECT_EQ(control.knobs().invitations,
              (std::vector<seconds>{seconds{3600}, seconds{3600}, seconds{604'800}}));
    for (const auto* bad : {"0", "604801", "-1", "1.5", "\"1h\"", "null"})
        EXPECT_EQ(post("/v1/cluster/invite", std::string(R"({"valid_for_s": )") + bad + "}")
                      .body["field"],
                  "valid_for_s")
            << bad;
    EXPECT_EQ(post("/v1/cluster/invite", R"({"valid_for": 5})").body["field"], "valid_for");
    EXPECT_EQ(post("/v1/cluster/invite", "[]").status, 400u);
    EXPECT_EQ(control.knobs().invitations.size(), 3u);
    fail_all(ErrorCode::not_leader);
    EXPECT_EQ(post("/v1/cluster/invite", "{}").status, 503u);
}

TEST_F(RestMembers, ANodeAsksToJoin) {
    const auto joined = join([](json&) {});
    EXPECT_EQ(joined.status, 200u) << joined.body;
    EXPECT_EQ(joined.body, (json{{"node", "n1"}}));
    EXPECT_EQ(join([](json& body) { body["role"] = "voter"; }).status, 200u);
    EXPECT_EQ(join([](json& body) { body["role"] = "agent"; }).status, 200u);
    EXPECT_EQ(join([](json& body) { body["address"] = "[fd00::1]:7480"; }).status, 200u);
    EXPECT_EQ(join([](json& body) { body["address"] = "lb-1.example:7480"; }).status, 200u);
    const auto asked = control.knobs().joins;
    ASSERT_EQ(asked.size(), 5u);
    EXPECT_EQ(asked[0].address, "10.0.0.1:7480");
    EXPECT_EQ(asked[0].token, "tok");
    EXPECT_EQ(asked[0].ca_hash, hash);
    EXPECT_EQ(asked[0].as, JoinAs::automatic);
    EXPECT_EQ(asked[1].as, JoinAs::voter);
    EXPECT_EQ(asked[2].as, JoinAs::agent);
    fail_all(ErrorCode::conflict);
    EXPECT_EQ(join([](json&) {}).status, 409u);
    fail_all(ErrorCode::unavailable);
    EXPECT_EQ(join([](json&) {}).status, 503u);
}

TEST_F(RestMembers, WhatIsNotARequestToJoinIsRefused) {
    const std::vector<std::pair<std::string, json>> table{
        {"address", "10.0.0.1"},
        {"address", ""},
        {"address", "10.0.0.1:"},
        {"address", "10.0.0.1:0"},
        {"address", "10.0.0.1:x"},
        {"address", "10.0.0.1:65536"},
        {"address", ":7480"},
        {"address", "fd00::1:7480"},
        {"address", "[10.0.0.1]:1"},
        {"address", "0.0.0.0:7480"},
        {"address", "[::]:7480"},
        {"address", "https://a:7480"},
        {"address", 7480},
        {"token", ""},
        {"token", "a b"},
        {"token", std::string(513, 'x')},
        {"token", nullptr},
        {"ca_hash", "sha256:12"},
        {"ca_hash", "md5:" + std::string(64, 'a')},
        {"ca_hash", "sha256:" + std::string(64, 'g')},
        {"role", "leader"},
        {"role", true},
        {"rol", "voter"}};
    for (const auto& [field, value] : table) {
        const auto refused = join([&](json& body) { body[field] = value; });
        EXPECT_EQ(refused.status, 400u) << field << value;
        EXPECT_EQ(refused.body["field"], field) << value;
    }
    for (const auto* field : {"address", "token", "ca_hash"})
        EXPECT_EQ(join([&](json& body) { body.erase(field); }).body["field"], field);
    EXPECT_TRUE(control.knobs().joins.empty());
}

TEST_F(RestMembers, AreAdmittedByTheTokenInTheBody) {
    const auto admitted = admit([](json&) {});
    EXPECT_EQ(admitted.status, 200u) << admitted.body;
    EXPECT_EQ(admitted.body,
              (json{{"cluster_id", "c1"}, {"ca_certificate", "CERTIFICATE"}, {"ca_key", "KEY"}}));
    const auto asked = control.knobs().admissions;
    ASSERT_EQ(asked.size(), 1u);
    EXPECT_EQ(asked[0].token, "secret-of-one-use");
    EXPECT_EQ(asked[0].node, "n2");
    EXPECT_EQ(asked[0].id, "00000000000000b2");
    EXPECT_EQ(asked[0].address, "10.0.0.2:7481");
    EXPECT_EQ(call_tls("POST", "/v1/cluster/members", "",
                       R"({"token": "tok", "node": "n2", "id": "00000000000000b2",
                           "address": "10.0.0.2:7481"})")
                  .status,
              200u)
        << "over TCP without the administrator's token";
    fail_all(ErrorCode::conflict);
    EXPECT_EQ(admit([](json&) {}).status, 409u);
}

TEST_F(RestMembers, WhatIsNotARequestToBeAdmittedIsRefused) {
    const std::vector<std::pair<std::string, json>> table{{"node", "localhost"},
                                                          {"node", "N2"},
                                                          {"node", ""},
                                                          {"node", "a/b"},
                                                          {"node", 2},
                                                          {"id", "00000000000000B2"},
                                                          {"id", "0000000000000000"},
                                                          {"id", "b2"},
                                                          {"id", "00000000000000b2f"},
                                                          {"id", 12},
                                                          {"address", "10.0.0.2"},
                                                          {"address", "0.0.0.0:7481"},
                                                          {"token", ""},
                                                          {"token", "secret\ttab"},
                                                          {"token", json::array()},
                                                          {"role", "voter"}};
    for (const auto& [field, value] : table) {
        const auto refused = admit([&](json& body) { body[field] = value; });
        EXPECT_EQ(refused.status, 400u) << field << value;
        EXPECT_EQ(refused.body["field"], field) << value;
        EXPECT_EQ(refused.reply.body.find("secret"), std::string::npos) << refused.reply.body;
    }
    for (const auto* field : {"token", "node", "id", "address"})
        EXPECT_EQ(admit([&](json& body) { body.erase(field); }).body["field"], field);
    EXPECT_EQ(post("/v1/cluster/members", "7").status, 400u);
    EXPECT_EQ(post("/v1/cluster/members", std::string(100'000, ' ')).status, 413u)
        << "who has not shown a token is not read for long";
    EXPECT_TRUE(control.knobs().admissions.empty());
    EXPECT_EQ(RestFixture(false).post("/v1/cluster/members", "{}").status, 409u)
        << "there is nothing to be a member of";
}

/// Guessing tokens of invitations is as slow as guessing the administrator's.
TEST(RestAdmission, WrongTokensAreHeldUp) {
    FakeControl control;
    control.make_cluster("right");
    control.set([](auto& knobs) {
        knobs.life_fails = Error{ErrorCode::unauthenticated, "the token is unknown"};
    });
    Thread thread;
    const auto handler = make_handler(control);
    const auto attempt = [&](const char* address) {
        HttpRequest request;
        request.method = "POST";
        request.path = {"v1", "cluster", "members"};
        request.peer = TcpPeer{address};
        request.body = R"({"token": "wrong", "node": "n2", "id": "00000000000000b2",
                           "address": "10.0.0.2:7481"})";
        const auto begun = std::chrono::steady_clock::now();
        EXPECT_EQ(thread.await(handler(request)).status, 401u);
        return std::chrono::steady_clock::now() - begun;
    };
    for (unsigned i = 0; i < FailedAttempts::free_failures; ++i) attempt("192.0.2.1");
    EXPECT_GE(attempt("192.0.2.1"), FailedAttempts::penalty);
}

// ---- changes ------------------------------------------------------------------------------------

TEST_F(RestMembers, ArePromotedDemotedAndRemoved) {
    const auto promoted = call("POST", "/v1/cluster/members/n2/promote");
    EXPECT_EQ(promoted.status, 200u);
    EXPECT_EQ(promoted.body, (json{{"node", "n2"}, {"role", "voter"}}));
    EXPECT_EQ(call("POST", "/v1/cluster/members/n2/demote").body,
              (json{{"node", "n2"}, {"role", "agent"}}));
    EXPECT_EQ(remove("/v1/cluster/members/n2").body, (json{{"node", "n2"}}));
    EXPECT_EQ(call_admin("DELETE", "/v1/cluster/members/n3").status, 200u);
    EXPECT_EQ(control.knobs().changes,
              (std::vector<std::pair<std::string, MemberChange>>{{"n2", MemberChange::promote},
                                                                 {"n2", MemberChange::demote},
                                                                 {"n2", MemberChange::remove},
                                                                 {"n3", MemberChange::remove}}));
    EXPECT_EQ(post("/v1/cluster/members/n2/promote", R"({"x": 1})").status, 400u);
    EXPECT_EQ(remove("/v1/cluster/members/n2?force=true").status, 400u);
    EXPECT_EQ(get("/v1/cluster/members").status, 405u);
    for (const auto& [code, status] :
         std::vector<std::pair<ErrorCode, unsigned>>{{ErrorCode::not_found, 404},
                                                     {ErrorCode::conflict, 409},
                                                     {ErrorCode::unavailable, 503},
                                                     {ErrorCode::timeout, 504}}) {
        fail_all(code);
        for (const auto& refused :
             {call("POST", "/v1/cluster/members/n2/promote"),
              call("POST", "/v1/cluster/members/n2/demote"), remove("/v1/cluster/members/n2")}) {
            EXPECT_EQ(refused.status, status);
            EXPECT_EQ(refused.body["detail"], "because");
            EXPECT_EQ(refused.reply.headers.count("retry-after"), status == 503 ? 1u : 0u);
        }
    }
}

TEST_F(RestMembers, LeadershipIsHandedOver) {
    EXPECT_EQ(post("/v1/cluster/transfer", R"({"node": "n2"})").body, (json{{"leader", "n2"}}));
    EXPECT_EQ(post("/v1/cluster/transfer", "{}").body, (json{{"leader", "n3"}}));
    EXPECT_EQ(call_admin("POST", "/v1/cluster/transfer").body, (json{{"leader", "n3"}}));
    EXPECT_EQ(control.knobs().transfers, (std::vector<std::string>{"n2", "", ""}));
    EXPECT_EQ(post("/v1/cluster/transfer", R"({"node": ""})").body["field"], "node");
    EXPECT_EQ(post("/v1/cluster/transfer", R"({"node": 1})").body["field"], "node");
    EXPECT_EQ(post("/v1/cluster/transfer", R"({"to": "n2"})").body["field"], "to");
    fail_all(ErrorCode::not_found);
    EXPECT_EQ(post("/v1/cluster/transfer", R"({"node": "n9"})").status, 404u);
}

}  // namespace trivet::api::test
