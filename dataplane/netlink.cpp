#include "dataplane/netlink.hpp"

#include <cerrno>
#include <cstring>
#include <endian.h>

#include <arpa/inet.h>
#include <sys/socket.h>

#include "core/assert.hpp"

namespace trivet::dataplane {

namespace {

// The kernel fills at most 32 KiB of a dump into one datagram (netlink_dump, NLMSG_GOODSIZE).
constexpr std::size_t datagram_bytes_max = 32 * 1024;
// A batch is copied into the socket's send buffer as a whole.
constexpr int send_buffer_bytes = 4 * 1024 * 1024;
// Errors of the messages of one batch: more than this are not told, which counts as one.
constexpr int receive_buffer_bytes = 1024 * 1024;
// A dump that is interrupted this often in a row is given up.
constexpr int dump_attempts_max = 10;

const nlmsghdr* first_message(const std::vector<std::byte>& bytes) {
    return static_cast<const nlmsghdr*>(static_cast<const void*>(bytes.data()));
}

/// The attribute of that type between two addresses; null: absent.
const nlattr* find_among(const void* begin, const void* end, std::uint16_t type) {
    const auto left = [&](const nlattr* attribute) {
        return static_cast<int>(static_cast<const std::byte*>(end) -
                                static_cast<const std::byte*>(static_cast<const void*>(attribute)));
    };
    for (const auto* attribute = static_cast<const nlattr*>(begin);
         mnl_attr_ok(attribute, left(attribute)); attribute = mnl_attr_next(attribute))
        if (mnl_attr_get_type(attribute) == type) return attribute;
    return nullptr;
}

}  // namespace

void NetlinkBatch::reserve(std::size_t bytes) const {
    // The caller knows how much it adds and asks room() where that varies.
    TRIVET_ASSERT(size() + MNL_ALIGN(bytes) <= buffer_.size());
}

std::size_t NetlinkBatch::size() const {
    if (message_ == nullptr) return 0;
    const auto* begin = static_cast<const std::byte*>(static_cast<const void*>(message_));
    return static_cast<std::size_t>(begin - buffer_.data()) + MNL_ALIGN(message_->nlmsg_len);
}

void NetlinkBatch::add(std::uint16_t type, std::uint16_t flags) {
    reserve(MNL_NLMSG_HDRLEN);
    message_ = mnl_nlmsg_put_header(buffer_.data() + size());
    message_->nlmsg_type = type;
    message_->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
}

void NetlinkBatch::acknowledge() {
    message_->nlmsg_flags |= NLM_F_ACK;
    ++acknowledgements_;
}

void NetlinkBatch::clear() {
    message_ = nullptr;
    acknowledgements_ = 0;
}

void NetlinkBatch::put_bytes(std::uint16_t type, const void* data, std::size_t size) {
    reserve(MNL_ATTR_HDRLEN + size);
    mnl_attr_put(message_, type, size, data);
}

void NetlinkBatch::put_text(std::uint16_t type, const char* text) {
    put_bytes(type, text, std::strlen(text) + 1);
}

void NetlinkBatch::put_be32(std::uint16_t type, std::uint32_t host_order) {
    put_u32(type, htonl(host_order));
}

void NetlinkBatch::put_be64(std::uint16_t type, std::uint64_t host_order) {
    const std::uint64_t value = htobe64(host_order);
    put_bytes(type, &value, sizeof value);
}

nlattr* NetlinkBatch::begin_nested(std::uint16_t type) {
    reserve(MNL_ATTR_HDRLEN);
    return mnl_attr_nest_start(message_, type);
}

NetlinkSocket::NetlinkSocket(mnl_socket* socket) : socket_(socket), buffer_(datagram_bytes_max) {}

Result<NetlinkSocket> NetlinkSocket::open(int protocol) {
    mnl_socket* raw = mnl_socket_open2(protocol, SOCK_CLOEXEC);
    if (raw == nullptr)
        return fail(netlink_error("open a netlink socket", {.error = errno, .sentence = {}}));
    NetlinkSocket socket(raw);
    int on = 1;
    if (mnl_socket_bind(raw, 0, MNL_SOCKET_AUTOPID) < 0 ||
        mnl_socket_setsockopt(raw, NETLINK_EXT_ACK, &on, sizeof on) < 0 ||
        mnl_socket_setsockopt(raw, NETLINK_CAP_ACK, &on, sizeof on) < 0)
        return fail(ErrorCode::unavailable,
                    std::string("cannot set up a netlink socket: ") + std::strerror(errno));
    // Beyond the system's limit, which only CAP_NET_ADMIN may; who lacks it fails with a batch.
    const int fd = mnl_socket_get_fd(raw);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &send_buffer_bytes, sizeof send_buffer_bytes);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer_bytes, sizeof receive_buffer_bytes);
    return socket;
}

int NetlinkSocket::send(NetlinkBatch& batch) noexcept {
    // What was left of an earlier answer, if its reading was broken off.
    for (auto size = receive(); size > 0 || size == -ENOBUFS;) size = receive();
    auto left = static_cast<int>(batch.size());
    auto* message = static_cast<nlmsghdr*>(static_cast<void*>(batch.buffer_.data()));
    for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left))
        message->nlmsg_seq = ++sequence_;
    return mnl_socket_sendto(socket_.get(), batch.buffer_.data(), batch.size()) < 0 ? errno : 0;
}

std::ptrdiff_t NetlinkSocket::receive() noexcept {
    // The answers were queued by the system call that sent: nothing is there that could be awaited.
    const auto size =
        recv(mnl_socket_get_fd(socket_.get()), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    return size < 0 ? -errno : size;
}

NetlinkAnswer NetlinkSocket::perform(NetlinkBatch& batch) noexcept {
    TRIVET_ASSERT(batch.acknowledgements_ > 0);
    NetlinkAnswer answer{.error = send(batch), .sentence = {}};
    if (!answer.ok()) return answer;
    std::size_t acknowledged = 0;
    std::ptrdiff_t size = 0;
    while ((size = receive()) > 0) {
        auto left = static_cast<int>(size);
        for (const auto* message = first_message(buffer_); mnl_nlmsg_ok(message, left);
             message = mnl_nlmsg_next(message, &left))
            note(*message, answer, acknowledged);
    }
    if (answer.ok() && size != -EAGAIN) answer.error = static_cast<int>(-size);
    // Only a kernel that breaks its own protocol leaves one out.
    if (answer.ok() && acknowledged != batch.acknowledgements_) answer.error = ENODATA;
    return answer;
}

void NetlinkSocket::note(const nlmsghdr& message, NetlinkAnswer& answer,
                         std::size_t& acknowledged) noexcept {
    if (message.nlmsg_type != NLMSG_ERROR || mnl_nlmsg_get_payload_len(&message) < sizeof(nlmsgerr))
        return;
    const int error = -static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(&message))->error;
    if (error == 0) ++acknowledged;
    if (error == 0 || !answer.ok()) return;  // the first failure is the one to tell
    answer.error = error;
    if ((message.nlmsg_flags & NLM_F_ACK_TLVS) == 0) return;
    const nlattr* sentence = find_attribute(message, sizeof(nlmsgerr), NLMSGERR_ATTR_MSG);
    if (sentence == nullptr) return;
    const auto* text = static_cast<const char*>(mnl_attr_get_payload(sentence));
    const std::size_t length =
        std::min(strnlen(text, mnl_attr_get_payload_len(sentence)), sentence_.size());
    std::memcpy(sentence_.data(), text, length);
    answer.sentence = {sentence_.data(), length};
}

Result<void> NetlinkSocket::dump(NetlinkBatch& request,
                                 const std::function<void(const nlmsghdr&)>& on_message) {
    TRIVET_ASSERT(request.message_ != nullptr);
    request.message_->nlmsg_flags |= NLM_F_DUMP;
    std::vector<std::byte> parts;
    for (int attempt = 0; attempt < dump_attempts_max; ++attempt) {
        parts.clear();
        if (const int error = send(request); error != 0)
            return fail(
                netlink_error("ask the kernel for a table", {.error = error, .sentence = {}}));
        const auto end = collect(parts);
        if (!end) return fail(end.error());
        if (*end == DumpEnd::interrupted) continue;
        auto left = static_cast<int>(parts.size());
        for (const auto* message = first_message(parts); mnl_nlmsg_ok(message, left);
             message = mnl_nlmsg_next(message, &left))
            on_message(*message);
        return {};
    }
    return fail(ErrorCode::unavailable, "the kernel's table changes faster than it can be read");
}

Result<NetlinkSocket::DumpEnd> NetlinkSocket::collect(std::vector<std::byte>& parts) {
    auto end = DumpEnd::complete;
    while (true) {
        const auto size = receive();
        if (size < 0)
            return fail(netlink_error("read a table of the kernel",
                                      {.error = static_cast<int>(-size), .sentence = {}}));
        auto left = static_cast<int>(size);
        for (const auto* message = first_message(buffer_); mnl_nlmsg_ok(message, left);
             message = mnl_nlmsg_next(message, &left)) {
            if (message->nlmsg_seq != sequence_) continue;
            if ((message->nlmsg_flags & NLM_F_DUMP_INTR) != 0) end = DumpEnd::interrupted;
            if (message->nlmsg_type == NLMSG_DONE) return end;
            if (message->nlmsg_type == NLMSG_ERROR)
                return fail(netlink_error(
                    "read a table of the kernel",
                    {.error = -static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(message))->error,
                     .sentence = {}}));
            const auto* bytes = static_cast<const std::byte*>(static_cast<const void*>(message));
            parts.insert(parts.end(), bytes, bytes + MNL_ALIGN(message->nlmsg_len));
        }
    }
}

Error netlink_error(const std::string& what, const NetlinkAnswer& answer) {
    ErrorCode code = ErrorCode::unavailable;
    // EINVAL is also what a kernel answers that lacks a whole family of requests.
    if (answer.error == EINVAL || answer.error == EOPNOTSUPP || answer.error == EPROTONOSUPPORT)
        code = ErrorCode::invalid_argument;
    if (answer.error == EEXIST || answer.error == EBUSY) code = ErrorCode::conflict;
    if (answer.error == ENODEV || answer.error == ENOENT) code = ErrorCode::not_found;
    if (answer.error == EPERM || answer.error == EACCES) code = ErrorCode::not_allowed;
    std::string message = "cannot " + what + ": " + std::strerror(answer.error);
    if (!answer.sentence.empty()) message += " (" + std::string(answer.sentence) + ")";
    if (code == ErrorCode::not_allowed) message += "; lbd needs the capability CAP_NET_ADMIN";
    return {code, std::move(message)};
}

const nlattr* find_attribute(const nlmsghdr& message, std::size_t header_bytes,
                             std::uint16_t type) {
    return find_among(mnl_nlmsg_get_payload_offset(&message, header_bytes),
                      mnl_nlmsg_get_payload_tail(&message), type);
}

const nlattr* find_nested(const nlattr& nest, std::uint16_t type) {
    const void* begin = mnl_attr_get_payload(&nest);
    return find_among(begin, static_cast<const std::byte*>(begin) + mnl_attr_get_payload_len(&nest),
                      type);
}

std::string attribute_text(const nlattr* attribute) {
    if (attribute == nullptr) return "";
    const auto* text = static_cast<const char*>(mnl_attr_get_payload(attribute));
    return {text, strnlen(text, mnl_attr_get_payload_len(attribute))};
}

}  // namespace trivet::dataplane
