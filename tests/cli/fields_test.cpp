#include "cli/fields.hpp"

#include <ostream>
#include <set>

#include <gmock/gmock.h>

#include "cli/nouns.hpp"
#include "core/config_fields.hpp"

namespace trivet::cli {
namespace {

using nlohmann::json;

std::set<std::string> flags_by_json(Kind kind) {
    std::set<std::string> names;
    for (const auto& field : fields_of(kind)) names.emplace(field.json);
    return names;
}

/// The fields that the codec reads and writes, without those that are no flags.
std::set<std::string> spec_fields(Kind kind, const json& smallest) {
    std::set<std::string> names{"labels"};
    const auto object = object_from_json(kind, smallest);
    EXPECT_TRUE(object) << object.error().message;
    if (object) {
        const auto written = to_json(*object);
        for (const auto& [key, value] : written.items()) names.insert(key);
    }
    for (const auto name : config_field_names(kind)) names.emplace(name);
    names.erase("name");       // a word of its own
    names.erase("namespace");  // the flag -n
    return names;
}

struct Case {
    Kind kind;
    json smallest;
};
void PrintTo(const Case& c, std::ostream* out) { *out << noun_of(c.kind).word; }

class FieldTable : public testing::TestWithParam<Case> {};

TEST_P(FieldTable, HasAFlagForEveryFieldAndNoOther) {
    EXPECT_EQ(flags_by_json(GetParam().kind), spec_fields(GetParam().kind, GetParam().smallest));
}

INSTANTIATE_TEST_SUITE_P(
    All, FieldTable,
    testing::Values(
        Case{Kind::pool, {{"name", "a"}, {"addresses", {"10.0.0.1"}}}},
        Case{Kind::vip, {{"name", "a"}}}, Case{Kind::l2_advertisement, {{"name", "a"}}},
        Case{Kind::name_space, {{"name", "a"}}}, Case{Kind::bgp_advertisement, {{"name", "a"}}},
        Case{Kind::bgp_peer,
             {{"name", "a"}, {"my_asn", 1}, {"peer_asn", 2}, {"peer_address", "10.0.0.1"}}},
        Case{Kind::bfd_profile, {{"name", "a"}}}, Case{Kind::community, {{"name", "a"}}}));

/// A value that each field takes, so that every flag is really understood by the codec.
const std::map<std::string, std::string> samples{{"addresses", "10.0.0.1"},
                                                 {"auto_assign", "false"},
                                                 {"avoid_buggy_ips", "true"},
                                                 {"priority", "5"},
                                                 {"namespaces", "a,b"},
                                                 {"namespace_selectors", "a=b"},
                                                 {"vip_selectors", "a in (b,c)"},
                                                 {"reuse_cooldown", "5m"},
                                                 {"on_quorum_loss", "hold"},
                                                 {"labels", "app=web,tier=front"},
                                                 {"pool", "lan"},
                                                 {"ip_families", "ipv4,ipv6"},
                                                 {"ip_family_policy", "require_dual"},
                                                 {"sharing_key", "k"},
                                                 {"ports", "80/tcp,53/udp"},
                                                 {"backends", "80=10.0.0.9:8080,53/udp=::9"},
                                                 {"traffic_policy", "local"},
                                                 {"eligible_nodes", "n1,n2"},
                                                 {"preferred_nodes", "n2,n1"},
                                                 {"delivery", "bind"},
                                                 {"pools", "lan,wan"},
                                                 {"pool_selectors", "a=b"},
                                                 {"node_selectors", "rack!=a"},
                                                 {"interfaces", "eth0,eth1"},
                                                 {"aggregation_length", "24"},
                                                 {"aggregation_length_v6", "64"},
                                                 {"local_pref", "100"},
                                                 {"med", "5"},
                                                 {"prepend", "2"},
                                                 {"extended_communities", "rt:1:2,soo:1:2"},
                                                 {"graceful_shutdown", "true"},
                                                 {"peers", "tor1"},
                                                 {"my_asn", "65009"},
                                                 {"peer_asn", "65000"},
                                                 {"local_asn", "65001"},
                                                 {"peer_address", "10.0.0.2"},
                                                 {"source_address", "10.0.0.3"},
                                                 {"peer_port", "1179"},
                                                 {"passive", "true"},
                                                 {"hold_time", "90s"},
                                                 {"keepalive_time", "30"},
                                                 {"connect_time", "10"},
                                                 {"router_id", "10.0.0.4"},
                                                 {"password", "secret"},
                                                 {"bfd_profile", "fast"},
                                                 {"bfd_strict", "true"},
                                                 {"enable_graceful_restart", "true"},
                                                 {"restart_time", "2m"},
                                                 {"role", "route_server"},
                                                 {"families", "ipv4,ipv6"},
                                                 {"prefixes_max", "1000"},
                                                 {"ebgp_multi_hop", "true"},
                                                 {"vrf", "red"},
                                                 {"disable_mp", "false"},
                                                 {"dual_stack_address_family", "true"},
                                                 {"receive_interval", "300"},
                                                 {"transmit_interval", "300"},
                                                 {"detect_multiplier", "3"},
                                                 {"echo_interval", "50"},
                                                 {"echo_mode", "true"},
                                                 {"passive_mode", "true"},
                                                 {"minimum_ttl", "254"}};

TEST_P(FieldTable, FlagsMakeWhatTheCodecReads) {
    const auto kind = GetParam().kind;
    GivenFields given;
    for (const auto& field : fields_of(kind)) {
        const std::string name(field.json);
        if (name == "communities") {
            given[name] = {kind == Kind::community ? "nope=65535:65281" : "65000:1,nope"};
        } else if (const auto sample = samples.find(name); sample != samples.end()) {
            given[name] = {sample->second};
        } else {
            // Those that exclude another: each has its own test below.
            EXPECT_THAT(name, testing::AnyOf("dynamic_asn", "interface", "peer_prefix",
                                             "ttl_security_hops", "password_secret"));
        }
    }
    auto fields = fields_to_json(kind, given);
    ASSERT_TRUE(fields) << fields.error().message;
    (*fields)["name"] = "a";
    const auto object = object_from_json(kind, *fields);
    ASSERT_TRUE(object) << object.error().field << ": " << object.error().message;
    const auto written = to_json(*object);
    for (const auto& [name, values] : given) EXPECT_TRUE(written.contains(name)) << name;
}

TEST(Fields, FieldsThatExcludeAnother) {
    auto fields = fields_to_json(Kind::bgp_peer, {{"my_asn", {"1"}},
                                                  {"dynamic_asn", {"external"}},
                                                  {"interface", {"eth0"}},
                                                  {"password_secret", {"ns/name"}}});
    ASSERT_TRUE(fields);
    (*fields)["name"] = "a";
    EXPECT_EQ((*fields)["password_secret"], (json{{"namespace", "ns"}, {"name", "name"}}));
    EXPECT_TRUE(object_from_json(Kind::bgp_peer, *fields));
    fields = fields_to_json(Kind::bgp_peer, {{"my_asn", {"1"}},
                                             {"peer_asn", {"2"}},
                                             {"peer_prefix", {"10.0.0.0/16"}},
                                             {"ttl_security_hops", {"1"}}});
    ASSERT_TRUE(fields);
    (*fields)["name"] = "a";
    EXPECT_TRUE(object_from_json(Kind::bgp_peer, *fields));
}

TEST(Fields, ListsAreJoinedOverRepeatedFlags) {
    const auto fields = fields_to_json(
        Kind::vip, {{"ports", {"80/tcp", "53/udp,443"}}, {"eligible_nodes", {"n1", "n2,n3"}}});
    ASSERT_TRUE(fields);
    EXPECT_EQ((*fields)["ports"], json::parse(R"([{"port": 80, "protocol": "tcp"},
        {"port": 53, "protocol": "udp"}, {"port": 443, "protocol": "tcp"}])"));
    EXPECT_EQ((*fields)["eligible_nodes"], (json{"n1", "n2", "n3"}));
}

TEST(Fields, NamesAreKebabCaseOfTheJson) {
    EXPECT_EQ(fields_of(Kind::vip)[2].flag_name(), "--ip-families");
    EXPECT_EQ(flag_of_path(Kind::vip, "ports[0].port"), "--port");
    EXPECT_EQ(flag_of_path(Kind::pool, "vip_selectors[1].match_labels.a"), "--vip-selectors");
    EXPECT_EQ(flag_of_path(Kind::pool, "nonsense"), "");
}

}  // namespace
}  // namespace trivet::cli
