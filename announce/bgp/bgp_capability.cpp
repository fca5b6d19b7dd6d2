#include "announce/bgp/bgp_capability.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "announce/wire_bytes.hpp"
#include "core/assert.hpp"

namespace trivet::announce::bgp {

namespace {

namespace capability {                               // IANA "Capability Codes"
constexpr std::uint8_t multiprotocol = 1;            // RFC 4760 section 8
constexpr std::uint8_t route_refresh = 2;            // RFC 2918 section 2
constexpr std::uint8_t extended_next_hop = 5;        // RFC 8950 section 4
constexpr std::uint8_t extended_messages = 6;        // RFC 8654 section 3
constexpr std::uint8_t role = 9;                     // RFC 9234 section 4.1
constexpr std::uint8_t graceful_restart = 64;        // RFC 4724 section 3
constexpr std::uint8_t four_octet_as = 65;           // RFC 6793 section 9
constexpr std::uint8_t enhanced_route_refresh = 70;  // RFC 7313 section 3.1
}  // namespace capability

constexpr std::uint8_t parameter_capabilities = 2;      // RFC 5492 section 4
constexpr std::uint8_t parameter_extended_form = 0xff;  // RFC 9072 section 2
constexpr std::size_t capability_value_max = 255;       // its length is one octet
constexpr std::size_t parameters_size_max = 255;        // of the form without extension
constexpr std::size_t parameter_header_size = 2;        // of the form without extension
constexpr std::uint16_t afi_ipv6 = 2;
constexpr std::size_t next_hop_triple_size = 6;  // RFC 8950 section 4
constexpr std::size_t restart_family_size = 4;   // RFC 4724 section 3
constexpr std::uint16_t restart_flag_restarting = 0x8000;
constexpr std::uint16_t restart_flag_notification = 0x4000;  // RFC 8538 section 2
constexpr std::uint16_t restart_time_mask = 0x0fff;
constexpr std::uint8_t restart_flag_forwarding = 0x80;

using Refusal = NotificationMessage;

void write_capability(ByteWriter& writer, std::uint8_t code, std::span<const std::byte> value) {
    TRIVET_ASSERT(value.size() <= capability_value_max);
    writer.u8(code);
    writer.u8(static_cast<std::uint8_t>(value.size()));
    writer.append(value);
}

void write_extended_next_hop(ByteWriter& writer, const std::set<AfiSafi>& families) {
    constexpr std::size_t triples_max = capability_value_max / next_hop_triple_size;
    for (auto family = families.begin(); family != families.end();) {
        ByteWriter value(capability_value_max);
        for (std::size_t i = 0; i < triples_max && family != families.end(); ++i, ++family) {
            value.u16(family->afi);
            value.u16(family->safi);  // two octets here, for once
            value.u16(afi_ipv6);
        }
        write_capability(writer, capability::extended_next_hop, value.take());
    }
}

void write_graceful_restart(ByteWriter& writer, const GracefulRestart& restart) {
    TRIVET_ASSERT(restart.restart_time_s <= restart_time_mask);
    ByteWriter value(2 + restart_family_size * restart.forwarding.size());
    value.u16(static_cast<std::uint16_t>((restart.restarting ? restart_flag_restarting : 0) |
                                         (restart.notification ? restart_flag_notification : 0) |
                                         restart.restart_time_s));
    for (const auto& [family, forwarding] : restart.forwarding) {
        value.u16(family.afi);
        value.u8(family.safi);
        value.u8(forwarding ? restart_flag_forwarding : 0);
    }
    write_capability(writer, capability::graceful_restart, value.take());
}

/// What one capability's value says, put into `known`; false: its length is not what it must be.
bool read_multiprotocol(ByteReader value, Capabilities& known) {
    AfiSafi family;
    family.afi = value.u16();
    value.u8();  // RFC 4760 section 8: reserved, "SHOULD be ignored"
    family.safi = value.u8();
    known.families.insert(family);
    return value.ok() && value.rest().empty();
}

bool read_extended_next_hop(ByteReader value, Capabilities& known) {
    while (value.ok() && !value.rest().empty()) {
        const std::uint16_t afi = value.u16();
        const std::uint16_t safi = value.u16();
        // Other next hops than IPv6, and a SAFI that none can have, are not for us.
        if (value.u16() == afi_ipv6 && safi <= 0xff && value.ok())
            known.extended_next_hop.insert({afi, static_cast<std::uint8_t>(safi)});
    }
    return value.ok();
}

bool read_graceful_restart(ByteReader value, Capabilities& known) {
    const std::uint16_t head = value.u16();
    GracefulRestart restart{.restarting = (head & restart_flag_restarting) != 0,
                            .notification = (head & restart_flag_notification) != 0,
                            .restart_time_s = static_cast<std::uint16_t>(head & restart_time_mask)};
    while (value.ok() && !value.rest().empty()) {
        AfiSafi family;
        family.afi = value.u16();
        family.safi = value.u8();
        restart.forwarding[family] = (value.u8() & restart_flag_forwarding) != 0;
    }
    // RFC 4724 section 3: "MUST ignore all but the last instance".
    known.graceful_restart = std::move(restart);
    return value.ok();
}

bool read_four_octet_as(ByteReader value, Capabilities& known) {
    known.four_octet_as = AsNumber(value.u32());
    return value.ok() && value.rest().empty();
}

/// Errors as decode_optional_parameters. A capability that is not known is not looked into
/// (RFC 5492 section 3: it "MUST ignore that capability").
std::optional<Refusal> read_capability(std::uint8_t code, std::span<const std::byte> value,
                                       Capabilities& known) {
    bool fits = true;
    switch (code) {
        case capability::multiprotocol:
            fits = read_multiprotocol(ByteReader(value), known);
            break;
        case capability::route_refresh:
            fits = value.empty();
            known.route_refresh = true;
            break;
        case capability::extended_next_hop:
            fits = read_extended_next_hop(ByteReader(value), known);
            break;
        case capability::extended_messages:
            fits = value.empty();
            known.extended_messages = true;
            break;
        case capability::role: {
            fits = value.size() == 1;
            const auto role = static_cast<BgpRole>(ByteReader(value).u8());
            // RFC 9234 section 4.2: several are one if they are equal; else "MUST reject".
            if (fits && known.role && known.role != role)
                return open_notification(open_error::role_mismatch);
            known.role = role;
            break;
        }
        case capability::graceful_restart:
            fits = read_graceful_restart(ByteReader(value), known);
            break;
        case capability::four_octet_as:
            fits = read_four_octet_as(ByteReader(value), known);
            // RFC 7607 section 2: 0 "MUST" be answered with Bad Peer AS.
            if (fits && known.four_octet_as == AsNumber(0))
                return open_notification(open_error::bad_peer_as, value);
            break;
        case capability::enhanced_route_refresh:
            fits = value.empty();
            known.enhanced_route_refresh = true;
            break;
        default:
            break;
    }
    // RFC 4271 section 6.2: a parameter that is recognised but malformed is Unspecific.
    if (!fits) return open_notification(unspecific);
    return std::nullopt;
}

std::optional<Refusal> read_capabilities(std::span<const std::byte> parameter,
                                         Capabilities& known) {
    ByteReader reader(parameter);
    while (!reader.rest().empty()) {
        const std::uint8_t code = reader.u8();
        const auto value = reader.take(reader.u8());
        if (!reader.ok()) return open_notification(unspecific);
        if (auto refusal = read_capability(code, value, known)) return refusal;
    }
    return std::nullopt;
}

}  // namespace

std::string to_string(AfiSafi family) {
    if (family == ipv4_unicast) return "IPv4 unicast";
    if (family == ipv6_unicast) return "IPv6 unicast";
    return fmt::format("AFI {} SAFI {}", family.afi, family.safi);
}

std::string capability_name(std::uint8_t code) {
    switch (code) {
        case capability::multiprotocol:
            return "multiprotocol extensions";
        case capability::route_refresh:
            return "route refresh";
        case capability::extended_next_hop:
            return "extended next hop encoding";
        case capability::extended_messages:
            return "extended message";
        case capability::role:
            return "BGP role";
        case capability::graceful_restart:
            return "graceful restart";
        case capability::four_octet_as:
            return "four-octet AS number";
        case capability::enhanced_route_refresh:
            return "enhanced route refresh";
        default:
            return fmt::format("capability {}", code);
    }
}

std::vector<std::byte> encode_capabilities(const Capabilities& capabilities) {
    ByteWriter writer(parameters_size_max);
    for (const AfiSafi family : capabilities.families) {
        ByteWriter value(4);
        value.u16(family.afi);
        value.u8(0);
        value.u8(family.safi);
        write_capability(writer, capability::multiprotocol, value.take());
    }
    if (capabilities.route_refresh) write_capability(writer, capability::route_refresh, {});
    write_extended_next_hop(writer, capabilities.extended_next_hop);
    if (capabilities.extended_messages) write_capability(writer, capability::extended_messages, {});
    if (capabilities.role) {
        const auto role = static_cast<std::byte>(*capabilities.role);
        write_capability(writer, capability::role, {&role, 1});
    }
    if (capabilities.graceful_restart)
        write_graceful_restart(writer, *capabilities.graceful_restart);
    if (capabilities.four_octet_as) {
        ByteWriter value(4);
        value.u32(capabilities.four_octet_as->value());
        write_capability(writer, capability::four_octet_as, value.take());
    }
    if (capabilities.enhanced_route_refresh)
        write_capability(writer, capability::enhanced_route_refresh, {});
    return writer.take();
}

std::vector<std::byte> encode_optional_parameters(const Capabilities& capabilities) {
    const std::vector<std::byte> value = encode_capabilities(capabilities);
    ByteWriter writer(value.size() + 2 * parameter_header_size);
    // RFC 5492 section 4: all of them "within a single Capabilities Optional Parameter".
    if (value.empty()) {
        writer.u8(0);
    } else if (value.size() + parameter_header_size <= parameters_size_max) {
        // RFC 9072 section 2: where they fit, the form of RFC 4271 is used.
        writer.u8(static_cast<std::uint8_t>(value.size() + parameter_header_size));
        writer.u8(parameter_capabilities);
        writer.u8(static_cast<std::uint8_t>(value.size()));
    } else {
        TRIVET_ASSERT(value.size() + 3 <= 0xffff);
        writer.u8(0xff);  // "SHOULD be set to 255 ... MUST NOT be set to 0"
        writer.u8(parameter_extended_form);
        writer.u16(static_cast<std::uint16_t>(value.size() + 3));
        writer.u8(parameter_capabilities);
        writer.u16(static_cast<std::uint16_t>(value.size()));
    }
    writer.append(value);
    return writer.take();
}

Result<Capabilities, NotificationMessage> decode_optional_parameters(
    std::span<const std::byte> after_identifier) {
    ByteReader reader(after_identifier);
    std::size_t size = reader.u8();
    // RFC 9072 sections 2 and 3: the first type says which form it is, and then the octet of
    // length "MUST be ignored", whatever it is, unless it is 0.
    const bool is_extended =
        size != 0 && !reader.rest().empty() &&
        std::to_integer<std::uint8_t>(reader.rest()[0]) == parameter_extended_form;
    if (is_extended) {
        reader.u8();
        size = reader.u16();
    }
    if (!reader.ok() || size != reader.rest().size())
        return tl::unexpected(open_notification(unspecific));
    Capabilities known;
    while (!reader.rest().empty()) {
        const std::uint8_t type = reader.u8();
        const auto value = reader.take(is_extended ? reader.u16() : reader.u8());
        if (!reader.ok()) return tl::unexpected(open_notification(unspecific));
        // RFC 4271 section 6.2; RFC 9072 section 3: so does type 255 in any other place.
        if (type != parameter_capabilities)
            return tl::unexpected(open_notification(open_error::unsupported_optional_parameter));
        if (auto refusal = read_capabilities(value, known))
            return tl::unexpected(std::move(*refusal));
    }
    return known;
}

}  // namespace trivet::announce::bgp
