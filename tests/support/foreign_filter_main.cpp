// Puts somebody else's tc filter on an interface for the system tests: it drops what goes out with
// Ethernet type 0x88b6 (IEEE 802, local experimental) and leaves the rest to the next filter.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <iterator>

#include <arpa/inet.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <net/if.h>

namespace {

constexpr std::uint16_t dropped_type = 0x88b6;

bpf_insn move_to_result(int value) {
    return {
        .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = value};
}
constexpr bpf_insn leave{
    .code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0};

}  // namespace

/// Usage: foreign_filter_main INTERFACE
int main(int count, char** arguments) {
    if (count != 2) return 2;
    const bpf_insn program[] = {
        {.code = BPF_LDX | BPF_MEM | BPF_W,
         .dst_reg = 0,
         .src_reg = 1,
         .off = offsetof(__sk_buff, protocol),
         .imm = 0},
        {.code = BPF_JMP | BPF_JNE | BPF_K,
         .dst_reg = 0,
         .src_reg = 0,
         .off = 2,
         .imm = htons(dropped_type)},
        move_to_result(TC_ACT_SHOT),
        leave,
        move_to_result(TC_ACT_UNSPEC),
        leave,
    };
    const int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "foreign", "Apache-2.0", program,
                                 std::size(program), nullptr);
    LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = static_cast<int>(if_nametoindex(arguments[1])),
                .attach_point = BPF_TC_EGRESS);
    LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = fd, .handle = 1, .priority = 7);
    if (fd < 0 || bpf_tc_attach(&hook, &options) != 0) {
        std::perror("foreign filter");
        return 1;
    }
    return 0;
}
