#include "announce/bfd/link_lookup.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>

namespace trivet::announce::bfd {

namespace {

/// RTM_GETNEIGH for one address, as rtnetlink(7) lays it out.
struct NeighbourRequest {
    nlmsghdr header{};
    ndmsg neighbour{};
    rtattr attribute{};
    std::array<std::uint8_t, 16> address{};
};
static_assert(sizeof(NeighbourRequest) ==
              NLMSG_HDRLEN + sizeof(ndmsg) + RTA_LENGTH(0) + 16);  // without gaps

std::optional<MacAddress> link_layer_address(std::span<const std::byte> attributes) {
    MacAddress mac;
    while (attributes.size() >= sizeof(rtattr)) {
        rtattr head{};
        std::memcpy(&head, attributes.data(), sizeof head);
        if (head.rta_len < sizeof head || head.rta_len > attributes.size()) return std::nullopt;
        const auto value = attributes.subspan(sizeof head, head.rta_len - sizeof head);
        if (head.rta_type == NDA_LLADDR && value.size() == mac.bytes.size()) {
            std::ranges::transform(value, mac.bytes.begin(), std::to_integer<std::uint8_t>);
            return mac;
        }
        const std::size_t aligned = (head.rta_len + 3U) & ~3U;
        attributes = attributes.subspan(std::min(aligned, attributes.size()));
    }
    return std::nullopt;
}

}  // namespace

LinkLookup::LinkLookup()
    : route_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE)),
      any_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {}

std::optional<MacAddress> LinkLookup::own(std::uint32_t interface) {
    ifreq request{};
    if (::if_indextoname(interface, static_cast<char*>(request.ifr_name)) == nullptr)
        return std::nullopt;
    if (::ioctl(any_.get(), SIOCGIFHWADDR, &request) != 0) return std::nullopt;
    if (request.ifr_hwaddr.sa_family != ARPHRD_ETHER) return std::nullopt;
    MacAddress mac;
    std::memcpy(mac.bytes.data(), &request.ifr_hwaddr.sa_data, mac.bytes.size());
    return mac;
}

std::optional<MacAddress> LinkLookup::neighbour(std::uint32_t interface, const IpAddress& address) {
    const std::size_t address_bytes = address.is_v4() ? 4 : 16;
    NeighbourRequest request;
    request.header.nlmsg_len =
        static_cast<std::uint32_t>(sizeof request - request.address.size() + address_bytes);
    request.header.nlmsg_type = RTM_GETNEIGH;
    request.header.nlmsg_flags = NLM_F_REQUEST;
    request.header.nlmsg_seq = ++sequence_;
    request.neighbour.ndm_family = address.is_v4() ? AF_INET : AF_INET6;
    request.neighbour.ndm_ifindex = static_cast<int>(interface);
    request.attribute.rta_type = NDA_DST;
    request.attribute.rta_len = static_cast<std::uint16_t>(RTA_LENGTH(address_bytes));
    std::ranges::copy(std::span(address.bytes()).last(address_bytes), request.address.begin());
    if (::send(route_.get(), &request, request.header.nlmsg_len, 0) < 0) return std::nullopt;

    std::array<std::byte, 1024> answer{};
    for (;;) {
        const auto size = ::recv(route_.get(), answer.data(), answer.size(), MSG_DONTWAIT);
        nlmsghdr head{};
        if (size < static_cast<ssize_t>(sizeof head)) return std::nullopt;
        std::memcpy(&head, answer.data(), sizeof head);
        if (head.nlmsg_seq != sequence_) continue;  // of a question before
        constexpr std::size_t fixed = NLMSG_HDRLEN + sizeof(ndmsg);
        if (head.nlmsg_type != RTM_NEWNEIGH || head.nlmsg_len < fixed ||
            head.nlmsg_len > static_cast<std::size_t>(size))
            return std::nullopt;
        return link_layer_address(std::span(answer).first(head.nlmsg_len).subspan(fixed));
    }
}

}  // namespace trivet::announce::bfd
