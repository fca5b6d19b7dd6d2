#include "announce/bfd/bfd_socket.hpp"

#include <cerrno>
#include <cstring>
#include <fmt/format.h>

#include <linux/filter.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <unistd.h>

#include "core/assert.hpp"

namespace trivet::announce::bfd {

namespace {

// What arrives in half a second at 10,000 packets a second; the kernel counts some 800 bytes each.
constexpr int receive_buffer_bytes = 4 << 20;
// RFC 5881 section 4: "The source port MUST be in the range 49152 through 65535."
constexpr std::uint16_t source_port_min = 49152;
constexpr std::uint16_t source_port_max = 65535;
constexpr int port_attempts_max = 64;
constexpr int hop_limit_sent = 255;               // RFC 5881 section 5, RFC 5883 section 5
constexpr int network_control = IPTOS_CLASS_CS6;  // RFC 4594 section 3.1: as routing protocols

template <class Value>
bool set_option(int descriptor, int level, int name, const Value& value) {
    return ::setsockopt(descriptor, level, name, &value, sizeof value) == 0;
}

bool bind_to_device(int descriptor, const std::string& device) {
    return ::setsockopt(descriptor, SOL_SOCKET, SO_BINDTODEVICE, device.c_str(),
                        static_cast<socklen_t>(device.size() + 1)) == 0;
}

const sockaddr* generic(const sockaddr_storage& storage) {
    return static_cast<const sockaddr*>(static_cast<const void*>(&storage));
}

/// What every socket of ours has: hop limit and class of what it sends.
bool set_up_sending(int descriptor, bool is_v4) {
    set_option(descriptor, SOL_SOCKET, SO_PRIORITY, 6);  // TC_PRIO_INTERACTIVE; a wish
    if (is_v4)
        return set_option(descriptor, IPPROTO_IP, IP_TTL, hop_limit_sent) &&
               set_option(descriptor, IPPROTO_IP, IP_TOS, network_control);
    return set_option(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 1) &&
           set_option(descriptor, IPPROTO_IPV6, IPV6_UNICAST_HOPS, hop_limit_sent) &&
           set_option(descriptor, IPPROTO_IPV6, IPV6_TCLASS, network_control);
}

/// Hop limit, destination and interface are told with every packet.
bool set_up_receiving(int descriptor, bool is_v4) {
    // Beyond net.core.rmem_max with CAP_NET_ADMIN, else up to it.
    if (!set_option(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, receive_buffer_bytes))
        set_option(descriptor, SOL_SOCKET, SO_RCVBUF, receive_buffer_bytes);
    if (is_v4)
        return set_option(descriptor, IPPROTO_IP, IP_RECVTTL, 1) &&
               set_option(descriptor, IPPROTO_IP, IP_PKTINFO, 1);
    return set_option(descriptor, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1) &&
           set_option(descriptor, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
}

/// Whatever is sent to a source port of ours would only fill a buffer that nobody reads.
bool receive_nothing(int descriptor) {
    sock_filter refuse_all{.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = 0};
    const sock_fprog program{.len = 1, .filter = &refuse_all};
    return set_option(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, program);
}

Descriptor open_udp(bool is_v4) {
    return Descriptor(
        ::socket(is_v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

IpAddress to_address(const in_addr& address) { return IpAddress::v4(ntohl(address.s_addr)); }

IpAddress to_address(const in6_addr& address) {
    IpAddress::V6Bytes bytes{};
    std::memcpy(bytes.data(), &address, bytes.size());
    return IpAddress::v6(bytes);
}

template <class Value>
Value value_of(const cmsghdr* header) {
    Value value{};
    std::memcpy(&value, CMSG_DATA(header), sizeof value);
    return value;
}

/// Fills in hop limit, destination and interface; false: something is missing.
bool read_control(msghdr header, Datagram& datagram) {
    bool has_hop_limit = false, has_destination = false;
    const auto take_hop_limit = [&](const cmsghdr* each) {
        datagram.hop_limit = static_cast<std::uint8_t>(value_of<int>(each) & 0xff);
        has_hop_limit = true;
    };
    for (const cmsghdr* each = CMSG_FIRSTHDR(&header); each != nullptr;
         each = CMSG_NXTHDR(&header, const_cast<cmsghdr*>(each))) {
        if (each->cmsg_level == IPPROTO_IP && each->cmsg_type == IP_TTL) {
            take_hop_limit(each);
        } else if (each->cmsg_level == IPPROTO_IPV6 && each->cmsg_type == IPV6_HOPLIMIT) {
            take_hop_limit(each);
        } else if (each->cmsg_level == IPPROTO_IP && each->cmsg_type == IP_PKTINFO) {
            const auto info = value_of<in_pktinfo>(each);
            datagram.destination = to_address(info.ipi_addr);
            datagram.interface = static_cast<std::uint32_t>(info.ipi_ifindex);
            has_destination = true;
        } else if (each->cmsg_level == IPPROTO_IPV6 && each->cmsg_type == IPV6_PKTINFO) {
            const auto info = value_of<in6_pktinfo>(each);
            datagram.destination = to_address(info.ipi6_addr);
            datagram.interface = info.ipi6_ifindex;
            has_destination = true;
        }
    }
    return has_hop_limit && has_destination;
}

/// Appends ancillary data for sendmsg().
class ControlWriter {
public:
    explicit ControlWriter(msghdr& header) : header_(header) {
        header_.msg_control = room_.data();
        header_.msg_controllen = room_.size();
        next_ = CMSG_FIRSTHDR(&header_);
    }
    template <class Value>
    void add(int level, int type, const Value& value) {
        next_->cmsg_level = level;
        next_->cmsg_type = type;
        next_->cmsg_len = CMSG_LEN(sizeof value);
        std::memcpy(CMSG_DATA(next_), &value, sizeof value);
        used_ += CMSG_SPACE(sizeof value);
        next_ = CMSG_NXTHDR(&header_, next_);
    }
    void finish() { header_.msg_controllen = used_; }

private:
    msghdr& header_;
    alignas(cmsghdr) std::array<std::byte, 128> room_{};
    cmsghdr* next_ = nullptr;
    std::size_t used_ = 0;
};

}  // namespace

std::uint16_t Ports::of(Channel channel) const {
    switch (channel) {
        case Channel::control:
            return control;
        case Channel::multihop:
            return multihop;
        case Channel::echo:
            return echo;
    }
    return control;
}

Descriptor::~Descriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

socklen_t to_socket_address(sockaddr_storage& storage, const IpAddress& address, std::uint16_t port,
                            std::uint32_t scope) {
    storage = {};
    if (address.is_v4()) {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
        v4.sin_addr.s_addr = htonl(address.v4_value());
        std::memcpy(&storage, &v4, sizeof v4);
        return sizeof v4;
    }
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&v6.sin6_addr, address.bytes().data(), address.bytes().size());
    if (address.is_link_local()) v6.sin6_scope_id = scope;
    std::memcpy(&storage, &v6, sizeof v6);
    return sizeof v6;
}

// ---- receiving ----------------------------------------------------------------------------------

ReceiveBatch::ReceiveBatch() {
    for (std::size_t i = 0; i < datagrams_max; ++i) {
        Room& room = rooms_[i];
        room.part = {.iov_base = room.payload.data(), .iov_len = room.payload.size()};
        headers_[i].msg_hdr.msg_name = &room.from;
        headers_[i].msg_hdr.msg_iov = &room.part;
        headers_[i].msg_hdr.msg_iovlen = 1;
        headers_[i].msg_hdr.msg_control = room.control.data();
    }
}

std::size_t ReceiveBatch::receive(int descriptor) {
    for (mmsghdr& header : headers_) {
        header.msg_hdr.msg_namelen = sizeof(sockaddr_storage);
        header.msg_hdr.msg_controllen = control_bytes_max;
    }
    const int count = ::recvmmsg(descriptor, headers_.data(), datagrams_max, MSG_DONTWAIT, nullptr);
    return count < 0 ? 0 : static_cast<std::size_t>(count);
}

std::optional<ReceiveBatch::Received> ReceiveBatch::at(std::size_t index) const {
    const mmsghdr& header = headers_.at(index);
    const Room& room = rooms_.at(index);
    Received received;
    received.datagram.payload = std::span(room.payload).first(header.msg_len);
    received.from = &room.from;
    received.from_size = header.msg_hdr.msg_namelen;
    received.is_cut = (header.msg_hdr.msg_flags & MSG_TRUNC) != 0;
    if (room.from.ss_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &room.from, sizeof v4);
        received.datagram.source = to_address(v4.sin_addr);
    } else {
        sockaddr_in6 v6{};
        std::memcpy(&v6, &room.from, sizeof v6);
        received.datagram.source = to_address(v6.sin6_addr);
    }
    if (!read_control(header.msg_hdr, received.datagram)) return std::nullopt;
    return received;
}

// ---- the sockets --------------------------------------------------------------------------------

Result<std::unique_ptr<ListeningSocket>> ListeningSocket::open(const Place& place,
                                                               std::uint16_t port,
                                                               Sharing sharing) {
    const bool is_v4 = place.family == IpFamily::ipv4;
    const auto failed = [&](int error) {
        const std::string where = place.device.empty() ? "" : fmt::format(" on {}", place.device);
        const char* hint = error == EADDRINUSE ? "; does another BFD daemon run here?" : "";
        return fail(ErrorCode::unavailable,
                    fmt::format("cannot listen for BFD on {} port {}/udp{}: {}{}",
                                to_string(place.family), port, where, std::strerror(error), hint));
    };
    std::uint32_t device_index = 0;
    if (!place.device.empty()) {
        device_index = ::if_nametoindex(place.device.c_str());
        if (device_index == 0)
            return fail(ErrorCode::not_found,
                        fmt::format("the interface {} does not exist on this node", place.device));
    }
    Descriptor descriptor = open_udp(is_v4);
    if (descriptor.get() < 0) return failed(errno);
    if (!set_up_sending(descriptor.get(), is_v4) || !set_up_receiving(descriptor.get(), is_v4))
        return failed(errno);
    if (!place.device.empty() && !bind_to_device(descriptor.get(), place.device))
        return failed(errno);
    std::unique_ptr<ListeningSocket> socket(
        new ListeningSocket(std::move(descriptor), place, device_index));
    if (sharing == Sharing::with_ours) socket->share(true);
    sockaddr_storage address;
    const IpAddress any = is_v4 ? IpAddress::v4(0) : IpAddress::v6({});
    const socklen_t size = to_socket_address(address, any, port, 0);
    const bool is_bound = ::bind(socket->descriptor(), generic(address), size) == 0;
    const int error = errno;
    socket->share(false);
    if (!is_bound) return failed(error);
    return socket;
}

void ListeningSocket::share(bool is_shared) {
    set_option(descriptor(), SOL_SOCKET, SO_REUSEADDR, is_shared ? 1 : 0);
}

bool ListeningSocket::send_echo(std::span<const std::byte> payload, const sockaddr_storage& to,
                                socklen_t to_size, const EchoWay& way) {
    sockaddr_storage name = to;
    iovec part{.iov_base = const_cast<std::byte*>(payload.data()), .iov_len = payload.size()};
    msghdr header{};
    header.msg_name = &name;
    header.msg_namelen = to_size;
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    ControlWriter control(header);
    const int hop_limit = way.hop_limit;
    if (family_ == IpFamily::ipv4) {
        in_pktinfo info{};
        info.ipi_ifindex = static_cast<int>(way.interface);
        if (way.from) info.ipi_spec_dst.s_addr = htonl(way.from->v4_value());
        control.add(IPPROTO_IP, IP_PKTINFO, info);
        control.add(IPPROTO_IP, IP_TTL, hop_limit);
    } else {
        in6_pktinfo info{};
        info.ipi6_ifindex = way.interface;
        if (way.from) std::memcpy(&info.ipi6_addr, way.from->bytes().data(), sizeof info.ipi6_addr);
        control.add(IPPROTO_IPV6, IPV6_PKTINFO, info);
        control.add(IPPROTO_IPV6, IPV6_HOPLIMIT, hop_limit);
    }
    control.finish();
    return ::sendmsg(descriptor(), &header, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

Result<std::unique_ptr<SendingSocket>> SendingSocket::open(const Way& way,
                                                           std::minstd_rand& random) {
    const bool is_v4 = way.remote.is_v4();
    const auto failed = [&](int error) {
        return fail(ErrorCode::unavailable,
                    fmt::format("cannot send BFD packets to {}: {}", way.remote.to_string(),
                                std::strerror(error)));
    };
    Descriptor descriptor = open_udp(is_v4);
    if (descriptor.get() < 0) return failed(errno);
    const int fd = descriptor.get();
    if (!set_up_sending(fd, is_v4) || !receive_nothing(fd)) return failed(errno);
    if (!way.device.empty() && !bind_to_device(fd, way.device)) return failed(errno);
    // The address may come later than the session; until then sending fails, and says so.
    if (is_v4 ? !set_option(fd, IPPROTO_IP, IP_FREEBIND, 1)
              : !set_option(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1))
        return failed(errno);
    const IpAddress any = is_v4 ? IpAddress::v4(0) : IpAddress::v6({});
    std::uniform_int_distribution<int> ports(source_port_min, source_port_max);
    for (int attempt = 0;; ++attempt) {
        sockaddr_storage address;
        const socklen_t size =
            to_socket_address(address, way.local.value_or(any),
                              static_cast<std::uint16_t>(ports(random)), way.device_index);
        if (::bind(fd, generic(address), size) == 0) break;
        if (errno != EADDRINUSE || attempt == port_attempts_max) return failed(errno);
    }
    std::unique_ptr<SendingSocket> socket(new SendingSocket(std::move(descriptor)));
    socket->to_size_ =
        to_socket_address(socket->to_, way.remote, way.remote_port, way.device_index);
    return socket;
}

int SendingSocket::send(std::span<const std::byte> packet) {
    const auto sent = ::sendto(descriptor_.get(), packet.data(), packet.size(),
                               MSG_DONTWAIT | MSG_NOSIGNAL, generic(to_), to_size_);
    return sent >= 0 ? 0 : errno;
}

}  // namespace trivet::announce::bfd
