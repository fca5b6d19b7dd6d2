// Answers what bench/failover_probe.cpp asks, on every address of its machine: a UDP datagram with
// itself and the node's number, a TCP connection with the node's number alone. Runs until it is
// ended.
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "bench/socket_address.hpp"

namespace {

using trivet::bench::SocketAddress;

constexpr std::size_t datagram_bytes_max = 64;  // a probe has 8
constexpr int backlog = 256;                    // two families, 100 connections a second each

int open_socket(int family, int type, std::uint16_t port) {
    const int socket = ::socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (socket < 0) return -1;
    const int on = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (family == AF_INET6) ::setsockopt(socket, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    // The answer must come from the address that was asked, which only the packet knows.
    if (type == SOCK_DGRAM && family == AF_INET)
        ::setsockopt(socket, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
    if (type == SOCK_DGRAM && family == AF_INET6)
        ::setsockopt(socket, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
    const SocketAddress everything(family == AF_INET ? "0.0.0.0" : "::", port);
    if (::bind(socket, everything.get(), everything.size()) != 0 ||
        (type == SOCK_STREAM && ::listen(socket, backlog) != 0)) {
        ::close(socket);
        return -1;
    }
    return socket;
}

/// The address that was asked stays in the control data as the one to send from; the interface goes
/// out of it, because the VIP may be on another one (lo) than the client.
void answer_from_where_it_was_asked(msghdr& message) {
    for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
         part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO) {
            in_pktinfo info{};
            std::memcpy(&info, CMSG_DATA(part), sizeof info);
            info.ipi_spec_dst = info.ipi_addr;
            info.ipi_ifindex = 0;
            std::memcpy(CMSG_DATA(part), &info, sizeof info);
        } else if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_PKTINFO) {
            in6_pktinfo info{};
            std::memcpy(&info, CMSG_DATA(part), sizeof info);
            info.ipi6_ifindex = 0;
            std::memcpy(CMSG_DATA(part), &info, sizeof info);
        }
    }
}

void answer_datagrams(int socket, std::uint8_t node) {
    for (;;) {
        std::array<std::uint8_t, datagram_bytes_max + 1> bytes;
        alignas(cmsghdr) std::array<char, 128> control;
        sockaddr_storage sender{};
        iovec buffer{.iov_base = bytes.data(), .iov_len = datagram_bytes_max};
        msghdr message{};
        message.msg_name = &sender;
        message.msg_namelen = sizeof sender;
        message.msg_iov = &buffer;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        const ssize_t count = ::recvmsg(socket, &message, 0);
        if (count < 0) return;  // EAGAIN: all answered; another error concerns a single packet
        bytes[static_cast<std::size_t>(count)] = node;
        buffer.iov_len = static_cast<std::size_t>(count) + 1;
        answer_from_where_it_was_asked(message);
        // A lost answer is what the probe counts.
        [[maybe_unused]] const ssize_t sent = ::sendmsg(socket, &message, MSG_DONTWAIT);
    }
}

void answer_connections(int listener, std::uint8_t node) {
    for (;;) {
        const int connection = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (connection < 0) return;
        [[maybe_unused]] const ssize_t sent = ::send(connection, &node, 1, MSG_NOSIGNAL);
        ::close(connection);
    }
}

}  // namespace

int main(int count, char** arguments) {
    std::uint16_t port = 0;
    unsigned node = 0;
    CLI::App app("Answers the failover probe with this node's number");
    app.add_option("--port", port, "UDP and TCP")->required();
    app.add_option("--node", node, "the number to answer with")
        ->required()
        ->check(CLI::Range(1U, 255U));
    CLI11_PARSE(app, count, arguments);

    const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    std::array<int, 4> sockets{};
    std::uint32_t index = 0;
    for (const int type : {SOCK_DGRAM, SOCK_STREAM}) {
        for (const int family : {AF_INET, AF_INET6}) {
            sockets[index] = open_socket(family, type, port);
            epoll_event event{.events = EPOLLIN, .data = {.u32 = index}};
            if (sockets[index] < 0 ||
                ::epoll_ctl(epoll, EPOLL_CTL_ADD, sockets[index], &event) != 0) {
                std::fprintf(stderr, "failover_responder: port %u: %s\n", port,
                             std::strerror(errno));
                return 1;
            }
            ++index;
        }
    }
    std::puts("ready");
    std::fflush(stdout);
    for (;;) {
        std::array<epoll_event, 4> events;
        const int ready = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
        for (int i = 0; i < ready; ++i) {
            const std::uint32_t which = events[static_cast<std::size_t>(i)].data.u32;
            const auto number = static_cast<std::uint8_t>(node);
            which < 2 ? answer_datagrams(sockets[which], number)
                      : answer_connections(sockets[which], number);
        }
    }
}
