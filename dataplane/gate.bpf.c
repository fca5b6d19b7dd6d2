/* The kernel's gate: drops what a machine may not say or hear about a VIP once the deadline of the
 * VIP's group has passed. It runs at tc ingress and tc egress of every uplink, for each packet, and
 * so also when the process that sets the deadlines is stopped, swapped out or dead.
 *
 * Only addresses in the map `vips` are looked at; everything else passes. Passing is TC_ACT_UNSPEC,
 * so that filters of others that stand behind this one still run. docs/internals/gate.md has the
 * table of rules. Linux 6.1 is enough; no helper used here asks for a GPL program.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/types.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "gate_layout.h"

char program_license[] SEC("license") = "Apache-2.0";

/* Not preallocated: a node with ten VIPs does not pay for a hundred thousand. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, TRIVET_GATE_ADDRESSES_MAX);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct trivet_gate_address);
    __type(value, __u32); /* group */
} vips SEC(".maps");

/* Mapped into the process, which renews deadlines without a system call. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, TRIVET_GATE_GROUPS_MAX);
    __uint(map_flags, BPF_F_MMAPABLE);
    __type(key, __u32);
    __type(value, struct trivet_gate_deadlines);
} deadlines SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, TRIVET_GATE_DIRECTIONS *TRIVET_GATE_KINDS);
    __type(key, __u32);
    __type(value, __u64);
} drops SEC(".maps");

enum right { ANNOUNCE, ACCEPT };

#define VLAN_ID_MASK 0x0fff
#define VLAN_TAG_BYTES 4
/* Linux takes off any number of tags with VLAN id 0 (priority tags). Nobody sends more than one, so
 * that what has more than this is dropped: else VIPs could be reached around the gate. */
#define PRIORITY_TAGS_MAX 3
/* RFC 8200 section 4.1 recommends an order in which seven kinds occur; senders use one or two. */
#define EXTENSION_HEADERS_MAX 6

/* RFC 826 for Ethernet and IPv4. */
struct arp_packet {
    __be16 hardware_type;
    __be16 protocol_type;
    __u8 hardware_length;
    __u8 protocol_length;
    __be16 operation;
    __u8 sender_hardware[6];
    __u8 sender_protocol[4];
    __u8 target_hardware[6];
    __u8 target_protocol[4];
};
#define ARP_REQUEST 1 /* RFC 826 */

/* RFC 8200 section 3. */
struct ipv6_header {
    __be32 version_class_flow;
    __be16 payload_length;
    __u8 next_header;
    __u8 hop_limit;
    struct trivet_gate_address source;
    struct trivet_gate_address destination;
};
#define HOP_BY_HOP 0      /* RFC 8200 section 4.3 */
#define ROUTING 43        /* section 4.4 */
#define DESTINATION 60    /* section 4.6 */
#define AUTHENTICATION 51 /* RFC 4302 */
#define ICMPV6 58         /* RFC 4443 */

/* RFC 4861 sections 4.3 and 4.4: both have the target address at the same place. */
struct neighbour_message {
    __u8 type;
    __u8 code;
    __be16 checksum;
    __be32 flags;
    struct trivet_gate_address target;
};
#define NEIGHBOUR_SOLICITATION 135
#define NEIGHBOUR_ADVERTISEMENT 136

static __always_inline struct trivet_gate_address mapped(const __u8 *ipv4) {
    struct trivet_gate_address address = {.bytes = {[10] = 0xff, [11] = 0xff}};
    __builtin_memcpy(address.bytes + 12, ipv4, 4);
    return address;
}

static __always_inline int same(const void *a, const void *b, unsigned long bytes) {
    return __builtin_memcmp(a, b, bytes) == 0;
}

/* Whether `address` is a VIP whose deadline for `right` has passed. */
static __always_inline int closed(const struct trivet_gate_address *address, enum right right) {
    const __u32 *group = bpf_map_lookup_elem(&vips, address);
    if (!group) return 0;
    __u32 index = *group;
    /* A group outside the array cannot be: it would count as closed. */
    const volatile struct trivet_gate_deadlines *until = bpf_map_lookup_elem(&deadlines, &index);
    if (!until) return 1;
    __u64 deadline = right == ANNOUNCE ? until->announce_until : until->accept_until;
    /* Read after the deadline: a packet that waited between the two does not gain by it. */
    return bpf_ktime_get_boot_ns() >= deadline;
}

static __always_inline int drop(enum trivet_gate_direction direction, enum trivet_gate_kind kind) {
    __u32 index = trivet_gate_drops_index(direction, kind);
    __u64 *count = bpf_map_lookup_elem(&drops, &index);
    if (count) ++*count;
    /* Going out it vanishes without a word: TC_ACT_SHOT would tell a packet socket ENOBUFS, as if the
     * device were busy, and the announcer would keep the frame and send it when the gate is open. */
    return direction == TRIVET_GATE_INGRESS ? TC_ACT_SHOT : TC_ACT_STOLEN;
}

static __always_inline int check_arp(struct __sk_buff *skb, __u32 offset,
                                     enum trivet_gate_direction direction) {
    struct arp_packet arp;
    if (bpf_skb_load_bytes(skb, offset, &arp, sizeof(arp))) return TC_ACT_UNSPEC;
    if (arp.protocol_type != bpf_htons(ETH_P_IP) || arp.hardware_length != ETH_ALEN ||
        arp.protocol_length != 4)
        return TC_ACT_UNSPEC; /* nobody takes an IPv4 address from it */
    const struct trivet_gate_address target = mapped(arp.target_protocol);
    if (direction == TRIVET_GATE_INGRESS) {
        /* Who claims a VIP (sender = target = VIP) is heard: the host's neighbour table needs it. */
        if (arp.operation == bpf_htons(ARP_REQUEST) &&
            !same(arp.sender_protocol, arp.target_protocol, 4) && closed(&target, ANNOUNCE))
            return drop(direction, TRIVET_GATE_ARP);
        return TC_ACT_UNSPEC;
    }
    const struct trivet_gate_address sender = mapped(arp.sender_protocol);
    if (closed(&sender, ANNOUNCE)) return drop(direction, TRIVET_GATE_ARP);
    /* A probe (RFC 5227 section 2.1.1) says that the address is about to be taken. */
    const __u8 unspecified[4] = {};
    if (same(arp.sender_protocol, unspecified, 4) && closed(&target, ANNOUNCE))
        return drop(direction, TRIVET_GATE_ARP);
    return TC_ACT_UNSPEC;
}

static __always_inline int check_ipv4(struct __sk_buff *skb, __u32 offset,
                                      enum trivet_gate_direction direction) {
    __u8 address[4]; /* RFC 791 section 3.1: source at 12, destination at 16 */
    __u32 at = offset + (direction == TRIVET_GATE_INGRESS ? 16 : 12);
    if (bpf_skb_load_bytes(skb, at, address, sizeof(address))) return TC_ACT_UNSPEC;
    const struct trivet_gate_address vip = mapped(address);
    return closed(&vip, ACCEPT) ? drop(direction, TRIVET_GATE_IPV4) : TC_ACT_UNSPEC;
}

/* Finds the neighbour message in an IPv6 packet; 0 when it carries none. */
static __always_inline int find_neighbour_message(struct __sk_buff *skb, __u32 offset,
                                                  __u8 next_header,
                                                  struct neighbour_message *message) {
    offset += sizeof(struct ipv6_header);
    for (int i = 0; i < EXTENSION_HEADERS_MAX; ++i) {
        if (next_header != HOP_BY_HOP && next_header != ROUTING && next_header != DESTINATION &&
            next_header != AUTHENTICATION)
            break;
        __u8 header[2]; /* next header, length */
        if (bpf_skb_load_bytes(skb, offset, header, sizeof(header))) return 0;
        /* RFC 8200 section 4: units of 8 bytes without the first; RFC 4302: of 4, without two. */
        offset += next_header == AUTHENTICATION ? (header[1] + 2) * 4 : (header[1] + 1) * 8;
        next_header = header[0];
    }
    if (next_header != ICMPV6) return 0;
    if (bpf_skb_load_bytes(skb, offset, message, sizeof(*message))) return 0;
    return message->type == NEIGHBOUR_SOLICITATION || message->type == NEIGHBOUR_ADVERTISEMENT;
}

static __always_inline int check_ipv6_ingress(struct __sk_buff *skb, __u32 offset) {
    struct ipv6_header ip;
    struct neighbour_message message;
    if (bpf_skb_load_bytes(skb, offset, &ip, sizeof(ip))) return TC_ACT_UNSPEC;
    if (find_neighbour_message(skb, offset, ip.next_header, &message)) {
        if (message.type == NEIGHBOUR_SOLICITATION && closed(&message.target, ANNOUNCE))
            return drop(TRIVET_GATE_INGRESS, TRIVET_GATE_NDP);
        /* Who claims a VIP is heard, also when it says so to the VIP itself. */
        if (message.type == NEIGHBOUR_ADVERTISEMENT &&
            same(&message.target, &ip.destination, sizeof(ip.destination)))
            return TC_ACT_UNSPEC;
    }
    return closed(&ip.destination, ACCEPT) ? drop(TRIVET_GATE_INGRESS, TRIVET_GATE_IPV6)
                                           : TC_ACT_UNSPEC;
}

static __always_inline int check_ipv6_egress(struct __sk_buff *skb, __u32 offset) {
    struct ipv6_header ip;
    struct neighbour_message message;
    if (bpf_skb_load_bytes(skb, offset, &ip, sizeof(ip))) return TC_ACT_UNSPEC;
    if (!find_neighbour_message(skb, offset, ip.next_header, &message))
        return closed(&ip.source, ACCEPT) ? drop(TRIVET_GATE_EGRESS, TRIVET_GATE_IPV6)
                                          : TC_ACT_UNSPEC;
    /* Its source enters the neighbour tables of who receives it, so that it announces the source. */
    if (closed(&ip.source, ANNOUNCE)) return drop(TRIVET_GATE_EGRESS, TRIVET_GATE_NDP);
    /* A solicitation from :: is a probe (RFC 4862 section 5.4.2). */
    const struct trivet_gate_address unspecified = {};
    if ((message.type == NEIGHBOUR_ADVERTISEMENT ||
         same(&ip.source, &unspecified, sizeof(unspecified))) &&
        closed(&message.target, ANNOUNCE))
        return drop(TRIVET_GATE_EGRESS, TRIVET_GATE_NDP);
    return TC_ACT_UNSPEC;
}

static __always_inline int check(struct __sk_buff *skb, enum trivet_gate_direction direction) {
    /* The tag that the card or the kernel has taken out of the frame. A tag with a VLAN id belongs to
     * that VLAN's device, which has a gate of its own; one without is as good as none. */
    if (skb->vlan_present && (skb->vlan_tci & VLAN_ID_MASK)) return TC_ACT_UNSPEC;
    __u32 offset = ETH_HLEN;
    __be16 type;
    /* From the frame, not from skb->protocol: a packet socket sets that to what it likes. */
    if (bpf_skb_load_bytes(skb, offset - sizeof(type), &type, sizeof(type))) return TC_ACT_UNSPEC;
    for (int i = 0; i < PRIORITY_TAGS_MAX; ++i) {
        if (type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD)) break;
        __be16 tag[2]; /* tag control information, type */
        if (bpf_skb_load_bytes(skb, offset, tag, sizeof(tag))) return TC_ACT_UNSPEC;
        if (tag[0] & bpf_htons(VLAN_ID_MASK)) return TC_ACT_UNSPEC;
        type = tag[1];
        offset += VLAN_TAG_BYTES;
    }
    if (type == bpf_htons(ETH_P_8021Q) || type == bpf_htons(ETH_P_8021AD))
        return drop(direction, TRIVET_GATE_STACKED_TAGS);
    if (type == bpf_htons(ETH_P_ARP)) return check_arp(skb, offset, direction);
    if (type == bpf_htons(ETH_P_IP)) return check_ipv4(skb, offset, direction);
    if (type == bpf_htons(ETH_P_IPV6))
        return direction == TRIVET_GATE_INGRESS ? check_ipv6_ingress(skb, offset)
                                                : check_ipv6_egress(skb, offset);
    return TC_ACT_UNSPEC;
}

SEC("tc")
int trivet_ingress(struct __sk_buff *skb) { return check(skb, TRIVET_GATE_INGRESS); }

SEC("tc")
int trivet_egress(struct __sk_buff *skb) { return check(skb, TRIVET_GATE_EGRESS); }
