#include "announce/link_event.hpp"

#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>

#include "announce/netlink_attributes.hpp"

namespace trivet::announce {

namespace {

/// The fixed header after the netlink header, or null when the message is too short for it.
template <class Header>
const Header* fixed_header(const nlmsghdr& message) {
    if (mnl_nlmsg_get_payload_len(&message) < sizeof(Header)) return nullptr;
    return static_cast<const Header*>(mnl_nlmsg_get_payload(&message));
}

std::optional<LinkEvent> parse_link(const nlmsghdr& message) {
    const auto* header = fixed_header<ifinfomsg>(message);
    if (header == nullptr || header->ifi_index <= 0) return std::nullopt;
    // A bridge tells about its ports in messages of its own family: there DELLINK means that the
    // port left the bridge, not that the interface is gone.
    if (header->ifi_family != AF_UNSPEC) return std::nullopt;
    const auto index = static_cast<LinkIndex>(header->ifi_index);
    if (message.nlmsg_type == RTM_DELLINK) return LinkGone{index};

    const auto attributes = NetlinkAttributes<IFLA_MAX>::of(message, sizeof(ifinfomsg));
    LinkSeen link{.index = index,
                  .name = attributes.text(IFLA_IFNAME),
                  .hardware_type = header->ifi_type,
                  .loopback = (header->ifi_flags & IFF_LOOPBACK) != 0,
                  .enabled = (header->ifi_flags & IFF_UP) != 0,
                  // RUNNING follows the operational state (802.1X may hold it back), LOWER_UP the
                  // wire; either may be the first to know.
                  .carrier = (header->ifi_flags & IFF_RUNNING) != 0 &&
                             (header->ifi_flags & IFF_LOWER_UP) != 0};
    if (header->ifi_type == ARPHRD_ETHER)
        if (const auto mac = attributes.value<std::array<std::uint8_t, 6>>(IFLA_ADDRESS))
            link.mac = MacAddress{*mac};
    link.master = attributes.value<std::uint32_t>(IFLA_MASTER).value_or(0);
    if (const nlattr* info = attributes.find(IFLA_LINKINFO))
        link.slave_kind =
            NetlinkAttributes<IFLA_INFO_MAX>::nested_in(*info).text(IFLA_INFO_SLAVE_KIND);
    const std::uint32_t event = attributes.value<std::uint32_t>(IFLA_EVENT).value_or(0);
    link.peers_moved = event == IFLA_EVENT_BONDING_FAILOVER || event == IFLA_EVENT_NOTIFY_PEERS;
    return link;
}

std::optional<LinkEvent> parse_address(const nlmsghdr& message) {
    const auto* header = fixed_header<ifaddrmsg>(message);
    if (header == nullptr) return std::nullopt;
    const auto attributes = NetlinkAttributes<IFA_MAX>::of(message, sizeof(ifaddrmsg));
    const auto subnet_address = attributes.address(IFA_ADDRESS);  // of the peer, point to point
    const auto own_address = attributes.find(IFA_LOCAL) ? attributes.address(IFA_LOCAL)
                                                        : attributes.address(IFA_ADDRESS);
    if (!subnet_address || !own_address || header->ifa_prefixlen > subnet_address->bits())
        return std::nullopt;
    const Prefix subnet = Prefix::containing(*subnet_address, header->ifa_prefixlen);
    if (message.nlmsg_type == RTM_DELADDR)
        return AddressGone{header->ifa_index, *own_address, subnet};
    return AddressSeen{header->ifa_index, *own_address, subnet,
                       attributes.value<std::uint8_t>(IFA_PROTO).value_or(0)};
}

std::optional<LinkEvent> parse_netconf(const nlmsghdr& message) {
    const auto* header = fixed_header<netconfmsg>(message);
    if (header == nullptr || header->ncm_family != AF_INET6) return std::nullopt;
    const auto attributes = NetlinkAttributes<NETCONFA_MAX>::of(message, sizeof(netconfmsg));
    const auto index = attributes.value<std::int32_t>(NETCONFA_IFINDEX);
    const auto forwarding = attributes.value<std::int32_t>(NETCONFA_FORWARDING);
    if (!index || *index <= 0 || !forwarding) return std::nullopt;  // negative: "all", "default"
    return ForwardingSeen{static_cast<LinkIndex>(*index), *forwarding != 0};
}

}  // namespace

std::optional<LinkEvent> parse_link_event(std::span<const std::byte> bytes) {
    // libmnl wants the length as int; a datagram from the kernel is far below that.
    if (bytes.size() < sizeof(nlmsghdr)) return std::nullopt;
    const auto& message = *static_cast<const nlmsghdr*>(static_cast<const void*>(bytes.data()));
    if (!mnl_nlmsg_ok(&message, static_cast<int>(bytes.size()))) return std::nullopt;
    switch (message.nlmsg_type) {
        case RTM_NEWLINK:
        case RTM_DELLINK:
            return parse_link(message);
        case RTM_NEWADDR:
        case RTM_DELADDR:
            return parse_address(message);
        case RTM_NEWNETCONF:
            return parse_netconf(message);
    }
    return std::nullopt;
}

}  // namespace trivet::announce
