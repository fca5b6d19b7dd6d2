#include <gmock/gmock.h>

#include "tests/cli/lbctl_fixture.hpp"

namespace trivet::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

json three_nodes() {
    return json::parse(R"({"initialised": true, "cluster_id": "abc", "revision": 17,
        "nodes": ["n1", "n2", "n3"], "node": "n1", "leader": "n1",
        "leader_api": "https://10.0.0.1:7480", "term": 4, "commit_index": 90, "applied_index": 90,
        "warnings": [], "members": [
        {"node": "n1", "id": "00000000000000a1", "role": "voter", "address": "10.0.0.1:7481",
         "leader": true, "lost_data": false},
        {"node": "n2", "id": "00000000000000b2", "role": "voter", "address": "10.0.0.2:7481",
         "leader": false, "lost_data": false, "last_heard_ms": 30, "match_index": 88,
         "applied_index": 87},
        {"node": "n3", "id": "00000000000000c3", "role": "agent", "address": "10.0.0.3:7481",
         "leader": false, "lost_data": false, "last_heard_ms": 5000, "match_index": 0}]})");
}

model::FakeServer::Answer problem(unsigned status, const char* code) {
    const json body{{"status", status}, {"detail", "the reason"}, {"code", code}};
    return {status, body.dump(), "application/problem+json"};
}

TEST_F(Lbctl, ClusterStatusInWords) {
    answer_json("GET /v1/cluster", three_nodes());
    const auto ran = run({"cluster", "status"});
    EXPECT_EQ(ran.code, ExitCode::ok) << ran.err;
    EXPECT_EQ(ran.out,
              "cluster  abc, revision 17\n"
              "leader   n1 (https://10.0.0.1:7480)\n"
              "term     4\n"
              "commit   90; n1 has applied 90\n"
              "\n"
              "NODE  ROLE          REACHABLE       LAG\n"
              "n1    voter, leads  answers         -\n"
              "n2    voter         yes, 30 ms ago  2\n"
              "n3    agent         no, 5 s ago     90\n");
    EXPECT_EQ(json::parse(run({"cluster", "status", "-o", "json"}).out), three_nodes());
    EXPECT_EQ(run({"cluster", "status", "-o", "name"}).out, "node/n1\nnode/n2\nnode/n3\n");
}

TEST_F(Lbctl, ClusterStatusOfAFollowerAndItsWarnings) {
    auto cluster = three_nodes();
    cluster["node"] = "n2";
    cluster["warnings"] = {"an even number of voters"};
    cluster["members"][2]["lost_data"] = true;
    answer_json("GET /v1/cluster", cluster);
    const auto ran = run({"cluster", "status"});
    EXPECT_EQ(ran.code, ExitCode::ok);
    EXPECT_THAT(ran.out, HasSubstr("warning: an even number of voters\n"));
    EXPECT_THAT(ran.out, HasSubstr("lost data"));
    EXPECT_THAT(ran.out, HasSubstr("'lbctl cluster remove n3'"));
    EXPECT_THAT(ran.out, HasSubstr("n1 knows: ask there"));
}

TEST_F(Lbctl, ClusterStatusWithoutALeaderIsSix) {
    auto cluster = three_nodes();
    cluster["leader"] = "";
    answer_json("GET /v1/cluster", cluster);
    const auto ran = run({"cluster", "status"});
    EXPECT_EQ(ran.code, ExitCode::no_leader);
    EXPECT_THAT(ran.out, HasSubstr("leader   none is known\n"));
    EXPECT_THAT(ran.err, HasSubstr("error: no leader is known\n"));
    const auto data = run({"cluster", "status", "-o", "json"});
    EXPECT_EQ(data.code, ExitCode::no_leader);
    EXPECT_EQ(json::parse(data.out), cluster);
}

TEST_F(Lbctl, ClusterStatusBeforeInit) {
    answer_json("GET /v1/cluster", json::parse(R"({"initialised": false, "cluster_id": "",
        "nodes": [], "node": "n1", "leader": "", "members": [], "warnings": [], "revision": 0})"));
    const auto ran = run({"cluster", "status"});
    EXPECT_EQ(ran.code, ExitCode::no_leader);
    EXPECT_EQ(ran.out, "cluster  none yet; 'lbctl init' makes one, 'lbctl join' joins one\n");
    EXPECT_THAT(ran.err, HasSubstr("belongs to no cluster"));
    const auto members = run({"cluster", "members"});
    EXPECT_EQ(members.code, ExitCode::ok);
    EXPECT_EQ(members.err, "no members here\n");
}

TEST_F(Lbctl, ClusterMembers) {
    answer_json("GET /v1/cluster", three_nodes());
    EXPECT_EQ(run({"cluster", "members"}).out,
              "NODE  ROLE          ADDRESS        ID\n"
              "n1    voter, leads  10.0.0.1:7481  00000000000000a1\n"
              "n2    voter         10.0.0.2:7481  00000000000000b2\n"
              "n3    agent         10.0.0.3:7481  00000000000000c3\n");
    EXPECT_EQ(json::parse(run({"cluster", "members", "-o", "json"}).out),
              (json{{"items", three_nodes()["members"]}, {"revision", 17}}));
    EXPECT_EQ(run({"cluster", "members", "-o", "name"}).out, "node/n1\nnode/n2\nnode/n3\n");
}

TEST_F(Lbctl, ClusterInvite) {
    const json invited{{"address", "10.0.0.1:7480"},
                       {"token", "tok"},
                       {"ca_hash", "sha256:ab"},
                       {"command", "lbctl join 10.0.0.1:7480 --token tok --ca-hash sha256:ab"}};
    answer_json("POST /v1/cluster/invite", invited, 201);
    const auto words = run({"cluster", "invite"});
    EXPECT_EQ(words.code, ExitCode::ok) << words.err;
    EXPECT_THAT(words.out,
                HasSubstr("\n  lbctl join 10.0.0.1:7480 --token tok --ca-hash sha256:ab\n"));
    EXPECT_THAT(words.out, HasSubstr("within 3600 s"));
    EXPECT_EQ(sent(0), (json{{"valid_for_s", 3600}}));
    EXPECT_EQ(json::parse(run({"cluster", "invite", "-o", "json", "--valid-for", "90"}).out),
              invited);
    EXPECT_EQ(sent(1), (json{{"valid_for_s", 90}}));
}

TEST_F(Lbctl, ClusterPromoteDemoteRemove) {
    answer_json("POST /v1/cluster/members/n2/promote", {{"node", "n2"}, {"role", "voter"}});
    answer_json("POST /v1/cluster/members/n2/demote", {{"node", "n2"}, {"role", "agent"}});
    answer_json("DELETE /v1/cluster/members/n2", {{"node", "n2"}});
    EXPECT_EQ(run({"cluster", "promote", "n2"}).out, "n2 is a voter now\n");
    EXPECT_EQ(run({"cluster", "demote", "n2"}).out,
              "n2 is an agent now: it follows without a vote\n");
    EXPECT_EQ(run({"cluster", "remove", "n2"}).out,
              "n2 is removed; it may join again with an empty data_dir\n");
    EXPECT_EQ(run({"cluster", "remove", "n2", "-o", "name"}).out, "node/n2\n");
    EXPECT_EQ(json::parse(run({"cluster", "promote", "n2", "-o", "json"}).out),
              (json{{"node", "n2"}, {"role", "voter"}}));
    EXPECT_EQ(run({"cluster", "remove", "n9"}).code, ExitCode::not_found);
}

TEST_F(Lbctl, ClusterChangesThatAreRefused) {
    answer("POST /v1/cluster/members/n2/demote", problem(409, "conflict"));
    answer("POST /v1/cluster/members/n2/promote", problem(503, "unavailable"));
    answer("DELETE /v1/cluster/members/n2", problem(504, "timeout"));
    const auto refused = run({"cluster", "demote", "n2"});
    EXPECT_EQ(refused.code, ExitCode::conflict);
    EXPECT_THAT(refused.err, HasSubstr("the reason"));
    EXPECT_EQ(run({"cluster", "promote", "n2", "--timeout", "0.1"}).code, ExitCode::no_leader);
    const auto late = run({"cluster", "remove", "n2"});
    EXPECT_EQ(late.code, ExitCode::timeout);
    EXPECT_THAT(late.err, HasSubstr("may have been made"));
}

TEST_F(Lbctl, ClusterTransfer) {
    answer_json("POST /v1/cluster/transfer", {{"leader", "n2"}});
    EXPECT_EQ(run({"cluster", "transfer"}).out, "n2 leads now\n");
    EXPECT_EQ(run({"cluster", "transfer", "n2"}).out, "n2 leads now\n");
    EXPECT_EQ(sent(0), json::object());
    EXPECT_EQ(sent(1), (json{{"node", "n2"}}));
    EXPECT_EQ(json::parse(run({"cluster", "transfer", "-o", "json"}).out),
              (json{{"leader", "n2"}}));
}

TEST_F(Lbctl, ClusterRecover) {
    answer_json("POST /v1/cluster/recover", json::object());
    const auto ran = run({"cluster", "recover", "--yes"});
    EXPECT_EQ(ran.code, ExitCode::ok) << ran.err;
    EXPECT_THAT(ran.out, HasSubstr("the only voter now"));
    EXPECT_EQ(sent(), (json{{"yes", true}}));
    EXPECT_EQ(run({"cluster", "recover"}).code, ExitCode::usage);
    EXPECT_EQ(requests().size(), 1u);
    EXPECT_EQ(run({"cluster", "recover", "--yes", "-o", "json"}).out, "{}\n");
}

TEST_F(Lbctl, ServersCannotDriveTheTerminal) {
    auto cluster = three_nodes();
    cluster["warnings"] = {"\x1b[2Jgone"};
    cluster["members"][1]["node"] = "n2\x1b[2J";
    answer_json("GET /v1/cluster", cluster);
    EXPECT_THAT(run({"cluster", "status"}).out, Not(HasSubstr("\x1b")));
    EXPECT_THAT(run({"cluster", "members", "-o", "name"}).out, Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace trivet::cli
