#include "announce/netlink_socket.hpp"

#include <cerrno>
#include <cstring>

#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/time.h>

namespace trivet::announce {

namespace {

// The kernel fills at most 32 KiB of a dump into one datagram (netlink_dump, NLMSG_GOODSIZE).
constexpr std::size_t datagram_bytes_max = 32 * 1024;
// A dump that is interrupted this often in a row is given up; it is asked for again a second later.
constexpr int dump_attempts_max = 10;
// The answer is there when the request has been sent; the limit is for a kernel that breaks that.
constexpr timeval answer_timeout{.tv_sec = 2, .tv_usec = 0};

}  // namespace

NetlinkRequest::NetlinkRequest(std::uint16_t type, std::uint16_t flags)
    : message_(mnl_nlmsg_put_header(buffer_.data())) {
    message_->nlmsg_type = type;
    message_->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
}

Error netlink_error(int errno_value) {
    ErrorCode code = ErrorCode::unavailable;
    if (errno_value == EEXIST) code = ErrorCode::conflict;
    if (errno_value == ENODEV || errno_value == EADDRNOTAVAIL) code = ErrorCode::not_found;
    if (errno_value == EPERM || errno_value == EACCES) code = ErrorCode::not_allowed;
    return {code, std::strerror(errno_value)};
}

int acknowledged_errno(const nlmsghdr& message) {
    if (mnl_nlmsg_get_payload_len(&message) < sizeof(nlmsgerr)) return EBADMSG;
    return -static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(&message))->error;
}

void for_each_message(
    std::span<const std::byte> datagram,
    const std::function<void(const nlmsghdr&, std::span<const std::byte>)>& on_message) {
    const auto* message = static_cast<const nlmsghdr*>(static_cast<const void*>(datagram.data()));
    int left = static_cast<int>(datagram.size());
    while (mnl_nlmsg_ok(message, left)) {
        on_message(*message, {static_cast<const std::byte*>(static_cast<const void*>(message)),
                              message->nlmsg_len});
        message = mnl_nlmsg_next(message, &left);
    }
}

NetlinkSocket::NetlinkSocket(mnl_socket* socket) : socket_(socket), buffer_(datagram_bytes_max) {}

Result<NetlinkSocket> NetlinkSocket::open() {
    mnl_socket* raw = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    if (raw == nullptr)
        return fail(ErrorCode::unavailable,
                    std::string("cannot open a netlink socket: ") + std::strerror(errno));
    NetlinkSocket socket(raw);
    // Without strict checking the kernel ignores the filters of a dump.
    int on = 1;
    if (mnl_socket_bind(raw, 0, MNL_SOCKET_AUTOPID) < 0 ||
        mnl_socket_setsockopt(raw, NETLINK_GET_STRICT_CHK, &on, sizeof on) < 0 ||
        setsockopt(mnl_socket_get_fd(raw), SOL_SOCKET, SO_RCVTIMEO, &answer_timeout,
                   sizeof answer_timeout) < 0)
        return fail(ErrorCode::unavailable,
                    std::string("cannot set up a netlink socket: ") + std::strerror(errno));
    return socket;
}

Result<void> NetlinkSocket::send(NetlinkRequest& request) {
    request.message().nlmsg_seq = ++sequence_;
    if (mnl_socket_sendto(socket_.get(), &request.message(), request.message().nlmsg_len) < 0)
        return fail(netlink_error(errno));
    return {};
}

Result<void> NetlinkSocket::perform(NetlinkRequest& request) {
    request.message().nlmsg_flags |= NLM_F_ACK;
    if (auto sent = send(request); !sent) return sent;
    std::optional<int> answer;
    while (!answer) {
        const auto size = mnl_socket_recvfrom(socket_.get(), buffer_.data(), buffer_.size());
        if (size < 0) return fail(netlink_error(errno));
        for_each_message(
            {buffer_.data(), static_cast<std::size_t>(size)},
            [&](const nlmsghdr& message, std::span<const std::byte>) {
                if (message.nlmsg_seq == sequence_ && message.nlmsg_type == NLMSG_ERROR)
                    answer = acknowledged_errno(message);
            });
    }
    if (*answer != 0) return fail(netlink_error(*answer));
    return {};
}

std::map<std::size_t, Error> NetlinkSocket::perform(std::deque<NetlinkRequest>& requests) {
    std::map<std::size_t, Error> failures;
    if (requests.empty()) return failures;
    // The kernel answers to what fails; to what succeeds only when asked, so only the last one
    // asks.
    requests.back().message().nlmsg_flags |= NLM_F_ACK;
    const unsigned first = sequence_ + 1;
    std::vector<std::byte> datagram;
    for (NetlinkRequest& request : requests) {
        request.message().nlmsg_seq = ++sequence_;
        const auto* bytes = static_cast<const std::byte*>(static_cast<void*>(&request.message()));
        datagram.insert(datagram.end(), bytes, bytes + NLMSG_ALIGN(request.message().nlmsg_len));
    }
    const auto fail_from = [&](std::size_t index, int errno_value) {
        for (; index < requests.size(); ++index)
            failures.emplace(index, netlink_error(errno_value));
    };
    if (mnl_socket_sendto(socket_.get(), datagram.data(), datagram.size()) < 0) {
        fail_from(0, errno);
        return failures;
    }
    for (bool is_complete = false; !is_complete;) {
        const auto size = mnl_socket_recvfrom(socket_.get(), buffer_.data(), buffer_.size());
        if (size < 0) {  // what became of them is not known; nothing is wrong with asking again
            fail_from(0, errno);
            return failures;
        }
        for_each_message({buffer_.data(), static_cast<std::size_t>(size)},
                         [&](const nlmsghdr& message, std::span<const std::byte>) {
                             const unsigned index = message.nlmsg_seq - first;
                             if (message.nlmsg_type != NLMSG_ERROR || index >= requests.size())
                                 return;  // of an earlier request
                             const int answer = acknowledged_errno(message);
                             if (answer != 0) failures.emplace(index, netlink_error(answer));
                             is_complete |= message.nlmsg_seq == sequence_;
                         });
    }
    return failures;
}

Result<void> NetlinkSocket::ask(NetlinkRequest& request,
                                const std::function<void(const nlmsghdr&)>& on_answer) {
    if (auto sent = send(request); !sent) return sent;
    std::optional<int> failure;
    while (!failure) {
        const auto size = mnl_socket_recvfrom(socket_.get(), buffer_.data(), buffer_.size());
        if (size < 0) return fail(netlink_error(errno));
        for_each_message({buffer_.data(), static_cast<std::size_t>(size)},
                         [&](const nlmsghdr& message, std::span<const std::byte>) {
                             if (message.nlmsg_seq != sequence_) return;
                             const bool is_error = message.nlmsg_type == NLMSG_ERROR;
                             failure = is_error ? acknowledged_errno(message) : 0;
                             if (!is_error) on_answer(message);
                         });
    }
    if (*failure != 0) return fail(netlink_error(*failure));
    return {};
}

Result<void> NetlinkSocket::dump(NetlinkRequest& request, const DumpHandlers& handlers) {
    request.message().nlmsg_flags |= NLM_F_DUMP;
    for (int attempt = 0; attempt < dump_attempts_max; ++attempt) {
        handlers.on_restart();
        if (auto sent = send(request); !sent) return sent;
        const auto end = receive_dump(handlers);
        if (!end) return fail(end.error());
        if (*end == DumpEnd::complete) return {};
    }
    return fail(ErrorCode::unavailable, "the kernel's table changes faster than it can be read");
}

Result<NetlinkSocket::DumpEnd> NetlinkSocket::receive_dump(const DumpHandlers& handlers) {
    bool done = false, interrupted = false;
    int failure = 0;
    while (!done) {
        const auto size = mnl_socket_recvfrom(socket_.get(), buffer_.data(), buffer_.size());
        if (size < 0) return fail(netlink_error(errno));
        for_each_message({buffer_.data(), static_cast<std::size_t>(size)},
                         [&](const nlmsghdr& message, std::span<const std::byte> bytes) {
                             if (message.nlmsg_seq != sequence_) return;
                             interrupted |= (message.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
                             if (message.nlmsg_type == NLMSG_ERROR)
                                 failure = acknowledged_errno(message);
                             done |= message.nlmsg_type == NLMSG_DONE ||
                                     message.nlmsg_type == NLMSG_ERROR;
                             if (message.nlmsg_type >= NLMSG_MIN_TYPE) handlers.on_message(bytes);
                         });
    }
    if (failure != 0) return fail(netlink_error(failure));
    return interrupted ? DumpEnd::interrupted : DumpEnd::complete;
}

}  // namespace trivet::announce
