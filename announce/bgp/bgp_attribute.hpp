#pragma once
#include <cstdint>
#include <optional>
#include <string>

/// Path attributes: their types and flags as they stand in an UPDATE (RFC 4271 section 4.3).
namespace trivet::announce::bgp {

namespace attribute_flag {
inline constexpr std::uint8_t optional = 0x80;         // else well-known
inline constexpr std::uint8_t transitive = 0x40;       // of those well-known always
inline constexpr std::uint8_t partial = 0x20;          // somebody on the way did not know it
inline constexpr std::uint8_t extended_length = 0x10;  // two octets of length instead of one
}  // namespace attribute_flag

namespace attribute_type {                                     // IANA "BGP Path Attributes"
inline constexpr std::uint8_t origin = 1;                      // RFC 4271 section 5.1.1
inline constexpr std::uint8_t as_path = 2;                     // RFC 4271 section 5.1.2
inline constexpr std::uint8_t next_hop = 3;                    // RFC 4271 section 5.1.3
inline constexpr std::uint8_t multi_exit_disc = 4;             // RFC 4271 section 5.1.4
inline constexpr std::uint8_t local_pref = 5;                  // RFC 4271 section 5.1.5
inline constexpr std::uint8_t atomic_aggregate = 6;            // RFC 4271 section 5.1.6
inline constexpr std::uint8_t aggregator = 7;                  // RFC 4271 section 5.1.7
inline constexpr std::uint8_t communities = 8;                 // RFC 1997
inline constexpr std::uint8_t originator_id = 9;               // RFC 4456 section 8
inline constexpr std::uint8_t cluster_list = 10;               // RFC 4456 section 8
inline constexpr std::uint8_t mp_reach_nlri = 14;              // RFC 4760 section 3
inline constexpr std::uint8_t mp_unreach_nlri = 15;            // RFC 4760 section 4
inline constexpr std::uint8_t extended_communities = 16;       // RFC 4360
inline constexpr std::uint8_t as4_path = 17;                   // RFC 6793 section 3
inline constexpr std::uint8_t as4_aggregator = 18;             // RFC 6793 section 3
inline constexpr std::uint8_t ipv6_extended_communities = 25;  // RFC 5701
inline constexpr std::uint8_t large_communities = 32;          // RFC 8092
inline constexpr std::uint8_t only_to_customer = 35;           // RFC 9234 section 5
}  // namespace attribute_type

namespace as_path_segment {                         // RFC 4271 section 4.3
inline constexpr std::uint8_t as_set = 1;           //
inline constexpr std::uint8_t as_sequence = 2;      //
inline constexpr std::uint8_t confed_sequence = 3;  // RFC 5065 section 3
inline constexpr std::uint8_t confed_set = 4;       // RFC 5065 section 3
}  // namespace as_path_segment

/// As its RFC writes it, "AS_PATH"; "attribute 99" for those we do not know.
std::string attribute_name(std::uint8_t type);

/// The bits optional and transitive as they must be; nullopt for those we do not know.
std::optional<std::uint8_t> attribute_flags(std::uint8_t type);

}  // namespace trivet::announce::bgp
