#include "announce/bgp/bgp_update_encode.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "announce/bgp/bgp_attribute.hpp"
#include "core/assert.hpp"

namespace trivet::announce::bgp {

namespace {

constexpr std::size_t marker_size = 16;  // RFC 4271 section 4.1
// The two length fields, of withdrawn routes and of path attributes (RFC 4271 section 4.3).
constexpr std::size_t empty_update_size = header_size + 4;

constexpr std::size_t short_length_max = 255;
constexpr std::size_t attribute_header_size_max = 4;  // flags, type and an extended length
constexpr std::size_t family_size = 3;                // AFI and SAFI
constexpr std::size_t next_hop_frame_size = 2;        // its length, and the reserved byte after it

std::size_t attribute_size(std::size_t value_size) {
    return value_size + (value_size > short_length_max ? 4 : 3);
}

std::size_t address_size(const Prefix& prefix) {
    return (static_cast<std::size_t>(prefix.length()) + 7) / 8;
}

/// Appends a message of a size that is known, in network byte order.
class MessageFiller {
public:
    MessageFiller(std::vector<std::byte>& out, std::size_t size) {
        out.resize(out.size() + size);
        rest_ = std::span(out).last(size);
        std::ranges::fill(take(marker_size), std::byte{0xff});
        u16(size);
        u8(static_cast<unsigned>(MessageType::update));
    }
    void u8(unsigned value) { take(1)[0] = static_cast<std::byte>(value & 0xff); }
    void u16(std::size_t value) {
        const auto room = take(2);
        room[0] = static_cast<std::byte>(value >> 8 & 0xff);
        room[1] = static_cast<std::byte>(value & 0xff);
    }
    void bytes(std::span<const std::byte> bytes) {
        const auto room = take(bytes.size());
        std::ranges::copy(bytes, room.begin());
    }
    void multiprotocol(std::uint8_t type, std::size_t value_size, AfiSafi family) {
        const bool is_long = value_size > short_length_max;
        u8(is_long ? attribute_flag::optional | attribute_flag::extended_length
                   : attribute_flag::optional);
        u8(type);
        if (is_long)
            u16(value_size);
        else
            u8(static_cast<unsigned>(value_size));
        u16(family.afi);
        u8(family.safi);
    }
    void nlri(const RouteList& list, std::size_t count) {
        for (const std::uint32_t index : list.indices.first(count)) nlri(list.routes[index].prefix);
    }
    /// What was said to be the size has been written.
    void finish() const { TRIVET_ASSERT(rest_.empty()); }

private:
    /// RFC 4271 section 4.3: how many bits, then as many bytes as hold them.
    void nlri(const Prefix& prefix) {
        const IpAddress address = prefix.address();
        const std::size_t first = address.is_v4() ? 12 : 0;
        const auto room = take(1 + address_size(prefix));
        room[0] = static_cast<std::byte>(prefix.length());
        if (room.size() > 1) std::memcpy(&room[1], address.bytes().data() + first, room.size() - 1);
    }
    std::span<std::byte> take(std::size_t size) {
        TRIVET_ASSERT(size <= rest_.size());
        const auto taken = rest_.first(size);
        rest_ = rest_.subspan(size);
        return taken;
    }

    std::span<std::byte> rest_;
};

struct Fit {
    std::size_t count = 0;
    std::size_t bytes = 0;
};

/// How many routes from the front of the list fit into so many bytes.
Fit fit(const RouteList& list, std::size_t bytes_max) {
    Fit result;
    for (const std::uint32_t index : list.indices) {
        const std::size_t size = 1 + address_size(list.routes[index].prefix);
        if (result.bytes + size > bytes_max) break;
        result.bytes += size;
        ++result.count;
    }
    TRIVET_ASSERT(result.count != 0);
    return result;
}

bool is_usable(const std::optional<IpAddress>& address, IpFamily family) {
    return address && address->family() == family && !address->is_unspecified();
}

void append_address(std::vector<std::byte>& to, IpAddress address) {
    const IpAddress::V6Bytes bytes = address.bytes();
    const auto wire = std::as_bytes(std::span(bytes)).last(address.is_v4() ? 4 : bytes.size());
    to.insert(to.end(), wire.begin(), wire.end());
}

/// RFC 2545 section 3: the global address, and after it the link-local one when the peer is on the
/// link. Where there is no global address the link-local one goes alone, which peers accept that
/// would take `::` for a martian.
std::vector<std::byte> ipv6_next_hop(const NextHops& next_hops) {
    std::vector<std::byte> wire;
    if (is_usable(next_hops.ipv6, IpFamily::ipv6) && !next_hops.ipv6->is_link_local())
        append_address(wire, *next_hops.ipv6);
    if (is_usable(next_hops.ipv6_link_local, IpFamily::ipv6))
        append_address(wire, *next_hops.ipv6_link_local);
    return wire;
}

}  // namespace

RouteForm route_form(AfiSafi family, const NextHops& next_hops, const CodecOptions& codec) {
    RouteForm form{.family = family, .is_multiprotocol = family != ipv4_unicast};
    if (form.is_multiprotocol) {
        form.next_hop = ipv6_next_hop(next_hops);
    } else if (is_usable(next_hops.ipv4, IpFamily::ipv4)) {
        append_address(form.next_hop, *next_hops.ipv4);
    } else if (codec.extended_next_hop.contains(family)) {  // RFC 8950 section 4
        form.next_hop = ipv6_next_hop(next_hops);
        form.is_multiprotocol = !form.next_hop.empty();
    }
    return form;
}

UpdateEncoder::UpdateEncoder(const UpdateSettings& settings, RouteForm form)
    : settings_(settings), form_(std::move(form)) {}

std::vector<std::byte> UpdateEncoder::path_attributes(const BgpAttributes& attributes) const {
    if (form_.is_multiprotocol) return encode_path_attributes(attributes, settings_, {});
    return encode_path_attributes(attributes, settings_, form_.next_hop);
}

std::size_t UpdateEncoder::announcement_overhead() const {
    if (!form_.is_multiprotocol) return empty_update_size;
    return empty_update_size + attribute_header_size_max + family_size + next_hop_frame_size +
           form_.next_hop.size();
}

std::size_t UpdateEncoder::path_attributes_size_max() const {
    const std::size_t longest_nlri = 1 + (form_.family == ipv4_unicast ? 4 : 16);
    return settings_.message_size_max - announcement_overhead() - longest_nlri;
}

std::size_t UpdateEncoder::announce(std::vector<std::byte>& out,
                                    std::span<const std::byte> path_attributes,
                                    const RouteList& list) const {
    TRIVET_ASSERT(can_announce());
    TRIVET_ASSERT(path_attributes.size() <= path_attributes_size_max());
    const Fit nlri =
        fit(list, settings_.message_size_max - announcement_overhead() - path_attributes.size());
    if (!form_.is_multiprotocol) {
        MessageFiller filler(out, empty_update_size + path_attributes.size() + nlri.bytes);
        filler.u16(0);
        filler.u16(path_attributes.size());
        filler.bytes(path_attributes);
        filler.nlri(list, nlri.count);
        filler.finish();
        return nlri.count;
    }
    const std::size_t value_size =
        family_size + next_hop_frame_size + form_.next_hop.size() + nlri.bytes;
    const std::size_t attributes_size = attribute_size(value_size) + path_attributes.size();
    MessageFiller filler(out, empty_update_size + attributes_size);
    filler.u16(0);
    filler.u16(attributes_size);
    // RFC 7606 section 5.1: the very first attribute.
    filler.multiprotocol(attribute_type::mp_reach_nlri, value_size, form_.family);
    filler.u8(static_cast<unsigned>(form_.next_hop.size()));
    filler.bytes(form_.next_hop);
    filler.u8(0);  // RFC 4760 section 3, reserved
    filler.nlri(list, nlri.count);
    filler.bytes(path_attributes);
    filler.finish();
    return nlri.count;
}

std::size_t UpdateEncoder::withdraw(std::vector<std::byte>& out, const RouteList& list) const {
    // RFC 7606 section 5.1: never in one message with routes that are announced.
    if (!form_.is_multiprotocol) {
        const Fit nlri = fit(list, settings_.message_size_max - empty_update_size);
        MessageFiller filler(out, empty_update_size + nlri.bytes);
        filler.u16(nlri.bytes);
        filler.nlri(list, nlri.count);
        filler.u16(0);
        filler.finish();
        return nlri.count;
    }
    const Fit nlri = fit(list, settings_.message_size_max - empty_update_size -
                                   attribute_header_size_max - family_size);
    const std::size_t value_size = family_size + nlri.bytes;
    MessageFiller filler(out, empty_update_size + attribute_size(value_size));
    filler.u16(0);
    filler.u16(attribute_size(value_size));
    filler.multiprotocol(attribute_type::mp_unreach_nlri, value_size, form_.family);
    filler.nlri(list, nlri.count);
    filler.finish();
    return nlri.count;
}

void append_end_of_rib(std::vector<std::byte>& out, AfiSafi family) {
    // RFC 4724 section 2: for IPv4 unicast an UPDATE with nothing in it, else an MP_UNREACH_NLRI
    // with no routes and nothing beside.
    const std::size_t attributes_size = family == ipv4_unicast ? 0 : attribute_size(family_size);
    MessageFiller filler(out, empty_update_size + attributes_size);
    filler.u16(0);
    filler.u16(attributes_size);
    if (family != ipv4_unicast)
        filler.multiprotocol(attribute_type::mp_unreach_nlri, family_size, family);
    filler.finish();
}

}  // namespace trivet::announce::bgp
