#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "announce/bgp/bgp_message.hpp"
#include "announce/wire_bytes.hpp"
#include "core/assert.hpp"

/// What the fuzz targets of BGP messages share.
namespace trivet::fuzz {

using announce::bgp::CodecOptions;
using announce::bgp::DecodeError;
using announce::bgp::MessageType;
using announce::bgp::Taken;

/// A fuzzer seldom guesses a marker and a length: the message around a body. Too long a body is
/// cut.
inline std::vector<std::byte> framed(MessageType type, std::span<const std::byte> body) {
    using namespace announce::bgp;
    body = body.first(std::min(body.size(), extended_message_size_max - header_size));
    announce::ByteWriter writer(header_size + body.size());
    for (int i = 0; i < 16; ++i) writer.u8(0xff);
    writer.u16(static_cast<std::uint16_t>(header_size + body.size()));
    writer.u8(static_cast<std::uint8_t>(type));
    writer.append(body);
    return writer.take();
}

inline CodecOptions options_from(std::uint8_t bits) {
    using namespace announce::bgp;
    CodecOptions options;
    options.extended_messages = (bits & 1) != 0;
    options.four_octet_as = (bits & 2) != 0;
    options.is_external = (bits & 4) != 0;
    options.enhanced_route_refresh = (bits & 8) != 0;
    if ((bits & 16) != 0) options.families.insert(ipv6_unicast);
    if ((bits & 32) != 0) options.extended_next_hop.insert(ipv4_unicast);
    if ((bits & 64) != 0) options.families.erase(ipv4_unicast);
    return options;
}

/// RFC 4271 section 6: what is answered can be sent, and tells the peer nothing that it has not
/// said itself, save for the version that we speak.
inline void check_answer(const DecodeError& error, std::span<const std::byte> received) {
    using namespace announce::bgp;
    const std::vector<std::byte> bytes = encode(error);
    const auto again = take_message(bytes, {});
    TRIVET_ASSERT(again.has_value() && again->has_value());
    TRIVET_ASSERT(std::get<NotificationMessage>((*again)->message) == error);
    TRIVET_ASSERT(!to_words(error).empty());
    const bool is_version = error.error_code == error_code::open_message &&
                            error.error_subcode == open_error::unsupported_version_number;
    TRIVET_ASSERT(is_version || error.data.empty() ||
                  !std::ranges::search(received, error.data).empty());
}

/// Takes a message, and checks what is true of every one. nullopt: there was none, or a bad one.
inline std::optional<Taken> take(std::span<const std::byte> received, const CodecOptions& options) {
    using namespace announce::bgp;
    auto taken = take_message(received, options);
    if (!taken) check_answer(taken.error(), received);
    if (!taken || !*taken) return std::nullopt;
    const std::size_t size = (*taken)->size;
    TRIVET_ASSERT(size >= header_size && size <= received.size());
    // One byte less is not yet a message; what is behind it changes nothing.
    const auto before = take_message(received.first(size - 1), options);
    TRIVET_ASSERT(before.has_value() && !before->has_value());
    const auto alone = take_message(received.first(size), options);
    TRIVET_ASSERT(alone.has_value() && alone->has_value());
    TRIVET_ASSERT((*alone)->message == (*taken)->message);
    return std::move(*taken);
}

}  // namespace trivet::fuzz
