#include "dataplane/nft_ruleset.hpp"

#include <charconv>

#include <linux/netfilter.h>

#include "dataplane/tc_filters.hpp"

namespace trivet::dataplane::nft {

namespace {

using Field = NftRule::Field;

// Registers of four bytes; an IPv6 address fills `key` to `key` + 3.
constexpr std::uint32_t key = NFT_REG32_00;

// What `nft list` takes keys for (datatypes of nft, enum datatypes); a concatenation has 6 bits
// each.
constexpr std::uint32_t ip_address_type = 7, ip6_address_type = 8, mark_type = 19;
constexpr std::uint32_t two_ip_addresses_type = ip_address_type << 6 | ip_address_type;

constexpr const char* dropped_chain = "dropped";
constexpr std::array<std::uint8_t, 4> no_interface{};
constexpr std::array<std::uint8_t, 4> unspecified_v4{};
constexpr std::array<std::uint8_t, 16> unspecified_v6{};

// IEEE 802.3, 802.1Q
constexpr std::array<std::uint8_t, 2> type_ipv4{0x08, 0x00}, type_arp{0x08, 0x06},
    type_ipv6{0x86, 0xdd}, type_vlan{0x81, 0x00}, vlan_id_mask{0x0f, 0xff}, vlan_none{0, 0};
constexpr Field ethernet_type{NFT_PAYLOAD_LL_HEADER, 12, 2}, vlan_tag{NFT_PAYLOAD_LL_HEADER, 14, 2},
    tagged_type{NFT_PAYLOAD_LL_HEADER, 16, 2};
// RFC 826 for Ethernet and IPv4
constexpr Field arp_lengths{NFT_PAYLOAD_NETWORK_HEADER, 2, 4},  // protocol type, both lengths
    arp_operation{NFT_PAYLOAD_NETWORK_HEADER, 6, 2}, arp_sender{NFT_PAYLOAD_NETWORK_HEADER, 14, 4},
    arp_target{NFT_PAYLOAD_NETWORK_HEADER, 24, 4};
constexpr std::array<std::uint8_t, 4> arp_ipv4_over_ethernet{0x08, 0x00, 6, 4};
constexpr std::array<std::uint8_t, 2> arp_request{0, 1};
// RFC 791 section 3.1, RFC 8200 section 3
constexpr Field ipv4_source{NFT_PAYLOAD_NETWORK_HEADER, 12, 4},
    ipv4_destination{NFT_PAYLOAD_NETWORK_HEADER, 16, 4},
    ipv6_source{NFT_PAYLOAD_NETWORK_HEADER, 8, 16},
    ipv6_destination{NFT_PAYLOAD_NETWORK_HEADER, 24, 16};
// RFC 4861 sections 4.3, 4.4
constexpr Field icmp_type{NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1},
    ndp_target{NFT_PAYLOAD_TRANSPORT_HEADER, 8, 16};
constexpr std::array<std::uint8_t, 1> icmpv6{58}, solicitation{135}, advertisement{136};

std::string kind_chain(trivet_gate_direction direction, const char* kind) {
    return std::string(direction == TRIVET_GATE_INGRESS ? "ingress_" : "egress_") + kind;
}

/// Writes the table of one gate.
class Writer {
public:
    Writer(NftBatch& batch, const char* table) : batch_(batch), table_(table) {}

    void write() {
        batch_.add_table(table_);
        for (const auto right : {Right::announce, Right::accept}) {
            add_set(vips_map(right, IpFamily::ipv4), ip_address_type, 4, Content::verdicts);
            add_set(vips_map(right, IpFamily::ipv6), ip6_address_type, 16, Content::verdicts);
            add_set(live_set(right), mark_type, sizeof(GateGroup), Content::timeouts);
        }
        add_set(claims_set, two_ip_addresses_type, 8, Content::plain);
        batch_.add_chain(table_, dropped_chain);
        for (const auto direction : {TRIVET_GATE_INGRESS, TRIVET_GATE_EGRESS}) {
            for (const auto kind :
                 {TRIVET_GATE_ARP, TRIVET_GATE_NDP, TRIVET_GATE_IPV4, TRIVET_GATE_IPV6})
                batch_.add_counter(table_, counter_name(direction, kind).c_str());
            for (const char* kind : {"arp", "ipv4", "ipv6", "tagged", "frames", "dropped"})
                batch_.add_chain(table_, kind_chain(direction, kind).c_str());
            frames(direction);
            dropped(direction);
        }
        ingress();
        egress();
    }

private:
    enum class Content : std::uint8_t { plain, timeouts, verdicts };
    void add_set(const char* name, std::uint32_t key_type, std::uint32_t key_bytes,
                 Content content) {
        batch_.add_set(table_, {.name = name,
                                .key_type = key_type,
                                .key_bytes = key_bytes,
                                .map_to_verdict = content == Content::verdicts,
                                .timeouts = content == Content::timeouts});
    }

    template <class Rule>
    void add(trivet_gate_direction direction, const char* chain, const Rule& rule) {
        batch_.add_rule(table_, kind_chain(direction, chain).c_str(), [&](NetlinkBatch& netlink) {
            NftRule expressions(netlink);
            rule(expressions);
        });
    }

    /// Sends a frame to the chain of its type. A tag with a VLAN id belongs to that VLAN's device.
    void frames(trivet_gate_direction direction) {
        const auto dispatch = [&](const char* chain, const Field& type, const auto& value,
                                  const char* kind) {
            add(direction, chain, [&](NftRule& rule) {
                rule.load(type, key);
                rule.must_equal(key, value);
                rule.jump(kind_chain(direction, kind).c_str());
            });
        };
        dispatch("frames", ethernet_type, type_ipv4, "ipv4");
        dispatch("frames", ethernet_type, type_ipv6, "ipv6");
        dispatch("frames", ethernet_type, type_arp, "arp");
        add(direction, "frames", [&](NftRule& rule) {
            rule.load(ethernet_type, key);
            rule.must_equal(key, type_vlan);
            rule.load(vlan_tag, key);
            rule.mask(key, vlan_id_mask);
            rule.must_equal(key, vlan_none);
            rule.jump(kind_chain(direction, "tagged").c_str());
        });
        dispatch("tagged", tagged_type, type_ipv4, "ipv4");
        dispatch("tagged", tagged_type, type_ipv6, "ipv6");
        dispatch("tagged", tagged_type, type_arp, "arp");
    }

    /// Ends in the chain `dropped` when the address at `field` is a VIP without that right.
    static void must_have(NftRule& rule, Right right, const Field& field) {
        rule.load(field, key);
        rule.must_follow(vips_map(right, field.bytes == 16 ? IpFamily::ipv6 : IpFamily::ipv4), key);
    }

    static void must_be_ipv4_arp(NftRule& rule) {
        rule.load(arp_lengths, key);
        rule.must_equal(key, arp_ipv4_over_ethernet);
    }

    static void must_be_ndp(NftRule& rule, const std::array<std::uint8_t, 1>& type) {
        rule.load_meta(NFT_META_L4PROTO, key);
        rule.must_equal(key, icmpv6);
        rule.load(icmp_type, key);
        rule.must_equal(key, type);
    }

    void ingress() {
        constexpr auto in = TRIVET_GATE_INGRESS;
        add(in, "ipv4", [](NftRule& rule) { must_have(rule, Right::accept, ipv4_destination); });
        // Who claims a VIP (sender = target = VIP) is heard: the host's neighbour table needs it.
        add(in, "arp", [](NftRule& rule) {
            rule.load(arp_sender, key);
            rule.load(arp_target, key + 1);
            rule.must_be_in(claims_set, key);
            rule.give_back();
        });
        add(in, "arp", [](NftRule& rule) {
            must_be_ipv4_arp(rule);
            rule.load(arp_operation, key);
            rule.must_equal(key, arp_request);
            must_have(rule, Right::announce, arp_target);
        });
        add(in, "ipv6", [](NftRule& rule) {
            must_be_ndp(rule, solicitation);
            must_have(rule, Right::announce, ndp_target);
        });
        add(in, "ipv6", [](NftRule& rule) { must_have(rule, Right::accept, ipv6_destination); });
    }

    void egress() {
        constexpr auto out = TRIVET_GATE_EGRESS;
        add(out, "ipv4", [](NftRule& rule) { must_have(rule, Right::accept, ipv4_source); });
        add(out, "arp", [](NftRule& rule) {
            must_be_ipv4_arp(rule);
            must_have(rule, Right::announce, arp_sender);
        });
        // A probe (RFC 5227 section 2.1.1) says that the address is about to be taken.
        add(out, "arp", [](NftRule& rule) {
            must_be_ipv4_arp(rule);
            rule.load(arp_sender, key);
            rule.must_equal(key, unspecified_v4);
            must_have(rule, Right::announce, arp_target);
        });
        // The source of a neighbour message enters the tables of who receives it.
        for (const auto& type : {solicitation, advertisement}) {
            add(out, "ipv6", [&](NftRule& rule) {
                must_be_ndp(rule, type);
                must_have(rule, Right::announce, ipv6_source);
            });
        }
        add(out, "ipv6", [](NftRule& rule) {
            must_be_ndp(rule, advertisement);
            must_have(rule, Right::announce, ndp_target);
        });
        // A solicitation from :: is a probe (RFC 4862 section 5.4.2).
        add(out, "ipv6", [](NftRule& rule) {
            must_be_ndp(rule, solicitation);
            rule.load(ipv6_source, key);
            rule.must_equal(key, unspecified_v6);
            must_have(rule, Right::announce, ndp_target);
        });
        // Neighbour messages from a VIP that may be announced may be accepted too.
        add(out, "ipv6", [](NftRule& rule) { must_have(rule, Right::accept, ipv6_source); });
    }

    /// Counts what is dropped, and drops it. The group's chains serve both directions; a frame that
    /// goes out came in by no interface.
    void dropped(trivet_gate_direction direction) {
        const std::string chain = kind_chain(direction, "dropped");
        batch_.add_rule(table_, dropped_chain, [&](NetlinkBatch& netlink) {
            NftRule rule(netlink);
            rule.load_meta(NFT_META_IIF, key);
            if (direction == TRIVET_GATE_INGRESS)
                rule.must_differ(key, no_interface);
            else
                rule.must_equal(key, no_interface);
            rule.go_to(chain.c_str());
        });
        const auto count_and_drop = [&](trivet_gate_kind kind, const auto& condition) {
            add(direction, "dropped", [&](NftRule& rule) {
                condition(rule);
                rule.count(counter_name(direction, kind).c_str());
                rule.drop();
            });
        };
        const auto is_of_type = [](const auto& type) {
            return [&type](NftRule& rule) {
                rule.load_meta(NFT_META_PROTOCOL, key);
                rule.must_equal(key, type);
            };
        };
        count_and_drop(TRIVET_GATE_ARP, is_of_type(type_arp));
        count_and_drop(TRIVET_GATE_IPV4, is_of_type(type_ipv4));
        for (const auto* type : {&solicitation, &advertisement})
            count_and_drop(TRIVET_GATE_NDP, [&](NftRule& rule) { must_be_ndp(rule, *type); });
        count_and_drop(TRIVET_GATE_IPV6, [](NftRule&) {});
    }

    NftBatch& batch_;
    const char* table_;
};

// Drops are final in nftables, so that the place among others' chains does not matter.
constexpr std::int32_t chain_priority = -400;

}  // namespace

std::string table_name(std::uint32_t slot) {
    return std::string(table_prefix) + std::to_string(slot);
}

std::optional<std::uint32_t> table_slot(std::string_view name) {
    if (!name.starts_with(table_prefix)) return std::nullopt;
    name.remove_prefix(table_prefix.size());
    std::uint32_t slot = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), slot);
    if (error != std::errc() || end != name.data() + name.size() || slot >= filter_slots_max)
        return std::nullopt;
    return slot;
}

std::string counter_name(trivet_gate_direction direction, trivet_gate_kind kind) {
    constexpr std::array<const char*, TRIVET_GATE_KINDS> names{"arp", "ndp", "ipv4", "ipv6",
                                                               "stacked_tags"};
    return "dropped_" + kind_chain(direction, names[kind]);
}

std::string base_chain_name(trivet_gate_direction direction, std::uint32_t ifindex) {
    return kind_chain(direction, "of_interface_") + std::to_string(ifindex);
}

const char* vips_map(Right right, IpFamily family) {
    if (right == Right::announce) return family == IpFamily::ipv4 ? "announce4" : "announce6";
    return family == IpFamily::ipv4 ? "accept4" : "accept6";
}

const char* live_set(Right right) {
    return right == Right::announce ? "announce_live" : "accept_live";
}

std::string group_chain_name(Right right, GateGroup group) {
    return (right == Right::announce ? "announce_" : "accept_") + std::to_string(group);
}

std::array<std::uint8_t, 4> group_key(GateGroup group) {
    return {static_cast<std::uint8_t>(group >> 24), static_cast<std::uint8_t>(group >> 16),
            static_cast<std::uint8_t>(group >> 8), static_cast<std::uint8_t>(group)};
}

void add_group(NftBatch& batch, const char* table, GateGroup group) {
    for (const auto right : {Right::announce, Right::accept}) {
        const std::string chain = group_chain_name(right, group);
        batch.add_chain(table, chain.c_str());
        batch.add_rule(table, chain.c_str(), [&](NetlinkBatch& netlink) {
            NftRule rule(netlink);
            rule.set(group_key(group), key);
            rule.must_not_be_in(live_set(right), key);
            rule.go_to(dropped_chain);
        });
    }
}

void add_ruleset(NftBatch& batch, const char* table) { Writer(batch, table).write(); }

void add_uplink(NftBatch& batch, const char* table, const Uplink& uplink) {
    for (const auto direction : {TRIVET_GATE_INGRESS, TRIVET_GATE_EGRESS}) {
        const std::string name = base_chain_name(direction, uplink.ifindex);
        batch.add_base_chain(
            table, {.name = name.c_str(),
                    .hook = direction == TRIVET_GATE_INGRESS ? NF_NETDEV_INGRESS : NF_NETDEV_EGRESS,
                    .priority = chain_priority,
                    .device = uplink.device});
        batch.add_rule(table, name.c_str(), [&](NetlinkBatch& netlink) {
            NftRule(netlink).jump(kind_chain(direction, "frames").c_str());
        });
    }
}

void delete_uplink(NftBatch& batch, const char* table, std::uint32_t ifindex) {
    for (const auto direction : {TRIVET_GATE_INGRESS, TRIVET_GATE_EGRESS})
        batch.delete_chain(table, base_chain_name(direction, ifindex).c_str());
}

std::optional<std::chrono::milliseconds> timeout_until(Instant until, Instant now, Duration tick) {
    const Duration left = until - now - 2 * tick;
    // The caller's clock may be far from `until` only by mistake; no deadline is days away.
    if (until <= now || left < tick_longest) return std::nullopt;
    return std::chrono::floor<std::chrono::milliseconds>(left);
}

}  // namespace trivet::dataplane::nft
