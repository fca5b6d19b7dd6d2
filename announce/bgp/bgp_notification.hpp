#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// What a session is closed with, and what that means (RFC 4271 sections 4.5 and 6, and the RFCs
/// named beside the constants). All values; nothing here keeps state.
namespace trivet::announce::bgp {

/// What we send, and what a session is closed with (RFC 4271 section 4.5).
struct NotificationMessage {
    std::uint8_t error_code = 0;
    std::uint8_t error_subcode = 0;
    std::vector<std::byte> data = {};
    bool operator==(const NotificationMessage&) const = default;
};

/// 4096 octets are what every peer can take (RFC 4271 section 4.1, RFC 8654 section 5); of these 19
/// are the header, and two the codes.
inline constexpr std::size_t notification_data_size_max = 4096 - 19 - 2;

namespace error_code {                                      // IANA "BGP Error (Notification) Codes"
inline constexpr std::uint8_t message_header = 1;           // RFC 4271 section 6.1
inline constexpr std::uint8_t open_message = 2;             // RFC 4271 section 6.2
inline constexpr std::uint8_t update_message = 3;           // RFC 4271 section 6.3
inline constexpr std::uint8_t hold_timer_expired = 4;       // RFC 4271 section 6.5
inline constexpr std::uint8_t finite_state_machine = 5;     // RFC 4271 section 6.6
inline constexpr std::uint8_t cease = 6;                    // RFC 4271 section 6.7
inline constexpr std::uint8_t route_refresh_message = 7;    // RFC 7313 section 5
inline constexpr std::uint8_t send_hold_timer_expired = 8;  // RFC 9687 section 5
}  // namespace error_code

/// Of every error code (RFC 4271 section 4.5: "if no appropriate Error Subcode is defined").
inline constexpr std::uint8_t unspecific = 0;

namespace header_error {  // RFC 4271 section 6.1
inline constexpr std::uint8_t connection_not_synchronized = 1;
inline constexpr std::uint8_t bad_message_length = 2;
inline constexpr std::uint8_t bad_message_type = 3;
}  // namespace header_error

namespace open_error {  // RFC 4271 section 6.2
inline constexpr std::uint8_t unsupported_version_number = 1;
inline constexpr std::uint8_t bad_peer_as = 2;
inline constexpr std::uint8_t bad_bgp_identifier = 3;
inline constexpr std::uint8_t unsupported_optional_parameter = 4;
inline constexpr std::uint8_t unacceptable_hold_time = 6;
inline constexpr std::uint8_t unsupported_capability = 7;  // RFC 5492 section 5
inline constexpr std::uint8_t role_mismatch = 11;          // RFC 9234 section 4.2
}  // namespace open_error

namespace update_error {  // RFC 4271 section 6.3
inline constexpr std::uint8_t malformed_attribute_list = 1;
inline constexpr std::uint8_t unrecognized_well_known_attribute = 2;
inline constexpr std::uint8_t missing_well_known_attribute = 3;
inline constexpr std::uint8_t attribute_flags_error = 4;
inline constexpr std::uint8_t attribute_length_error = 5;
inline constexpr std::uint8_t invalid_origin_attribute = 6;
inline constexpr std::uint8_t invalid_next_hop_attribute = 8;
inline constexpr std::uint8_t optional_attribute_error = 9;
inline constexpr std::uint8_t invalid_network_field = 10;
inline constexpr std::uint8_t malformed_as_path = 11;
}  // namespace update_error

namespace state_machine_error {  // RFC 6608 section 3; the data is the type of the message
inline constexpr std::uint8_t unexpected_in_open_sent = 1;
inline constexpr std::uint8_t unexpected_in_open_confirm = 2;
inline constexpr std::uint8_t unexpected_in_established = 3;
}  // namespace state_machine_error

namespace cease_reason {  // RFC 4486 section 3
inline constexpr std::uint8_t maximum_number_of_prefixes_reached = 1;
inline constexpr std::uint8_t administrative_shutdown = 2;  // with a text: RFC 9003
inline constexpr std::uint8_t peer_deconfigured = 3;
inline constexpr std::uint8_t administrative_reset = 4;  // with a text: RFC 9003
inline constexpr std::uint8_t connection_rejected = 5;
inline constexpr std::uint8_t other_configuration_change = 6;
inline constexpr std::uint8_t connection_collision_resolution = 7;
inline constexpr std::uint8_t out_of_resources = 8;
inline constexpr std::uint8_t hard_reset = 9;  // RFC 8538 section 3.1
inline constexpr std::uint8_t bfd_down = 10;   // RFC 9384 section 3
}  // namespace cease_reason

namespace route_refresh_error {  // RFC 7313 section 5
inline constexpr std::uint8_t invalid_message_length = 1;
}  // namespace route_refresh_error

// One function a code, so that code and subcode cannot be swapped. Of `data` goes along what fits.
NotificationMessage header_notification(std::uint8_t subcode, std::span<const std::byte> data = {});
NotificationMessage open_notification(std::uint8_t subcode, std::span<const std::byte> data = {});
NotificationMessage update_notification(std::uint8_t subcode, std::span<const std::byte> data = {});
NotificationMessage hold_timer_notification();
NotificationMessage send_hold_timer_notification();
/// `message_type` is that of the message which the state does not allow (RFC 6608 section 4).
NotificationMessage state_machine_notification(std::uint8_t subcode, std::byte message_type);
/// `complete_message` with its header (RFC 7313 section 5: "MUST contain the complete ...").
NotificationMessage route_refresh_notification(std::span<const std::byte> complete_message);
/// The text goes along where it may: with subcodes 2 and 4 (RFC 9003 section 2). It is cut to the
/// length that every peer understands, and what is no UTF-8 in it is replaced.
NotificationMessage cease_notification(std::uint8_t subcode, std::string_view text = {});

/// Wraps the reason into a hard reset, which ends graceful restart too (RFC 8538 section 3.1).
NotificationMessage hard_reset_notification(const NotificationMessage& reason);
/// What a hard reset wraps; nullopt: it is none, or wraps nothing.
std::optional<NotificationMessage> hard_reset_reason(const NotificationMessage& message);

/// A sentence for people on any message, whatever it holds: "Cease, Administrative Shutdown (6/2):
/// \"maintenance\"". Safe to print and to log: valid UTF-8, without control characters, and short.
std::string to_words(const NotificationMessage& message);

}  // namespace trivet::announce::bgp
