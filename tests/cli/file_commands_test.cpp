#include <gmock/gmock.h>

#include "tests/cli/lbctl_fixture.hpp"

namespace trivet::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr const char* two_objects =
    "kind: pool\n"
    "name: lan\n"
    "addresses:\n"
    "- 10.0.0.1-10.0.0.9\n"
    "---\n"
    "---\n"
    "kind: vip\n"
    "name: web\n"
    "ports: [{port: 80}]\n";

TEST_F(Lbctl, ApplySendsAllAsOne) {
    answer_json(
        "POST /v1/apply",
        {{"items",
          {{{"kind", "pool"}, {"name", "lan"}, {"result", "unchanged"}},
           {{"kind", "vip"}, {"namespace", "team"}, {"name", "web"}, {"result", "created"}}}},
         {"revision", 4}});
    const auto file = write_file("a.yaml", two_objects);
    const auto ran = run({"apply", "-f", file, "-n", "team", "--force"});
    EXPECT_EQ(ran.code, ExitCode::ok) << ran.err;
    EXPECT_EQ(ran.out, "pool/lan unchanged\nvip/team/web created\n");
    EXPECT_EQ(sent(), json::parse(R"({"force": true, "items": [
        {"kind": "pool", "name": "lan", "addresses": ["10.0.0.1-10.0.0.9"]},
        {"kind": "vip", "name": "web", "namespace": "team", "ports": [{"port": 80}]}]})"));
}

TEST_F(Lbctl, ApplyDryRunAndStandardInput) {
    answer_json("POST /v1/apply",
                {{"items", {{{"kind", "pool"}, {"name", "lan"}, {"result", "created"}}}}});
    input_ = "{\"kind\": \"pool\", \"name\": \"lan\", \"addresses\": [\"10.0.0.1\"]}";
    EXPECT_EQ(run({"apply", "-f", "-", "--dry-run"}).out, "pool/lan created (dry run)\n");
    EXPECT_EQ(sent()["dry_run"], true);
}

struct BadFile {
    const char* name;
    const char* text;
    const char* error;  // after the file's name
};
void PrintTo(const BadFile& c, std::ostream* out) { *out << c.name; }

class LbctlBadFile : public Lbctl, public testing::WithParamInterface<BadFile> {};

TEST_P(LbctlBadFile, IsRefusedWithThePlaceAndNothingIsSent) {
    const auto file = write_file("a.yaml", GetParam().text);
    const auto ran = run({"apply", "-f", file});
    EXPECT_EQ(ran.code, ExitCode::failure);
    EXPECT_THAT(ran.err, HasSubstr("error: " + file + GetParam().error));
    EXPECT_TRUE(requests().empty());
}

INSTANTIATE_TEST_SUITE_P(
    All, LbctlBadFile,
    testing::Values(BadFile{"UnknownField", "kind: pool\nname: lan\naddreses: [10.0.0.1]\n",
                            ":3:1: addreses: "},
                    BadFile{"BadAddress",
                            "kind: pool\nname: lan\naddresses:\n- 10.0.0.1\n- 10.0.0.300\n",
                            ":5:3: addresses[1]: "},
                    BadFile{"DuplicateKey", "kind: pool\nname: a\nname: b\n",
                            ":3:1: key 'name' is given twice"},
                    BadFile{"NoKind", "name: lan\n", ":1:1: kind: one of "},
                    BadFile{"UnknownKind", "name: lan\nkind: pol\n",
                            ":2:1: kind: 'pol' is unknown; did you "
                            "mean 'pool'?"},
                    BadFile{"Node", "kind: node\nname: n1\n", ":1:1: a node registers itself"},
                    BadFile{"Kubernetes", "apiVersion: v1\nkind: ConfigMap\n",
                            ":1:1: this is a Kubernetes object"},
                    BadFile{"List", "- kind: pool\n", ":1:1: an object is expected"},
                    BadFile{"Twice", "kind: namespace\nname: a\n---\nkind: namespace\nname: a\n",
                            ":4:1: namespace/a is given twice; it stands already in "},
                    BadFile{"BadItems", "items: 1\n", ":1:1: items: must be a list"}),
    [](const auto& test) { return test.param.name; });

TEST_F(Lbctl, AllErrorsOfAllFilesAreTold) {
    const auto first = write_file("a.yaml", "kind: pol\n---\nkind: pool\nname: A\n");
    const auto second = write_file("b.yaml", "x: [\n");
    const auto ran = run({"apply", "-f", first, second});
    EXPECT_THAT(ran.err, HasSubstr(first + ":1:1"));
    EXPECT_THAT(ran.err, HasSubstr(first + ":4:1: name: "));
    EXPECT_THAT(ran.err, HasSubstr(second + ":2:1"));
}

TEST_F(Lbctl, FilesThatCannotBeRead) {
    EXPECT_THAT(run({"apply", "-f", "/nonexistent.yaml"}).err, HasSubstr("No such file"));
    EXPECT_THAT(run({"apply", "-f", "/tmp"}).err, HasSubstr("is a folder"));
    EXPECT_THAT(run({"apply", "-f", write_file("e.yaml", "# nothing\n")}).err,
                HasSubstr("no object"));
}

TEST_F(Lbctl, ARefusalOfTheServerIsPlacedInTheFile) {
    const json problem{{"code", "conflict"},
                       {"detail", "overlaps with pool 'wan'"},
                       {"field", "items[1].addresses[0]"}};
    answer_json("POST /v1/apply", problem, 409);
    const auto file = write_file(
        "a.yaml", "kind: namespace\nname: a\n---\nkind: pool\nname: lan\naddresses: [10.0.0.1]\n");
    const auto ran = run({"apply", "-f", file});
    EXPECT_EQ(ran.code, ExitCode::conflict);
    EXPECT_EQ(ran.err, "error: " + file + ":6:13: addresses[0]: overlaps with pool 'wan'\n" +
                           "  nothing was changed: all of it applies, or none\n");
}

TEST_F(Lbctl, DiffComparesWhatIsMeant) {
    answer_json("GET /v1/pools/lan", {{"name", "lan"},
                                      {"addresses", {"10.0.0.1-10.0.0.9"}},
                                      {"auto_assign", true},
                                      {"revision", 3},
                                      {"status", {{"total", 9}}}});
    const auto same =
        write_file("a.yaml", "kind: pool\nname: lan\naddresses: [10.0.0.1-10.0.0.9]\n");
    const auto equal = run({"diff", "-f", same});
    EXPECT_EQ(equal.code, ExitCode::ok) << equal.err;
    EXPECT_EQ(equal.out, "");
    const auto other =
        write_file("b.yaml",
                   "kind: pool\nname: lan\naddresses: [10.0.0.1-10.0.0.8]\npriority: 3\n---\n"
                   "kind: vip\nname: web\n");
    const auto ran = run({"diff", "-f", other});
    EXPECT_EQ(ran.code, ExitCode::failure);
    EXPECT_EQ(ran.err, "");
    EXPECT_EQ(ran.out, "~ pool/lan  (" + other + ":1:1)\n" +
                           "    addresses: 10.0.0.1-10.0.0.9 -> 10.0.0.1-10.0.0.8\n" +
                           "    priority: 0 -> 3\n" + "+ vip/default/web  (" + other + ":6:1)\n");
    const auto data = json::parse(run({"diff", "-f", other, "-o", "json"}).out);
    EXPECT_EQ(data["items"][0]["fields"]["priority"], (json{{"from", 0}, {"to", 3}}));
    EXPECT_EQ(data["items"][1]["change"], "create");
}

TEST_F(Lbctl, DiffOfPasswordsTellsOnlyWhetherThereIsOne) {
    answer_json("GET /v1/bgp-peers/r",
                {{"name", "r"}, {"my_asn", 1}, {"peer_asn", 2}, {"peer_address", "10.0.0.1"}});
    const auto file = write_file("a.yaml",
                                 "{kind: bgp-peer, name: r, my_asn: 1, peer_asn: 2, "
                                 "peer_address: 10.0.0.1, password: new-secret}\n");
    for (const char* format : {"table", "json", "yaml"}) {
        const auto ran = run({"diff", "-f", file, "-o", format});
        EXPECT_EQ(ran.code, ExitCode::failure);
        EXPECT_THAT(ran.out, HasSubstr("password"));
        EXPECT_THAT(ran.out, testing::Not(HasSubstr("new-secret"))) << ran.out;
    }
}

TEST_F(Lbctl, APasswordThatTheClusterKeeps) {
    answer_json("GET /v1/bgp-peers/r", {{"name", "r"},
                                        {"my_asn", 1},
                                        {"peer_asn", 2},
                                        {"peer_address", "10.0.0.1"},
                                        {"password_set", true}});
    answer_json("POST /v1/apply", {{"items", json::array()}});
    const std::string peer =
        "kind: bgp-peer\nname: r\nmy_asn: 1\npeer_asn: 2\npeer_address: 10.0.0.1\n";
    const auto kept = write_file("kept.yaml", peer + "password_set: true\n");
    EXPECT_EQ(run({"diff", "-f", kept}).code, ExitCode::ok);
    EXPECT_EQ(run({"apply", "-f", kept}).code, ExitCode::ok);
    EXPECT_EQ(sent(1)["items"][0]["password_set"], true);
    const auto lost = run({"diff", "-f", write_file("lost.yaml", peer)});
    EXPECT_EQ(lost.code, ExitCode::failure);
    EXPECT_THAT(lost.out, HasSubstr("password: (secret) -> -\n"));
}

TEST_F(Lbctl, DeleteFileTakesWhatRefersToOthersFirst) {
    answer_json("DELETE /v1/vips/default/web", nullptr);
    answer_json("DELETE /v1/pools/lan?force=true", nullptr);
    const auto file = write_file("a.yaml", two_objects);
    const auto ran = run({"delete", "-f", file});
    EXPECT_EQ(ran.code, ExitCode::not_found);
    EXPECT_EQ(ran.out, "vip/default/web deleted\n");
    EXPECT_THAT(ran.err, HasSubstr("error: " + file + ":1:1: no such object"));
    EXPECT_EQ(run({"delete", "-f", file, "--ignore-not-found"}).out,
              "vip/default/web deleted\npool/lan not there\n");
}

class LbctlExport : public Lbctl {
protected:
    LbctlExport() {
        const auto list = [this](const char* plural, json items) {
            answer_json(std::string("GET /v1/") + plural,
                        {{"items", std::move(items)}, {"revision", 9}});
        };
        list("namespaces", {{{"name", "team"}, {"labels", {{"on", "yes"}}}, {"revision", 2}}});
        list("pools", {{{"name", "lan"},
                        {"addresses", {"10.0.0.0/24", "fd00::/120"}},
                        {"vip_selectors",
                         {{{"match_labels", {{"a", "1"}}}, {"match_expressions", json::array()}}}},
                        {"revision", 3},
                        {"status", {{"total", 256}}}}});
        list("communities",
             {{{"name", "c"}, {"communities", {{{"name", "NOPE"}, {"value", "65535:65282"}}}}}});
        list("bfd-profiles", json::array());
        list("bgp-peers", {{{"name", "r"},
                            {"my_asn", 1},
                            {"peer_asn", 2},
                            {"peer_address", "10.1.0.1"},
                            {"password_set", true}}});
        list("l2-advertisements", {{{"name", "l2"}, {"pools", {"lan"}}}});
        list("bgp-advertisements", json::array());
        list("vips", {{{"name", "web"},
                       {"namespace", "team"},
                       {"ip_family_policy", nullptr},
                       {"ports", {{{"port", 80}, {"protocol", "tcp"}}}},
                       {"revision", 8},
                       {"status", {{"phase", "pending"}}}}});
        answer_json("POST /v1/apply", {{"items", json::array()}});
    }
};

TEST_F(LbctlExport, IsReadBackByApply) {
    const auto exported = run({"export"});
    EXPECT_EQ(exported.code, ExitCode::ok);
    EXPECT_THAT(exported.out, testing::StartsWith("---\nkind: namespace\nname: team\n"));
    EXPECT_THAT(exported.out, testing::Not(HasSubstr("status")));
    EXPECT_THAT(exported.out, testing::Not(HasSubstr("revision")));
    EXPECT_THAT(exported.err, HasSubstr("the password of bgp-peer/r is not exported"));
    const auto as_json = run({"export", "-o", "json"}).out;
    const auto before = requests().size();
    EXPECT_EQ(run({"apply", "-f", write_file("e.yaml", exported.out)}).code, ExitCode::ok);
    EXPECT_EQ(run({"apply", "-f", write_file("e.json", as_json)}).code, ExitCode::ok);
    const auto items = sent(before)["items"];
    ASSERT_EQ(items.size(), 6U);
    EXPECT_EQ(items[3]["password_set"], true);
    EXPECT_EQ(items[1], json::parse(R"({"kind": "pool", "name": "lan",
        "addresses": ["10.0.0.0/24", "fd00::/120"],
        "vip_selectors": [{"match_labels": {"a": "1"}, "match_expressions": []}]})"));
    EXPECT_EQ(items[5]["namespace"], "team");
    EXPECT_EQ(sent(before + 1)["items"], items);
}

TEST_F(LbctlExport, Names) {
    EXPECT_EQ(run({"export", "-o", "name"}).out,
              "namespace/team\npool/lan\ncommunity/c\nbgp-peer/r\nl2-advertisement/l2\n"
              "vip/team/web\n");
}

}  // namespace
}  // namespace trivet::cli
