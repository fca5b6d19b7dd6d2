#include "core/config_rules.hpp"

#include <ostream>

#include <gtest/gtest.h>

#include "tests/core/test_objects.hpp"

namespace trivet {
namespace {

using test::json_of;

struct PeerCase {
    const char* name;
    const char* fields;   // beside name and my_asn 65009
    const char* field;    // at fault; empty: it is accepted
    const char* message;  // a part of it
};

void PrintTo(const PeerCase& c, std::ostream* out) { *out << c.name; }

class PeerRules : public testing::TestWithParam<PeerCase> {};

TEST_P(PeerRules, SayWhatAPeerCannotBe) {
    const std::string text =
        R"({"name": "tor", "my_asn": 65009, )" + std::string(GetParam().fields) + "}";
    const auto read = object_from_json(Kind::bgp_peer, json_of(text));
    if (*GetParam().field == '\0') {
        EXPECT_TRUE(read) << read.error().field << ": " << read.error().message;
        return;
    }
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(read.error().field, GetParam().field) << read.error().message;
    EXPECT_NE(read.error().message.find(GetParam().message), std::string::npos)
        << read.error().message;
}

#define EXTERNAL(rest) R"("peer_asn": 1, "peer_address": "10.0.0.1", )" rest
#define INTERNAL(rest) R"("peer_asn": 65009, "peer_address": "10.0.0.1", )" rest
#define AT_V6(rest) R"("peer_asn": 1, "peer_address": "2001:db8::1", )" rest
#define ON_LINK(rest) R"("peer_asn": 1, "interface": "eth1", )" rest
#define FROM_PREFIX(rest) R"("dynamic_asn": "external", "peer_prefix": "10.0.0.0/16", )" rest

INSTANTIATE_TEST_SUITE_P(
    Neighbour, PeerRules,
    testing::Values(
        PeerCase{"TwoPlaces", EXTERNAL(R"("interface": "eth1")"), "peer_address", "exactly one of"},
        PeerCase{"AddressAndPrefix", EXTERNAL(R"("peer_prefix": "10.0.0.0/24")"), "peer_address",
                 "exactly one of"},
        PeerCase{"PrefixHasHostBits", R"("peer_asn": 1, "peer_prefix": "10.0.0.1/24")",
                 "peer_prefix", "host bits"},
        PeerCase{"PrefixIsPassive", FROM_PREFIX(R"("passive": true)"), "", ""},
        PeerCase{"PrefixIsNotActive", FROM_PREFIX(R"("passive": false)"), "passive",
                 "the neighbours connect to us"},
        PeerCase{"Multicast", R"("peer_asn": 1, "peer_address": "224.0.0.1")", "peer_address",
                 "which no machine has"},
        PeerCase{"Unspecified", R"("peer_asn": 1, "peer_address": "::")", "peer_address",
                 "which no machine has"},
        PeerCase{"LinkLocal", R"("peer_asn": 1, "peer_address": "fe80::1")", "peer_address",
                 "name its link by 'interface'"},
        PeerCase{"LinkLocalOnADevice", R"("peer_asn": 1, "peer_address": "fe80::1", "vrf": "eth1")",
                 "", ""},
        PeerCase{"SourceOfTheFamily", AT_V6(R"("source_address": "2001:db8::2")"), "", ""},
        PeerCase{"SourceOfTheOtherFamily", AT_V6(R"("source_address": "10.0.0.2")"),
                 "source_address", "is ipv4, but the peer is reached over ipv6"},
        PeerCase{"SourceOfAPrefix", FROM_PREFIX(R"("source_address": "2001:db8::2")"),
                 "source_address", "is ipv6, but the peer is reached over ipv4"},
        PeerCase{"SourceOnALink", ON_LINK(R"("source_address": "fe80::2")"), "source_address",
                 "link-local addresses of the link"},
        PeerCase{"SourceIsMulticast", AT_V6(R"("source_address": "ff02::1")"), "source_address",
                 "which no machine has"},
        PeerCase{"RouterIdZero", EXTERNAL(R"("router_id": "0.0.0.0")"), "router_id", "0.0.0.0"}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Session, PeerRules,
    testing::Values(
        PeerCase{"HoldTimeZero", EXTERNAL(R"("hold_time": 0, "keepalive_time": 30)"), "", ""},
        PeerCase{"KeepaliveOfTheHoldTime", EXTERNAL(R"("hold_time": 9, "keepalive_time": 9)"), "",
                 ""},
        PeerCase{"KeepaliveBeyondTheDefault", EXTERNAL(R"("keepalive_time": 91)"), "keepalive_time",
                 "longer"},
        PeerCase{"StrictWithoutProfile", EXTERNAL(R"("bfd_strict": true)"), "bfd_strict",
                 "name a 'bfd_profile'"},
        PeerCase{"TtlHops", EXTERNAL(R"("ttl_security_hops": 254)"), "", ""},
        PeerCase{"TtlHopsTooMany", EXTERNAL(R"("ttl_security_hops": 255)"), "ttl_security_hops",
                 "not within 1-254"},
        PeerCase{"TtlHopsAndMultiHop",
                 EXTERNAL(R"("ttl_security_hops": 1, "ebgp_multi_hop": true)"), "ttl_security_hops",
                 "leave 'ebgp_multi_hop' out"},
        PeerCase{"TtlHopsWithoutMultiHop",
                 EXTERNAL(R"("ttl_security_hops": 1, "ebgp_multi_hop": false)"), "", ""},
        PeerCase{"MultiHopOnALink", ON_LINK(R"("ebgp_multi_hop": true)"), "ebgp_multi_hop",
                 "one hop away"},
        PeerCase{"MultiHopInside", INTERNAL(R"("ebgp_multi_hop": true)"), "ebgp_multi_hop",
                 "of our own AS"},
        PeerCase{"MultiHopInsideByLocalAsn", EXTERNAL(R"("local_asn": 1, "ebgp_multi_hop": true)"),
                 "ebgp_multi_hop", "of our own AS"},
        PeerCase{"MultiHopOutsideByLocalAsn", INTERNAL(R"("local_asn": 1, "ebgp_multi_hop": true)"),
                 "", ""},
        PeerCase{"Role", EXTERNAL(R"("role": "route_server_client")"), "", ""},
        PeerCase{"RoleInWords", EXTERNAL(R"("role": "costumer")"), "role",
                 "did you mean 'customer'?"},
        PeerCase{"RoleInside",
                 R"("dynamic_asn": "internal", "peer_address": "10.0.0.1", "role": "peer")", "role",
                 "peers of another AS"},
        PeerCase{"RestartTime", EXTERNAL(R"("restart_time": 4096)"), "restart_time",
                 "not within 1-4095 s"},
        PeerCase{"PrefixesMax", EXTERNAL(R"("prefixes_max": 0)"), "prefixes_max", "not within 1-"}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Families, PeerRules,
    testing::Values(
        PeerCase{"Both", EXTERNAL(R"("families": ["ipv4", "ipv6"],
                                      "dual_stack_address_family": true)"),
                 "", ""},
        PeerCase{"OfTheOtherTransport", EXTERNAL(R"("families": ["ipv6"])"), "", ""},
        PeerCase{"Unknown", EXTERNAL(R"("families": ["ipv5"])"), "families[0]", "is no family"},
        PeerCase{"Twice", EXTERNAL(R"("families": ["ipv4", "ipv4"])"), "families[1]",
                 "named twice"},
        PeerCase{"None", EXTERNAL(R"("families": [])"), "families", "leave it out for both"},
        PeerCase{"NoList", EXTERNAL(R"("families": "ipv4")"), "families", "must be a list"},
        PeerCase{"DualAndSingle",
                 EXTERNAL(R"("disable_mp": true, "dual_stack_address_family": true)"), "disable_mp",
                 "asks for both"},
        PeerCase{"BothAndSingle", EXTERNAL(R"("disable_mp": true, "families": ["ipv4", "ipv6"])"),
                 "disable_mp", "names both"},
        PeerCase{"OneAndDual",
                 EXTERNAL(R"("families": ["ipv4"], "dual_stack_address_family": true)"),
                 "dual_stack_address_family", "contradict each other"},
        PeerCase{"SingleOfTheTransport", EXTERNAL(R"("disable_mp": true, "families": ["ipv4"])"),
                 "", ""},
        PeerCase{"SingleOfTheOther", EXTERNAL(R"("disable_mp": true, "families": ["ipv6"])"),
                 "disable_mp", "a session over ipv4 carries ipv4"}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace trivet
