// What the command line itself refuses, before any server is asked.
#include <ostream>

#include <gmock/gmock.h>

#include "tests/cli/lbctl_fixture.hpp"

namespace trivet::cli {
namespace {

using testing::HasSubstr;

struct Usage {
    const char* name;
    std::vector<std::string> arguments;
    const char* error;
};
void PrintTo(const Usage& c, std::ostream* out) { *out << c.name; }

class LbctlUsage : public Lbctl, public testing::WithParamInterface<Usage> {};

TEST_P(LbctlUsage, EndsWithTwoAndSaysWhatToDo) {
    const auto ran = run_as_is(GetParam().arguments);
    EXPECT_EQ(ran.code, ExitCode::usage);
    EXPECT_EQ(ran.out, "");
    EXPECT_THAT(ran.err, HasSubstr(GetParam().error));
}

INSTANTIATE_TEST_SUITE_P(
    All, LbctlUsage,
    testing::Values(
        Usage{"Nothing", {}, "Subcommands:"},
        Usage{"UnknownNoun", {"vipp", "list"}, "did you mean 'vip'?"},
        Usage{"UnknownVerb", {"vip", "lst"}, "did you mean 'list'?"},
        Usage{"NounAlone", {"vip"}, "subcommand"},
        Usage{"NotBuiltNoun", {"certificate", "list"}, "'lbctl' has no command 'certificate'"},
        Usage{"TokenVerb", {"token", "creat", "ci"}, "did you mean 'create'?"},
        Usage{"TokenRole", {"token", "create", "ci", "--role", "root"}, "--role"},
        Usage{"TokenLife", {"token", "create", "ci", "--valid-for", "soon"}, "'soon' is no time"},
        Usage{"MisspeltMove", {"vip", "mov", "web"}, "did you mean 'move'?"},
        Usage{"MoveWithoutNode", {"vip", "move", "web"}, "--to is required"},
        Usage{"ClusterVerb", {"cluster", "promot", "n2"}, "did you mean 'promote'?"},
        Usage{"ClusterNode", {"cluster", "remove"}, "node is required"},
        Usage{"InviteLife", {"cluster", "invite", "--valid-for", "0"}, "--valid-for"},
        Usage{"InviteLifeMax", {"cluster", "invite", "--valid-for", "604801"}, "--valid-for"},
        Usage{"RecoverWithoutYes", {"cluster", "recover"}, "gone for good"},
        Usage{"JoinWithoutToken", {"join", "10.0.0.1:7480"}, "--token is required"},
        Usage{"JoinWithoutCaHash",
              {"join", "10.0.0.1:7480", "--token", "t"},
              "--ca-hash is required"},
        Usage{"JoinBadAddress",
              {"join", "10.0.0.1:x", "--token", "t", "--ca-hash", "h"},
              "'10.0.0.1:x' is no HOST:PORT"},
        Usage{"JoinTwoRoles",
              {"join", "10.0.0.1", "--token", "t", "--ca-hash", "h", "--voter", "--agent"},
              "either --voter or --agent"},
        Usage{"JoinFlag",
              {"join", "10.0.0.1", "--token", "t", "--ca-hash", "h", "--votr"},
              "did you mean '--voter'?"},
        Usage{"SnapshotVerb", {"snapshot", "sav", "s.json"}, "did you mean 'save'?"},
        Usage{"SnapshotFile", {"snapshot", "save"}, "file is required"},
        Usage{"NodesAreNotCreated", {"node", "create", "n1"}, "has no command 'create'"},
        Usage{"UnknownFlag",
              {"pool", "create", "lan", "--adresses", "10.0.0.1"},
              "did you mean '--addresses'?"},
        Usage{"UnknownFlagWithValue", {"pool", "list", "--otput=json"}, "did you mean '--output'?"},
        Usage{"UnknownGlobalFlag", {"--sockett", "x", "status"}, "did you mean '--socket'?"},
        Usage{"MissingName", {"pool", "create"}, "name is required"},
        Usage{"ExtraWord", {"pool", "show", "lan", "wan"}, "does not expect 'wan'"},
        Usage{"MissingFile", {"apply"}, "--file is required"},
        Usage{"OutputFormat",
              {"pool", "list", "-o", "jsn"},
              "'jsn' is none of json, name, table, wide, yaml"},
        Usage{"Timeout", {"pool", "list", "--timeout", "0"}, "--timeout"},
        Usage{"EventLimit", {"events", "--limit", "0"}, "--limit"},
        Usage{"WaitTime", {"vip", "create", "web", "--wait=soon"}, "--wait"},
        Usage{"ReversedRange",
              {"pool", "create", "lan", "--addresses", "10.0.0.9-10.0.0.1"},
              "--addresses: '10.0.0.9-10.0.0.1' is reversed"},
        Usage{"NoAddresses", {"pool", "create", "lan"}, "--addresses: pool 'lan' has no addresses"},
        Usage{"BadName", {"pool", "create", "Lan", "--addresses", "10.0.0.1"}, "'Lan'"},
        Usage{"BadPort",
              {"vip", "create", "web", "--port", "80/tcpp"},
              "--port: '80/tcpp' is no port"},
        Usage{"BadFamily", {"vip", "create", "web", "--ip-families", "ipv5"}, "--ip-families"},
        Usage{"BadDelivery", {"vip", "create", "web", "--delivery", "bnd"}, "--delivery"},
        Usage{"BadNumber",
              {"bgp-peer", "create", "r", "--my-asn", "6500x"},
              "--my-asn: '6500x' is no whole number"},
        Usage{"BadBoolean",
              {"pool", "create", "l", "--addresses", "10.0.0.1", "--auto-assign=x"},
              "--auto-assign"},
        Usage{"BadLabel",
              {"pool", "create", "l", "--addresses", "10.0.0.1", "--labels", "a"},
              "--labels: 'a' is not key=value"},
        Usage{"BadSelector",
              {"l2-advertisement", "create", "l", "--node-selectors", "a in"},
              "--node-selectors: 'a in' is no part of a label selector"},
        Usage{"BadPeerAddress",
              {"bgp-peer", "create", "r", "--peer-address", "10.0.0.256", "--my-asn", "1",
               "--peer-asn", "2"},
              "--peer-address"},
        Usage{"PasswordFile",
              {"bgp-peer", "create", "r", "--password", "@/nonexistent"},
              "--password: file '/nonexistent'"},
        Usage{"TokenWithoutServer", {"status", "--token-file", "/x"}, "need --server"},
        Usage{"SocketAndServer",
              {"status", "--socket", "/x", "--server", "https://a"},
              "either --socket or --server"},
        Usage{"TwoTrusts",
              {"status", "--server", "https://a", "--ca-file", "x", "--ca-hash", "y"},
              "either --ca-file or --ca-hash"},
        Usage{"UnencryptedServer", {"status", "--server", "http://a"}, "unencrypted"}),
    [](const auto& test) { return test.param.name; });

TEST_F(Lbctl, HelpGoesToStandardOutputAndDoesNothingElse) {
    for (const auto& arguments : std::vector<std::vector<std::string>>{
             {"--help"}, {"vip", "--help"}, {"pool", "create", "lan", "-h"}, {"init", "--help"}}) {
        const auto ran = run_as_is(arguments);
        EXPECT_EQ(ran.code, ExitCode::ok);
        EXPECT_EQ(ran.err, "");
        EXPECT_THAT(ran.out, HasSubstr("Usage: lbctl"));
        EXPECT_THAT(ran.out, testing::Not(HasSubstr("{")));
    }
    EXPECT_THAT(run_as_is({"vip", "create", "--help"}).out,
                HasSubstr("Usage: lbctl vip create [OPTIONS] name"));
}

TEST_F(Lbctl, NamesMayBeWordsOfTheCommandLine) {
    answer_json("GET /v1/pools/list", {{"name", "list"}});
    answer_json("GET /v1/vips/default/create", {{"name", "create"}, {"namespace", "default"}});
    EXPECT_EQ(run({"pool", "show", "list"}).code, ExitCode::ok);
    EXPECT_EQ(run({"vip", "show", "create"}).code, ExitCode::ok);
}

TEST_F(Lbctl, VersionAsksNoServer) {
    EXPECT_EQ(run_as_is({"version"}).out, "lbctl " TRIVET_VERSION "\n");
    EXPECT_EQ(nlohmann::json::parse(run_as_is({"version", "-o", "json"}).out)["lbctl"],
              TRIVET_VERSION);
}

TEST_F(Lbctl, SocketOfTheEnvironmentAndItsFlag) {
    answer_json("GET /v1/pools", {{"items", nlohmann::json::array()}, {"revision", 1}});
    environment_["LBCTL_SOCKET"] = socket();
    EXPECT_EQ(run_as_is({"pool", "list"}).code, ExitCode::ok);
    environment_["LBCTL_SOCKET"] = "/nonexistent";
    EXPECT_EQ(run_as_is({"pool", "list", "--timeout", "0.05"}).code, ExitCode::timeout);
    EXPECT_EQ(run_as_is({"pool", "list", "--socket", socket()}).code, ExitCode::ok);
    EXPECT_EQ(run_as_is({"--socket", socket(), "pool", "list"}).code, ExitCode::ok);
}

}  // namespace
}  // namespace trivet::cli
