#include "announce/link_monitor.hpp"

#include <cerrno>
#include <cstring>

#include <linux/if_addr.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "announce/boot_clock.hpp"
#include "announce/netlink_socket.hpp"

namespace trivet::announce {

namespace asio = boost::asio;

namespace {

constexpr std::size_t datagram_bytes_max = 32 * 1024;  // the kernel's own limit for a dump's part
// Ten thousand addresses put on lo at once are that many events of about 100 bytes, each charged
// with its buffer of up to 1 KiB. More than this overruns, and then everything is read again.
constexpr int receive_buffer_bytes = 4 * 1024 * 1024;
// Events handled before other work gets its turn.
constexpr int datagrams_per_turn = 256;

struct Table {
    std::uint16_t request;
    unsigned char family;
};
constexpr std::array<Table, 3> tables{{
    {RTM_GETLINK, AF_UNSPEC},
    {RTM_GETADDR, AF_UNSPEC},
    {RTM_GETNETCONF, AF_INET6},
}};
constexpr std::array<unsigned, 4> groups{RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
                                         RTNLGRP_IPV6_NETCONF};

}  // namespace

LinkMonitor::LinkMonitor(asio::any_io_executor executor, mnl_socket* socket, LinkTable& table,
                         Handlers handlers)
    : descriptor_(executor, mnl_socket_get_fd(socket)),
      socket_(socket),
      table_(table),
      handlers_(std::move(handlers)),
      buffer_(datagram_bytes_max),
      overrun_log_(std::chrono::seconds{10}) {}

LinkMonitor::~LinkMonitor() {
    close();
    mnl_socket_close(socket_);
}

void LinkMonitor::close() {
    if (descriptor_.is_open()) descriptor_.release();  // the socket itself is closed at the end
}

Result<std::shared_ptr<LinkMonitor>> LinkMonitor::open(asio::any_io_executor executor,
                                                       LinkTable& table, Handlers handlers) {
    mnl_socket* socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (socket == nullptr)
        return fail(
            ErrorCode::unavailable,
            std::string("cannot watch the interfaces, no netlink socket: ") + std::strerror(errno));
    auto monitor = std::make_shared<LinkMonitor>(executor, socket, table, std::move(handlers));
    bool ready = mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0;
    for (unsigned group : groups)
        ready = ready &&
                mnl_socket_setsockopt(socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) == 0;
    if (!ready)
        return fail(
            ErrorCode::unavailable,
            std::string("cannot watch the interfaces, netlink says: ") + std::strerror(errno));
    // A smaller buffer only means more readings, so a refusal is no error.
    setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer_bytes,
               sizeof receive_buffer_bytes);
    monitor->resync();
    asio::co_spawn(executor, run(monitor), asio::detached);
    return monitor;
}

void LinkMonitor::resync() {
    restart_ = false;
    table_.begin_resync();
    next_dump_ = 0;
    request_next_dump();
}

void LinkMonitor::request_next_dump() {
    const Table& table = tables[next_dump_];
    NetlinkRequest request(table.request, NLM_F_DUMP);
    // Without strict checking the kernel takes any header whose first byte is the family.
    request.add_header<ifinfomsg>().ifi_family = table.family;
    request.message().nlmsg_seq = ++sequence_;
    if (mnl_socket_sendto(socket_, &request.message(), request.message().nlmsg_len) < 0) {
        give_up(std::strerror(errno));
    }
}

asio::awaitable<void> LinkMonitor::run(std::shared_ptr<LinkMonitor> self) {
    for (;;) {
        auto [error] = co_await self->descriptor_.async_wait(
            asio::posix::stream_descriptor::wait_read, asio::as_tuple(asio::use_awaitable));
        if (error || !self->descriptor_.is_open()) co_return;
        for (int i = 0; i < datagrams_per_turn; ++i)
            if (self->receive() == Received::nothing) break;
        if (self->synced_) self->handlers_.on_events();
    }
}

LinkMonitor::Received LinkMonitor::receive() {
    const auto size = mnl_socket_recvfrom(socket_, buffer_.data(), buffer_.size());
    if (size < 0) {
        if (errno == EAGAIN || errno == EINTR) return Received::nothing;
        // ENOBUFS: events were lost, so what we know may be wrong. Anything else: likewise.
        if (const auto held_back = overrun_log_.admit(boot_now()))
            handlers_.log("warning", std::string("lost events about interfaces (") +
                                         std::strerror(errno) + "); reading all interfaces again" +
                                         held_back_note(*held_back));
        if (next_dump_ < tables.size())
            restart_ = true;
        else
            resync();
        return Received::something;
    }
    for_each_message({buffer_.data(), static_cast<std::size_t>(size)},
                     [this](const nlmsghdr& message, std::span<const std::byte> bytes) {
                         on_message(message, bytes);
                     });
    return Received::something;
}

void LinkMonitor::on_message(const nlmsghdr& message, std::span<const std::byte> bytes) {
    const bool is_answer = next_dump_ < tables.size() && message.nlmsg_seq == sequence_ &&
                           message.nlmsg_pid == mnl_socket_get_portid(socket_);
    if (is_answer && (message.nlmsg_flags & NLM_F_DUMP_INTR) != 0) restart_ = true;
    if (message.nlmsg_type == NLMSG_DONE || message.nlmsg_type == NLMSG_ERROR) {
        if (is_answer) end_dump(message);
        return;
    }
    if (const auto event = parse_link_event(bytes)) table_.on_event(*event);
}

void LinkMonitor::give_up(std::string_view reason) {
    handlers_.log("error", "cannot read the list of interfaces: " + std::string(reason) +
                               "; trying again in a second");
    next_dump_ = tables.size();
    restart_ = true;
}

void LinkMonitor::on_tick() {
    if (restart_ && next_dump_ == tables.size()) resync();
}

void LinkMonitor::end_dump(const nlmsghdr& message) {
    const int failure = message.nlmsg_type == NLMSG_ERROR ? acknowledged_errno(message) : 0;
    // Without IPv6 there is no such table, and nothing in it that we would need.
    if (failure != 0 && tables[next_dump_].request != RTM_GETNETCONF)
        return give_up(std::strerror(failure));
    ++next_dump_;
    if (restart_) return resync();
    if (next_dump_ < tables.size()) return request_next_dump();
    table_.end_resync();
    synced_ = true;
}

}  // namespace trivet::announce
