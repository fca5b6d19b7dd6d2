#include "announce/bgp/bgp_socket.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <memory>

#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace trivet::announce::bgp {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr int precedence_network_control = 0xC0;  // RFC 4271 appendix E: IP precedence 6

auto refused(std::string_view what) {
    const int reason = errno;
    const bool is_allowed = reason != EPERM && reason != EACCES;
    return fail(is_allowed ? ErrorCode::unavailable : ErrorCode::not_allowed,
                fmt::format("{}: {}", what, std::strerror(reason)));
}

bool set(int descriptor, int level, int name, int value) {
    return setsockopt(descriptor, level, name, &value, sizeof value) == 0;
}

void fill(sockaddr_storage& storage, IpAddress address) {
    if (address.is_v4()) {
        auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
        v4.sin_family = AF_INET;
        v4.sin_addr.s_addr = htonl(address.v4_value());
    } else {
        auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
        v6.sin6_family = AF_INET6;
        std::ranges::copy(address.bytes(), std::begin(v6.sin6_addr.s6_addr));
    }
}

Result<void> set_common(int descriptor, bool is_v4, const TransportOptions& options) {
    if (!set(descriptor, IPPROTO_TCP, TCP_NODELAY, 1)) return refused("TCP_NODELAY");
    const int level = is_v4 ? IPPROTO_IP : IPPROTO_IPV6;
    if (!set(descriptor, level, is_v4 ? IP_TOS : IPV6_TCLASS, precedence_network_control))
        return refused("the traffic class");
    if (!set(descriptor, level, is_v4 ? IP_TTL : IPV6_UNICAST_HOPS, options.ttl))
        return refused("the TTL");
    if (options.minimum_ttl != 0 &&
        !set(descriptor, level, is_v4 ? IP_MINTTL : IPV6_MINHOPCOUNT, options.minimum_ttl))
        return refused("the minimum TTL");
    if (options.user_timeout.count() != 0 && !set(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT,
                                                  static_cast<int>(options.user_timeout.count())))
        return refused("TCP_USER_TIMEOUT");
    return {};
}

Result<void> bind_device(int descriptor, const std::string& device) {
    if (device.empty()) return {};
    if (setsockopt(descriptor, SOL_SOCKET, SO_BINDTODEVICE, device.data(),
                   static_cast<socklen_t>(device.size())) != 0)
        return refused(fmt::format("binding to the device '{}'", device));
    return {};
}

std::optional<IpAddress> address_of(const sockaddr* address) {
    if (address == nullptr) return std::nullopt;
    if (address->sa_family == AF_INET)
        return IpAddress::v4(ntohl(reinterpret_cast<const sockaddr_in*>(address)->sin_addr.s_addr));
    if (address->sa_family != AF_INET6) return std::nullopt;
    IpAddress::V6Bytes bytes{};
    std::ranges::copy(reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr.s6_addr,
                      bytes.begin());
    return IpAddress::v6(bytes);
}

}  // namespace

Result<tcp::endpoint> to_asio(const Endpoint& endpoint) {
    const IpAddress address = endpoint.address;
    if (address.is_v4())
        return tcp::endpoint(asio::ip::address_v4(address.v4_value()), endpoint.port);
    asio::ip::address_v6 v6(address.bytes());
    if (address.is_link_local()) {
        const unsigned scope = if_nametoindex(endpoint.interface.c_str());
        if (scope == 0)
            return fail(ErrorCode::not_found,
                        fmt::format("{} is a link-local address, and there is no interface '{}'",
                                    address.to_string(), endpoint.interface));
        v6.scope_id(scope);
    }
    return tcp::endpoint(v6, endpoint.port);
}

IpAddress from_asio(const asio::ip::address& address) {
    return address.is_v4() ? IpAddress::v4(address.to_v4().to_uint())
                           : IpAddress::v6(address.to_v6().to_bytes());
}

std::string interface_name(unsigned index) {
    std::array<char, IF_NAMESIZE> name{};
    return if_indextoname(index, name.data()) == nullptr ? "" : name.data();
}

Result<void> set_password(int descriptor, const Prefix& peer, const std::string& password) {
    tcp_md5sig signature{};
    static_assert(sizeof(sockaddr_storage) == sizeof(signature.tcpm_addr));
    sockaddr_storage address{};
    fill(address, peer.address());
    std::memcpy(&signature.tcpm_addr, &address, sizeof address);
    if (password.size() > TCP_MD5SIG_MAXKEYLEN)
        return fail(ErrorCode::invalid_argument,
                    fmt::format("the password is longer than the {} bytes that TCP-MD5 takes",
                                TCP_MD5SIG_MAXKEYLEN));
    signature.tcpm_keylen = static_cast<std::uint16_t>(password.size());
    std::ranges::copy(password, std::begin(signature.tcpm_key));
    int option = TCP_MD5SIG;
    if (peer.length() != peer.address().bits()) {
        option = TCP_MD5SIG_EXT;
        signature.tcpm_flags = TCP_MD5SIG_FLAG_PREFIX;
        signature.tcpm_prefixlen = static_cast<std::uint8_t>(peer.length());
    }
    if (setsockopt(descriptor, IPPROTO_TCP, option, &signature, sizeof signature) == 0) return {};
    if (password.empty() && errno == ENOENT) return {};
    return refused(fmt::format("the password for {} (TCP-MD5)", peer.to_string()));
}

Result<tcp::socket> open_outgoing(const asio::any_io_executor& executor, const Endpoint& peer,
                                  const TransportOptions& options) {
    const bool is_v4 = peer.address.is_v4();
    tcp::socket socket(executor);
    boost::system::error_code error;
    socket.open(is_v4 ? tcp::v4() : tcp::v6(), error);
    if (error) return fail(ErrorCode::unavailable, "no socket: " + error.message());
    const int descriptor = socket.native_handle();
    if (auto set_up = set_common(descriptor, is_v4, options); !set_up) return fail(set_up.error());
    if (auto bound = bind_device(descriptor, options.bind_device); !bound)
        return fail(bound.error());
    if (options.source_address) {
        const auto source =
            to_asio({.address = *options.source_address, .port = 0, .interface = peer.interface});
        if (!source) return fail(source.error());
        socket.bind(*source, error);
        if (error)
            return fail(ErrorCode::unavailable,
                        fmt::format("the source address {}: {}",
                                    options.source_address->to_string(), error.message()));
    }
    if (!options.password.empty())
        if (auto set_up = set_password(descriptor, Prefix::host(peer.address), options.password);
            !set_up)
            return fail(set_up.error());
    return socket;
}

Result<void> prepare_accepted(tcp::socket& socket, const TransportOptions& options) {
    boost::system::error_code error;
    const auto local = socket.local_endpoint(error);
    if (error) return fail(ErrorCode::unavailable, error.message());
    // A socket that takes both families sees IPv4 as mapped addresses, and has the options of both.
    const bool is_v4 = local.address().is_v4();
    return set_common(socket.native_handle(), is_v4, options);
}

InterfaceAddresses addresses_beside(IpAddress local, const std::string& interface) {
    InterfaceAddresses found{.interface = interface, .ipv4 = {}, .ipv6 = {}, .ipv6_link_local = {}};
    ifaddrs* list = nullptr;
    if (getifaddrs(&list) != 0) list = nullptr;
    const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, freeifaddrs);
    const auto put = [&found](IpAddress address) {
        auto& place = address.is_v4()           ? found.ipv4
                      : address.is_link_local() ? found.ipv6_link_local
                                                : found.ipv6;
        if (!place) place = address;
    };
    put(local);
    for (const ifaddrs* entry = list; entry != nullptr && found.interface.empty();
         entry = entry->ifa_next)
        if (address_of(entry->ifa_addr) == local) found.interface = entry->ifa_name;
    for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
        const auto address = address_of(entry->ifa_addr);
        if (address && found.interface == entry->ifa_name) put(*address);
    }
    return found;
}

}  // namespace trivet::announce::bgp
