#include <gtest/gtest.h>

#include "tests/cli/lbctl_fixture.hpp"

namespace trivet::cli {
namespace {

using nlohmann::json;

const json two_routes = json::parse(R"({"node": "n1", "items": [
    {"prefix": "192.0.2.1/32", "session": "tor1", "med": 7, "communities": ["no-export", "65000:1"]},
    {"prefix": "2001:db8::/64", "session": "tor1", "local_pref": 200}]})");

TEST_F(Lbctl, RoutesOfAPeerAreATable) {
    answer_json("GET /v1/bgp-peers/tor1/routes", two_routes);
    const auto ran = run({"bgp-peer", "routes", "tor1"});
    EXPECT_EQ(ran.code, ExitCode::ok) << ran.err;
    EXPECT_EQ(ran.out.find("PREFIX"), 0u) << ran.out;
    for (const char* word : {"192.0.2.1/32", "no-export", "65000:1", "2001:db8::/64", "200"})
        EXPECT_NE(ran.out.find(word), std::string::npos) << word << "\n" << ran.out;
    EXPECT_EQ(json::parse(run({"bgp-peer", "routes", "tor1", "-o", "json"}).out), two_routes);
    EXPECT_EQ(run({"bgp-peer", "routes", "tor1", "-o", "name"}).out,
              "192.0.2.1/32\n2001:db8::/64\n");
}

TEST_F(Lbctl, RoutesThatHoldAnAddress) {
    answer_json("GET /v1/bgp-peers/tor1%402001%3Adb8%3A%3A1/routes?address=2001%3Adb8%3A%3A7",
                {{"node", "n1"}, {"items", json::array()}});
    const auto ran = run({"bgp-peer", "routes", "tor1@2001:db8::1", "--address", "2001:db8::7"});
    EXPECT_EQ(ran.out, "");
    EXPECT_EQ(ran.err, "node n1 has told tor1@2001:db8::1 of no route\n");
}

TEST_F(Lbctl, APeersSessionsAreReset) {
    answer_json("POST /v1/bgp-peers/tor1/reset", {{"name", "tor1"}});
    EXPECT_EQ(run({"bgp-peer", "reset", "tor1"}).out,
              "bgp-peer/tor1: its sessions with this node end, and come back\n");
    EXPECT_NE(run({"bgp-peer", "reset", "tor9"}).code, ExitCode::ok);
}

}  // namespace
}  // namespace trivet::cli
