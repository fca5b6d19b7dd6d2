#include "tests/announce/bgp/bgp_wire.hpp"

#include <fmt/format.h>

#include <gtest/gtest.h>

#include "announce/wire_bytes.hpp"

namespace trivet::announce::bgp {
namespace wire {

namespace {

std::string describe(const UpdateMessage& update) {
    std::string line = update.treatment == UpdateTreatment::accept              ? "accept"
                       : update.treatment == UpdateTreatment::attribute_discard ? "discard"
                                                                                : "withdraw";
    EXPECT_EQ(update.problem.empty(), update.treatment == UpdateTreatment::accept);
    for (const Prefix& prefix : update.announced) line += " +" + prefix.to_string();
    for (const Prefix& prefix : update.withdrawn) line += " -" + prefix.to_string();
    if (update.prefixes_ignored > 0) line += fmt::format(" ignored {}", update.prefixes_ignored);
    if (update.end_of_rib) line += " end of " + to_string(*update.end_of_rib);
    return line;
}

std::string describe(const Message& message) {
    if (const auto* update = std::get_if<UpdateMessage>(&message)) return describe(*update);
    if (std::holds_alternative<OpenMessage>(message)) return "OPEN";
    if (std::holds_alternative<KeepaliveMessage>(message)) return "KEEPALIVE";
    if (const auto* notification = std::get_if<NotificationMessage>(&message))
        return fmt::format("NOTIFICATION {}/{}", notification->error_code,
                           notification->error_subcode);
    const auto& refresh = std::get<RouteRefreshMessage>(message);
    return fmt::format("ROUTE-REFRESH {}/{} subtype {}", refresh.family.afi, refresh.family.safi,
                       refresh.subtype);
}

}  // namespace

Bytes hex(std::string_view text) {
    std::string digits(text);
    std::erase(digits, ' ');
    EXPECT_EQ(digits.size() % 2, 0U) << text;
    Bytes bytes;
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
        bytes.push_back(static_cast<std::byte>(std::stoi(digits.substr(i, 2), nullptr, 16)));
    return bytes;
}

std::string to_hex(const Bytes& bytes) {
    std::string text;
    for (const std::byte byte : bytes)
        text += fmt::format("{}{:02x}", text.empty() ? "" : " ", std::to_integer<unsigned>(byte));
    return text;
}

Bytes repeated(std::size_t count, const Bytes& bytes) {
    Bytes result;
    for (std::size_t i = 0; i < count; ++i) result.insert(result.end(), bytes.begin(), bytes.end());
    return result;
}

Bytes operator+(Bytes front, const Bytes& back) {
    front.insert(front.end(), back.begin(), back.end());
    return front;
}

Bytes whole(MessageType type, const Bytes& body) {
    ByteWriter writer(header_size + body.size());
    writer.append(repeated(16, hex("ff")));
    writer.u16(static_cast<std::uint16_t>(header_size + body.size()));
    writer.u8(static_cast<std::uint8_t>(type));
    writer.append(body);
    return writer.take();
}

Bytes attribute(AttributeHead head, const Bytes& value) {
    ByteWriter writer(value.size() + 4);
    const bool is_extended =
        value.size() > 255 || (head.flags & attribute_flag::extended_length) != 0;
    writer.u8(static_cast<std::uint8_t>(head.flags |
                                        (is_extended ? attribute_flag::extended_length : 0)));
    writer.u8(head.type);
    if (is_extended)
        writer.u16(static_cast<std::uint16_t>(value.size()));
    else
        writer.u8(static_cast<std::uint8_t>(value.size()));
    writer.append(value);
    return writer.take();
}

Bytes attribute(std::uint8_t type, const Bytes& value) {
    constexpr std::uint8_t usual = attribute_flag::optional | attribute_flag::transitive;
    return attribute({.flags = attribute_flags(type).value_or(usual), .type = type}, value);
}

Bytes update(const UpdateParts& parts) {
    ByteWriter writer(64);
    writer.u16(static_cast<std::uint16_t>(parts.withdrawn.size()));
    writer.append(parts.withdrawn);
    writer.u16(static_cast<std::uint16_t>(parts.attributes.size()));
    writer.append(parts.attributes);
    writer.append(parts.nlri);
    return whole(MessageType::update, writer.take());
}

Bytes open(const OpenParts& parts) {
    return whole(MessageType::open, hex(parts.version) + hex(parts.my_as) + hex(parts.hold_time) +
                                        hex(parts.identifier) + parts.rest);
}

Bytes origin() { return attribute(attribute_type::origin, hex("00")); }
Bytes as_path() { return attribute(attribute_type::as_path, hex("02 01 0000fde8")); }
Bytes next_hop() { return attribute(attribute_type::next_hop, hex("c0000201")); }
Bytes usual_attributes() { return origin() + as_path() + next_hop(); }
Bytes usual_nlri() { return hex("18 cb0071"); }

CodecOptions both_families() {
    CodecOptions options;
    options.families = {ipv4_unicast, ipv6_unicast};
    return options;
}

std::string reaction(const Bytes& bytes, const CodecOptions& options) {
    const auto taken = take_message(bytes, options);
    if (!taken) {
        const NotificationMessage& error = taken.error();
        EXPECT_LE(encode(error).size(), message_size_max);
        return fmt::format("send {}/{}{}{}", error.error_code, error.error_subcode,
                           error.data.empty() ? "" : " ", to_hex(error.data));
    }
    if (!*taken) return "more";
    EXPECT_EQ((*taken)->size, bytes.size());
    return describe((*taken)->message);
}

}  // namespace wire

std::ostream& operator<<(std::ostream& out, const NotificationMessage& message) {
    return out << to_words(message);
}

std::ostream& operator<<(std::ostream& out, const Capabilities& capabilities) {
    return out << wire::to_hex(encode_capabilities(capabilities));
}

}  // namespace trivet::announce::bgp
