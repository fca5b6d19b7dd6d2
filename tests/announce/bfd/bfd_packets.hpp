#pragma once
#include <initializer_list>
#include <ostream>
#include <string>
#include <vector>

#include "announce/bfd/bfd_session.hpp"

/// Packets for the tests of BFD, and texts of those sent.
namespace trivet::announce::bfd {

inline Instant at(Duration since_start) { return Instant{} + since_start; }
std::vector<std::byte> bytes_of(std::initializer_list<int> values);
std::vector<std::byte> bytes_of_hex(std::string_view hex);

/// "up P your=0x11111111 tx=100 rx=100 echo=0 x3": a packet in words; milliseconds.
std::string describe(const ControlPacket& packet);
/// "2.500"
std::string seconds(Instant instant);

AuthenticationKey key_of(AuthenticationType type, std::string secret = "secret");

/// The control packets among actions, read again.
std::vector<ControlPacket> control_packets(const BfdActions& actions);
std::optional<StateChanged> state_change(const BfdActions& actions);

// Names for GoogleTest to print.
std::ostream& operator<<(std::ostream& out, State state);
std::ostream& operator<<(std::ostream& out, Diagnostic diagnostic);
std::ostream& operator<<(std::ostream& out, Discard reason);
std::ostream& operator<<(std::ostream& out, EchoPhase phase);
std::ostream& operator<<(std::ostream& out, const ControlPacket& packet);

}  // namespace trivet::announce::bfd
