#pragma once
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "announce/bgp/bgp_attribute.hpp"
#include "announce/bgp/bgp_message.hpp"

/// BGP messages, byte by byte, as the codec's tests need them; and one line on what they lead to.
namespace trivet::announce::bgp {
namespace wire {

using Bytes = std::vector<std::byte>;

/// Two digits a byte; blanks between them as one likes.
Bytes hex(std::string_view text);
std::string to_hex(const Bytes& bytes);
Bytes repeated(std::size_t count, const Bytes& bytes);
Bytes operator+(Bytes front, const Bytes& back);

/// With the header that belongs before such a body.
Bytes whole(MessageType type, const Bytes& body);

/// Flags as they should be (of unknown types: optional and transitive), or others.
Bytes attribute(std::uint8_t type, const Bytes& value);
struct AttributeHead {
    std::uint8_t flags = 0;
    std::uint8_t type = 0;
};
Bytes attribute(AttributeHead head, const Bytes& value);

struct UpdateParts {
    Bytes withdrawn = {};
    Bytes attributes = {};
    Bytes nlri = {};
};
Bytes update(const UpdateParts& parts);

struct OpenParts {
    std::string_view version = "04";
    std::string_view my_as = "fde8";  // 65000
    std::string_view hold_time = "005a";
    std::string_view identifier = "c0000201";
    Bytes rest = hex("00");  // from the octet of length on
};
Bytes open(const OpenParts& parts);

/// What everybody sends with an IPv4 route: ORIGIN, AS_PATH 65000, NEXT_HOP 192.0.2.1.
Bytes origin();
Bytes as_path();
Bytes next_hop();
Bytes usual_attributes();
/// 203.0.113.0/24
Bytes usual_nlri();

/// Both families, a peer with four-octet AS numbers outside our AS.
CodecOptions both_families();

/// One line on what take_message makes of `bytes`, which are one message:
///   "more", when it wants more bytes
///   "send 3/9 80 0e 01", the NOTIFICATION to be sent with its data
///   "OPEN", "KEEPALIVE", "NOTIFICATION 6/2", "ROUTE-REFRESH 1/1 subtype 0"
///   "accept +203.0.113.0/24 -192.0.2.0/24", or "discard", "withdraw", "end of IPv4 unicast"
std::string reaction(const Bytes& bytes, const CodecOptions& options = both_families());

}  // namespace wire

// Names for GoogleTest to print.
std::ostream& operator<<(std::ostream& out, const NotificationMessage& message);
std::ostream& operator<<(std::ostream& out, const Capabilities& capabilities);

}  // namespace trivet::announce::bgp
