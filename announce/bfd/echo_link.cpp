#include "announce/bfd/echo_link.hpp"

#include <cerrno>
#include <cstring>
#include <fmt/format.h>

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <unistd.h>

namespace trivet::announce::bfd {

namespace {

constexpr Duration look_interval = std::chrono::seconds{1};
// RFC 5881 section 5: of the neighbour's packets, and of ours that it has returned.
constexpr std::uint32_t hop_limit_min = 254;
constexpr std::uint8_t no_jump = 0;

/// Loads something and goes on if it compares well with `value`, else to the end of the filter.
struct Check {
    sock_filter load;
    std::uint16_t comparison;
    std::uint32_t value;
};

/// Only UDP to the port, from a neighbour and to our own MAC, leaves the kernel: this socket sees
/// every packet of the family.
std::array<sock_filter, 10> filter_for(IpFamily family, std::uint16_t port) {
    constexpr std::uint16_t byte_at = BPF_LD | BPF_B | BPF_ABS;
    constexpr std::uint16_t half_at = BPF_LD | BPF_H | BPF_ABS;
    const bool is_v4 = family == IpFamily::ipv4;
    const auto load = [](std::uint16_t how, std::uint32_t offset) {
        return sock_filter{.code = how, .jt = 0, .jf = 0, .k = offset};
    };
    const std::array checks{
        Check{load(byte_at, is_v4 ? 14 + 9 : 14 + 6), BPF_JEQ, 17},  // protocol, next header
        Check{load(byte_at, is_v4 ? 14 + 8 : 14 + 7), BPF_JGE, hop_limit_min},
        Check{load(half_at, is_v4 ? 14 + 20 + 2 : 14 + 40 + 2), BPF_JEQ, port},  // no IP options
        Check{load(byte_at, static_cast<std::uint32_t>(SKF_AD_OFF + SKF_AD_PKTTYPE)), BPF_JEQ,
              PACKET_HOST},
    };
    std::array<sock_filter, 10> program{};
    for (std::size_t i = 0; i < checks.size(); ++i) {
        const auto left = static_cast<std::uint8_t>(2 * (checks.size() - i) - 1);
        program[2 * i] = checks[i].load;
        program[2 * i + 1] = {
            .code = static_cast<std::uint16_t>(BPF_JMP | checks[i].comparison | BPF_K),
            .jt = no_jump,
            .jf = left,
            .k = checks[i].value};
    }
    program[8] = {.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = 0xffffffff};
    program[9] = {.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = 0};
    return program;
}

const sockaddr* generic(const sockaddr_ll& address) {
    return static_cast<const sockaddr*>(static_cast<const void*>(&address));
}

}  // namespace

Result<std::unique_ptr<EchoLink>> EchoLink::open(const Place& place, std::uint16_t port) {
    const auto failed = [&](int error) {
        return fail(
            error == EPERM ? ErrorCode::not_allowed : ErrorCode::unavailable,
            fmt::format("echo packets that are addressed to who sends them can neither be sent "
                        "nor returned: {}{}",
                        std::strerror(error),
                        error == EPERM ? "; lbd needs the capability CAP_NET_RAW" : ""));
    };
    const std::uint16_t protocol = place.family == IpFamily::ipv4 ? ETH_P_IP : ETH_P_IPV6;
    // Protocol 0 until it is bound: nothing may come in before the filter is there.
    Descriptor descriptor(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (descriptor.get() < 0) return failed(errno);
    auto program = filter_for(place.family, port);
    const sock_fprog attached{.len = program.size(), .filter = program.data()};
    const int on = 1;
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(protocol);
    address.sll_ifindex = static_cast<int>(place.device_index);
    const int fd = descriptor.get();
    if (::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &attached, sizeof attached) != 0 ||
        ::setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) != 0 ||
        ::bind(fd, generic(address), sizeof address) != 0)
        return failed(errno);
    return std::unique_ptr<EchoLink>(new EchoLink(std::move(descriptor), place.family, port));
}

std::optional<EchoLink::Received> EchoLink::receive() {
    for (;;) {
        sockaddr_ll from{};
        socklen_t from_size = sizeof from;
        const auto size =
            ::recvfrom(descriptor(), frame_.data(), frame_.size(), MSG_DONTWAIT | MSG_TRUNC,
                       static_cast<sockaddr*>(static_cast<void*>(&from)), &from_size);
        if (size < 0) return std::nullopt;
        frame_bytes_ = static_cast<std::size_t>(size);
        if (frame_bytes_ > frame_.size()) continue;  // cut: no echo is so long
        const auto frame = read_echo_frame(std::span(frame_).first(frame_bytes_), port_);
        if (!frame) continue;
        interface_ = static_cast<std::uint32_t>(from.sll_ifindex);
        return Received{.frame = *frame, .interface = interface_};
    }
}

bool EchoLink::send(const EchoFrameBytes& frame, std::uint32_t interface) {
    return send(frame.view(), interface);
}

bool EchoLink::return_last(Instant now) {
    if (kernel_forwards(interface_, now)) return true;
    const auto frame = std::span(frame_).first(frame_bytes_);
    turn_around(frame);
    return send(frame, interface_);
}

bool EchoLink::send(std::span<const std::byte> frame, std::uint32_t interface) const {
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_ifindex = static_cast<int>(interface);
    return ::sendto(descriptor(), frame.data(), frame.size(), MSG_DONTWAIT, generic(to),
                    sizeof to) >= 0;
}

bool EchoLink::kernel_forwards(std::uint32_t interface, Instant now) {
    if (looked_at_ && interface == looked_at_interface_ && now - *looked_at_ < look_interval)
        return kernel_forwards_;
    looked_at_ = now;
    looked_at_interface_ = interface;
    kernel_forwards_ = false;
    std::array<char, IF_NAMESIZE> name{};
    if (::if_indextoname(interface, name.data()) == nullptr) return false;
    std::array<char, 64> path{};
    const auto written =
        fmt::format_to_n(path.data(), path.size() - 1, "/proc/sys/net/{}/conf/{}/forwarding",
                         family_ == IpFamily::ipv4 ? "ipv4" : "ipv6", name.data());
    *written.out = '\0';
    const Descriptor file(::open(path.data(), O_RDONLY | O_CLOEXEC));
    char value = '0';
    kernel_forwards_ = file.get() >= 0 && ::read(file.get(), &value, 1) == 1 && value != '0';
    return kernel_forwards_;
}

}  // namespace trivet::announce::bfd
