#include "core/object_json.hpp"

#include <gtest/gtest.h>

#include "tests/core/test_objects.hpp"

namespace trivet {
namespace {

using nlohmann::json;
using test::json_of;

struct RefusedCase {
    const char* name;
    Kind kind;
    const char* text;
    const char* field;
    const char* message;  // a part of it
};

void PrintTo(const RefusedCase& c, std::ostream* out) { *out << c.name; }

class Refused : public testing::TestWithParam<RefusedCase> {};

TEST_P(Refused, NamesFieldAndRemedy) {
    const auto read = object_from_json(GetParam().kind, json_of(GetParam().text));
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(read.error().field, GetParam().field) << read.error().message;
    EXPECT_NE(read.error().message.find(GetParam().message), std::string::npos)
        << read.error().message;
}

#define POOL(rest) R"({"name": "lan", "addresses": ["192.0.2.0/30"], )" rest "}"
#define VIP(rest) R"({"name": "web", )" rest "}"

INSTANTIATE_TEST_SUITE_P(
    Pool, Refused,
    testing::Values(
        RefusedCase{"UnknownField", Kind::pool, R"({"name": "lan", "adresses": []})", "adresses",
                    "unknown field 'adresses' in pool; did you mean 'addresses'?"},
        RefusedCase{"UnknownFieldFarOff", Kind::pool, POOL(R"("zzzzzzzz": 1)"), "zzzzzzzz",
                    "unknown field 'zzzzzzzz' in pool"},
        RefusedCase{"NoName", Kind::pool, R"({"addresses": ["192.0.2.0/30"]})", "name",
                    "'name' is missing"},
        RefusedCase{"BadName", Kind::pool, R"({"name": "Lan", "addresses": ["192.0.2.0/30"]})",
                    "name", "pool name 'Lan' is not valid"},
        RefusedCase{"OtherKind", Kind::pool, POOL(R"("kind": "vip")"), "kind",
                    "'kind' is 'vip', but a pool is expected"},
        RefusedCase{"NoAddresses", Kind::pool, R"({"name": "lan"})", "addresses",
                    "has no addresses"},
        RefusedCase{"AddressesNoList", Kind::pool, R"({"name": "lan", "addresses": "x"})",
                    "addresses", "'addresses' must be a list, not a string"},
        RefusedCase{"AddressNoText", Kind::pool, R"({"name": "lan", "addresses": [1]})",
                    "addresses[0]", "must be a string like"},
        RefusedCase{"ReversedRange", Kind::pool,
                    R"({"name": "lan", "addresses": ["192.0.2.9-192.0.2.1"]})", "addresses[0]",
                    "is reversed; write 192.0.2.1-192.0.2.9"},
        RefusedCase{"HostBits", Kind::pool, R"({"name": "lan", "addresses": ["192.0.2.1/24"]})",
                    "addresses[0]", "has host bits set"},
        RefusedCase{"OverlapWithin", Kind::pool,
                    R"({"name": "lan", "addresses": ["192.0.2.0/24", "192.0.2.8-192.0.2.9"]})",
                    "addresses", "'192.0.2.0/24' and '192.0.2.8/31' of pool 'lan' overlap"},
        RefusedCase{"Multicast", Kind::pool, R"({"name": "lan", "addresses": ["224.0.0.0/24"]})",
                    "addresses[0]", "multicast"},
        RefusedCase{"MulticastV6", Kind::pool, R"({"name": "lan", "addresses": ["ff02::1"]})",
                    "addresses[0]", "multicast"},
        RefusedCase{"Loopback", Kind::pool, R"({"name": "lan", "addresses": ["127.0.0.8"]})",
                    "addresses[0]", "loopback"},
        RefusedCase{"Broadcast", Kind::pool, R"({"name": "lan", "addresses": ["255.255.255.255"]})",
                    "addresses[0]", "broadcast"},
        RefusedCase{"Unspecified", Kind::pool, R"({"name": "lan", "addresses": ["0.0.0.0"]})",
                    "addresses[0]", "this host"},
        RefusedCase{"MappedInside", Kind::pool, R"({"name": "lan", "addresses": ["::2-1::"]})",
                    "addresses[0]", "mapped into IPv6"},
        RefusedCase{"FlagNoFlag", Kind::pool, POOL(R"("auto_assign": "yes")"), "auto_assign",
                    "must be true or false, not a string"},
        RefusedCase{"NegativePriority", Kind::pool, POOL(R"("priority": -1)"), "priority",
                    "is -1, which is not within 0-4294967295"},
        RefusedCase{"HugePriority", Kind::pool, POOL(R"("priority": 4294967296)"), "priority",
                    "not within"},
        RefusedCase{"FractionPriority", Kind::pool, POOL(R"("priority": 1.5)"), "priority",
                    "must be a whole number, not a fraction"},
        RefusedCase{"BadCooldown", Kind::pool, POOL(R"("reuse_cooldown": "5 minutes")"),
                    "reuse_cooldown", "no duration"},
        RefusedCase{"LongCooldown", Kind::pool, POOL(R"("reuse_cooldown": 999999999)"),
                    "reuse_cooldown", "not within"},
        RefusedCase{"BadChoice", Kind::pool, POOL(R"("on_quorum_loss": "hole")"), "on_quorum_loss",
                    "did you mean 'hold'?"},
        RefusedCase{"LabelNoText", Kind::pool, POOL(R"("labels": {"a": 1})"), "labels.a",
                    "must be a string, not a whole number"},
        RefusedCase{"LabelKey", Kind::pool, POOL(R"("labels": {"a b": "c"})"), "labels",
                    "'a b' is no label key"},
        RefusedCase{"Namespace", Kind::pool, POOL(R"("namespaces": ["ok", "No"])"), "namespaces[1]",
                    "namespace 'No' is not valid"},
        RefusedCase{"SelectorField", Kind::pool, POOL(R"("vip_selectors": [{"matchLabels": {}}])"),
                    "vip_selectors[0].matchLabels", "did you mean 'match_labels'?"},
        RefusedCase{
            "SelectorOperator", Kind::pool,
            POOL(R"("vip_selectors": [{"match_expressions": [{"key": "a", "operator": "is"}]}])"),
            "vip_selectors[0].match_expressions[0].operator", "must be one of in, not_in"},
        RefusedCase{"SelectorWithoutKey", Kind::pool,
                    POOL(R"("vip_selectors": [{"match_expressions": [{"operator": "in"}]}])"),
                    "vip_selectors[0].match_expressions[0].key", "'key' is missing"},
        RefusedCase{
            "SelectorWithoutValues", Kind::pool,
            POOL(R"("vip_selectors": [{"match_expressions": [{"key": "a", "operator": "in"}]}])"),
            "vip_selectors[0]", "needs at least one value"}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Vip, Refused,
    testing::Values(
        RefusedCase{"NoObject", Kind::vip, "[]", "", "vip must be an object, not a list"},
        RefusedCase{"PortZero", Kind::vip, VIP(R"("ports": [{"port": 0}])"), "ports[0].port",
                    "not within 1-65535"},
        RefusedCase{"PortHigh", Kind::vip, VIP(R"("ports": [{"port": 65536}])"), "ports[0].port",
                    "not within 1-65535"},
        RefusedCase{"PortMissing", Kind::vip, VIP(R"("ports": [{"protocol": "tcp"}])"),
                    "ports[0].port", "'port' is missing"},
        RefusedCase{"PortProtocol", Kind::vip, VIP(R"("ports": [{"port": 80, "protocol": "tpc"}])"),
                    "ports[0].protocol", "did you mean 'tcp'?"},
        RefusedCase{"PortText", Kind::vip, VIP(R"("ports": ["80/http"])"), "ports[0]",
                    "'80/http' is no port"},
        RefusedCase{"PortTwice", Kind::vip, VIP(R"("ports": ["80", "80/tcp"])"), "ports[1]",
                    "port 80 is listed twice"},
        RefusedCase{"FamilyUnknown", Kind::vip, VIP(R"("ip_families": ["ipv5"])"), "ip_families[0]",
                    "must be \"ipv4\" or \"ipv6\""},
        RefusedCase{"FamilyTwice", Kind::vip, VIP(R"("ip_families": ["ipv4", "ipv4"])"),
                    "ip_families", "at most once"},
        RefusedCase{"PolicyNoText", Kind::vip, VIP(R"("ip_family_policy": 1)"), "ip_family_policy",
                    "must be a string"},
        RefusedCase{"NineAddresses", Kind::vip,
                    VIP(R"("addresses": ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4",
                        "192.0.2.5", "192.0.2.6", "192.0.2.7", "192.0.2.8", "192.0.2.9"])"),
                    "addresses", "at most 8"},
        RefusedCase{"AddressTwice", Kind::vip, VIP(R"("addresses": ["192.0.2.1", "192.0.2.1"])"),
                    "addresses[1]", "wanted twice"},
        RefusedCase{"AddressMulticast", Kind::vip, VIP(R"("addresses": ["224.0.0.1"])"),
                    "addresses[0]", "it is multicast"},
        RefusedCase{"AddressZone", Kind::vip, VIP(R"("addresses": ["fe80::1%eth0"])"),
                    "addresses[0]", "zone id"},
        RefusedCase{"AddressNotOfTheFamilies", Kind::vip,
                    VIP(R"("addresses": ["2001:db8::1"], "ip_families": ["ipv4"])"), "addresses[0]",
                    "ipv6 is not among the VIP's families"},
        RefusedCase{
            "SingleWithBothWanted", Kind::vip,
            VIP(R"("addresses": ["192.0.2.1", "2001:db8::1"], "ip_family_policy": "single")"),
            "addresses[1]", "require_dual"},
        RefusedCase{"SharingKeySpace", Kind::vip, VIP(R"("sharing_key": "a b")"), "sharing_key",
                    "no space"},
        RefusedCase{"NodeName", Kind::vip, VIP(R"("eligible_nodes": ["N1"])"), "eligible_nodes[0]",
                    "node name 'N1' is not valid"},
        RefusedCase{"PreferredNode", Kind::vip, VIP(R"("preferred_nodes": ["n1", "N1"])"),
                    "preferred_nodes[1]", "node name 'N1' is not valid"},
        RefusedCase{"BackendWithoutPort", Kind::vip,
                    VIP(R"("backends": [{"address": "10.1.0.7"}])"), "backends[0].port",
                    "'port' is missing in backends[0]"},
        RefusedCase{"BackendWithoutAddress", Kind::vip, VIP(R"("backends": [{"port": 80}])"),
                    "backends[0].address", "'address' is missing in backends[0]"},
        RefusedCase{"BackendNoAddress", Kind::vip,
                    VIP(R"("backends": [{"port": 80, "address": "web"}])"), "backends[0].address",
                    "'web'"},
        RefusedCase{"BackendOnLoopback", Kind::vip,
                    VIP(R"("backends": [{"port": 80, "address": "127.0.0.1"}])"),
                    "backends[0].address", "cannot be used for a backend: it is loopback"},
        RefusedCase{"BackendTargetPort", Kind::vip,
                    VIP(R"("backends": [{"port": 80, "address": "10.1.0.7", "target_port": 0}])"),
                    "backends[0].target_port", "1-65535"},
        RefusedCase{"BackendKind", Kind::vip,
                    VIP(R"("backends": [{"port": 80, "address": "10.1.0.7", "kind": "pod"}])"),
                    "backends[0].kind", "node_port"},
        RefusedCase{"BackendNode", Kind::vip,
                    VIP(R"("backends": [{"port": 80, "address": "10.1.0.7", "node": "N1"}])"),
                    "backends[0].node", "node name 'N1' is not valid"},
        RefusedCase{"BackendOfAnotherPort", Kind::vip,
                    VIP(R"("ports": ["80/tcp"], "backends": [{"port": 80, "protocol": "udp",
                        "address": "10.1.0.7"}])"),
                    "backends[0].port", "port 80/udp, which is not among the VIP's ports"},
        RefusedCase{"BackendTwice", Kind::vip,
                    VIP(R"("backends": [{"port": 80, "address": "10.1.0.7"},
                        {"port": 80, "address": "10.1.0.7", "target_port": 80}])"),
                    "backends[1]", "listed twice"},
        RefusedCase{"PreferredTwice", Kind::vip, VIP(R"("preferred_nodes": ["n1", "n1"])"),
                    "preferred_nodes[1]", "preferred twice"},
        RefusedCase{"NulInName", Kind::vip, R"({"name": "we\u0000b"})", "name", "is not valid"},
        RefusedCase{"Interface", Kind::l2_advertisement,
                    R"({"name": "all", "interfaces": ["eth0", "far too long a name"]})",
                    "interfaces[1]", "is no interface name"},
        RefusedCase{"NodeIsNotWritten", Kind::node, R"({"name": "n1"})", "", "registers itself"}),
    [](const auto& row) { return row.param.name; });

#define PEER(rest) R"({"name": "tor", "my_asn": 65009, "peer_address": "10.0.0.1", )" rest "}"

INSTANTIATE_TEST_SUITE_P(
    Config, Refused,
    testing::Values(
        RefusedCase{"AsnZero", Kind::bgp_peer, PEER(R"("peer_asn": 0)"), "peer_asn",
                    "not within 1-4294967295"},
        RefusedCase{"AsnMissing", Kind::bgp_peer, PEER(R"("vrf": "red")"), "peer_asn",
                    "either 'peer_asn' or 'dynamic_asn'"},
        RefusedCase{"BothAsns", Kind::bgp_peer, PEER(R"("peer_asn": 1, "dynamic_asn": "external")"),
                    "peer_asn", "either"},
        RefusedCase{"MyAsnMissing", Kind::bgp_peer,
                    R"({"name": "a", "peer_asn": 1, "peer_address": "10.0.0.1"})", "my_asn",
                    "'my_asn' is missing"},
        RefusedCase{"NoPeerAddress", Kind::bgp_peer, R"({"name": "a", "my_asn": 1, "peer_asn": 1})",
                    "peer_address", "exactly one of 'peer_address', 'interface' and 'peer_prefix'"},
        RefusedCase{"PeerAddress", Kind::bgp_peer,
                    R"({"name": "a", "my_asn": 1, "peer_asn": 1, "peer_address": "tor1"})",
                    "peer_address", "is no IPv4 or IPv6 address"},
        RefusedCase{"PeerPort", Kind::bgp_peer, PEER(R"("peer_asn": 1, "peer_port": 0)"),
                    "peer_port", "not within 1-65535"},
        RefusedCase{"HoldTimeTooShort", Kind::bgp_peer, PEER(R"("peer_asn": 1, "hold_time": 2)"),
                    "hold_time", "0 or at least 3 s"},
        RefusedCase{"HoldTimeTooLong", Kind::bgp_peer, PEER(R"("peer_asn": 1, "hold_time": "24h")"),
                    "hold_time", "86400 s, which is not within 0-65535 s"},
        RefusedCase{"KeepaliveLonger", Kind::bgp_peer,
                    PEER(R"("peer_asn": 1, "hold_time": 9, "keepalive_time": 10)"),
                    "keepalive_time", "longer than 'hold_time'"},
        RefusedCase{"RouterId", Kind::bgp_peer, PEER(R"("peer_asn": 1, "router_id": "::2")"),
                    "router_id", "IPv4"},
        RefusedCase{"TwoPasswords", Kind::bgp_peer,
                    PEER(R"("peer_asn": 1, "password": "x", "password_secret": {"name": "y"})"),
                    "password_secret", "either"},
        RefusedCase{"DynamicAsn", Kind::bgp_peer, PEER(R"("dynamic_asn": "extern")"), "dynamic_asn",
                    "did you mean 'external'?"},
        RefusedCase{"UnknownPeerField", Kind::bgp_peer,
                    PEER(R"("peer_asn": 1, "ebgp_multihop": true)"), "ebgp_multihop",
                    "did you mean 'ebgp_multi_hop'?"},
        RefusedCase{"AggregationLength", Kind::bgp_advertisement,
                    R"({"name": "a", "aggregation_length": 33})", "aggregation_length",
                    "not within 0-32"},
        RefusedCase{"AggregationLengthV6", Kind::bgp_advertisement,
                    R"({"name": "a", "aggregation_length_v6": 129})", "aggregation_length_v6",
                    "not within 0-128"},
        RefusedCase{"Community", Kind::bgp_advertisement,
                    R"({"name": "a", "communities": ["NO_ADVERTISE", "65535:65536"]})",
                    "communities[1]", "is no community"},
        RefusedCase{"CommunityValue", Kind::community,
                    R"({"name": "a", "communities": [{"name": "x", "value": "1"}]})",
                    "communities[0].value", "is no community value"},
        RefusedCase{"LargeCommunity", Kind::community,
                    R"({"name": "a", "communities": [{"name": "x", "value": "large:1:2"}]})",
                    "communities[0].value", "is no community value"},
        RefusedCase{"BfdInterval", Kind::bfd_profile, R"({"name": "a", "receive_interval": 9})",
                    "receive_interval", "not within 10-60000"},
        RefusedCase{"BfdMultiplier", Kind::bfd_profile, R"({"name": "a", "detect_multiplier": 1})",
                    "detect_multiplier", "not within 2-255"}),
    [](const auto& row) { return row.param.name; });

struct AcceptedCase {
    const char* name;
    Kind kind;
    const char* text;
};

void PrintTo(const AcceptedCase& c, std::ostream* out) { *out << c.name; }

class RoundTrip : public testing::TestWithParam<AcceptedCase> {};

TEST_P(RoundTrip, WhatIsWrittenReadsTheSame) {
    const auto read = object_from_json(GetParam().kind, json_of(GetParam().text));
    ASSERT_TRUE(read) << read.error().field << ": " << read.error().message;
    const json written = to_json(*read);
    const auto again = object_from_json(GetParam().kind, json_of(written.dump()));
    ASSERT_TRUE(again) << again.error().field << ": " << again.error().message;
    EXPECT_EQ(*again, *read);
    EXPECT_EQ(to_json(*again), written);
}

INSTANTIATE_TEST_SUITE_P(
    All, RoundTrip,
    testing::Values(
        AcceptedCase{"PlainPool", Kind::pool, R"({"name": "lan", "addresses": ["192.0.2.7"]})"},
        AcceptedCase{"FullPool", Kind::pool,
                     R"({"name": "lan", "kind": "pool", "labels": {"a": "b"},
            "addresses": ["10.0.0.0/24", "10.1.0.1-10.1.0.9", "2001:db8::/64", "fd00::1-fd00::9"],
            "auto_assign": false, "avoid_buggy_ips": true, "priority": 4294967295,
            "namespaces": ["a"], "namespace_selectors": [{"match_labels": {"x": "y"}}, {}],
            "vip_selectors": [{"match_expressions": [
                {"key": "app", "operator": "In", "values": ["bar"]},
                {"key": "b", "operator": "NotIn", "values": ["c"]},
                {"key": "c", "operator": "Exists"}, {"key": "d", "operator": "DoesNotExist"}]}],
            "reuse_cooldown": "1h30m", "on_quorum_loss": "hold"})"},
        AcceptedCase{"PlainVip", Kind::vip, R"({"name": "web"})"},
        AcceptedCase{"SentBack", Kind::vip,
                     R"({"name": "web", "status": {"phase": "pending"}, "revision": 7})"},
        AcceptedCase{"FullVip", Kind::vip, R"({"name": "web", "namespace": "shop", "pool": "lan",
            "labels": {"kubernetes.io/name": "web"}, "addresses": ["192.0.2.1", "2001:db8::1"],
            "ip_families": ["ipv6", "ipv4"], "ip_family_policy": "prefer_dual", "sharing_key": "k",
            "ports": ["80/tcp", "53/udp", {"port": 443}, {"port": 9, "protocol": "sctp"}],
            "traffic_policy": "local", "eligible_nodes": ["n2", "n1"],
            "preferred_nodes": ["n2"], "delivery": "bind", "backends": [
                {"port": 80, "address": "10.1.0.7"},
                {"port": 53, "protocol": "udp", "address": "fd00::7", "target_port": 5353,
                 "kind": "node_port", "node": "n1"}]})"},
        AcceptedCase{"L2Advertisement", Kind::l2_advertisement, R"({"name": "all", "pools": ["lan"],
            "pool_selectors": [{"match_labels": {"a": "b"}}], "interfaces": ["eth0", "br0.12"],
            "node_selectors": [{"match_labels": {"kubernetes.io/hostname": "n1"}}]})"},
        AcceptedCase{"Namespace", Kind::name_space, R"({"name": "shop", "labels": {"a": "b"}})"},
        AcceptedCase{"BgpPeer", Kind::bgp_peer, R"({"name": "tor", "my_asn": 65009,
            "peer_asn": 4294967295, "peer_address": "2001:DB8:0::1", "source_address": "2001:db8::2",
            "local_asn": 7, "peer_port": 179, "hold_time": "9m0s", "keepalive_time": "0s",
            "connect_time": "120s", "router_id": "10.0.0.2", "password_secret": {"name": "s"},
            "bfd_profile": "fast", "enable_graceful_restart": true, "ebgp_multi_hop": true,
            "vrf": "red", "disable_mp": false, "dual_stack_address_family": true,
            "node_selectors": [{"match_labels": {"a": "b"}}]})"},
        AcceptedCase{"UnnumberedPeer", Kind::bgp_peer, R"({"name": "tor", "my_asn": 65009,
            "dynamic_asn": "external", "interface": "eth1", "password": "secret"})"},
        AcceptedCase{"DynamicNeighbours", Kind::bgp_peer, R"({"name": "racks", "my_asn": 65009,
            "dynamic_asn": "external", "peer_prefix": "10.0.0.0/16", "passive": true,
            "source_address": "10.0.0.2", "ttl_security_hops": 1, "role": "customer",
            "restart_time": "2m", "prefixes_max": 10, "bfd_profile": "fast", "bfd_strict": true,
            "families": ["ipv6"], "graceful_shutdown": true})"},
        AcceptedCase{"BgpAdvertisement", Kind::bgp_advertisement, R"({"name": "all",
            "aggregation_length": 24, "aggregation_length_v6": 64, "local_pref": 150,
            "communities": ["65535:65282", "large:1:2:3", "NO_ADVERTISE"], "pools": ["lan"],
            "med": 50, "prepend": 32, "extended_communities": ["rt:65000:1"],
            "graceful_shutdown": true,
            "pool_selectors": [{}], "node_selectors": [{}], "peers": ["tor"],
            "vip_selectors": [{"match_labels": {"a": "b"}}]})"},
        AcceptedCase{"BfdProfile", Kind::bfd_profile, R"({"name": "fast", "receive_interval": 380,
            "transmit_interval": 270, "detect_multiplier": 3, "echo_interval": 50,
            "echo_mode": true, "passive_mode": false, "minimum_ttl": 254})"},
        AcceptedCase{"Community", Kind::community, R"({"name": "c", "communities": [
            {"name": "NO_ADVERTISE", "value": "65535:65282"}]})"}),
    [](const auto& row) { return row.param.name; });

TEST(ObjectJson, WritesDefaultsToo) {
    const json written = to_json(test::object(Kind::vip, R"({"name": "web"})"));
    EXPECT_EQ(written, json_of(R"({"name": "web", "namespace": "default", "labels": {}, "pool": "",
        "addresses": [], "ip_families": [], "ip_family_policy": null, "sharing_key": "", "ports": [],
        "traffic_policy": "cluster", "eligible_nodes": [], "preferred_nodes": [],
        "delivery": "none", "backends": []})"));
}

TEST(ObjectJson, ABackendListensOnThePortUnlessItSaysAnother) {
    const auto vip = std::get<Vip>(test::object(Kind::vip, R"({"name": "web", "backends": [
        {"port": 80, "address": "10.1.0.7"},
        {"port": 53, "protocol": "udp", "address": "10.1.0.8", "target_port": 5353, "node": "n1",
         "kind": "node_port"}]})"));
    EXPECT_EQ(vip.backends,
              (std::vector<Backend>{
                  {Backend::Kind::server, {80, Protocol::tcp}, test::address("10.1.0.7"), 80, ""},
                  {Backend::Kind::node_port,
                   {53, Protocol::udp},
                   test::address("10.1.0.8"),
                   5353,
                   "n1"}}));
}

TEST(ObjectJson, DurationsBecomeSeconds) {
    const auto peer = std::get<ConfigObject>(test::object(
        Kind::bgp_peer, R"({"name": "tor", "my_asn": 1, "peer_asn": 2, "peer_address": "10.0.0.1",
                            "hold_time": "9m0s", "connect_time": 120})"));
    EXPECT_EQ(peer.fields["hold_time"], 540);
    EXPECT_EQ(peer.fields["connect_time"], 120);
    EXPECT_FALSE(peer.fields.contains("keepalive_time"));
}

struct JsonCase {
    const char* name;
    std::string text;
    ErrorCode code;
    const char* message;
};

void PrintTo(const JsonCase& c, std::ostream* out) { *out << c.name; }

class BadJson : public testing::TestWithParam<JsonCase> {};

TEST_P(BadJson, IsRefusedWithItsPlace) {
    const auto parsed = parse_json(GetParam().text);
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().code, GetParam().code);
    EXPECT_NE(parsed.error().message.find(GetParam().message), std::string::npos)
        << parsed.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    All, BadJson,
    testing::Values(
        JsonCase{"Empty", "", ErrorCode::invalid_argument, "line 1, column 0"},
        JsonCase{"Truncated", "{\"a\":\n 1", ErrorCode::invalid_argument, "line 2, column 2"},
        JsonCase{"TrailingText", "{} x", ErrorCode::invalid_argument, "line 1, column 4"},
        JsonCase{"DuplicateKey", "{\"a\": 1,\n \"b\": {\"a\": 1, \"a\": 2}}",
                 ErrorCode::invalid_argument, "line 2, column 18: key 'a' occurs twice"},
        JsonCase{"InvalidUtf8", "\"\xff\"", ErrorCode::invalid_argument, "UTF-8"},
        JsonCase{"OverlongUtf8", "\"\xc0\xaf\"", ErrorCode::invalid_argument, "UTF-8"},
        JsonCase{"LoneSurrogate", R"("\ud800")", ErrorCode::invalid_argument, "surrogate"},
        JsonCase{"RawNul", std::string("{\"a\": \0}", 8), ErrorCode::invalid_argument, "column 7"},
        JsonCase{"HugeNumber", "1e999", ErrorCode::invalid_argument, "number overflow"},
        JsonCase{"Comment", "// hello\n{}", ErrorCode::invalid_argument, "line 1"},
        JsonCase{"TooDeep", std::string(33, '[') + std::string(33, ']'), ErrorCode::too_large,
                 "column 33: the JSON is nested more than 32 levels deep"},
        JsonCase{"VeryDeep", std::string(100'000, '['), ErrorCode::too_large, "more than 32"},
        JsonCase{"VeryDeepObjects",
                 [] {
                     std::string text;
                     for (int i = 0; i < 100'000; ++i) text += "{\"a\":";
                     return text;
                 }(),
                 ErrorCode::too_large, "more than 32"},
        JsonCase{"TooLong", std::string((4u << 20) + 1, ' '), ErrorCode::too_large, "at most"}),
    [](const auto& row) { return row.param.name; });

TEST(ParseJson, TakesWhatIsRight) {
    EXPECT_EQ(*parse_json(std::string(32, '[') + std::string(32, ']')),
              json::parse(std::string(32, '[') + std::string(32, ']')));
    EXPECT_EQ(parse_json(R"({"a": [1, -2, 3.5, true, null, "x\u0000y", {"b": {}}]})")->dump(),
              json::parse(R"({"a": [1, -2, 3.5, true, null, "x\u0000y", {"b": {}}]})").dump());
    EXPECT_EQ(*parse_json(" 18446744073709551615 "), 18446744073709551615u);
}

TEST(Nearest, SuggestsWhatWasMeant) {
    const std::vector<std::string> known = {"addresses", "pool", "ports"};
    EXPECT_EQ(nearest("adresses", known), "addresses");
    EXPECT_EQ(nearest("addressse", known), "addresses");
    EXPECT_EQ(nearest("prots", known), "ports");
    EXPECT_EQ(nearest("interfaces", known), std::nullopt);
    EXPECT_EQ(nearest("", known), std::nullopt);
    EXPECT_EQ(nearest(std::string(100'000, 'a'), known), std::nullopt);
}

TEST(Words, KindsReadBack) {
    for (const char* noun : {"pool", "vip", "l2-advertisement", "bgp-advertisement", "bgp-peer",
                             "bfd-profile", "community", "namespace", "node"})
        EXPECT_EQ(to_string(kind_from_string(noun).value()), noun);
    EXPECT_FALSE(kind_from_string("pools"));
}

TEST(Words, PortsReadStrictly) {
    EXPECT_EQ(parse_port("80").value(), (Port{80, Protocol::tcp}));
    EXPECT_EQ(parse_port("53/udp").value(), (Port{53, Protocol::udp}));
    for (const char* text :
         {"", "0", "65536", "80/", "/tcp", "80/TCP", "80/tcp ", "+80", "-1", "8 0"})
        EXPECT_FALSE(parse_port(text)) << text;
}

}  // namespace
}  // namespace trivet
