#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "announce/bgp/bgp_attribute.hpp"
#include "announce/bgp/bgp_capability.hpp"
#include "announce/bgp/bgp_notification.hpp"
#include "announce/bgp/bgp_shutdown_text.hpp"
#include "announce/wire_bytes.hpp"

namespace trivet::announce::bgp {

namespace {

struct ErrorText {
    std::uint8_t code, subcode;
    std::string_view text;
};

/// With subcode 0 what the code alone is called.
constexpr auto names = std::to_array<ErrorText>({
    {error_code::message_header, 0, "Message Header Error"},
    {error_code::message_header, 1, "Connection Not Synchronized"},
    {error_code::message_header, 2, "Bad Message Length"},
    {error_code::message_header, 3, "Bad Message Type"},
    {error_code::open_message, 0, "OPEN Message Error"},
    {error_code::open_message, 1, "Unsupported Version Number"},
    {error_code::open_message, 2, "Bad Peer AS"},
    {error_code::open_message, 3, "Bad BGP Identifier"},
    {error_code::open_message, 4, "Unsupported Optional Parameter"},
    {error_code::open_message, 5, "Authentication Failure"},  // deprecated by RFC 4271
    {error_code::open_message, 6, "Unacceptable Hold Time"},
    {error_code::open_message, 7, "Unsupported Capability"},
    {error_code::open_message, 11, "Role Mismatch"},
    {error_code::update_message, 0, "UPDATE Message Error"},
    {error_code::update_message, 1, "Malformed Attribute List"},
    {error_code::update_message, 2, "Unrecognized Well-known Attribute"},
    {error_code::update_message, 3, "Missing Well-known Attribute"},
    {error_code::update_message, 4, "Attribute Flags Error"},
    {error_code::update_message, 5, "Attribute Length Error"},
    {error_code::update_message, 6, "Invalid ORIGIN Attribute"},
    {error_code::update_message, 7, "AS Routing Loop"},  // deprecated by RFC 4271
    {error_code::update_message, 8, "Invalid NEXT_HOP Attribute"},
    {error_code::update_message, 9, "Optional Attribute Error"},
    {error_code::update_message, 10, "Invalid Network Field"},
    {error_code::update_message, 11, "Malformed AS_PATH"},
    {error_code::hold_timer_expired, 0, "Hold Timer Expired"},
    {error_code::finite_state_machine, 0, "Finite State Machine Error"},
    {error_code::finite_state_machine, 1, "Unexpected Message in OpenSent"},
    {error_code::finite_state_machine, 2, "Unexpected Message in OpenConfirm"},
    {error_code::finite_state_machine, 3, "Unexpected Message in Established"},
    {error_code::cease, 0, "Cease"},
    {error_code::cease, 1, "Maximum Number of Prefixes Reached"},
    {error_code::cease, 2, "Administrative Shutdown"},
    {error_code::cease, 3, "Peer De-configured"},
    {error_code::cease, 4, "Administrative Reset"},
    {error_code::cease, 5, "Connection Rejected"},
    {error_code::cease, 6, "Other Configuration Change"},
    {error_code::cease, 7, "Connection Collision Resolution"},
    {error_code::cease, 8, "Out of Resources"},
    {error_code::cease, 9, "Hard Reset"},
    {error_code::cease, 10, "BFD Down"},
    {error_code::route_refresh_message, 0, "ROUTE-REFRESH Message Error"},
    {error_code::route_refresh_message, 1, "Invalid Message Length"},
    {error_code::send_hold_timer_expired, 0, "Send Hold Timer Expired"},
});

std::string_view name_of(std::uint8_t code, std::uint8_t subcode) {
    const auto found = std::ranges::find_if(names, [=](const ErrorText& entry) {
        return entry.code == code && entry.subcode == subcode;
    });
    return found == names.end() ? std::string_view{} : found->text;
}

std::string title(const NotificationMessage& message) {
    std::string words(name_of(message.error_code, 0));
    if (words.empty()) words = "Unknown Error";
    if (message.error_subcode != unspecific) {
        const std::string_view subcode = name_of(message.error_code, message.error_subcode);
        words += fmt::format(", {}", subcode.empty() ? "unknown subcode" : subcode);
    }
    return words + fmt::format(" ({}/{})", message.error_code, message.error_subcode);
}

/// What the codes do not let us understand, as far as a line holds it.
std::string hexadecimal(std::span<const std::byte> data) {
    constexpr std::size_t shown_max = 16;
    if (data.empty()) return {};
    std::string words = data.size() == 1 ? "1 octet:" : fmt::format("{} octets:", data.size());
    for (const std::byte byte : data.first(std::min(data.size(), shown_max)))
        words += fmt::format(" {:02x}", std::to_integer<unsigned>(byte));
    return data.size() > shown_max ? words + " ..." : words;
}

std::string header_detail(const NotificationMessage& message) {
    ByteReader reader(message.data);
    if (message.error_subcode == header_error::bad_message_length && message.data.size() == 2)
        return fmt::format("length {}", reader.u16());
    if (message.error_subcode == header_error::bad_message_type && message.data.size() == 1)
        return fmt::format("type {}", reader.u8());
    return hexadecimal(message.data);
}

/// RFC 5492 section 5: the data is a list of capabilities as in an OPEN.
std::string capability_list(std::span<const std::byte> data) {
    std::string words;
    ByteReader reader(data);
    while (!reader.rest().empty()) {
        const std::uint8_t code = reader.u8();
        reader.take(reader.u8());
        if (!reader.ok()) return hexadecimal(data);
        words += (words.empty() ? "" : ", ") + capability_name(code);
        constexpr std::size_t line = 200;
        if (words.size() > line) return words + ", ...";
    }
    return words;
}

std::string open_detail(const NotificationMessage& message) {
    ByteReader reader(message.data);
    if (message.error_subcode == open_error::unsupported_version_number && message.data.size() == 2)
        return fmt::format("version {} would be supported", reader.u16());
    if (message.error_subcode == open_error::unacceptable_hold_time && message.data.size() == 2)
        return fmt::format("{} s", reader.u16());
    if (message.error_subcode == open_error::unsupported_capability)
        return capability_list(message.data);
    return hexadecimal(message.data);
}

/// RFC 4271 section 6.3: the data is the attribute, "type, length, and value", or its type alone.
std::string update_detail(const NotificationMessage& message) {
    ByteReader reader(message.data);
    switch (message.error_subcode) {
        case update_error::missing_well_known_attribute:
            if (message.data.size() == 1) return attribute_name(reader.u8());
            break;
        case update_error::unrecognized_well_known_attribute:
        case update_error::attribute_flags_error:
        case update_error::attribute_length_error:
        case update_error::invalid_origin_attribute:
        case update_error::invalid_next_hop_attribute:
        case update_error::optional_attribute_error:
            if (message.data.size() < 3) break;
            reader.u8();  // flags
            return fmt::format("{}, {}", attribute_name(reader.u8()), hexadecimal(message.data));
        default:
            break;
    }
    return hexadecimal(message.data);
}

std::string state_machine_detail(const NotificationMessage& message) {
    constexpr std::array<std::string_view, 6> types = {
        "", "OPEN", "UPDATE", "NOTIFICATION", "KEEPALIVE", "ROUTE-REFRESH"};
    if (message.data.size() != 1) return hexadecimal(message.data);
    const auto type = std::to_integer<std::size_t>(message.data[0]);
    return type == 0 || type >= types.size() ? fmt::format("message of type {}", type)
                                             : std::string(types[type]);
}

std::string cease_detail(const NotificationMessage& message) {
    ByteReader reader(message.data);
    switch (message.error_subcode) {
        case cease_reason::maximum_number_of_prefixes_reached:  // RFC 4486 section 4
            if (message.data.size() == 7) {
                const std::uint16_t afi = reader.u16();
                const std::uint8_t safi = reader.u8();
                return fmt::format("{}, limit {}", to_string(AfiSafi{afi, safi}), reader.u32());
            }
            break;
        case cease_reason::administrative_shutdown:
        case cease_reason::administrative_reset: {
            const auto text = decode_shutdown_text(message.data);
            if (text) return text->empty() ? "" : quoted_for_people(*text);
            return "a malformed text, " + hexadecimal(message.data);  // RFC 9003 section 4
        }
        case cease_reason::hard_reset: {
            const auto reason = hard_reset_reason(message);
            if (!reason) break;
            // A hard reset in a hard reset means nothing, and would let a peer choose our depth.
            if (hard_reset_reason(*reason)) break;
            return to_words(*reason);
        }
        default:
            break;
    }
    return hexadecimal(message.data);
}

std::string detail(const NotificationMessage& message) {
    switch (message.error_code) {
        case error_code::message_header:
            return header_detail(message);
        case error_code::open_message:
            return open_detail(message);
        case error_code::update_message:
            return update_detail(message);
        case error_code::finite_state_machine:
            return state_machine_detail(message);
        case error_code::cease:
            return cease_detail(message);
        default:
            return hexadecimal(message.data);
    }
}

}  // namespace

std::string to_words(const NotificationMessage& message) {
    const std::string more = detail(message);
    return more.empty() ? title(message) : title(message) + ": " + more;
}

}  // namespace trivet::announce::bgp
