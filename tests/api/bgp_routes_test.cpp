// How BGP fares on the node that answers.
#include <gtest/gtest.h>

#include "tests/api/fake_control.hpp"

namespace trivet::api::test {

using nlohmann::json;

namespace {

BgpSessionRuntime session(const std::string& name, const std::string& state) {
    BgpSessionRuntime out{.peer = name.substr(0, name.find('@')), .session = name, .state = state};
    out.peer_address = "10.99.0.2";
    out.families.push_back({.family = "ipv4", .advertised = 3, .next_hop = "10.99.0.1"});
    return out;
}

class RestBgp : public testing::Test, public RestFixture {
protected:
    RestBgp() {
        EXPECT_EQ(post("/v1/bgp-peers", R"({"name": "tor1", "my_asn": 65009, "peer_asn": 65000,
                                            "peer_address": "10.99.0.2"})")
                      .status,
                  201u);
    }
    json status() { return get("/v1/bgp-peers/tor1").body["status"]; }
};

}  // namespace

TEST_F(RestBgp, APeerWithoutASessionHereSaysSo) {
    EXPECT_EQ(status()["state"], "none");
    EXPECT_EQ(status()["sessions"], json::array());
    EXPECT_NE(status()["reason"].get<std::string>().find("'n1'"), std::string::npos);
}

TEST_F(RestBgp, APeerIsAsItsWorstSession) {
    control.set([](FakeControl::Knobs& knobs) {
        knobs.bgp_sessions = {session("tor1", "established"), session("other", "idle")};
    });
    EXPECT_EQ(status()["state"], "established");
    EXPECT_EQ(status()["advertised"], 3);
    control.set([](FakeControl::Knobs& knobs) {
        knobs.bgp_sessions = {session("tor1@10.99.0.2", "established"),
                              session("tor1@10.99.0.3", "active")};
    });
    EXPECT_EQ(status()["state"], "active");
    EXPECT_EQ(status()["sessions"].size(), 2u);
}

TEST_F(RestBgp, RoutesAreThoseThatThePeerWasTold) {
    control.set([](FakeControl::Knobs& knobs) {
        knobs.bgp_routes = {{.session = "tor1", .prefix = Prefix::parse("192.0.2.1/32").value()},
                            {.session = "tor1", .prefix = Prefix::parse("198.51.100.0/24").value()},
                            {.session = "tor2", .prefix = Prefix::parse("192.0.2.1/32").value()}};
        knobs.bgp_routes[1].attributes.med = 7;
    });
    EXPECT_EQ(get("/v1/bgp-peers/tor1/routes").body["items"].size(), 2u);
    const auto one = get("/v1/bgp-peers/tor1/routes?address=198.51.100.9");
    EXPECT_EQ(one.body["items"],
              (json::array({{{"session", "tor1"}, {"prefix", "198.51.100.0/24"}, {"med", 7}}})));
}

TEST_F(RestBgp, RoutesOfAnUnknownPeerOrAddressAreRefused) {
    EXPECT_EQ(get("/v1/bgp-peers/tor9/routes").status, 404u);
    const auto refused = get("/v1/bgp-peers/tor1/routes?address=300.1.1.1");
    EXPECT_EQ(refused.status, 400u);
    EXPECT_EQ(refused.body["field"], "address");
}

TEST_F(RestBgp, AResetIsPassedOn) {
    EXPECT_EQ(post("/v1/bgp-peers/tor1/reset", "").status, 200u);
    EXPECT_EQ(control.knobs().bgp_resets, std::vector<std::string>{"tor1"});
    EXPECT_EQ(post("/v1/bgp-peers/tor9/reset", "").status, 404u);
}

TEST_F(RestBgp, MetricsHaveMetallbsNamesAsWell) {
    control.set(
        [](FakeControl::Knobs& knobs) { knobs.bgp_sessions = {session("tor1", "established")}; });
    const std::string text = get("/metrics").reply.body;
    for (const char* line : {"trivet_bgp_session_up{peer=\"tor1\",session=\"tor1\"} 1",
                             "metallb_bgp_session_up{peer=\"10.99.0.2\"} 1",
                             "metallb_bgp_announced_prefixes_total{peer=\"10.99.0.2\"} 3"})
        EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
}

}  // namespace trivet::api::test
