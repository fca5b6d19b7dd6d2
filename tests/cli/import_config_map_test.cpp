#include "tests/cli/metallb_texts.hpp"

namespace trivet::cli {
namespace {

using nlohmann::json;

INSTANTIATE_TEST_SUITE_P(
    ConfigMap, FieldOfMetallb,
    testing::Values(
        Imported{"Addresses", pool_config(""), Kind::pool, "addresses", {"10.0.0.0/24"}},
        Imported{"Layer2BecomesAnAdvertisement",
                 pool_config(""),
                 Kind::l2_advertisement,
                 "pools",
                 {"x"}},
        Imported{
            "L2IsLayer2",
            config_map("address-pools:\n- name: x\n  protocol: l2\n  addresses: [10.0.0.1/32]"),
            Kind::l2_advertisement, "name", "x"},
        Imported{
            "BgpBecomesAnAdvertisement",
            config_map("address-pools:\n- name: x\n  protocol: bgp\n  addresses: [10.0.0.1/32]"),
            Kind::bgp_advertisement,
            "pools",
            {"x"}},
        Imported{"AutoAssign", pool_config("auto-assign: false"), Kind::pool, "auto_assign", false},
        Imported{"AutoAssignOfYaml11", pool_config("auto-assign: off"), Kind::pool, "auto_assign",
                 false},
        Imported{"AvoidBuggyIps", pool_config("avoid-buggy-ips: yes"), Kind::pool,
                 "avoid_buggy_ips", true},
        Imported{"PeerAddress", peer_config(""), Kind::bgp_peer, "peer_address", "10.0.0.1"},
        Imported{"PeerAsn", peer_config(""), Kind::bgp_peer, "peer_asn", 1},
        Imported{"MyAsn", peer_config(""), Kind::bgp_peer, "my_asn", 2},
        Imported{"PeerName", peer_config(""), Kind::bgp_peer, "name", "peer-10.0.0.1"},
        Imported{"PeerNameOfIpv6",
                 config_map("peers:\n- {peer-address: 'fd00::', peer-asn: 1, my-asn: 2}"),
                 Kind::bgp_peer, "name", "peer-fd00--0"},
        Imported{"SourceAddress", peer_config("source-address: 10.0.0.9"), Kind::bgp_peer,
                 "source_address", "10.0.0.9"},
        Imported{"PeerPort", peer_config("peer-port: 1179"), Kind::bgp_peer, "peer_port", 1179},
        Imported{"HoldTime", peer_config("hold-time: 120s"), Kind::bgp_peer, "hold_time", "120s"},
        Imported{"KeepaliveTime", peer_config("keepalive-time: 10s"), Kind::bgp_peer,
                 "keepalive_time", "10s"},
        Imported{"RouterId", peer_config("router-id: 10.0.0.7"), Kind::bgp_peer, "router_id",
                 "10.0.0.7"},
        Imported{"Password", peer_config("password: 12345"), Kind::bgp_peer, "password", "12345"},
        Imported{"BfdProfile", peer_config("bfd-profile: fast"), Kind::bgp_peer, "bfd_profile",
                 "fast"},
        Imported{"EbgpMultihop", peer_config("ebgp-multihop: true"), Kind::bgp_peer,
                 "ebgp_multi_hop", true},
        Imported{"NodeSelectors",
                 peer_config("node-selectors:\n- match-labels: {rack: a}\n- match-expressions:\n"
                             "  - {key: h, operator: In, values: [n1, n2]}"),
                 Kind::bgp_peer,
                 "node_selectors",
                 {{{"match_labels", {{"rack", "a"}}}, {"match_expressions", json::array()}},
                  {{"match_labels", json::object()},
                   {"match_expressions", in_expression("h", "in", {"n1", "n2"})}}}},
        Imported{"Communities",
                 config_map("bgp-communities:\n  nope: 65535:65282\n"),
                 Kind::community,
                 "communities",
                 {{{"name", "nope"}, {"value", "65535:65282"}}}},
        Imported{
            "AdvertisementFields",
            config_map(
                "address-pools:\n- name: x\n  protocol: bgp\n  addresses: [10.0.0.0/24]\n"
                "  bgp-advertisements:\n  - aggregation-length: 24\n    aggregation-length-v6: 64\n"
                "    localpref: 100\n    communities: [65000:1, nope]\n    peers: [r]"),
            Kind::bgp_advertisement,
            "communities",
            {"65000:1", "nope"}},
        Imported{"ReceiveInterval", config_map("bfd-profiles:\n- {name: f, receive-interval: 50}"),
                 Kind::bfd_profile, "receive_interval", 50},
        Imported{"TransmitInterval",
                 config_map("bfd-profiles:\n- {name: f, transmit-interval: 50}"), Kind::bfd_profile,
                 "transmit_interval", 50},
        Imported{"DetectMultiplier", config_map("bfd-profiles:\n- {name: f, detect-multiplier: 3}"),
                 Kind::bfd_profile, "detect_multiplier", 3},
        Imported{"EchoInterval", config_map("bfd-profiles:\n- {name: f, echo-interval: 50}"),
                 Kind::bfd_profile, "echo_interval", 50},
        Imported{"EchoMode", config_map("bfd-profiles:\n- {name: f, echo-mode: true}"),
                 Kind::bfd_profile, "echo_mode", true},
        Imported{"PassiveMode", config_map("bfd-profiles:\n- {name: f, passive-mode: true}"),
                 Kind::bfd_profile, "passive_mode", true},
        Imported{"MinimumTtl", config_map("bfd-profiles:\n- {name: f, minimum-ttl: 254}"),
                 Kind::bfd_profile, "minimum_ttl", 254}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace trivet::cli
