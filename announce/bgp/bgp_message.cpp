#include "announce/bgp/bgp_message.hpp"

#include <algorithm>
#include <array>

#include "announce/bgp/bgp_update_decode.hpp"
#include "announce/wire_bytes.hpp"
#include "core/assert.hpp"

namespace trivet::announce::bgp {

namespace {

constexpr std::size_t marker_size = 16;
constexpr std::size_t type_offset = 18;
constexpr std::uint8_t bgp_version = 4;
constexpr std::uint16_t hold_time_s_min = 3;  // RFC 4271 section 4.2: "either zero or at least 3"
constexpr std::size_t route_refresh_body_size = 4;  // RFC 2918 section 3

struct Header {
    MessageType type;
    std::size_t size;
};

/// What a whole message of this type may be long (RFC 4271 section 6.1).
struct Bounds {
    std::size_t min, max;
};
Bounds bounds_of(MessageType type, std::size_t largest) {
    switch (type) {
        case MessageType::open:  // RFC 8654 section 4: neither it nor a KEEPALIVE is ever extended
            return {29, message_size_max};
        case MessageType::update:
            return {23, largest};
        case MessageType::notification:
            return {21, largest};
        case MessageType::keepalive:
            return {header_size, header_size};
        case MessageType::route_refresh:  // what is too short for one has an error of its own
            return {header_size, largest};
    }
    return {header_size, largest};
}

/// RFC 4271 section 6.1. `received` holds a header at least.
Result<Header, DecodeError> read_header(std::span<const std::byte> received,
                                        const CodecOptions& options) {
    const auto marker = received.first(marker_size);
    if (!std::ranges::all_of(marker, [](std::byte byte) { return byte == std::byte{0xff}; }))
        return tl::unexpected(header_notification(header_error::connection_not_synchronized));
    const auto length = received.subspan(marker_size, 2);
    const std::size_t size = ByteReader(length).u16();
    // RFC 8654 section 4: who has offered it "MUST be capable of receiving" 65,535 octets; section
    // 5: who has not "MUST NOT accept" more than 4,096.
    const bool is_extended = options.extended_messages || options.extended_offered;
    const std::size_t largest = is_extended ? extended_message_size_max : message_size_max;
    if (size < header_size || size > largest)
        return tl::unexpected(header_notification(header_error::bad_message_length, length));
    const auto type = std::to_integer<std::uint8_t>(received[type_offset]);
    if (type < static_cast<std::uint8_t>(MessageType::open) ||
        type > static_cast<std::uint8_t>(MessageType::route_refresh))
        return tl::unexpected(
            header_notification(header_error::bad_message_type, received.subspan(type_offset, 1)));
    const Header header{.type = static_cast<MessageType>(type), .size = size};
    const Bounds bounds = bounds_of(header.type, largest);
    if (size < bounds.min || size > bounds.max)
        return tl::unexpected(header_notification(header_error::bad_message_length, length));
    return header;
}

/// RFC 4271 section 6.2, as far as it needs no configuration.
Result<OpenMessage, DecodeError> decode_open(std::span<const std::byte> body) {
    ByteReader reader(body);
    OpenMessage message;
    message.version = reader.u8();
    const auto my_as = reader.take(2);
    const auto hold_time = reader.take(2);
    const auto identifier = reader.take(4);
    TRIVET_ASSERT(reader.ok());  // its least length was checked
    message.my_as = AsNumber(ByteReader(my_as).u16());
    message.hold_time_s = ByteReader(hold_time).u16();
    message.bgp_identifier = ByteReader(identifier).u32();
    if (message.version != bgp_version) {
        // "The Data field is a 2-octet unsigned integer, which indicates the largest,
        // locally-supported version number".
        constexpr std::array supported = {std::byte{0}, std::byte{bgp_version}};
        return tl::unexpected(open_notification(open_error::unsupported_version_number, supported));
    }
    if (message.my_as == AsNumber(0))  // RFC 7607 section 2
        return tl::unexpected(open_notification(open_error::bad_peer_as, my_as));
    if (message.hold_time_s != 0 && message.hold_time_s < hold_time_s_min)
        return tl::unexpected(open_notification(open_error::unacceptable_hold_time, hold_time));
    if (message.bgp_identifier == 0)  // RFC 6286 section 2.2
        return tl::unexpected(open_notification(open_error::bad_bgp_identifier, identifier));
    auto capabilities = decode_optional_parameters(reader.rest());
    if (!capabilities) return tl::unexpected(std::move(capabilities.error()));
    message.capabilities = std::move(*capabilities);
    // RFC 6793 section 4.1: the capability counts "in lieu of" the fixed field.
    if (message.capabilities.four_octet_as) message.my_as = *message.capabilities.four_octet_as;
    return message;
}

NotificationMessage decode_notification(std::span<const std::byte> body) {
    // RFC 4271 section 6.4: whatever is wrong in it, it cannot be answered by another.
    ByteReader reader(body);
    NotificationMessage message;
    message.error_code = reader.u8();
    message.error_subcode = reader.u8();
    message.data.assign(reader.rest().begin(), reader.rest().end());
    return message;
}

Result<RouteRefreshMessage, DecodeError> decode_route_refresh(std::span<const std::byte> message,
                                                              const CodecOptions& options) {
    const auto body = message.subspan(header_size);
    ByteReader reader(body);
    RouteRefreshMessage refresh;
    refresh.family.afi = reader.u16();
    const std::uint8_t subtype = reader.u8();
    refresh.family.safi = reader.u8();
    // RFC 2918 section 3: what RFC 7313 made the subtype was reserved, and ignored.
    if (options.enhanced_route_refresh) refresh.subtype = subtype;
    const bool is_marker = refresh.subtype == 1 || refresh.subtype == 2;
    // RFC 7313 section 5. Longer ones ask for outbound route filtering (RFC 5291 section 4), which
    // we never offer: of these the family counts.
    if (is_marker && body.size() != route_refresh_body_size)
        return tl::unexpected(route_refresh_notification(message));
    if (reader.ok()) return refresh;
    if (options.enhanced_route_refresh) return tl::unexpected(route_refresh_notification(message));
    return tl::unexpected(
        header_notification(header_error::bad_message_length, message.subspan(marker_size, 2)));
}

template <class Decoded>
Result<std::optional<Taken>, DecodeError> taken(Result<Decoded, DecodeError> decoded,
                                                std::size_t size) {
    if (!decoded) return tl::unexpected(std::move(decoded.error()));
    return Taken{.message = std::move(*decoded), .size = size};
}

/// The message around a body, whose size was made to fit.
std::vector<std::byte> framed(MessageType type, std::span<const std::byte> body) {
    const std::size_t size = header_size + body.size();
    TRIVET_ASSERT(size <= message_size_max);
    ByteWriter writer(size);
    for (std::size_t i = 0; i < marker_size; ++i) writer.u8(0xff);
    writer.u16(static_cast<std::uint16_t>(size));
    writer.u8(static_cast<std::uint8_t>(type));
    writer.append(body);
    return writer.take();
}

}  // namespace

MessageType type_of(const Message& message) {
    struct Visitor {
        MessageType operator()(const OpenMessage&) const { return MessageType::open; }
        MessageType operator()(const UpdateMessage&) const { return MessageType::update; }
        MessageType operator()(const NotificationMessage&) const {
            return MessageType::notification;
        }
        MessageType operator()(const KeepaliveMessage&) const { return MessageType::keepalive; }
        MessageType operator()(const RouteRefreshMessage&) const {
            return MessageType::route_refresh;
        }
    };
    return std::visit(Visitor{}, message);
}

Result<std::optional<Taken>, DecodeError> take_message(std::span<const std::byte> received,
                                                       const CodecOptions& options) {
    if (received.size() < header_size) return std::nullopt;
    const auto header = read_header(received, options);
    if (!header) return tl::unexpected(header.error());
    if (received.size() < header->size) return std::nullopt;
    const auto message = received.first(header->size);
    const auto body = message.subspan(header_size);
    switch (header->type) {
        case MessageType::open:
            return taken(decode_open(body), header->size);
        case MessageType::update:
            return taken(decode_update(body, options), header->size);
        case MessageType::notification:
            return Taken{.message = decode_notification(body), .size = header->size};
        case MessageType::keepalive:
            return Taken{.message = KeepaliveMessage{}, .size = header->size};
        case MessageType::route_refresh:
            return taken(decode_route_refresh(message, options), header->size);
    }
    return std::nullopt;
}

std::vector<std::byte> encode(const OpenMessage& message) {
    TRIVET_ASSERT(!message.capabilities.four_octet_as ||
                  *message.capabilities.four_octet_as == message.my_as);
    const bool is_two_octet = message.my_as.value() <= 0xffff;
    ByteWriter body(64);
    body.u8(message.version);
    body.u16(static_cast<std::uint16_t>((is_two_octet ? message.my_as : as_trans).value()));
    body.u16(message.hold_time_s);
    body.u32(message.bgp_identifier);
    body.append(encode_optional_parameters(message.capabilities));
    return framed(MessageType::open, body.take());
}

std::vector<std::byte> encode(const NotificationMessage& message) {
    const auto data = std::span(message.data);
    ByteWriter body(2 + message.data.size());
    body.u8(message.error_code);
    body.u8(message.error_subcode);
    body.append(data.first(std::min(data.size(), notification_data_size_max)));
    return framed(MessageType::notification, body.take());
}

std::vector<std::byte> encode(const KeepaliveMessage&) {
    return framed(MessageType::keepalive, {});
}

std::vector<std::byte> encode(const RouteRefreshMessage& message) {
    ByteWriter body(route_refresh_body_size);
    body.u16(message.family.afi);
    body.u8(message.subtype);
    body.u8(message.family.safi);
    return framed(MessageType::route_refresh, body.take());
}

}  // namespace trivet::announce::bgp
