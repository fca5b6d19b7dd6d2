#include "announce/link_event.hpp"

#include <libmnl/libmnl.h>

#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>

#include <gtest/gtest.h>

namespace trivet::announce {
namespace {

/// One netlink message as the kernel would send it.
class Message {
public:
    explicit Message(std::uint16_t type) : header_(mnl_nlmsg_put_header(buffer_.data())) {
        header_->nlmsg_type = type;
    }
    template <class Header>
    Header& fixed() {
        return *static_cast<Header*>(mnl_nlmsg_put_extra_header(header_, sizeof(Header)));
    }
    nlmsghdr* operator->() { return header_; }
    nlmsghdr* get() { return header_; }
    std::span<const std::byte> bytes() const { return {buffer_.data(), header_->nlmsg_len}; }

private:
    alignas(nlmsghdr) std::array<std::byte, 1024> buffer_{};
    nlmsghdr* header_;
};

Message link_message(std::uint16_t type, unsigned char family = AF_UNSPEC) {
    Message message(type);
    auto& header = message.fixed<ifinfomsg>();
    header.ifi_family = family;
    header.ifi_type = ARPHRD_ETHER;
    header.ifi_index = 7;
    header.ifi_flags = IFF_UP | IFF_RUNNING | IFF_LOWER_UP;
    mnl_attr_put_strz(message.get(), IFLA_IFNAME, "eth0");
    const std::array<std::uint8_t, 6> mac{2, 0, 0, 0, 0, 7};
    mnl_attr_put(message.get(), IFLA_ADDRESS, mac.size(), mac.data());
    return message;
}

template <class Event>
Event parsed(const Message& message) {
    const auto event = parse_link_event(message.bytes());
    if (!event || !std::holds_alternative<Event>(*event)) {
        ADD_FAILURE() << "not this event";
        return {};
    }
    return std::get<Event>(*event);
}

TEST(LinkEvent, LinkWithMacNameAndFlags) {
    const auto link = parsed<LinkSeen>(link_message(RTM_NEWLINK));
    EXPECT_EQ(link.index, 7U);
    EXPECT_EQ(link.name, "eth0");
    EXPECT_EQ(link.mac->to_string(), "02:00:00:00:00:07");
    EXPECT_TRUE(link.enabled && link.carrier);
    EXPECT_FALSE(link.loopback || link.peers_moved);
    EXPECT_EQ(link.master, 0U);
}

TEST(LinkEvent, BridgePortNamesItsMasterAndKind) {
    Message message = link_message(RTM_NEWLINK);
    mnl_attr_put_u32(message.get(), IFLA_MASTER, 3);
    nlattr* info = mnl_attr_nest_start(message.get(), IFLA_LINKINFO);
    mnl_attr_put_strz(message.get(), IFLA_INFO_KIND, "veth");
    mnl_attr_put_strz(message.get(), IFLA_INFO_SLAVE_KIND, "bridge");
    mnl_attr_nest_end(message.get(), info);
    const auto link = parsed<LinkSeen>(message);
    EXPECT_EQ(link.master, 3U);
    EXPECT_EQ(link.slave_kind, "bridge");
}

TEST(LinkEvent, BondFailoverAndNotifyPeersMovePeers) {
    for (const std::uint32_t event : {IFLA_EVENT_BONDING_FAILOVER, IFLA_EVENT_NOTIFY_PEERS}) {
        Message message = link_message(RTM_NEWLINK);
        mnl_attr_put_u32(message.get(), IFLA_EVENT, event);
        EXPECT_TRUE(parsed<LinkSeen>(message).peers_moved);
    }
    Message message = link_message(RTM_NEWLINK);
    mnl_attr_put_u32(message.get(), IFLA_EVENT, IFLA_EVENT_FEATURES);
    EXPECT_FALSE(parsed<LinkSeen>(message).peers_moved);
}

TEST(LinkEvent, DeletedLink) { EXPECT_EQ(parsed<LinkGone>(link_message(RTM_DELLINK)).index, 7U); }

/// A port that leaves a bridge is told as DELLINK of family AF_BRIDGE: the interface is still
/// there.
TEST(LinkEvent, BridgeFamilyIsIgnored) {
    EXPECT_FALSE(parse_link_event(link_message(RTM_DELLINK, AF_BRIDGE).bytes()));
    EXPECT_FALSE(parse_link_event(link_message(RTM_NEWLINK, AF_BRIDGE).bytes()));
}

Message address_message(std::uint16_t type, unsigned char length) {
    Message message(type);
    auto& header = message.fixed<ifaddrmsg>();
    header.ifa_family = AF_INET;
    header.ifa_prefixlen = length;
    header.ifa_index = 7;
    const std::array<std::uint8_t, 4> own{10, 0, 0, 1}, peer{10, 0, 9, 1};
    mnl_attr_put(message.get(), IFA_ADDRESS, peer.size(), peer.data());
    mnl_attr_put(message.get(), IFA_LOCAL, own.size(), own.data());
    mnl_attr_put_u8(message.get(), IFA_PROTO, 116);
    return message;
}

/// IFA_LOCAL is our own address; IFA_ADDRESS tells the subnet, the peer's on a point-to-point link.
TEST(LinkEvent, AddressWithSubnetAndProtocol) {
    const auto address = parsed<AddressSeen>(address_message(RTM_NEWADDR, 24));
    EXPECT_EQ(address.index, 7U);
    EXPECT_EQ(address.address.to_string(), "10.0.0.1");
    EXPECT_EQ(address.subnet.to_string(), "10.0.9.0/24");
    EXPECT_EQ(address.protocol, 116);
    EXPECT_EQ(parsed<AddressGone>(address_message(RTM_DELADDR, 24)).address.to_string(),
              "10.0.0.1");
}

TEST(LinkEvent, Ipv6AddressHasNoLocalAttribute) {
    Message message(RTM_NEWADDR);
    auto& header = message.fixed<ifaddrmsg>();
    header.ifa_family = AF_INET6;
    header.ifa_prefixlen = 64;
    header.ifa_index = 7;
    const IpAddress address = IpAddress::parse("fd77::1").value();
    mnl_attr_put(message.get(), IFA_ADDRESS, 16, address.bytes().data());
    const auto seen = parsed<AddressSeen>(message);
    EXPECT_EQ(seen.address, address);
    EXPECT_EQ(seen.subnet.to_string(), "fd77::/64");
    EXPECT_EQ(seen.protocol, 0);
}

TEST(LinkEvent, ForwardingOfOneInterface) {
    const auto netconf = [](std::int32_t index) {
        Message message(RTM_NEWNETCONF);
        message.fixed<netconfmsg>().ncm_family = AF_INET6;
        mnl_attr_put_u32(message.get(), NETCONFA_IFINDEX, static_cast<std::uint32_t>(index));
        mnl_attr_put_u32(message.get(), NETCONFA_FORWARDING, 1);
        return message;
    };
    EXPECT_TRUE(parsed<ForwardingSeen>(netconf(7)).forwarding);
    EXPECT_FALSE(parse_link_event(netconf(NETCONFA_IFINDEX_ALL).bytes()));
}

TEST(LinkEvent, MalformedIsNothing) {
    EXPECT_FALSE(parse_link_event({}));
    EXPECT_FALSE(parse_link_event(address_message(RTM_NEWADDR, 33).bytes()))
        << "longer than 32 bits";
    const Message whole = link_message(RTM_NEWLINK);
    for (std::size_t size = 0; size < whole.bytes().size(); ++size)
        EXPECT_FALSE(parse_link_event(whole.bytes().first(size))) << size << " bytes";
    Message empty(RTM_NEWLINK);  // without the fixed header
    EXPECT_FALSE(parse_link_event(empty.bytes()));
    Message short_address(RTM_NEWADDR);
    short_address.fixed<ifaddrmsg>().ifa_index = 7;
    mnl_attr_put_u16(short_address.get(), IFA_ADDRESS, 1);
    EXPECT_FALSE(parse_link_event(short_address.bytes()));
    Message other(RTM_NEWROUTE);
    EXPECT_FALSE(parse_link_event(other.bytes()));
}

}  // namespace
}  // namespace trivet::announce
