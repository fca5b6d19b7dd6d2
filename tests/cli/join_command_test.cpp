#include <gmock/gmock.h>

#include "tests/cli/lbctl_fixture.hpp"

namespace trivet::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const std::string hash = "sha256:" + std::string(64, 'a');

json member(const char* node, const char* role) {
    return {{"node", node}, {"role", role}, {"leader", std::string(node) == "n1"}};
}

class LbctlJoin : public Lbctl {
protected:
    LbctlJoin() { answer_json("POST /v1/cluster/join", {{"node", "n2"}}); }

    /// The cluster as n2 sees it.
    static json seen(std::vector<json> members) {
        return {{"initialised", true},
                {"cluster_id", "abc"},
                {"node", "n2"},
                {"leader", "n1"},
                {"commit_index", 9},
                {"applied_index", 9},
                {"members", std::move(members)}};
    }
    Ran join(std::vector<std::string> more = {}) {
        std::vector<std::string> all{"join", "10.0.0.1:7480", "--token", "tok", "--ca-hash", hash};
        all.insert(all.end(), more.begin(), more.end());
        return run(all);
    }
};

TEST_F(LbctlJoin, ReturnsOnceTheNodeHasCaughtUpAndVotes) {
    answer_json("GET /v1/cluster", json::parse(R"({"initialised": false, "node": "n2",
        "leader": "", "members": []})"));
    auto early = seen({member("n1", "voter"), member("n2", "agent")});
    early["leader"] = "";
    answer_json("GET /v1/cluster", early);
    early["leader"] = "n1";
    early["applied_index"] = 5;
    answer_json("GET /v1/cluster", early);
    early["applied_index"] = 9;
    answer_json("GET /v1/cluster", early);
    answer_json("GET /v1/cluster", seen({member("n1", "voter"), member("n2", "voter")}));
    pauses_ = 4;
    const auto ran = join();
    EXPECT_EQ(ran.code, ExitCode::ok) << ran.err;
    EXPECT_EQ(ran.out, "n2 is a voter of cluster abc, led by n1\n");
    EXPECT_EQ(ran.err, "n2 has joined; waiting until it has caught up\n");
    EXPECT_EQ(requests().size(), 6u);
    EXPECT_EQ(sent(), (json{{"address", "10.0.0.1:7480"}, {"token", "tok"}, {"ca_hash", hash}}));
}

TEST_F(LbctlJoin, TheFourthNodeNeedNotVote) {
    answer_json("GET /v1/cluster", seen({member("n1", "voter"), member("n2", "agent"),
                                         member("n3", "voter"), member("n4", "voter")}));
    EXPECT_EQ(join().out, "n2 is an agent of cluster abc, led by n1\n");
    EXPECT_EQ(json::parse(join({"-o", "json"}).out), (json{{"node", "n2"}, {"role", "agent"}}));
    EXPECT_EQ(join({"-o", "name"}).out, "node/n2\n");
}

TEST_F(LbctlJoin, WantsTheRoleThatWasAskedFor) {
    answer_json("GET /v1/cluster", seen({member("n1", "voter"), member("n2", "agent"),
                                         member("n3", "voter"), member("n4", "voter")}));
    EXPECT_EQ(join({"--agent"}).code, ExitCode::ok);
    EXPECT_EQ(sent()["role"], "agent");
    const auto late = join({"--voter"});
    EXPECT_EQ(late.code, ExitCode::timeout);
    EXPECT_EQ(sent(2)["role"], "voter");
    EXPECT_THAT(late.err, HasSubstr("error: n2 has joined, but 60 s were not enough: it does not "
                                    "vote yet\n"));
    EXPECT_THAT(late.err, HasSubstr("it goes on in the background"));
}

TEST_F(LbctlJoin, ThePortMayBeLeftOut) {
    answer_json("GET /v1/cluster", seen({member("n1", "voter"), member("n2", "voter")}));
    for (const auto* address : {"fd00::1", "[fd00::1]:x"}) {
        EXPECT_EQ(run({"join", address, "--token", "t", "--ca-hash", hash}).code, ExitCode::usage);
    }
    EXPECT_EQ(run({"join", "lb.example", "--token", "t", "--ca-hash", hash}).code, ExitCode::ok);
    EXPECT_EQ(sent(0)["address"], "lb.example:7480");
    EXPECT_EQ(run({"join", "[fd00::1]", "--token", "t", "--ca-hash", hash}).code, ExitCode::ok);
    EXPECT_EQ(sent(2)["address"], "[fd00::1]:7480");
}

TEST_F(LbctlJoin, TheDeadlineHoldsForAllOfIt) {
    answer_json("GET /v1/cluster", seen({member("n1", "voter")}));
    pauses_ = 1'000'000;  // it does not pause, so that the deadline alone ends it
    const auto ran = join({"--timeout", "0.2"});
    EXPECT_EQ(ran.code, ExitCode::timeout);
    EXPECT_THAT(ran.err, HasSubstr("0.2 s were not enough: it is not among the members yet"));
}

TEST_F(Lbctl, JoinThatIsRefused) {
    answer("POST /v1/cluster/join",
           Answer{409, R"({"detail": "this node belongs to a cluster already",
                           "code": "conflict"})"});
    const auto ran = run({"join", "10.0.0.1", "--token", "t", "--ca-hash", hash});
    EXPECT_EQ(ran.code, ExitCode::conflict);
    EXPECT_THAT(ran.err, HasSubstr("belongs to a cluster already"));
}

TEST_F(Lbctl, JoinWhoseMemberCannotBeReachedIsSix) {
    answer("POST /v1/cluster/join",
           Answer{503, R"({"detail": "10.0.0.1:7480 cannot be reached", "code": "unavailable"})"});
    const auto ran =
        run({"join", "10.0.0.1", "--token", "t", "--ca-hash", hash, "--timeout", "0.1"});
    EXPECT_EQ(ran.code, ExitCode::no_leader);
    EXPECT_THAT(ran.err, HasSubstr("10.0.0.1:7480 cannot be reached"));
}

}  // namespace
}  // namespace trivet::cli
