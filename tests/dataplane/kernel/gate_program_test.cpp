// The gate's BPF program in the kernel, with packets that no interface carries (BPF_PROG_TEST_RUN).
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dataplane/gate.skel.h>
#include <memory>
#include <time.h>

#include <linux/pkt_cls.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "dataplane/gate.hpp"

namespace trivet::dataplane {
namespace {

using Bytes = std::vector<std::uint8_t>;

// Groups of the three VIPs of a row: neither right, accepting alone, both.
enum Group : std::uint32_t { closed_both = 1, accepting = 2, open_both = 3 };

constexpr const char* vip4 = "192.0.2.1";
constexpr const char* vip6 = "2001:db8::1";
constexpr const char* other4 = "192.0.2.99";
constexpr const char* other6 = "2001:db8::99";

Bytes operator+(Bytes left, const Bytes& right) {
    left.insert(left.end(), right.begin(), right.end());
    return left;
}

Bytes address(const char* text) {
    const auto parsed = IpAddress::parse(text).value();
    const auto key = map_key(parsed);
    const auto* end = std::end(key.bytes);
    return {end - (parsed.is_v4() ? 4 : 16), end};
}

Bytes ethernet(std::uint16_t type, const Bytes& tags = {}) {
    return Bytes{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1} + tags +
           Bytes{static_cast<std::uint8_t>(type >> 8), static_cast<std::uint8_t>(type)};
}

struct Arp {
    std::uint8_t operation;
    const char* sender;
    const char* target;
};

Bytes arp(const Arp& arp, const Bytes& tags = {}) {
    return ethernet(0x0806, tags) + Bytes{0, 1, 8, 0, 6, 4, 0, arp.operation} + Bytes(6, 2) +
           address(arp.sender) + Bytes(6, 0) + address(arp.target) + Bytes(18, 0);
}

struct Ends {
    const char* source;
    const char* destination;
};

Bytes ipv4(const Ends& ends, const Bytes& tags = {}) {
    return ethernet(0x0800, tags) + Bytes{0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0} +
           address(ends.source) + address(ends.destination) + Bytes(8, 0);
}

Bytes ipv6_with(const Ends& ends, std::uint8_t next_header, const Bytes& payload) {
    return ethernet(0x86dd) +
           Bytes{0x60, 0, 0, 0, 0, static_cast<std::uint8_t>(payload.size()), next_header, 255} +
           address(ends.source) + address(ends.destination) + payload;
}

Bytes ipv6(const Ends& ends) { return ipv6_with(ends, 17, Bytes(8, 0)); }

Bytes neighbour(std::uint8_t type, const char* target) {
    return Bytes{type, 0, 0, 0, 0, 0, 0, 0} + address(target);
}
Bytes solicitation(const char* target) { return neighbour(135, target); }
Bytes advertisement(const char* target) { return neighbour(136, target); }
Bytes ndp(const Ends& ends, const Bytes& message) { return ipv6_with(ends, 58, message); }

/// A message behind extension headers of those kinds, of 16 bytes each (of AH: 24).
Bytes behind(const Ends& ends, const Bytes& kinds, const Bytes& message) {
    Bytes headers;
    for (std::size_t i = 0; i < kinds.size(); ++i) {
        const std::uint8_t next = i + 1 < kinds.size() ? kinds[i + 1] : 58;
        const bool authentication = kinds[i] == 51;
        headers = headers + Bytes{next, static_cast<std::uint8_t>(authentication ? 4 : 1)} +
                  Bytes(authentication ? 22 : 14, 0);
    }
    return ipv6_with(ends, kinds[0], headers + message);
}

// What a right is needed for; the row is run with all three groups.
enum class Needs : std::uint8_t { nothing, accept, announce, never };

struct Row {
    const char* name;
    trivet_gate_direction direction;
    Bytes packet;
    Needs needs;
    trivet_gate_kind kind = TRIVET_GATE_KINDS;  // what counts it when it is dropped
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

class GateProgramRules : public testing::TestWithParam<Row> {
protected:
    void SetUp() override {
        if (geteuid() != 0) GTEST_SKIP() << "needs root to load a BPF program";
        program_.reset(GateProgram__open_and_load());
        ASSERT_NE(program_, nullptr) << "the kernel refuses the program";
    }

    void set_deadlines(Group group, bool announce, bool accept) {
        timespec now{};
        clock_gettime(CLOCK_BOOTTIME, &now);
        const auto later = (static_cast<std::uint64_t>(now.tv_sec) + 3600) * 1'000'000'000;
        const trivet_gate_deadlines deadlines{.announce_until = announce ? later : 1,
                                              .accept_until = accept ? later : 1};
        ASSERT_EQ(
            bpf_map_update_elem(bpf_map__fd(program_->maps.deadlines), &group, &deadlines, BPF_ANY),
            0);
    }

    void put_vips(Group group) {
        for (const char* vip : {vip4, vip6}) {
            const auto key = map_key(IpAddress::parse(vip).value());
            ASSERT_EQ(bpf_map_update_elem(bpf_map__fd(program_->maps.vips), &key, &group, BPF_ANY),
                      0);
        }
    }

    int run(trivet_gate_direction direction, const Bytes& packet) {
        LIBBPF_OPTS(bpf_test_run_opts, options);
        options.data_in = packet.data();
        options.data_size_in = static_cast<__u32>(packet.size());
        options.repeat = 1;
        const int error = bpf_prog_test_run_opts(
            bpf_program__fd(direction == TRIVET_GATE_INGRESS ? program_->progs.trivet_ingress
                                                             : program_->progs.trivet_egress),
            &options);
        EXPECT_EQ(error, 0) << "packet of " << packet.size() << " bytes";
        return static_cast<int>(options.retval);
    }

    std::uint64_t dropped(trivet_gate_direction direction, trivet_gate_kind kind) {
        const __u32 index = trivet_gate_drops_index(direction, kind);
        std::vector<std::uint64_t> values(static_cast<std::size_t>(libbpf_num_possible_cpus()));
        EXPECT_EQ(bpf_map_lookup_elem(bpf_map__fd(program_->maps.drops), &index, values.data()), 0);
        std::uint64_t total = 0;
        for (const auto value : values) total += value;
        return total;
    }

    struct Destroy {
        void operator()(GateProgram* program) const { GateProgram__destroy(program); }
    };
    std::unique_ptr<GateProgram, Destroy> program_;
};

TEST_P(GateProgramRules, PassesWithTheRightAndDropsWithoutIt) {
    const Row& row = GetParam();
    set_deadlines(closed_both, false, false);
    set_deadlines(accepting, false, true);
    set_deadlines(open_both, true, true);
    std::uint64_t drops = 0;
    for (const Group group : {closed_both, accepting, open_both}) {
        const bool passes = row.needs == Needs::nothing ||
                            (row.needs == Needs::accept && group != closed_both) ||
                            (row.needs == Needs::announce && group == open_both);
        put_vips(group);
        const int gone = row.direction == TRIVET_GATE_INGRESS ? TC_ACT_SHOT : TC_ACT_STOLEN;
        EXPECT_EQ(run(row.direction, row.packet), passes ? TC_ACT_UNSPEC : gone)
            << "group " << group;
        drops += passes ? 0 : 1;
    }
    if (drops > 0) {
        EXPECT_EQ(dropped(row.direction, row.kind), drops);
    }
}

constexpr auto in = TRIVET_GATE_INGRESS, out = TRIVET_GATE_EGRESS;
constexpr auto arp_kind = TRIVET_GATE_ARP, ndp_kind = TRIVET_GATE_NDP, ipv4_kind = TRIVET_GATE_IPV4,
               ipv6_kind = TRIVET_GATE_IPV6;

Bytes tag(std::uint16_t id, std::uint16_t type = 0x8100) {
    return {static_cast<std::uint8_t>(type >> 8), static_cast<std::uint8_t>(type),
            static_cast<std::uint8_t>(0xe0 | id >> 8), static_cast<std::uint8_t>(id)};
}

INSTANTIATE_TEST_SUITE_P(
    Arp, GateProgramRules,
    testing::Values(
        Row{"request_in", in, arp({1, other4, vip4}), Needs::announce, arp_kind},
        Row{"probe_in", in, arp({1, "0.0.0.0", vip4}), Needs::announce, arp_kind},
        Row{"claim_in", in, arp({1, vip4, vip4}), Needs::nothing},
        Row{"reply_that_claims_in", in, arp({2, vip4, other4}), Needs::nothing},
        Row{"reply_in", in, arp({2, other4, vip4}), Needs::nothing},
        Row{"request_for_others_in", in, arp({1, vip4, other4}), Needs::nothing},
        Row{"reply_out", out, arp({2, vip4, other4}), Needs::announce, arp_kind},
        Row{"announcement_out", out, arp({1, vip4, vip4}), Needs::announce, arp_kind},
        Row{"request_from_vip_out", out, arp({1, vip4, other4}), Needs::announce, arp_kind},
        Row{"probe_out", out, arp({1, "0.0.0.0", vip4}), Needs::announce, arp_kind},
        Row{"request_out", out, arp({1, other4, vip4}), Needs::nothing},
        Row{"other_out", out, arp({2, other4, other4}), Needs::nothing},
        Row{"priority_tag_in", in, arp({1, other4, vip4}, tag(0)), Needs::announce, arp_kind},
        Row{"priority_tags_out", out, arp({2, vip4, other4}, tag(0, 0x88a8) + tag(0)),
            Needs::announce, arp_kind},
        Row{"vlan_tag_out", out, arp({2, vip4, other4}, tag(5)), Needs::nothing},
        Row{"vlan_in_priority_tag_out", out, arp({2, vip4, other4}, tag(0) + tag(5)),
            Needs::nothing},
        Row{"four_priority_tags_in", in, arp({1, other4, vip4}, tag(0) + tag(0) + tag(0) + tag(0)),
            Needs::never, TRIVET_GATE_STACKED_TAGS}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Ip, GateProgramRules,
    testing::Values(Row{"ipv4_in", in, ipv4({other4, vip4}), Needs::accept, ipv4_kind},
                    Row{"ipv4_from_vip_in", in, ipv4({vip4, other4}), Needs::nothing},
                    Row{"ipv4_out", out, ipv4({vip4, other4}), Needs::accept, ipv4_kind},
                    Row{"ipv4_to_vip_out", out, ipv4({other4, vip4}), Needs::nothing},
                    Row{"ipv4_tagged_in", in, ipv4({other4, vip4}, tag(0)), Needs::accept,
                        ipv4_kind},
                    Row{"ipv4_vlan_in", in, ipv4({other4, vip4}, tag(7)), Needs::nothing},
                    Row{"ipv6_in", in, ipv6({other6, vip6}), Needs::accept, ipv6_kind},
                    Row{"ipv6_from_vip_in", in, ipv6({vip6, other6}), Needs::nothing},
                    Row{"ipv6_out", out, ipv6({vip6, other6}), Needs::accept, ipv6_kind},
                    Row{"ipv6_to_vip_out", out, ipv6({other6, vip6}), Needs::nothing}),
    [](const auto& row) { return row.param.name; });

constexpr const char* group6 = "ff02::1:ff00:1";  // the VIP's solicited-node address

INSTANTIATE_TEST_SUITE_P(
    Ndp, GateProgramRules,
    testing::Values(
        Row{"solicitation_in", in, ndp({other6, group6}, solicitation(vip6)), Needs::announce,
            ndp_kind},
        Row{"unicast_solicitation_in", in, ndp({other6, vip6}, solicitation(vip6)), Needs::announce,
            ndp_kind},
        Row{"probe_in", in, ndp({"::", group6}, solicitation(vip6)), Needs::announce, ndp_kind},
        Row{"claim_in", in, ndp({vip6, "ff02::1"}, advertisement(vip6)), Needs::nothing},
        Row{"claim_to_vip_in", in, ndp({other6, vip6}, advertisement(vip6)), Needs::nothing},
        Row{"advertisement_to_vip_in", in, ndp({other6, vip6}, advertisement(other6)),
            Needs::accept, ipv6_kind},
        Row{"solicitation_of_others_in", in, ndp({other6, group6}, solicitation(other6)),
            Needs::nothing},
        Row{"advertisement_out", out, ndp({other6, "ff02::1"}, advertisement(vip6)),
            Needs::announce, ndp_kind},
        Row{"probe_out", out, ndp({"::", group6}, solicitation(vip6)), Needs::announce, ndp_kind},
        Row{"solicitation_out", out, ndp({other6, group6}, solicitation(vip6)), Needs::nothing},
        Row{"solicitation_from_vip_out", out, ndp({vip6, group6}, solicitation(other6)),
            Needs::announce, ndp_kind},
        Row{"advertisement_from_vip_out", out, ndp({vip6, other6}, advertisement(other6)),
            Needs::announce, ndp_kind},
        Row{"echo_from_vip_out", out, ndp({vip6, other6}, neighbour(128, vip6)), Needs::accept,
            ipv6_kind},
        Row{"behind_headers_out", out,
            behind({other6, "ff02::1"}, {0, 60, 43, 51}, advertisement(vip6)), Needs::announce,
            ndp_kind},
        Row{"behind_six_headers_in", in,
            behind({other6, group6}, {0, 60, 60, 60, 60, 60}, solicitation(vip6)), Needs::announce,
            ndp_kind}),
    [](const auto& row) { return row.param.name; });

class GateProgramAlone : public GateProgramRules {};

TEST_F(GateProgramAlone, WithoutVipsEverythingPasses) {
    EXPECT_EQ(run(in, arp({1, other4, vip4})), TC_ACT_UNSPEC);
    EXPECT_EQ(run(out, ipv4({vip4, other4})), TC_ACT_UNSPEC);
    EXPECT_EQ(run(out, ndp({vip6, "ff02::1"}, advertisement(vip6))), TC_ACT_UNSPEC);
}

TEST_F(GateProgramAlone, PacketsThatEndEarlyPassUnread) {
    put_vips(closed_both);
    // The kernel hands over IP packets with their header at least.
    for (const auto& [whole, least] :
         {std::pair(arp({1, other4, vip4}), 14), std::pair(ipv4({other4, vip4}), 34),
          std::pair(ndp({other6, group6}, solicitation(vip6)), 54)})
        for (auto size = static_cast<std::size_t>(least); size < whole.size(); ++size)
            run(in, Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
    // An ARP packet one byte short carries no target address.
    const Bytes cut = arp({1, other4, vip4});
    EXPECT_EQ(run(in, Bytes(cut.begin(), cut.begin() + 14 + 27)), TC_ACT_UNSPEC);
    EXPECT_EQ(run(in, Bytes(cut.begin(), cut.begin() + 14 + 28)), TC_ACT_SHOT);
}

TEST_F(GateProgramAlone, WhatItCostsIsPrinted) {
    set_deadlines(open_both, true, true);
    put_vips(open_both);
    for (const auto& [name, packet] :
         {std::pair("to a VIP", ipv4({other4, vip4})), std::pair("foreign", ipv4({other4, other4})),
          std::pair("foreign IPv6", ipv6({other6, other6}))}) {
        LIBBPF_OPTS(bpf_test_run_opts, options);
        options.data_in = packet.data();
        options.data_size_in = static_cast<__u32>(packet.size());
        options.repeat = 100'000;
        ASSERT_EQ(bpf_prog_test_run_opts(bpf_program__fd(program_->progs.trivet_ingress), &options),
                  0);
        std::cout << name << ": " << options.duration << " ns a packet\n";
    }
}

}  // namespace
}  // namespace trivet::dataplane
