#include "announce/interface_match.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trivet::announce {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

LinkFacts link(LinkIndex index, const std::string& name, const std::vector<std::string>& subnets) {
    LinkFacts facts{.index = index, .name = name, .unsuitable = {}, .down = {}, .subnets = {}};
    for (const std::string& subnet : subnets)
        facts.subnets.push_back(Prefix::parse(subnet).value());
    return facts;
}

const IpAddress vip = IpAddress::parse("192.168.245.100").value();

L2Target named(std::vector<std::string> names) {
    L2Target target;
    target.interfaces = std::move(names);
    return target;
}

TEST(InterfaceMatch, EverySubnetThatHoldsTheAddress) {
    const auto match =
        match_interfaces(vip, {},
                         {link(2, "eth0", {"192.168.245.0/24"}), link(3, "eth1", {"10.0.0.0/8"}),
                          link(4, "eth2", {"10.1.0.0/16", "192.168.0.0/16"})});
    EXPECT_THAT(match.links, ElementsAre(2U, 4U));
    EXPECT_EQ(match.why_none, "");
}

TEST(InterfaceMatch, NoSubnetSaysWhatToDo) {
    const auto match = match_interfaces(vip, {}, {link(3, "eth1", {"10.0.0.0/8"})});
    EXPECT_THAT(match.links, IsEmpty());
    EXPECT_EQ(match.why_none,
              "no interface has a subnet that holds 192.168.245.100; give one an address there, or "
              "name the interface in an l2-advertisement");
}

TEST(InterfaceMatch, DownInterfaceIsMatchedButCannotBeUsed) {
    LinkFacts unplugged = link(2, "eth0", {"192.168.245.0/24"});
    unplugged.down = "has no carrier";
    const auto match = match_interfaces(vip, {}, {unplugged});
    EXPECT_THAT(match.links, ElementsAre(2U)) << "it may come up again";
    EXPECT_THAT(match.why_none, HasSubstr("eth0 has no carrier"));

    const auto with_other =
        match_interfaces(vip, {}, {unplugged, link(3, "eth1", {"192.168.0.0/16"})});
    EXPECT_THAT(with_other.links, ElementsAre(2U, 3U));
    EXPECT_EQ(with_other.why_none, "");
}

TEST(InterfaceMatch, UnsuitableInterfaceIsNeverMatched) {
    LinkFacts port = link(2, "eth0", {});
    port.unsuitable = "is a port of the bridge br0";
    EXPECT_THAT(match_interfaces(vip, {}, {port}).links, IsEmpty());
    const auto by_name = match_interfaces(vip, named({"eth0"}), {port});
    EXPECT_THAT(by_name.links, IsEmpty());
    EXPECT_THAT(by_name.why_none, HasSubstr("eth0 is a port of the bridge br0"));
}

TEST(InterfaceMatch, NamedInterfaceNeedsNoSubnet) {
    const auto match = match_interfaces(
        vip, named({"eth1", "eth1"}), {link(2, "eth0", {"192.168.245.0/24"}), link(3, "eth1", {})});
    EXPECT_THAT(match.links, ElementsAre(3U));
    EXPECT_EQ(match.why_none, "");
}

TEST(InterfaceMatch, OfTheNamedOnesThoseThatExist) {
    const auto match = match_interfaces(vip, named({"eth7", "eth1"}), {link(3, "eth1", {})});
    EXPECT_THAT(match.links, ElementsAre(3U));
    EXPECT_EQ(match.why_none, "");
    const auto none = match_interfaces(vip, named({"eth7", "eth8"}), {link(3, "eth1", {})});
    EXPECT_THAT(none.why_none, HasSubstr("eth7 does not exist on this node, eth8 does not exist"));
}

InterfacePhase phase(const std::string& interface, L2Phase value) { return {interface, value, {}}; }

TEST(L2StatusSummary, AnnouncedSomewhereIsAnnounced) {
    const L2Status status =
        summarize(vip, {phase("eth0", L2Phase::probing), phase("eth1", L2Phase::announced)}, {});
    EXPECT_EQ(status.phase, L2Phase::announced);
    EXPECT_THAT(status.interfaces, ElementsAre("eth1"));
    EXPECT_EQ(status.message, "");
    EXPECT_EQ(summarize(vip, {phase("eth0", L2Phase::probing)}, {}).phase, L2Phase::probing);
}

TEST(L2StatusSummary, StandbyNamesWhereItWouldBeAnnounced) {
    const L2Status status =
        summarize(vip, {phase("eth0", L2Phase::standby), phase("eth1", L2Phase::standby)}, {});
    EXPECT_EQ(status.phase, L2Phase::standby);
    EXPECT_THAT(status.interfaces, ElementsAre("eth0", "eth1"));
}

TEST(L2StatusSummary, ConflictAnywhereIsAConflictAndNamesTheOther) {
    const MacAddress other = MacAddress::parse("02:00:00:00:00:66").value();
    const L2Status status = summarize(
        vip, {{"eth0", L2Phase::conflict, other}, phase("eth1", L2Phase::announced)}, {"and more"});
    EXPECT_EQ(status.phase, L2Phase::conflict);
    EXPECT_EQ(status.conflict_mac, other);
    EXPECT_THAT(status.interfaces, ElementsAre("eth1"));
    EXPECT_THAT(status.message, HasSubstr("02:00:00:00:00:66 uses 192.168.245.100 too, on eth0"));
    EXPECT_THAT(status.message, HasSubstr("; and more"));
}

TEST(L2StatusSummary, NowhereIsNoInterfaceWithTheReason) {
    const L2Status status = summarize(vip, {}, {"eth0 has no carrier"});
    EXPECT_EQ(status.phase, L2Phase::no_interface);
    EXPECT_EQ(status.message, "eth0 has no carrier");
}

}  // namespace
}  // namespace trivet::announce
