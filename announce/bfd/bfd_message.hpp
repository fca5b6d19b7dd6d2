#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/result.hpp"

namespace trivet::announce::bfd {

inline constexpr std::uint8_t protocol_version = 1;           // RFC 5880 section 4.1 "Vers"
inline constexpr std::size_t mandatory_section_bytes = 24;    // section 4.1
inline constexpr std::size_t control_bytes_max = 24 + 28;     // with SHA1, the longest that we send
inline constexpr std::size_t control_length_field_max = 255;  // what the Length field can say

enum class State : std::uint8_t { admin_down = 0, down = 1, init = 2, up = 3 };  // "Sta"

enum class Diagnostic : std::uint8_t {  // section 4.1 "Diag", five bits; 9 to 31 are reserved
    none = 0,
    control_detection_time_expired = 1,
    echo_function_failed = 2,
    neighbor_signaled_session_down = 3,
    forwarding_plane_reset = 4,
    path_down = 5,
    concatenated_path_down = 6,
    administratively_down = 7,
    reverse_concatenated_path_down = 8,
};

/// Words for people and for metrics: "up", "control detection time expired".
std::string_view to_string(State state);
std::string_view to_string(Diagnostic diagnostic);

/// The mandatory section of one BFD Control packet (section 4.1). A value type.
struct ControlPacket {
    State state = State::down;
    Diagnostic diagnostic = Diagnostic::none;
    bool poll = false;
    bool final = false;
    bool control_plane_independent = false;
    bool has_authentication = false;  // the section follows; an Authenticator reads and writes it
    bool demand = false;
    std::uint8_t detect_multiplier = 3;
    std::uint32_t my_discriminator = 0;
    std::uint32_t your_discriminator = 0;
    std::uint32_t desired_min_tx_us = 0;
    std::uint32_t required_min_rx_us = 0;
    std::uint32_t required_min_echo_rx_us = 0;
    bool operator==(const ControlPacket&) const = default;
};

/// Why a packet that was received is of no effect. First what the packet itself shows, in the order
/// of the checks of section 6.8.6; then what the session it is for has against it.
enum class Discard : std::uint8_t {
    truncated,  // it ends before its Length field
    version,
    length,                 // less than 24, or than 26 with an authentication section
    length_beyond_payload,  // more than there is
    multiplier_zero,
    multipoint,
    my_discriminator_zero,
    your_discriminator_zero,  // in a state where the sender must know it
    no_session,               // for this discriminator, or from this neighbour
    hop_limit,                // RFC 5881 section 5; below the minimum of a multihop session
    authentication_unexpected,
    authentication_missing,
    authentication_type,
    authentication_key_id,
    authentication_length,
    authentication_sequence,
    authentication_digest,
    unproven,    // shows neither discriminator of a session that lives (docs/internals/bfd.md)
    admin_down,  // our side is administratively down
};
inline constexpr std::size_t discards = static_cast<std::size_t>(Discard::admin_down) + 1;
std::string_view to_string(Discard reason);

/// Of what the packet itself shows. Bytes beyond its Length field are not looked at.
Result<ControlPacket, Discard> decode_control(std::span<const std::byte> payload);

/// A packet to be sent. Of a fixed size, so that sending allocates nothing.
struct ControlBytes {
    std::array<std::byte, control_bytes_max> bytes{};
    std::uint8_t size = 0;
    std::span<const std::byte> view() const { return std::span(bytes).first(size); }
};

/// Precondition: not both Poll and Final (section 6.5), and no authentication, which is added by
/// Authenticator::sign().
ControlBytes encode(const ControlPacket& packet);

}  // namespace trivet::announce::bfd
