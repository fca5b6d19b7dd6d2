#include "core/bgp_objects.hpp"

#include <gtest/gtest.h>

#include "tests/core/test_objects.hpp"

namespace trivet {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

ConfigObject config(Kind kind, const std::string& fields) {
    return std::get<ConfigObject>(
        test::object(kind, "{\"name\": \"x\"" + (fields.empty() ? "" : ", " + fields) + "}"));
}

BgpPeerSettings settings(const std::string& fields) {
    return bgp_peer_of(config(Kind::bgp_peer, R"("my_asn": 65009, "peer_asn": 65000, )" + fields))
        .settings;
}

TEST(BgpObjects, AShortPeerHasTheDefaults) {
    const BgpPeerSpec peer = bgp_peer_of(config(
        Kind::bgp_peer, R"("my_asn": 65009, "peer_asn": 65000, "peer_address": "10.0.0.1")"));
    BgpPeerSettings expected;
    expected.my_asn = AsNumber(65009);
    expected.peer_asn = AsNumber(65000);
    expected.peer_address = test::address("10.0.0.1");
    EXPECT_EQ(peer.settings, expected);
    EXPECT_EQ(peer.name, "x");
    EXPECT_EQ(peer.bfd_profile, "");
    EXPECT_TRUE(peer.is_for_node({}));
    EXPECT_FALSE(peer.graceful_shutdown);
    EXPECT_FALSE(peer.lacks_password);
}

TEST(BgpObjects, EveryFieldOfAPeer) {
    const BgpPeerSpec peer = bgp_peer_of(config(Kind::bgp_peer, R"("my_asn": 4200000000,
        "local_asn": 7, "dynamic_asn": "internal", "peer_prefix": "10.0.0.0/16",
        "source_address": "10.0.0.2", "vrf": "red", "peer_port": 1179, "hold_time": 9,
        "keepalive_time": 2, "connect_time": 5, "router_id": "10.0.0.3", "password": "s",
        "ttl_security_hops": 2, "bfd_profile": "fast", "bfd_strict": true,
        "enable_graceful_restart": true, "restart_time": 60, "families": ["ipv6"],
        "prefixes_max": 5, "graceful_shutdown": true,
        "node_selectors": [{"match_labels": {"rack": "a"}}])"));
    BgpPeerSettings expected;
    expected.my_asn = AsNumber(4200000000);
    expected.local_asn = AsNumber(7);
    expected.dynamic_asn = DynamicAsn::internal;
    expected.peer_prefix = *Prefix::parse("10.0.0.0/16");
    expected.source_address = test::address("10.0.0.2");
    expected.bind_device = "red";
    expected.peer_port = 1179;
    expected.passive = true;
    expected.hold_time = seconds(9);
    expected.keepalive_time = seconds(2);
    expected.connect_time = seconds(5);
    expected.router_id = test::address("10.0.0.3");
    expected.password = "s";
    expected.ttl_security_hops = 2;
    expected.bfd_strict = true;
    expected.graceful_restart = true;
    expected.restart_time = seconds(60);
    expected.ipv4 = false;
    expected.prefixes_max = 5;
    EXPECT_EQ(peer.settings, expected);
    EXPECT_EQ(peer.bfd_profile, "fast");
    EXPECT_TRUE(peer.graceful_shutdown);
    EXPECT_TRUE(peer.is_for_node({{"rack", "a"}}));
    EXPECT_FALSE(peer.is_for_node({{"rack", "b"}}));
}

TEST(BgpObjects, PeersOfOtherKinds) {
    EXPECT_EQ(settings(R"("interface": "eth1")").unnumbered_interface, "eth1");
    EXPECT_TRUE(settings(R"("peer_address": "10.0.0.1", "passive": true)").passive);
    EXPECT_TRUE(settings(R"("peer_address": "10.0.0.1", "ebgp_multi_hop": true)").ebgp_multi_hop);
    EXPECT_EQ(settings(R"("peer_address": "10.0.0.1", "role": "route_server")").role,
              BgpRole::route_server);
    EXPECT_TRUE(bgp_peer_of(config(Kind::bgp_peer, R"("my_asn": 1, "peer_asn": 2,
        "peer_address": "10.0.0.1", "password_secret": {"name": "s"})"))
                    .lacks_password);
}

TEST(BgpObjects, AKeepaliveTimeOfZeroIsNotGiven) {
    EXPECT_FALSE(settings(R"("peer_address": "10.0.0.1", "keepalive_time": 0)").keepalive_time);
    EXPECT_EQ(settings(R"("peer_address": "10.0.0.1", "hold_time": 0)").hold_time, seconds(0));
}

struct Families {
    const char* fields;
    bool ipv4;
    bool ipv6;
    bool disable_mp;
};

TEST(BgpObjects, FamiliesOfASession) {
    for (const Families& row : {
             Families{R"("peer_address": "10.0.0.1")", true, true, false},
             Families{R"("peer_address": "10.0.0.1", "families": ["ipv4"])", true, false, false},
             Families{R"("peer_address": "10.0.0.1", "families": ["ipv6"])", false, true, false},
             Families{R"("peer_address": "10.0.0.1", "disable_mp": true)", true, false, true},
             Families{R"("peer_address": "fd00::1", "disable_mp": true)", false, true, false},
             Families{R"("interface": "eth1", "disable_mp": true)", false, true, false},
             Families{R"("peer_prefix": "fd00::/64", "disable_mp": true)", false, true, false},
             Families{R"("peer_address": "10.0.0.1", "dual_stack_address_family": true)", true,
                      true, false},
             Families{R"("peer_address": "fd00::1", "dual_stack_address_family": false)", false,
                      true, false},
         }) {
        const BgpPeerSettings peer = settings(row.fields);
        EXPECT_EQ(peer.ipv4, row.ipv4) << row.fields;
        EXPECT_EQ(peer.ipv6, row.ipv6) << row.fields;
        EXPECT_EQ(peer.disable_mp, row.disable_mp) << row.fields;
    }
}

TEST(BgpObjects, SameNeighbours) {
    const auto same = [](const std::string& a, const std::string& b) {
        return is_same_neighbour(settings(a), settings(b));
    };
    EXPECT_TRUE(same(R"("peer_address": "10.0.0.1")", R"("peer_address": "10.0.0.1")"));
    EXPECT_TRUE(same(R"("peer_address": "10.0.0.1")",
                     R"("peer_address": "10.0.0.1", "hold_time": 9, "passive": true)"));
    EXPECT_FALSE(
        same(R"("peer_address": "10.0.0.1")", R"("peer_address": "10.0.0.1", "peer_port": 1179)"));
    EXPECT_FALSE(
        same(R"("peer_address": "10.0.0.1")", R"("peer_address": "10.0.0.1", "vrf": "red")"));
    EXPECT_TRUE(same(R"("interface": "eth1")", R"("interface": "eth1", "peer_port": 1179)"));
    EXPECT_FALSE(same(R"("interface": "eth1")", R"("interface": "eth2")"));
    EXPECT_FALSE(same(R"("peer_prefix": "10.0.0.0/8")", R"("peer_prefix": "10.0.0.0/9")"));
}

TEST(BgpObjects, AnAdvertisement) {
    const BgpAdvertisementSpec bare = bgp_advertisement_of(config(Kind::bgp_advertisement, ""));
    EXPECT_EQ(bare.length_for(IpFamily::ipv4), 32);
    EXPECT_EQ(bare.length_for(IpFamily::ipv6), 128);
    EXPECT_FALSE(bare.local_pref || bare.med || bare.prepend);
    EXPECT_TRUE(bare.is_for(Pool{}));
    EXPECT_TRUE(bare.is_for_vip({}));
    EXPECT_TRUE(bare.is_for_peer("any"));

    const BgpAdvertisementSpec full = bgp_advertisement_of(config(Kind::bgp_advertisement, R"(
        "aggregation_length": 24, "aggregation_length_v6": 64, "local_pref": 0, "med": 4294967295,
        "prepend": 3, "communities": ["no-export", "nope"],
        "extended_communities": ["rt:65000:1"], "graceful_shutdown": true, "pools": ["lan"],
        "pool_selectors": [{"match_labels": {"zone": "a"}}], "peers": ["tor1"],
        "vip_selectors": [{"match_labels": {"app": "web"}}],
        "node_selectors": [{"match_labels": {"rack": "a"}}])"));
    EXPECT_EQ(full.length_for(IpFamily::ipv4), 24);
    EXPECT_EQ(full.length_for(IpFamily::ipv6), 64);
    EXPECT_EQ(full.local_pref, 0u);
    EXPECT_EQ(full.med, 4294967295u);
    EXPECT_EQ(full.prepend, 3);
    EXPECT_EQ(full.communities, (std::vector<std::string>{"no-export", "nope"}));
    EXPECT_EQ(full.extended_communities,
              std::set<ExtendedCommunity>{ExtendedCommunity(0x0002'FDE8'0000'0001)});
    EXPECT_TRUE(full.graceful_shutdown);
    Pool pool;
    EXPECT_FALSE(full.is_for(pool));
    pool.name = "lan";
    EXPECT_TRUE(full.is_for(pool));
    pool.name = "wan";
    pool.labels = {{"zone", "a"}};
    EXPECT_TRUE(full.is_for(pool));
    EXPECT_TRUE(full.is_for_vip({{"app", "web"}}));
    EXPECT_FALSE(full.is_for_vip({}));
    EXPECT_TRUE(full.is_for_peer("tor1"));
    EXPECT_FALSE(full.is_for_peer("tor2"));
    EXPECT_FALSE(full.is_for_node({}));
}

TEST(BgpObjects, ABfdProfile) {
    EXPECT_EQ(bfd_settings_of(config(Kind::bfd_profile, "")), BfdSettings{});
    BfdSettings expected{.receive_interval = milliseconds(380),
                         .transmit_interval = milliseconds(270),
                         .detect_multiplier = 5,
                         .echo_interval = std::nullopt,
                         .passive = true,
                         .minimum_ttl = 250};
    const std::string fields = R"("receive_interval": 380, "transmit_interval": 270,
        "detect_multiplier": 5, "passive_mode": true, "minimum_ttl": 250, "echo_interval": 20)";
    EXPECT_EQ(bfd_settings_of(config(Kind::bfd_profile, fields)), expected) << "echo is not on";
    expected.echo_interval = milliseconds(20);
    EXPECT_EQ(bfd_settings_of(config(Kind::bfd_profile, fields + R"(, "echo_mode": true)")),
              expected);
    EXPECT_EQ(bfd_settings_of(config(Kind::bfd_profile, R"("echo_mode": true)")).echo_interval,
              milliseconds(50));
}

TEST(BgpObjects, CommunitiesAreValuesNamesOrAliases) {
    const CommunityAliases aliases = community_aliases_of(
        config(Kind::community, R"("communities": [{"name": "blue", "value": "65000:1"},
                                            {"name": "red", "value": "large:1:2:3"}])"));
    EXPECT_EQ(resolve_community("65000:2", aliases), CommunityValue(Community(0xFDE80002)));
    EXPECT_EQ(resolve_community("NO_EXPORT", aliases), CommunityValue(well_known::no_export));
    EXPECT_EQ(resolve_community("blue", aliases), CommunityValue(Community(0xFDE80001)));
    EXPECT_EQ(resolve_community("red", aliases), CommunityValue(LargeCommunity{1, 2, 3}));
    EXPECT_FALSE(resolve_community("green", aliases));
    EXPECT_TRUE(community_aliases_of(config(Kind::community, "")).empty());
}

}  // namespace
}  // namespace trivet
