#include "announce/link_table.hpp"

#include <linux/if_arp.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trivet::announce {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint8_t own_protocol = 116;

MacAddress mac(std::uint8_t last) { return MacAddress{{0x02, 0, 0, 0, 0, last}}; }

LinkSeen ethernet(LinkIndex index, const std::string& name) {
    return {.index = index,
            .name = name,
            .hardware_type = ARPHRD_ETHER,
            .enabled = true,
            .carrier = true,
            .mac = mac(static_cast<std::uint8_t>(index))};
}

AddressSeen address_on(LinkIndex index, const std::string& address, int length,
                       std::uint8_t protocol = 0) {
    const IpAddress parsed = IpAddress::parse(address).value();
    return {index, parsed, Prefix::containing(parsed, length), protocol};
}

class LinkTableTest : public testing::Test {
protected:
    std::vector<LinkChange> on(const LinkEvent& event) {
        table.on_event(event);
        return table.take_changes();
    }
    std::string unsuitable(const std::string& name) const {
        for (const LinkFacts& facts : table.facts())
            if (facts.name == name) return facts.unsuitable;
        return "no such interface";
    }

    LinkTable table{{.only = {}, .own_protocol = own_protocol}};
};

TEST_F(LinkTableTest, NewInterfaceIsToldWithItsAddresses) {
    const auto changes = on(ethernet(2, "eth0"));
    ASSERT_EQ(changes.size(), 1U);
    EXPECT_EQ(changes[0].name, "eth0");
    EXPECT_EQ(changes[0].state->mac, mac(2));
    EXPECT_TRUE(changes[0].state->up);

    const auto more = on(address_on(2, "10.0.0.1", 24));
    ASSERT_EQ(more.size(), 1U);
    EXPECT_THAT(more[0].state->subnets, ElementsAre(Prefix::parse("10.0.0.0/24").value()));
    EXPECT_THAT(more[0].state->addresses, ElementsAre(IpAddress::parse("10.0.0.1").value()));
    EXPECT_THAT(on(address_on(2, "10.0.0.1", 24)), IsEmpty()) << "told already";
}

TEST_F(LinkTableTest, HostAddressIsNoSubnet) {
    (void)on(ethernet(2, "eth0"));
    const auto changes = on(address_on(2, "10.0.0.9", 32));
    ASSERT_EQ(changes.size(), 1U);
    EXPECT_THAT(changes[0].state->subnets, IsEmpty());
}

TEST_F(LinkTableTest, TwoAddressesOfOneSubnetAreOneSubnet) {
    (void)on(ethernet(2, "eth0"));
    (void)on(address_on(2, "10.0.0.1", 24));
    const auto changes = on(address_on(2, "10.0.0.2", 24));
    ASSERT_EQ(changes.size(), 1U);
    EXPECT_EQ(changes[0].state->subnets.size(), 1U);
    EXPECT_EQ(changes[0].state->addresses.size(), 2U);
    const IpAddress first = IpAddress::parse("10.0.0.1").value();
    const auto removed = on(AddressGone{2, first, Prefix::containing(first, 24)});
    ASSERT_EQ(removed.size(), 1U);
    EXPECT_EQ(removed[0].state->subnets.size(), 1U);
}

TEST_F(LinkTableTest, UnsuitableInterfacesAreNeverTold) {
    LinkSeen loopback = ethernet(1, "lo");
    loopback.loopback = true;
    LinkSeen tunnel = ethernet(3, "tun0");
    tunnel.hardware_type = ARPHRD_NONE;
    LinkSeen without_mac = ethernet(4, "eth4");
    without_mac.mac = MacAddress{};
    for (const LinkSeen& seen : {loopback, tunnel, without_mac}) EXPECT_THAT(on(seen), IsEmpty());
    EXPECT_EQ(unsuitable("lo"), "is the loopback interface");
    EXPECT_EQ(unsuitable("tun0"), "is no Ethernet interface");
    EXPECT_EQ(unsuitable("eth4"), "has no MAC address");
}

TEST_F(LinkTableTest, PortsAreSkippedAndAVrfIsNot) {
    (void)on(ethernet(9, "br0"));
    for (const std::string kind : {"bridge", "bond", "team", "openvswitch", ""}) {
        LinkSeen port = ethernet(2, "eth0");
        port.master = 9;
        port.slave_kind = kind;
        (void)on(port);
        EXPECT_EQ(unsuitable("eth0"),
                  "is a port of the " + (kind.empty() ? "interface" : kind) + " br0");
    }
    LinkSeen in_vrf = ethernet(2, "eth0");
    in_vrf.master = 9;
    in_vrf.slave_kind = "vrf";
    const auto changes = on(in_vrf);
    ASSERT_EQ(changes.size(), 1U);
    EXPECT_TRUE(changes[0].state.has_value());
}

TEST_F(LinkTableTest, BecomingABridgePortIsToldAsGone) {
    (void)on(ethernet(2, "eth0"));
    LinkSeen port = ethernet(2, "eth0");
    port.master = 9;
    port.slave_kind = "bridge";
    const auto changes = on(port);
    ASSERT_EQ(changes.size(), 1U);
    EXPECT_FALSE(changes[0].state.has_value());
    EXPECT_THAT(on(port), IsEmpty());
    EXPECT_EQ(on(ethernet(2, "eth0")).size(), 1U) << "it left the bridge again";
}

TEST_F(LinkTableTest, ListedInterfacesAloneAreUsed) {
    table.set_only({"eth1"});
    EXPECT_THAT(on(ethernet(2, "eth0")), IsEmpty());
    EXPECT_EQ(unsuitable("eth0"), "is not in the list l2.interfaces of this node's configuration");
    const auto renamed = on(ethernet(2, "eth1"));
    ASSERT_EQ(renamed.size(), 1U);
    EXPECT_TRUE(renamed[0].state.has_value());
    const auto renamed_back = on(ethernet(2, "eth0"));
    ASSERT_EQ(renamed_back.size(), 1U);
    EXPECT_FALSE(renamed_back[0].state.has_value());
    table.set_only({});
    EXPECT_EQ(table.take_changes().size(), 1U);
}

TEST_F(LinkTableTest, RenameIsTold) {
    (void)on(ethernet(2, "eth0"));
    const auto changes = on(ethernet(2, "lan0"));
    ASSERT_EQ(changes.size(), 1U);
    EXPECT_EQ(changes[0].name, "lan0");
}

TEST_F(LinkTableTest, DeletedInterfaceIsToldOnceWithItsOldName) {
    (void)on(ethernet(2, "eth0"));
    const auto changes = on(LinkGone{2});
    ASSERT_EQ(changes.size(), 1U);
    EXPECT_EQ(changes[0].name, "eth0");
    EXPECT_FALSE(changes[0].state.has_value());
    EXPECT_THAT(on(LinkGone{2}), IsEmpty());
}

TEST_F(LinkTableTest, CarrierLossIsToldAsDown) {
    (void)on(ethernet(2, "eth0"));
    LinkSeen unplugged = ethernet(2, "eth0");
    unplugged.carrier = false;
    const auto changes = on(unplugged);
    ASSERT_EQ(changes.size(), 1U);
    EXPECT_FALSE(changes[0].state->up);
    EXPECT_EQ(table.facts()[0].down, "has no carrier");
    unplugged.enabled = false;
    EXPECT_THAT(on(unplugged), IsEmpty()) << "down is down";
    EXPECT_EQ(table.facts()[0].down, "is switched off");
}

/// Both events came in one burst: nothing is different, and yet the switch may have forgotten us.
TEST_F(LinkTableTest, FlapBetweenTwoLooksIsAnnouncedAgain) {
    (void)on(ethernet(2, "eth0"));
    LinkSeen unplugged = ethernet(2, "eth0");
    unplugged.carrier = false;
    table.on_event(unplugged);
    table.on_event(ethernet(2, "eth0"));
    const auto changes = table.take_changes();
    ASSERT_EQ(changes.size(), 1U);
    EXPECT_TRUE(changes[0].reannounce);
}

TEST_F(LinkTableTest, BondFailoverIsAnnouncedAgainOnce) {
    (void)on(ethernet(2, "bond0"));
    LinkSeen failed_over = ethernet(2, "bond0");
    failed_over.peers_moved = true;
    const auto changes = on(failed_over);
    ASSERT_EQ(changes.size(), 1U);
    EXPECT_TRUE(changes[0].reannounce);
    EXPECT_THAT(on(ethernet(2, "bond0")), IsEmpty());
}

TEST_F(LinkTableTest, MacChangeIsToldAndSiblingsHearOfIt) {
    (void)on(ethernet(2, "eth0"));
    (void)on(ethernet(3, "eth1"));
    LinkSeen changed = ethernet(2, "eth0");
    changed.mac = mac(99);
    const auto changes = on(changed);
    ASSERT_EQ(changes.size(), 2U);
    EXPECT_EQ(changes[0].state->mac, mac(99));
    EXPECT_THAT(changes[1].state->sibling_macs, ElementsAre(mac(99)));
}

TEST_F(LinkTableTest, ForwardingIsTold) {
    (void)on(ethernet(2, "eth0"));
    const auto changes = on(ForwardingSeen{2, true});
    ASSERT_EQ(changes.size(), 1U);
    EXPECT_TRUE(changes[0].state->forwarding);
}

TEST_F(LinkTableTest, UsableAreThoseThatAreUpAndSuitByName) {
    (void)on(ethernet(3, "b"));
    (void)on(address_on(3, "10.0.0.1", 24));
    (void)on(address_on(3, "fe80::1", 64));
    (void)on(address_on(3, "10.0.0.9", 32));
    (void)on(ethernet(4, "a"));
    LinkSeen down = ethernet(5, "c");
    down.carrier = false;
    (void)on(down);
    const NodeInterface a{.name = "a", .prefixes = {}, .mac = mac(4)};
    const NodeInterface b{
        .name = "b", .prefixes = {Prefix::parse("10.0.0.0/24").value()}, .mac = mac(3)};
    EXPECT_THAT(table.usable({}), ElementsAre(a, b));
    EXPECT_THAT(table.usable({4}), ElementsAre(b)) << "refused by somebody";
}

TEST_F(LinkTableTest, AddressesMayComeBeforeTheirInterface) {
    EXPECT_THAT(on(address_on(2, "10.0.0.1", 24)), IsEmpty());
    EXPECT_THAT(table.facts(), IsEmpty());
    const auto changes = on(ethernet(2, "eth0"));
    ASSERT_EQ(changes.size(), 1U);
    EXPECT_EQ(changes[0].state->subnets.size(), 1U);
}

TEST_F(LinkTableTest, ResyncRemovesWhatDidNotComeAgain) {
    (void)on(ethernet(2, "eth0"));
    (void)on(ethernet(3, "eth1"));
    (void)on(address_on(2, "10.0.0.1", 24));
    (void)on(address_on(2, "10.0.1.1", 24));
    table.begin_resync();
    table.on_event(ethernet(2, "eth0"));
    table.on_event(address_on(2, "10.0.0.1", 24));
    table.end_resync();
    const auto changes = table.take_changes();
    ASSERT_EQ(changes.size(), 2U);
    EXPECT_EQ(changes[0].name, "eth1");
    EXPECT_FALSE(changes[0].state.has_value());
    EXPECT_THAT(changes[1].state->subnets, ElementsAre(Prefix::parse("10.0.0.0/24").value()));
}

TEST_F(LinkTableTest, ForeignAddressesAreThoseThatWeDidNotMake) {
    (void)on(ethernet(1, "lo"));
    (void)on(address_on(1, "192.0.2.1", 32, own_protocol));
    const auto revision = table.foreign_revision();
    (void)on(address_on(1, "192.0.2.2", 32, own_protocol));
    EXPECT_EQ(table.foreign_revision(), revision) << "our own do not count";
    (void)on(address_on(1, "192.0.2.3", 32));
    EXPECT_NE(table.foreign_revision(), revision);
    const auto foreign = table.foreign_addresses();
    ASSERT_EQ(foreign.size(), 1U);
    EXPECT_EQ(foreign.begin()->first.to_string(), "192.0.2.3");
    EXPECT_EQ(foreign.begin()->second, "lo");
}

}  // namespace
}  // namespace trivet::announce
