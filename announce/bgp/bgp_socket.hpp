#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "core/ip_address.hpp"
#include "core/result.hpp"

/// The kernel's side of a BGP connection: the options that make a TCP socket fit for one peer.
namespace trivet::announce::bgp {

/// Where a peer is: its address, and for a link-local one the interface.
struct Endpoint {
    IpAddress address;
    std::uint16_t port = 179;
    std::string interface = {};  // needed for link-local addresses, else empty
    bool operator==(const Endpoint&) const = default;
};

struct TransportOptions {
    std::optional<IpAddress> source_address = {};
    std::string bind_device = {};  // SO_BINDTODEVICE
    std::string password = {};     // TCP-MD5 (RFC 2385)
    std::uint8_t ttl = 255;        // of what we send
    std::uint8_t minimum_ttl = 0;  // of what we take (GTSM, RFC 5082); 0: any
    /// After so long without an acknowledgement the kernel gives the connection up; 0: its default.
    std::chrono::milliseconds user_timeout{0};
    bool operator==(const TransportOptions&) const = default;
};

/// Errors: unavailable or not_allowed, an option or address was refused; the message says which.
Result<boost::asio::ip::tcp::socket> open_outgoing(const boost::asio::any_io_executor& executor,
                                                   const Endpoint& peer,
                                                   const TransportOptions& options);
/// For an accepted connection: all but what has to be there before the handshake.
Result<void> prepare_accepted(boost::asio::ip::tcp::socket& socket,
                              const TransportOptions& options);
/// From now on segments from `peer` carry this password, also on a listening socket; an empty one
/// takes it away. Errors: unavailable, the kernel has no TCP_MD5SIG or refuses it.
Result<void> set_password(int descriptor, const Prefix& peer, const std::string& password);

/// Errors: not_found, the interface of a link-local address is not there.
Result<boost::asio::ip::tcp::endpoint> to_asio(const Endpoint& endpoint);
IpAddress from_asio(const boost::asio::ip::address& address);
std::string interface_name(unsigned index);  // empty: there is none

/// The other addresses of the interface that has `local`: what can stand as a next hop beside it.
struct InterfaceAddresses {
    std::string interface;
    std::optional<IpAddress> ipv4;
    std::optional<IpAddress> ipv6;  // not link-local
    std::optional<IpAddress> ipv6_link_local;
};
/// `local` itself comes first of its family. `interface` is asked for when `local` is link-local.
InterfaceAddresses addresses_beside(IpAddress local, const std::string& interface);

}  // namespace trivet::announce::bgp
