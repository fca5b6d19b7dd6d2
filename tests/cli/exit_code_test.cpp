#include <ostream>

#include <gmock/gmock.h>

#include "tests/cli/lbctl_fixture.hpp"

namespace trivet::cli {
namespace {

using testing::HasSubstr;

struct Case {
    const char* name;
    model::FakeServer::Reply reply;
    ExitCode code;
    const char* error;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

model::FakeServer::Answer problem(unsigned status, const char* code) {
    const nlohmann::json body{{"status", status}, {"detail", "the reason"}, {"code", code}};
    return {status, body.dump(), "application/problem+json"};
}

class LbctlExitCode : public Lbctl, public testing::WithParamInterface<Case> {};

TEST_P(LbctlExitCode, FollowsTheProblem) {
    answer("GET /v1/pools/lan", GetParam().reply);
    const auto ran = run({"pool", "show", "lan", "--timeout", "0.2"});
    EXPECT_EQ(ran.code, GetParam().code) << ran.err;
    EXPECT_THAT(ran.err, HasSubstr(GetParam().error));
    EXPECT_EQ(ran.out, "");
}

INSTANTIATE_TEST_SUITE_P(
    All, LbctlExitCode,
    testing::Values(
        Case{"InvalidArgument", problem(400, "invalid_argument"), ExitCode::failure, "the reason"},
        Case{"Unauthenticated", problem(401, "unauthenticated"), ExitCode::not_allowed,
             "LBCTL_TOKEN"},
        Case{"NotAllowed", problem(403, "not_allowed"), ExitCode::not_allowed, "the reason"},
        Case{"NotFound", problem(404, "not_found"), ExitCode::not_found, "the reason"},
        Case{"Conflict", problem(409, "conflict"), ExitCode::conflict, "the reason"},
        Case{"Exhausted", problem(409, "exhausted"), ExitCode::conflict, "the reason"},
        Case{"TooLarge", problem(413, "too_large"), ExitCode::failure, "the reason"},
        Case{"Internal", problem(500, "internal"), ExitCode::failure, "the reason"},
        Case{"DiskFull", problem(507, "insufficient_storage"), ExitCode::failure, "free space"},
        Case{"NoLeader", problem(503, "not_leader"), ExitCode::no_leader, "lbctl status"},
        Case{"Unavailable", problem(503, "unavailable"), ExitCode::no_leader, "the reason"},
        Case{"GatewayTimeout", problem(504, "timeout"), ExitCode::timeout, "the reason"},
        Case{"Silence", model::FakeServer::NoAnswer{}, ExitCode::timeout, "no answer in time"},
        Case{"BreakOff", model::FakeServer::BreakOff{}, ExitCode::failure, "broke off"},
        Case{"Nonsense", model::FakeServer::Answer{200, "<html>"}, ExitCode::failure, "not JSON"}),
    [](const auto& test) { return test.param.name; });

TEST_F(Lbctl, NobodyThereIsSeven) {
    const auto ran = run_as_is({"status", "--socket", "/nonexistent/s", "--timeout", "0.1"});
    EXPECT_EQ(ran.code, ExitCode::timeout);
    EXPECT_THAT(ran.err, HasSubstr("waiting: nobody answers at '/nonexistent/s'"));
    EXPECT_THAT(ran.err, HasSubstr("error: nobody answers at '/nonexistent/s'"));
    EXPECT_THAT(ran.err, HasSubstr("\n  --timeout waits longer\n"));
}

TEST_F(Lbctl, WaitsForALeader) {
    answer("GET /v1/pools/lan", problem(503, "not_leader"));
    answer_json("GET /v1/pools/lan", {{"name", "lan"}});
    const auto ran = run({"pool", "show", "lan"});
    EXPECT_EQ(ran.code, ExitCode::ok);
    EXPECT_EQ(ran.err, "waiting: the reason\n");
}

}  // namespace
}  // namespace trivet::cli
