#include <gmock/gmock.h>

#include "tests/cli/lbctl_fixture.hpp"

namespace trivet::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

const json web{{"name", "web"},
               {"namespace", "default"},
               {"pool", "lan"},
               {"addresses", json::array()},
               {"ports", {{{"port", 80}, {"protocol", "tcp"}}}},
               {"delivery", "bind"},
               {"revision", 17},
               {"status",
                {{"phase", "announced"},
                 {"addresses", {"10.77.0.50", "fd77::50"}},
                 {"owner", "n1"},
                 {"standbys", {"n2", "n3"}}}}};

// The forms that scripts rely on (design section 6).

TEST_F(Lbctl, ScriptFormPoolCreate) {
    answer_json("POST /v1/pools", {{"name", "lan"}}, 201);
    const auto ran =
        run({"pool", "create", "lan", "--addresses", "10.77.0.50-10.77.0.60,fd77::50-fd77::60"});
    EXPECT_EQ(ran.code, ExitCode::ok) << ran.err;
    EXPECT_EQ(sent(), (json{{"name", "lan"},
                            {"addresses", {"10.77.0.50-10.77.0.60", "fd77::50-fd77::60"}}}));
}

TEST_F(Lbctl, ScriptFormVipCreate) {
    answer_json("POST /v1/vips/default", web, 201);
    const auto ran = run({"vip", "create", "web", "--pool", "lan", "--ip-families", "ipv4,ipv6",
                          "--port", "80/tcp", "--delivery", "bind", "-o", "json"});
    EXPECT_EQ(ran.code, ExitCode::ok) << ran.err;
    EXPECT_EQ(json::parse(ran.out), web);
    EXPECT_EQ(sent(), json::parse(R"({"name": "web", "namespace": "default", "pool": "lan",
        "ip_families": ["ipv4", "ipv6"], "ports": [{"port": 80, "protocol": "tcp"}],
        "delivery": "bind"})"));
}

TEST_F(Lbctl, ScriptFormVipShow) {
    answer_json("GET /v1/vips/default/web", web);
    const auto ran = run({"vip", "show", "web", "-o", "json"});
    EXPECT_EQ(json::parse(ran.out), web);
}

TEST_F(Lbctl, ScriptFormBgp) {
    answer_json("POST /v1/bgp-peers", {{"name", "tor1"}}, 201);
    answer_json("POST /v1/bgp-advertisements",
                {{"name", "all"}, {"status", {{"warnings", {"there is no bgp-peer yet"}}}}}, 201);
    EXPECT_EQ(run({"bgp-peer", "create", "tor1", "--peer-address", "10.99.0.2", "--peer-asn",
                   "65000", "--my-asn", "65009"})
                  .code,
              ExitCode::ok);
    const auto all = run({"bgp-advertisement", "create", "all"});
    EXPECT_EQ(all.code, ExitCode::ok);
    EXPECT_EQ(all.err, "note: there is no bgp-peer yet\n");
    EXPECT_EQ(sent(0), (json{{"name", "tor1"},
                             {"peer_address", "10.99.0.2"},
                             {"peer_asn", 65000},
                             {"my_asn", 65009}}));
    EXPECT_EQ(sent(1), (json{{"name", "all"}}));
}

TEST_F(Lbctl, ScriptFormInit) {
    const json made{{"node", "n1"},
                    {"api", "https://10.0.0.1:7480"},
                    {"admin_token", "tok"},
                    {"ca_hash", "sha256:ab"}};
    answer_json("POST /v1/cluster/init", made);
    EXPECT_EQ(json::parse(run({"init", "-o", "json"}).out), made);
    const auto words = run({"init"}).out;
    EXPECT_THAT(words, HasSubstr("admin token  tok\n"));
    EXPECT_THAT(words, HasSubstr("--server https://10.0.0.1:7480 --ca-hash sha256:ab"));
    EXPECT_THAT(words, HasSubstr("lbctl vip create"));
    EXPECT_THAT(words, HasSubstr("lbctl cluster invite"));
}

TEST_F(Lbctl, ScriptFormList) {
    const json list{{"items", {web}}, {"revision", 17}};
    answer_json("GET /v1/vips/default", list);
    EXPECT_EQ(json::parse(run({"vip", "list", "-o", "json"}).out), list);
}

// Output forms.

TEST_F(Lbctl, TablesAreAligned) {
    auto dns = web;
    dns["name"] = "a-long-name";
    dns["status"] = {{"phase", "pending"}, {"reason", "pool 'lan' is full"}};
    answer_json("GET /v1/vips/default", {{"items", {web, dns}}, {"revision", 17}});
    EXPECT_EQ(run({"vip", "list"}).out,
              "NAMESPACE  NAME         ADDRESSES            PHASE      OWNER\n"
              "default    web          10.77.0.50,fd77::50  announced  n1\n"
              "default    a-long-name  -                    pending    -\n");
    const auto wide = run({"vip", "list", "-o", "wide"}).out;
    EXPECT_THAT(wide, HasSubstr("80/tcp"));
    EXPECT_THAT(wide, HasSubstr("n2,n3"));
    EXPECT_THAT(wide, HasSubstr("pool 'lan' is full"));
    EXPECT_EQ(run({"vip", "list", "-o", "name"}).out, "vip/default/web\nvip/default/a-long-name\n");
    EXPECT_THAT(run({"vip", "list", "-o", "yaml"}).out, HasSubstr("- name: web\n"));
}

TEST_F(Lbctl, ColoursOnlyOnATerminalThatWantsThem) {
    answer_json("GET /v1/vips/default", {{"items", {web}}, {"revision", 17}});
    EXPECT_THAT(run({"vip", "list"}).out, Not(HasSubstr("\x1b")));
    colour_ = true;
    EXPECT_THAT(run({"vip", "list"}).out, HasSubstr("\x1b[32mannounced\x1b[0m"));
    EXPECT_THAT(run({"vip", "list", "-o", "json"}).out, Not(HasSubstr("\x1b")));
    environment_["NO_COLOR"] = "1";
    EXPECT_THAT(run({"vip", "list"}).out, Not(HasSubstr("\x1b")));
}

TEST_F(Lbctl, WhatAServerSaysCannotDriveATerminal) {
    answer_json("GET /v1/pools", {{"items", {{{"name", "a\x1b[2Jb\nc"}}}}, {"revision", 1}});
    EXPECT_THAT(run({"pool", "list"}).out, HasSubstr("a [2Jb c"));
}

TEST_F(Lbctl, ShowTellsEveryField) {
    answer_json("GET /v1/vips/default/web", web);
    const auto out = run({"vip", "show", "web"}).out;
    EXPECT_THAT(out, HasSubstr("name              web\n"));
    EXPECT_THAT(out, HasSubstr("status.phase      announced\n"));
    EXPECT_THAT(out, HasSubstr("ports             80/tcp\n"));
}

TEST_F(Lbctl, NothingToListIsSaidOnStandardError) {
    answer_json("GET /v1/pools", {{"items", json::array()}, {"revision", 1}});
    const auto ran = run({"pool", "list"});
    EXPECT_EQ(ran.code, ExitCode::ok);
    EXPECT_EQ(ran.out, "");
    EXPECT_EQ(ran.err, "no pools here\n");
}

TEST_F(Lbctl, PasswordsAreNeverPrinted) {
    const json peer{{"name", "tor1"}, {"peer_address", "10.0.0.1"}, {"password", "s3cret"}};
    answer_json("GET /v1/bgp-peers/tor1", peer);
    answer_json("GET /v1/bgp-peers", {{"items", {peer}}, {"revision", 1}});
    answer_json("POST /v1/bgp-peers", peer, 201);
    for (const char* format : {"table", "wide", "json", "yaml", "name"}) {
        for (const auto& ran :
             {run({"bgp-peer", "show", "tor1", "-o", format}),
              run({"bgp-peer", "list", "-o", format}),
              run({"bgp-peer", "create", "tor1", "--peer-address", "10.0.0.1", "--peer-asn", "1",
                   "--my-asn", "2", "--password", "s3cret", "-o", format})}) {
            EXPECT_EQ(ran.code, ExitCode::ok) << ran.err;
            EXPECT_THAT(ran.out + ran.err, Not(HasSubstr("s3cret"))) << format;
        }
    }
}

TEST_F(Lbctl, APasswordMayComeFromAFile) {
    answer_json("POST /v1/bgp-peers", json::object(), 201);
    const auto file = write_file("password", "s3cret\n");
    EXPECT_EQ(run({"bgp-peer", "create", "tor1", "--peer-address", "10.0.0.1", "--peer-asn", "1",
                   "--my-asn", "2", "--password", "@" + file})
                  .code,
              ExitCode::ok);
    EXPECT_EQ(sent()["password"], "s3cret");
}

// Namespaces, flags, waiting.

TEST_F(Lbctl, NamespacesOfVips) {
    answer_json("GET /v1/vips/team-a", {{"items", json::array()}, {"revision", 1}});
    answer_json("GET /v1/vips", {{"items", {web}}, {"revision", 1}});
    answer_json("DELETE /v1/vips/team-a/web", nullptr);
    EXPECT_EQ(run({"vip", "list", "-n", "team-a"}).code, ExitCode::ok);
    EXPECT_THAT(run({"vip", "list", "-A"}).out, HasSubstr("web"));
    EXPECT_EQ(run({"vip", "delete", "web", "-n", "team-a"}).out, "vip/team-a/web deleted\n");
}

TEST_F(Lbctl, DeleteGoesOnAndReportsTheFirstFailure) {
    answer_json("DELETE /v1/pools/a?force=true", nullptr);
    answer_json("DELETE /v1/pools/c?force=true", nullptr);
    const auto ran = run({"pool", "delete", "a", "b", "c", "--force"});
    EXPECT_EQ(ran.code, ExitCode::not_found);
    EXPECT_EQ(ran.out, "pool/a deleted\npool/c deleted\n");
    EXPECT_EQ(ran.err, "error: no such object\n");
}

TEST_F(Lbctl, BooleanFlagsHaveThreeForms) {
    answer_json("POST /v1/pools", {{"name", "lan"}}, 201);
    const std::vector<std::pair<std::string, bool>> forms{
        {"--auto-assign", true}, {"--auto-assign=false", false}, {"--no-auto-assign", false}};
    for (std::size_t i = 0; i < forms.size(); ++i) {
        EXPECT_EQ(run({"pool", "create", "lan", forms[i].first, "--addresses", "10.0.0.1"}).code,
                  ExitCode::ok);
        EXPECT_EQ(sent(i)["auto_assign"], forms[i].second) << forms[i].first;
    }
}

TEST_F(Lbctl, APendingVipGetsAHint) {
    auto pending = web;
    pending["status"] = {{"phase", "pending"}, {"reason", "pool 'lan' is full (11 of 11)"}};
    answer_json("POST /v1/vips/default", pending, 201);
    const auto ran = run({"vip", "create", "web"});
    EXPECT_EQ(ran.code, ExitCode::ok);
    EXPECT_THAT(ran.err, HasSubstr("pending: pool 'lan' is full (11 of 11)"));
    EXPECT_EQ(run({"vip", "create", "web", "-o", "json"}).err, "");
}

TEST_F(Lbctl, WaitEndsWhenItIsAnnounced) {
    auto assigned = web;
    assigned["status"]["phase"] = "assigned";
    answer_json("POST /v1/vips/default", assigned, 201);
    answer_json("GET /v1/vips/default/web", assigned);
    answer_json("GET /v1/vips/default/web", web);
    pauses_ = 10;
    const auto ran = run({"vip", "create", "--wait", "web", "-o", "json"});
    EXPECT_EQ(ran.code, ExitCode::ok) << ran.err;
    EXPECT_EQ(json::parse(ran.out)["status"]["phase"], "announced");
    EXPECT_EQ(pauses_, 8);
}

TEST_F(Lbctl, WaitEndsWithTheTimeAndWithAConflict) {
    auto assigned = web;
    assigned["status"] = {{"phase", "assigned"}, {"reason", "no interface"}};
    answer_json("POST /v1/vips/default", assigned, 201);
    const auto late = run({"vip", "create", "web", "--wait=0"});
    EXPECT_EQ(late.code, ExitCode::timeout);
    EXPECT_THAT(late.err, HasSubstr("vip/default/web was created, but is still 'assigned' after "
                                    "0 s: no interface"));
}

TEST_F(Lbctl, WaitTellsOfAConflict) {
    auto conflict = web;
    conflict["status"] = {{"phase", "conflict"}, {"reason", "02:00:00:00:00:01 answers for it"}};
    answer_json("POST /v1/vips/default", conflict, 201);
    const auto ran = run({"vip", "create", "web", "--wait"});
    EXPECT_EQ(ran.code, ExitCode::conflict);
    EXPECT_THAT(ran.err, HasSubstr("02:00:00:00:00:01 answers for it"));
}

TEST_F(Lbctl, WatchPrintsWhenSomethingChanged) {
    answer_json("GET /v1/pools", {{"items", {{{"name", "a"}}}}, {"revision", 1}});
    answer_json("GET /v1/pools", {{"items", {{{"name", "a"}}}}, {"revision", 2}});
    answer_json("GET /v1/pools", {{"items", {{{"name", "b"}}}}, {"revision", 3}});
    pauses_ = 2;
    EXPECT_EQ(run({"pool", "list", "--watch", "-o", "name"}).out, "pool/a\npool/b\n");
}

// Commands of their own.

TEST_F(Lbctl, Explain) {
    const json answer{{"sentences", {"It is announced.", "By n1, on eth0."}}};
    answer_json("GET /v1/vips/default/web/explain", answer);
    EXPECT_EQ(run({"vip", "explain", "web"}).out, "It is announced.\nBy n1, on eth0.\n");
    EXPECT_EQ(json::parse(run({"vip", "explain", "web", "-o", "json"}).out), answer);
}

TEST_F(Lbctl, DrainWaitsUntilRoutersHearNothingOfTheNode) {
    answer_json("POST /v1/nodes/n1/drain", {{"name", "n1"}, {"drained", true}});
    answer_json("GET /v1/vips", {{"items", json::array()}});
    answer_json(
        "GET /v1/nodes/n1",
        {{"name", "n1"}, {"status", {{"bgp_established", {"tor1"}}, {"bgp_withdrawn", false}}}});
    const auto waits = run({"node", "drain", "n1", "--wait=0.1"});
    EXPECT_EQ(waits.code, ExitCode::timeout) << waits.err;
    EXPECT_NE(waits.err.find("has not taken its BGP routes back"), std::string::npos) << waits.err;
    answer_json(
        "GET /v1/nodes/n1",
        {{"name", "n1"}, {"status", {{"bgp_established", {"tor1"}}, {"bgp_withdrawn", true}}}});
    pauses_ = 1;
    EXPECT_EQ(run({"node", "drain", "n1", "--wait"}).out, "node/n1 drained\n");
}

TEST_F(Lbctl, DrainAndUndrain) {
    answer_json("POST /v1/nodes/n1/drain", {{"name", "n1"}, {"drained", true}});
    answer_json("POST /v1/nodes/n1/undrain", {{"name", "n1"}, {"drained", false}});
    EXPECT_EQ(run({"node", "drain", "n1"}).out, "node/n1 drained\n");
    EXPECT_EQ(run({"node", "undrain", "n1"}).out, "node/n1 undrained\n");
    EXPECT_EQ(json::parse(run({"node", "drain", "n1", "-o", "json"}).out)["drained"], true);
}

TEST_F(Lbctl, StatusInWords) {
    answer_json("GET /v1/status", json::parse(R"({"node": "n1", "version": "0.1.0",
        "api": "https://10.0.0.1:7480", "uptime_ms": 7500000, "initialised": true,
        "cluster_id": "abc", "revision": 17, "read_only": "disk full",
        "warnings": ["a stranger answers for 10.0.0.7"],
        "vips": {"announced": 3, "assigned": 0, "conflict": 0, "pending": 1},
        "pools": [{"name": "lan", "total": 11, "assigned": 4, "cooling": 2}],
        "nodes": [{"name": "n1", "drained": false}, {"name": "n2", "drained": true}]})"));
    EXPECT_EQ(run({"status"}).out,
              "node       n1, lbd 0.1.0, up 2 h 5 min\n"
              "cluster    abc, revision 17\n"
              "API        https://10.0.0.1:7480\n"
              "read-only  disk full\n"
              "nodes      n1\n"
              "nodes      n2, drained\n"
              "VIPs       3 announced, 1 pending\n"
              "pool lan   4 of 11 addresses assigned, 2 cooling\n"
              "warning: a stranger answers for 10.0.0.7\n");
}

TEST_F(Lbctl, StatusBeforeInit) {
    answer_json("GET /v1/status", {{"node", "n1"}, {"version", "0.1.0"}, {"initialised", false}});
    EXPECT_THAT(run({"status"}).out,
                HasSubstr("cluster  none yet; 'lbctl init' makes one, 'lbctl join' joins one\n"));
}

TEST_F(Lbctl, StatusTellsTheRole) {
    json status{{"node", "n1"},  {"version", "0.1.0"}, {"initialised", true}, {"cluster_id", "c"},
                {"revision", 1}, {"role", "voter"},    {"leader", "n1"}};
    answer_json("GET /v1/status", status);
    status["leader"] = "n2";
    status["role"] = "agent";
    answer_json("GET /v1/status", status);
    status["leader"] = "";
    answer_json("GET /v1/status", status);
    EXPECT_THAT(run({"status"}).out, HasSubstr("role     voter, leads\n"));
    EXPECT_THAT(run({"status"}).out, HasSubstr("role     agent, led by n2\n"));
    EXPECT_THAT(run({"status"}).out, HasSubstr("role     agent; no leader is known\n"));
}

TEST_F(Lbctl, EventsAndTheirWatch) {
    const auto event = [](int i) {
        return json{{"index", i},
                    {"at", fmt::format("2024-01-01T00:00:0{}Z", i)},
                    {"type", "vip_assigned"},
                    {"object", "vip/default/web"},
                    {"message", fmt::format("message {}", i)}};
    };
    answer_json("GET /v1/events?limit=100", {{"items", {event(1)}}});
    answer_json("GET /v1/events?limit=100", {{"items", {event(1), event(2)}}});
    answer_json("GET /v1/events?limit=5&object=pool%2Flan", {{"items", json::array()}});
    EXPECT_THAT(run({"events"}).out, HasSubstr("message 1\n"));
    EXPECT_EQ(run({"events", "--limit", "5", "--object", "pool/lan"}).code, ExitCode::ok);
}

TEST_F(Lbctl, EventsWatchPrintsOnlyWhatIsNew) {
    answer_json("GET /v1/events?limit=100", {{"items", {{{"object", "a"}, {"index", 1}}}}});
    answer_json("GET /v1/events?limit=100",
                {{"items", {{{"object", "a"}, {"index", 1}}, {{"object", "b"}, {"index", 2}}}}});
    pauses_ = 3;
    EXPECT_EQ(run({"events", "--watch", "-o", "name"}).out, "a\nb\n");
}

}  // namespace
}  // namespace trivet::cli
