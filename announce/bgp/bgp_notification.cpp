#include "announce/bgp/bgp_notification.hpp"

#include <algorithm>

#include "announce/bgp/bgp_shutdown_text.hpp"

namespace trivet::announce::bgp {

namespace {

struct ErrorName {
    std::uint8_t code, subcode;
};

NotificationMessage notification(ErrorName error, std::span<const std::byte> data = {}) {
    const auto fitting = data.first(std::min(data.size(), notification_data_size_max));
    return {error.code, error.subcode, {fitting.begin(), fitting.end()}};
}

}  // namespace

NotificationMessage header_notification(std::uint8_t subcode, std::span<const std::byte> data) {
    return notification({error_code::message_header, subcode}, data);
}

NotificationMessage open_notification(std::uint8_t subcode, std::span<const std::byte> data) {
    return notification({error_code::open_message, subcode}, data);
}

NotificationMessage update_notification(std::uint8_t subcode, std::span<const std::byte> data) {
    return notification({error_code::update_message, subcode}, data);
}

NotificationMessage hold_timer_notification() {
    return notification({error_code::hold_timer_expired, unspecific});
}

NotificationMessage send_hold_timer_notification() {
    // RFC 9687 section 6: subcode 0, and "no additional data is to be appended".
    return notification({error_code::send_hold_timer_expired, unspecific});
}

NotificationMessage state_machine_notification(std::uint8_t subcode, std::byte message_type) {
    return notification({error_code::finite_state_machine, subcode}, {&message_type, 1});
}

NotificationMessage route_refresh_notification(std::span<const std::byte> complete_message) {
    return notification(
        {error_code::route_refresh_message, route_refresh_error::invalid_message_length},
        complete_message);
}

NotificationMessage cease_notification(std::uint8_t subcode, std::string_view text) {
    const bool may_have_text = subcode == cease_reason::administrative_shutdown ||
                               subcode == cease_reason::administrative_reset;
    // Without a text nothing at all: peers from before RFC 8203 expect no length.
    if (!may_have_text || text.empty()) return notification({error_code::cease, subcode});
    return notification({error_code::cease, subcode}, encode_shutdown_text(text));
}

NotificationMessage hard_reset_notification(const NotificationMessage& reason) {
    std::vector<std::byte> data = {std::byte{reason.error_code}, std::byte{reason.error_subcode}};
    data.insert(data.end(), reason.data.begin(), reason.data.end());
    return notification({error_code::cease, cease_reason::hard_reset}, data);
}

std::optional<NotificationMessage> hard_reset_reason(const NotificationMessage& message) {
    if (message.error_code != error_code::cease ||
        message.error_subcode != cease_reason::hard_reset || message.data.size() < 2)
        return std::nullopt;
    return NotificationMessage{std::to_integer<std::uint8_t>(message.data[0]),
                               std::to_integer<std::uint8_t>(message.data[1]),
                               {message.data.begin() + 2, message.data.end()}};
}

}  // namespace trivet::announce::bgp
