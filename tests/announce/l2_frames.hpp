#pragma once
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "announce/arp_message.hpp"
#include "announce/l2_session.hpp"
#include "announce/ndp_message.hpp"

/// Frames that neighbours send in the tests of the ARP and NDP sessions, and texts of those sent.
namespace trivet::announce {

IpAddress ip(std::string_view text);
MacAddress mac(std::string_view text);
inline Instant at(Duration since_start) { return Instant{} + since_start; }

/// An interface that is up and has this MAC and these addresses.
LinkState link_up(MacAddress mac, std::vector<IpAddress> addresses = {});

/// Broadcast, as a neighbour would send it. Sender 0.0.0.0 makes it a probe.
std::vector<std::byte> arp_frame(ArpOperation operation, MacAddress from, IpAddress sender,
                                 IpAddress target);
/// To the solicited-node group of the target, with the option unless the source is unspecified.
NdpMessage solicitation(MacAddress from, IpAddress source, IpAddress target);
/// To all nodes, with override.
NdpMessage advertisement(MacAddress from, IpAddress source, IpAddress target);

/// One line on an action or a frame.
std::string describe(const L2Action& action);
std::string describe_frame(std::span<const std::byte> frame);
std::vector<std::string> describe(const L2Actions& actions);

// Names for GoogleTest to print.
std::ostream& operator<<(std::ostream& out, ArpError error);
std::ostream& operator<<(std::ostream& out, NdpError error);

}  // namespace trivet::announce
