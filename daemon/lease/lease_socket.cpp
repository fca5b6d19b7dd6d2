#include "daemon/lease/lease_socket.hpp"

#include <cerrno>
#include <cstring>
#include <fmt/format.h>

#include <netinet/in.h>
#include <netinet/ip.h>
#include <unistd.h>

namespace trivet::daemon {

using boost::asio::ip::udp;

namespace {

// What arrives during a stall of a second in a cluster of seven: 2,000 packets, each counted as
// some 800 bytes by the kernel.
constexpr int receive_buffer_bytes = 2 << 20;

/// The real one.
class UdpLeaseSocket final : public LeaseSocket {
public:
    explicit UdpLeaseSocket(int descriptor) : descriptor_(descriptor) {}
    ~UdpLeaseSocket() override { ::close(descriptor_); }
    UdpLeaseSocket(const UdpLeaseSocket&) = delete;
    UdpLeaseSocket& operator=(const UdpLeaseSocket&) = delete;

    int descriptor() const noexcept override { return descriptor_; }

    Received receive(std::span<std::byte> buffer) noexcept override {
        const auto bytes =
            ::recv(descriptor_, buffer.data(), buffer.size(), MSG_DONTWAIT | MSG_TRUNC);
        if (bytes >= 0) return {Outcome::received, static_cast<std::size_t>(bytes)};
        const bool is_empty = errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
        return {is_empty ? Outcome::nothing : Outcome::failed, 0};
    }

    bool send(std::span<const std::byte> packet, const LeaseAddress& to) noexcept override {
        return ::sendto(descriptor_, packet.data(), packet.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                        reinterpret_cast<const sockaddr*>(&to.storage), to.size) >= 0;
    }

    udp::endpoint local_endpoint() const override {
        udp::endpoint endpoint;
        auto size = static_cast<socklen_t>(endpoint.capacity());
        if (::getsockname(descriptor_, endpoint.data(), &size) == 0) endpoint.resize(size);
        return endpoint;
    }

private:
    int descriptor_;
};

/// Each is a wish; the leases work without.
void tune(int descriptor, bool is_v6) {
    const int bytes = receive_buffer_bytes;
    // Beyond net.core.rmem_max with CAP_NET_ADMIN, else up to it.
    if (::setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0)
        ::setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    const int network_control = IPTOS_CLASS_CS6;  // RFC 4594 section 3.1: as routing protocols
    const int fragment = is_v6 ? IPV6_PMTUDISC_DONT : IP_PMTUDISC_DONT;  // large clusters need it
    if (is_v6) {
        ::setsockopt(descriptor, IPPROTO_IPV6, IPV6_TCLASS, &network_control,
                     sizeof network_control);
        ::setsockopt(descriptor, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &fragment, sizeof fragment);
    } else {
        ::setsockopt(descriptor, IPPROTO_IP, IP_TOS, &network_control, sizeof network_control);
        ::setsockopt(descriptor, IPPROTO_IP, IP_MTU_DISCOVER, &fragment, sizeof fragment);
    }
    const int priority = 6;  // TC_PRIO_INTERACTIVE, the highest without a capability
    ::setsockopt(descriptor, SOL_SOCKET, SO_PRIORITY, &priority, sizeof priority);
}

}  // namespace

LeaseAddress to_lease_address(const udp::endpoint& endpoint) {
    LeaseAddress address;
    std::memcpy(&address.storage, endpoint.data(), endpoint.size());
    address.size = static_cast<socklen_t>(endpoint.size());
    return address;
}

Result<std::unique_ptr<LeaseSocket>> open_lease_socket(const udp::endpoint& endpoint) {
    const auto failed = [&endpoint](int error) {
        return fail(ErrorCode::unavailable, fmt::format("cannot listen for leases on {}:{}/udp: {}",
                                                        endpoint.address().to_string(),
                                                        endpoint.port(), std::strerror(error)));
    };
    const bool is_v6 = endpoint.address().is_v6();
    const int descriptor =
        ::socket(is_v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return failed(errno);
    auto socket = std::make_unique<UdpLeaseSocket>(descriptor);
    tune(descriptor, is_v6);
    if (::bind(descriptor, endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0)
        return failed(errno);
    return socket;
}

}  // namespace trivet::daemon
