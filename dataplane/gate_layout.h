/* What the gate's BPF program and the process that drives it agree on: plain C, because both read it. */
#pragma once
#include <linux/types.h>

/* Deadlines are kept per group of VIPs; group 0 is never opened. The leases have 4,096, and some for
   addresses that linger. */
#define TRIVET_GATE_GROUPS_MAX 8192
/* A pool of /15, twice what the largest known installation announces by layer 2. */
#define TRIVET_GATE_ADDRESSES_MAX 131072

/* Key of the map `vips`, in network order; IPv4 as ::ffff:a.b.c.d. */
struct trivet_gate_address {
    __u8 bytes[16];
};

/* Element of the array `deadlines`, in nanoseconds of CLOCK_BOOTTIME; zero is closed. */
struct trivet_gate_deadlines {
    __u64 announce_until;
    __u64 accept_until;
};

enum trivet_gate_direction { TRIVET_GATE_INGRESS, TRIVET_GATE_EGRESS, TRIVET_GATE_DIRECTIONS };
enum trivet_gate_kind {
    TRIVET_GATE_ARP,
    TRIVET_GATE_NDP,
    TRIVET_GATE_IPV4,
    TRIVET_GATE_IPV6,
    TRIVET_GATE_STACKED_TAGS, /* so many priority tags that what they carry is not looked for */
    TRIVET_GATE_KINDS
};

/* The element of the array `drops` that counts them. */
static inline __u32 trivet_gate_drops_index(enum trivet_gate_direction direction,
                                            enum trivet_gate_kind kind) {
    __u32 row = direction, column = kind;
    return row * TRIVET_GATE_KINDS + column;
}
