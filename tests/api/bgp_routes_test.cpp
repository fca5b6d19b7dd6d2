// How BGP fares on the node that answers.
#include <gtest/gtest.h>

#include "tests/api/fake_control.hpp"

namespace trivet::api::test {

using namespace std::chrono_literals;
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

BfdRuntime watched(const std::string& state) {
    return {.state = state,
            .detection_time = 300ms,
            .control_received = 7,
            .discarded = {{"hop_limit", 4}}};
}

TEST_F(RestBgp, BfdIsAsItsWorstSession) {
    EXPECT_FALSE(status().contains("bfd"));
    std::vector<BgpSessionRuntime> sessions = {session("tor1@10.99.0.2", "established"),
                                               session("tor1@10.99.0.3", "established"),
                                               session("tor1@10.99.0.4", "established")};
    sessions[0].bfd = watched("up");
    sessions[1].bfd = watched("down");
    sessions[1].bfd->diagnostic = "path down";
    sessions[2].bfd = watched("up");
    control.set([&](FakeControl::Knobs& knobs) { knobs.bgp_sessions = sessions; });
    EXPECT_EQ(status()["bfd"], "down");
    const json shown = status()["sessions"][1]["bfd"];
    EXPECT_EQ(shown["diagnostic"], "path down");
    EXPECT_EQ(shown["detection_time_ms"], 300);
    EXPECT_EQ(shown["packets_discarded"], (json{{"hop_limit", 4}}));
    EXPECT_FALSE(shown.contains("echo"));
}

TEST_F(RestBgp, EveryNodesSessionsAreShown) {
    EXPECT_EQ(status()["established_on"], json::array());
    control.apply({RegisterNode{"n2", {}}, ReportBgpSessions{"n1", {.established = {"tor1"}}},
                   ReportBgpSessions{"n2", {.established = {"tor1"}, .withdrawn = true}}});
    EXPECT_EQ(status()["established_on"], (json{"n1", "n2"}));
    EXPECT_EQ(status()["state"], "none") << "of the node that answers";
    const json node = get("/v1/nodes/n2").body;
    EXPECT_EQ(node["status"]["bgp_established"], json::array({"tor1"}));
    EXPECT_EQ(node["status"]["bgp_withdrawn"], true);
}

TEST_F(RestBgp, AVipIsAnnouncedWhenAnyNodeTellsARouter) {
    post("/v1/pools", R"({"name": "edge", "addresses": ["198.51.100.0/24"]})");
    post("/v1/bgp-advertisements", R"({"name": "edge", "pools": ["edge"]})");
    post("/v1/vips/default", R"({"name": "web", "pool": "edge"})");
    const auto of_vip = [this] { return get("/v1/vips/default/web").body["status"]; };
    EXPECT_EQ(of_vip()["phase"], "assigned");
    EXPECT_NE(of_vip()["reason"].dump().find("lbctl bgp-peer list"), std::string::npos);
    control.apply({RegisterNode{"n2", {}}, RecordBoot{"n2", 99, 1, 1},
                   ReportBgpSessions{"n2", {.established = {"tor1"}}}});
    EXPECT_EQ(of_vip()["phase"], "announced") << "although this node has no session";
    EXPECT_EQ(get("/v1/status").body["vips"]["announced"], 1);
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
    BgpSessionRuntime one = session("tor1", "established");
    one.sent = {{"open", 1}, {"update", 2}, {"keepalive", 3}};
    one.bfd = watched("up");
    one.bfd->up_events = 1;
    control.set([&](FakeControl::Knobs& knobs) { knobs.bgp_sessions = {one}; });
    const std::string text = get("/metrics").reply.body;
    for (const char* line :
         {"trivet_bgp_session_up{peer=\"tor1\",session=\"tor1\"} 1",
          "metallb_bgp_session_up{peer=\"10.99.0.2\"} 1",
          "metallb_bgp_announced_prefixes_total{peer=\"10.99.0.2\"} 3",
          "metallb_bgp_updates_total{peer=\"10.99.0.2\"} 2",
          "metallb_bgp_total_sent{peer=\"10.99.0.2\"} 6",
          "metallb_bgp_total_received{peer=\"10.99.0.2\"} 0",
          "trivet_bfd_session_up{peer=\"tor1\",session=\"tor1\"} 1",
          "trivet_bfd_session_events_total{peer=\"tor1\",session=\"tor1\",to=\"up\"} 1",
          "trivet_bfd_packets_discarded_total{peer=\"tor1\",session=\"tor1\",reason=\"hop_limit\"} "
          "4",
          "trivet_bfd_detection_time_seconds{peer=\"tor1\",session=\"tor1\"} 0.3",
          "metallb_bfd_session_up{peer=\"10.99.0.2\"} 1",
          "metallb_bfd_control_packet_input{peer=\"10.99.0.2\"} 7",
          "metallb_bfd_session_up_events{peer=\"10.99.0.2\"} 1"})
        EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
}

TEST_F(RestBgp, MetricsOfBfdAreThereWhereItIsWanted) {
    control.set(
        [](FakeControl::Knobs& knobs) { knobs.bgp_sessions = {session("tor1", "established")}; });
    EXPECT_EQ(get("/metrics").reply.body.find("_bfd_"), std::string::npos);
}

}  // namespace trivet::api::test
