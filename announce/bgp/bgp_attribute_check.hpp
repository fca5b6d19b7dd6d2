#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "announce/bgp/bgp_message.hpp"

namespace trivet::announce::bgp {

/// One path attribute of a received UPDATE (RFC 4271 section 4.3). Refers to the message's bytes.
struct PathAttribute {
    std::uint8_t flags = 0;
    std::uint8_t type = 0;
    std::span<const std::byte> value = {};
    std::span<const std::byte> whole =
        {};  // with flags, type and length: what a NOTIFICATION shows
};

/// What is done about an error (RFC 7606 section 2), mildest first.
enum class ErrorHandling : std::uint8_t { attribute_discard, treat_as_withdraw, session_reset };

/// One thing that is wrong in an UPDATE. The subcode is that of RFC 4271, for the cases in which
/// the session is reset after all.
struct UpdateFault {
    ErrorHandling handling = ErrorHandling::attribute_discard;
    std::uint8_t error_subcode = 0;
    std::string words = {};
};

/// Flags, length and value of one attribute: RFC 4271 section 6.3 as RFC 7606 section 7 and later
/// RFCs have revised it. Of MP_REACH_NLRI and MP_UNREACH_NLRI the flags alone, for the rest needs
/// their prefixes. An attribute that is optional and not known is not looked into.
std::optional<UpdateFault> check_attribute(const PathAttribute& attribute,
                                           const CodecOptions& options);

/// Whether a next hop of a length that fits cannot be the address of a router (RFC 4271 section
/// 6.3: "a valid IP host address"). 4 bytes are IPv4, 16 and 32 IPv6 (RFC 2545 section 3).
bool is_martian_next_hop(std::span<const std::byte> next_hop);

}  // namespace trivet::announce::bgp
