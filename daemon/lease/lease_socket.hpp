#pragma once
#include <cstddef>
#include <memory>
#include <span>

#include <sys/socket.h>

#include <boost/asio/ip/udp.hpp>

#include "core/result.hpp"

namespace trivet::daemon {

/// An address in the form that the kernel takes. A value type.
struct LeaseAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;
};
LeaseAddress to_lease_address(const boost::asio::ip::udp::endpoint& endpoint);

/// The datagrams of one node. A seam, where tests cut and stop. The lease thread owns it.
class LeaseSocket {
public:
    enum class Outcome : std::uint8_t { received, nothing, failed };
    struct Received {
        Outcome outcome = Outcome::nothing;
        std::size_t bytes = 0;  // of the datagram, also when it did not fit
    };

    virtual ~LeaseSocket() = default;
    /// Readable when there is something.
    virtual int descriptor() const noexcept = 0;
    /// Never waits.
    virtual Received receive(std::span<std::byte> buffer) noexcept = 0;
    /// Never waits. False: the kernel does not take it.
    virtual bool send(std::span<const std::byte> packet, const LeaseAddress& to) noexcept = 0;
    virtual boost::asio::ip::udp::endpoint local_endpoint() const = 0;
};

/// Errors: unavailable, naming address and reason.
Result<std::unique_ptr<LeaseSocket>> open_lease_socket(
    const boost::asio::ip::udp::endpoint& endpoint);

}  // namespace trivet::daemon
