#include "announce/capture.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <linux/filter.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "announce/capture_filter.hpp"
#include "announce/prefix_cover.hpp"
#include "core/assert.hpp"

namespace trivet::announce {

namespace asio = boost::asio;

namespace {

// A solicitation or advertisement with every option that hosts send, also the signed ones of RFC
// 3971; its checksum needs the whole packet. ARP is 60 bytes.
constexpr int snapshot_bytes = 512;
// About 1600 frames of that size: what arrives in 10 ms of a storm for our own addresses.
constexpr int ring_bytes = 1024 * 1024;
// Frames handled before timers and other interfaces get their turn.
constexpr int frames_per_turn = 256;
// Prefixes per family in the filter. A filter that the kernel does not take is tried again with
// half as many: before Linux 6.7 the filters of a socket share 20 KiB (net.core.optmem_max).
constexpr std::size_t prefixes_max = 64;

struct PcapProgram {
    bpf_program program{};
    PcapProgram() = default;
    PcapProgram(const PcapProgram&) = delete;
    PcapProgram& operator=(const PcapProgram&) = delete;
    ~PcapProgram() { pcap_freecode(&program); }
};

// The block that a new address lets in at first: addresses are given out in sequence, so the next
// ones are probably there.
int neighbourhood_length(IpAddress address) { return address.bits() - 8; }

std::set<Prefix> cover_of(const std::set<IpAddress>& addresses, std::size_t count_max) {
    const auto first_v6 = addresses.lower_bound(IpAddress::v6({}));  // IPv4 sorts before IPv6
    const auto v4 = covering_prefixes({addresses.begin(), first_v6}, count_max);
    const auto v6 = covering_prefixes({first_v6, addresses.end()}, count_max);
    std::set<Prefix> cover(v4.begin(), v4.end());
    cover.insert(v6.begin(), v6.end());
    return cover;
}

bool is_in(const std::set<Prefix>& prefixes, IpAddress address) {
    return std::ranges::any_of(prefixes,
                               [&](const Prefix& prefix) { return prefix.contains(address); });
}

Error open_error(const std::string& interface, int status, pcap_t* handle) {
    const bool not_allowed = status == PCAP_ERROR_PERM_DENIED;
    std::string message = "cannot listen on " + interface + ": " + pcap_statustostr(status);
    if (handle != nullptr && pcap_geterr(handle)[0] != '\0')
        message += std::string(" (") + pcap_geterr(handle) + ")";
    if (not_allowed) message += "; lbd needs the capability CAP_NET_RAW";
    return {not_allowed ? ErrorCode::not_allowed : ErrorCode::unavailable, message};
}

int configure(pcap_t* handle) {
    // Immediate mode: a frame wakes us at once, not when a block of the ring is full.
    int status = pcap_set_snaplen(handle, snapshot_bytes);
    if (status == 0) status = pcap_set_promisc(handle, 0);
    if (status == 0) status = pcap_set_immediate_mode(handle, 1);
    if (status == 0) status = pcap_set_buffer_size(handle, ring_bytes);
    if (status == 0) status = pcap_activate(handle);
    if (status > 0) status = 0;  // a warning, as that promiscuous mode is not possible
    if (status == 0) status = pcap_setdirection(handle, PCAP_D_IN);
    return status;
}

}  // namespace

Capture::Capture(asio::any_io_executor executor, pcap_t* handle, std::string interface,
                 Handlers handlers)
    : descriptor_(executor, pcap_get_selectable_fd(handle)),
      handle_(handle),
      interface_(std::move(interface)),
      handlers_(std::move(handlers)) {}

Capture::~Capture() {
    close();
    pcap_close(handle_);
}

void Capture::close() {
    if (descriptor_.is_open()) descriptor_.release();  // pcap_close() closes the socket itself
}

Result<std::shared_ptr<Capture>> Capture::open(asio::any_io_executor executor,
                                               const std::string& interface, Handlers handlers) {
    std::array<char, PCAP_ERRBUF_SIZE> problem{};
    std::unique_ptr<pcap_t, void (*)(pcap_t*)> handle(
        pcap_create(interface.c_str(), problem.data()), pcap_close);
    if (handle == nullptr)
        return fail(ErrorCode::unavailable,
                    "cannot listen on " + interface + ": " + problem.data());
    if (const int status = configure(handle.get()); status != 0)
        return fail(open_error(interface, status, handle.get()));
    if (pcap_datalink(handle.get()) != DLT_EN10MB)
        return fail(ErrorCode::unavailable,
                    "cannot listen on " + interface + ": it is no Ethernet interface");
    // libpcap sorts out our own frames only after they have filled the ring: ten thousand
    // announcements would push out the answers to them.
    const int on = 1;
    const bool quiet = setsockopt(pcap_fileno(handle.get()), SOL_PACKET, PACKET_IGNORE_OUTGOING,
                                  &on, sizeof on) == 0;
    if (!quiet || pcap_setnonblock(handle.get(), 1, problem.data()) != 0)
        return fail(ErrorCode::unavailable, "cannot listen on " + interface + ": " +
                                                (quiet ? problem.data() : std::strerror(errno)));
    auto capture =
        std::make_shared<Capture>(executor, handle.get(), interface, std::move(handlers));
    static_cast<void>(handle.release());  // the capture closes it
    if (auto attached = capture->attach(std::string{}); !attached) return fail(attached.error());
    asio::co_spawn(executor, run(capture), asio::detached);
    return capture;
}

Result<void> Capture::let_in(const std::vector<IpAddress>& added, const std::set<IpAddress>& all) {
    std::set<Prefix> wider = prefixes_;
    for (const IpAddress address : added) {
        const Prefix block = Prefix::containing(address, neighbourhood_length(address));
        if (!wider.contains(block) && !is_in(wider, address)) wider.insert(block);
        if (wider.size() > prefixes_max) return tighten(all);
    }
    return attach(wider) ? Result<void>{} : tighten(all);
}

Result<void> Capture::tighten(const std::set<IpAddress>& all) {
    Result<void> attached;
    for (std::size_t count_max = prefixes_max; count_max > 0; count_max /= 2) {
        attached = attach(cover_of(all, count_max));
        if (attached) return attached;
    }
    return attached;
}

Result<void> Capture::attach(const std::set<Prefix>& prefixes) {
    const std::string expression = capture_expression({prefixes.begin(), prefixes.end()});
    if (expression == expression_) return {};
    if (auto attached = attach(expression); !attached) return attached;
    prefixes_ = prefixes;
    expression_ = expression;
    return {};
}

Result<void> Capture::attach(const std::string& expression) {
    PcapProgram compiled;
    bpf_insn refuse_all{.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = 0};
    sock_fprog program{.len = 1, .filter = nullptr};
    void* instructions = &refuse_all;  // libpcap's bpf_insn is the kernel's sock_filter
    static_assert(sizeof(bpf_insn) == sizeof(sock_filter));
    if (!expression.empty()) {
        if (pcap_compile(handle_, &compiled.program, expression.c_str(), 1, PCAP_NETMASK_UNKNOWN) !=
            0)
            return fail(ErrorCode::unavailable, "cannot compile the filter for " + interface_ +
                                                    ": " + pcap_geterr(handle_));
        program.len = static_cast<std::uint16_t>(compiled.program.bf_len);
        instructions = compiled.program.bf_insns;
    }
    program.filter = static_cast<sock_filter*>(instructions);
    // Not pcap_setfilter(): it lets nothing through while it swaps, and quietly filters in this
    // process when the kernel refuses, at the price of waking up for every ARP frame of a storm.
    if (setsockopt(pcap_fileno(handle_), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) ==
        0)
        return {};
    return fail(ErrorCode::unavailable, "the kernel refuses the filter for " + interface_ + " (" +
                                            std::to_string(program.len) +
                                            " instructions): " + std::strerror(errno) +
                                            "; a greater net.core.optmem_max helps");
}

std::uint64_t Capture::kernel_drops() {
    pcap_stat statistics{};
    return pcap_stats(handle_, &statistics) == 0 ? statistics.ps_drop : 0;
}

asio::awaitable<void> Capture::run(std::shared_ptr<Capture> self) {
    for (;;) {
        auto [error] = co_await self->descriptor_.async_wait(
            asio::posix::stream_descriptor::wait_read, asio::as_tuple(asio::use_awaitable));
        if (error || !self->descriptor_.is_open()) co_return;
        auto* user = static_cast<unsigned char*>(static_cast<void*>(self.get()));
        const int count = pcap_dispatch(self->handle_, frames_per_turn, &Capture::on_packet, user);
        if (count < 0 && count != PCAP_ERROR_BREAK) {
            self->handlers_.on_lost(pcap_geterr(self->handle_));
            co_return;
        }
        if (self->descriptor_.is_open()) self->handlers_.after_frames();
    }
}

void Capture::on_packet(unsigned char* user, const pcap_pkthdr* header,
                        const unsigned char* bytes) {
    auto* self = static_cast<Capture*>(static_cast<void*>(user));
    if (!self->descriptor_.is_open()) return;
    // A part of a packet cannot be checked, so it counts as none.
    if (header->caplen < header->len) {
        ++self->truncated_;
        return;
    }
    const auto* frame = static_cast<const std::byte*>(static_cast<const void*>(bytes));
    self->handlers_.on_frame({frame, header->caplen});
}

}  // namespace trivet::announce
