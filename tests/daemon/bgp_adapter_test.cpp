#include "daemon/bgp_adapter.hpp"

#include <gtest/gtest.h>

namespace trivet::daemon {
namespace {

namespace bfd = announce::bfd;
namespace bgp = announce::bgp;
using namespace std::chrono_literals;

constexpr Instant now{std::chrono::hours{5}};

bgp::PeerStatus established() {
    bgp::PeerStatus peer{.name = "tor1",
                         .remote = {.address = IpAddress::parse("10.99.0.2").value()}};
    peer.local = IpAddress::parse("10.99.0.1").value();
    peer.session.state = bgp::SessionState::established;
    peer.session.since = now - 3s;
    bgp::Negotiated negotiated;
    negotiated.local_as = AsNumber(65009);
    negotiated.peer_as = AsNumber(65000);
    negotiated.hold_time = 9s;
    negotiated.codec.families = {bgp::ipv4_unicast, bgp::ipv6_unicast};
    peer.session.negotiated = negotiated;
    peer.next_hops = {.ipv4 = peer.local, .ipv6 = IpAddress::parse("fd99::1").value()};
    peer.advertised = {{bgp::ipv4_unicast, 3}, {bgp::ipv6_unicast, 2}};
    return peer;
}

TEST(BgpAdapter, AnEstablishedSessionIsTold) {
    const auto sessions = to_runtime({established()}, {}, now);
    ASSERT_EQ(sessions.size(), 1u);
    const api::BgpSessionRuntime& session = sessions.front();
    EXPECT_TRUE(session.is_established());
    EXPECT_EQ(session.in_state, 3s);
    EXPECT_EQ(session.local_asn, AsNumber(65009));
    EXPECT_EQ(session.peer_asn, AsNumber(65000));
    EXPECT_FALSE(session.bfd) << "none is wanted";
    EXPECT_EQ(session.reason, "");
    ASSERT_EQ(session.families.size(), 2u);
    EXPECT_EQ(session.families[0].advertised, 3u);
    EXPECT_EQ(session.families[0].next_hop, "10.99.0.1");
    EXPECT_EQ(session.families[1].next_hop, "fd99::1");
}

bfd::SessionStatus watched() {
    bfd::SessionStatus status;
    status.session.state = bfd::State::down;
    status.session.diagnostic = bfd::Diagnostic::control_detection_time_expired;
    status.session.changed_at = now - 2s;
    status.session.detection_time = 300ms;
    status.session.counters.control_received = 7;
    status.session.counters.down_transitions = 1;
    status.session.counters.discarded[static_cast<std::size_t>(bfd::Discard::hop_limit)] = 4;
    return status;
}

TEST(BgpAdapter, BfdIsToldWithWhatItCounted) {
    const auto sessions = to_runtime({established()}, {{"tor1", watched()}}, now);
    ASSERT_TRUE(sessions.front().bfd);
    const api::BfdRuntime& told = *sessions.front().bfd;
    EXPECT_EQ(told.state, "down");
    EXPECT_EQ(told.diagnostic, "control detection time expired");
    EXPECT_EQ(told.remote_diagnostic, "");
    EXPECT_EQ(told.in_state, 2s);
    EXPECT_EQ(told.detection_time, 300ms);
    EXPECT_EQ(told.control_received, 7u);
    EXPECT_EQ(told.down_events, 1u);
    EXPECT_EQ(told.discarded, (std::map<std::string, std::uint64_t>{
                                  {std::string(to_string(bfd::Discard::hop_limit)), 4}}));
}

TEST(BgpAdapter, EchoesAreToldWhereTheyAreWanted) {
    bfd::SessionStatus status = watched();
    EXPECT_EQ(to_runtime({established()}, {{"tor1", status}}, now).front().bfd->echo, "");
    status.config.settings.echo_interval = 50ms;
    status.session.echo = bfd::EchoPhase::trial;
    EXPECT_EQ(to_runtime({established()}, {{"tor1", status}}, now).front().bfd->echo, "trial");
}

TEST(BgpAdapter, ADynamicNeighbourBelongsToItsPeer) {
    bgp::PeerStatus peer = established();
    peer.name = "rack@10.99.0.7";
    const auto sessions = to_runtime({peer}, {}, now);
    EXPECT_EQ(sessions.front().peer, "rack");
    EXPECT_EQ(sessions.front().session, "rack@10.99.0.7");
}

TEST(BgpAdapter, WhyThereIsNoSessionIsSaidInWords) {
    bgp::PeerStatus peer{.name = "tor1", .remote = {}};
    peer.session.waiting = bgp::Waiting::bfd;
    EXPECT_NE(to_runtime({peer}, {}, now).front().reason.find("BFD"), std::string::npos);
    peer.transport_problem = "no route to host";
    EXPECT_EQ(to_runtime({peer}, {}, now).front().reason, "no route to host");
}

}  // namespace
}  // namespace trivet::daemon
