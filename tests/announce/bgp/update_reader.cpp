#include "tests/announce/bgp/update_reader.hpp"

#include <algorithm>
#include <cctype>
#include <fmt/format.h>
#include <stdexcept>

namespace trivet::announce::bgp::update_test {

namespace {

void require(bool fact, std::string_view rule) {
    if (!fact) throw std::runtime_error(std::string(rule));
}

class Cursor {
public:
    explicit Cursor(std::span<const std::byte> bytes) : bytes_(bytes) {}
    bool at_end() const { return place_ == bytes_.size(); }
    unsigned number(std::size_t size) {
        unsigned value = 0;
        for (std::size_t i = 0; i < size; ++i) value = value * 256 + next();
        return value;
    }
    Bytes take(std::size_t size) {
        Bytes taken;
        for (std::size_t i = 0; i < size; ++i) taken.push_back(next());
        return taken;
    }
    Cursor part(std::size_t size) {
        require(size <= bytes_.size() - place_, "a length goes beyond what holds it");
        Cursor cursor(bytes_.subspan(place_, size));
        place_ += size;
        return cursor;
    }
    std::size_t left() const { return bytes_.size() - place_; }

private:
    std::uint8_t next() {
        require(place_ < bytes_.size(), "a length goes beyond what holds it");
        return std::to_integer<std::uint8_t>(bytes_[place_++]);
    }

    std::span<const std::byte> bytes_;
    std::size_t place_ = 0;
};

AfiSafi read_family(Cursor& cursor) {
    AfiSafi family;
    family.afi = static_cast<std::uint16_t>(cursor.number(2));
    family.safi = static_cast<std::uint8_t>(cursor.number(1));
    require(family == ipv4_unicast || family == ipv6_unicast, "a family that nobody asked for");
    return family;
}

std::vector<Prefix> read_nlri(Cursor& cursor, AfiSafi family) {
    std::vector<Prefix> prefixes;
    const bool is_v4 = family == ipv4_unicast;
    while (!cursor.at_end()) {
        const unsigned length = cursor.number(1);
        require(length <= (is_v4 ? 32U : 128U), "RFC 4271 §4.3: prefix length");
        Bytes address = cursor.take((length + 7) / 8);
        address.resize(is_v4 ? 4 : 16);
        IpAddress ip;
        if (is_v4) {
            std::uint32_t value = 0;
            for (const std::uint8_t byte : address) value = value << 8 | byte;
            ip = IpAddress::v4(value);
        } else {
            IpAddress::V6Bytes bytes{};
            std::ranges::copy(address, bytes.begin());
            ip = IpAddress::v6(bytes);
        }
        const auto prefix = Prefix::make(ip, static_cast<int>(length));
        require(prefix.has_value(), "a prefix with bits beyond its length");
        prefixes.push_back(*prefix);
    }
    return prefixes;
}

/// RFC 4271 section 4.3, and the RFCs of each attribute.
unsigned flags_of(unsigned type) {
    switch (type) {
        case 1:
        case 2:
        case 3:
        case 5:
            return 0x40;
        case 4:
        case 14:
        case 15:
            return 0x80;
        case 8:
        case 16:
        case 17:
        case 32:
        case 35:
            return 0xC0;
        default:
            throw std::runtime_error(fmt::format("attribute {} is none of ours", type));
    }
}

ReadAttribute read_attribute(Cursor& cursor, std::optional<Cursor>& value) {
    ReadAttribute attribute;
    const unsigned flags = cursor.number(1);
    attribute.type = cursor.number(1);
    attribute.flags = flags & ~0x10U;
    require(attribute.flags == flags_of(attribute.type), "RFC 4271 §4.3: attribute flags");
    const bool is_long = (flags & 0x10) != 0;
    const std::size_t size = cursor.number(is_long ? 2 : 1);
    require(is_long == (size > 255), "the extended length bit where it is of no use");
    value = cursor.part(size);
    attribute.value = Cursor(*value).take(size);
    return attribute;
}

/// MP_REACH_NLRI (RFC 4760 section 3).
void read_reach(ReadUpdate& update, Cursor cursor) {
    const AfiSafi family = read_family(cursor);
    update.next_hop = cursor.take(cursor.number(1));
    require(update.next_hop.size() == 16 || update.next_hop.size() == 32,
            "RFC 2545 §3, RFC 8950 §3: length of the next hop");
    require(cursor.number(1) == 0, "RFC 4760 §3: reserved");
    update.announced = read_nlri(cursor, family);
    require(!update.announced.empty(), "MP_REACH_NLRI without a route");
    update.is_multiprotocol = true;
}

void read_unreach(ReadUpdate& update, Cursor cursor) {
    const AfiSafi family = read_family(cursor);
    update.withdrawn = read_nlri(cursor, family);
    update.is_multiprotocol = true;
    if (update.withdrawn.empty()) update.end_of_rib = family;
}

void read_attributes(ReadUpdate& update, Cursor cursor) {
    unsigned last_type = 0;
    for (bool is_first = true; !cursor.at_end(); is_first = false) {
        std::optional<Cursor> value;
        ReadAttribute attribute = read_attribute(cursor, value);
        const bool is_multiprotocol = attribute.type == 14 || attribute.type == 15;
        require(!is_multiprotocol || is_first, "RFC 7606 §5.1: multiprotocol attributes first");
        if (attribute.type == 14) read_reach(update, *value);
        if (attribute.type == 15) {
            read_unreach(update, *value);
            require(cursor.at_end(), "MP_UNREACH_NLRI is not alone");
        }
        if (is_multiprotocol) continue;
        require(attribute.type > last_type, "RFC 4271 §5: ascending order of types, each once");
        last_type = attribute.type;
        if (attribute.type == 3) {
            require(attribute.value.size() == 4, "RFC 4271 §5.1.3: NEXT_HOP has four bytes");
            require(!update.is_multiprotocol, "NEXT_HOP beside MP_REACH_NLRI");
            update.next_hop = attribute.value;
        } else {
            update.attributes.push_back(std::move(attribute));
        }
    }
}

ReadUpdate read_update(Cursor cursor) {
    ReadUpdate update;
    Cursor withdrawn = cursor.part(cursor.number(2));
    const std::vector<Prefix> plain_withdrawn = read_nlri(withdrawn, ipv4_unicast);
    Cursor attributes = cursor.part(cursor.number(2));
    const bool has_attributes = !attributes.at_end();
    read_attributes(update, attributes);
    const std::vector<Prefix> plain = read_nlri(cursor, ipv4_unicast);
    const int kinds = (plain_withdrawn.empty() ? 0 : 1) + (plain.empty() ? 0 : 1) +
                      (update.is_multiprotocol ? 1 : 0);
    require(kinds <= 1, "RFC 7606 §5.1: routes of more than one kind");
    if (kinds == 0) {
        require(!has_attributes, "attributes without a route");
        update.end_of_rib = ipv4_unicast;
    }
    if (!plain.empty()) update.announced = plain;
    if (!plain_withdrawn.empty()) update.withdrawn = plain_withdrawn;
    if (!update.announced.empty()) {
        const auto has = [&](unsigned type) {
            return std::ranges::find(update.attributes, type, &ReadAttribute::type) !=
                   update.attributes.end();
        };
        require(has(1) && has(2), "RFC 4271 §5: mandatory attributes");
        require(!update.next_hop.empty(), "RFC 4271 §5: no next hop");
    }
    return update;
}

ReadMessage read_message(Cursor& cursor, std::size_t message_size_max) {
    ReadMessage message;
    for (const std::uint8_t byte : cursor.take(16)) require(byte == 0xff, "RFC 4271 §4.1: marker");
    message.size = cursor.number(2);
    require(message.size >= 23 && message.size <= message_size_max, "RFC 4271 §4.1: length");
    const unsigned type = cursor.number(1);
    Cursor body = cursor.part(message.size - 19);
    if (type == 2) {
        message.body = read_update(body);
        return message;
    }
    require(type == 5, "a message that is neither UPDATE nor ROUTE-REFRESH");
    require(body.left() == 4, "RFC 7313 §5: length of ROUTE-REFRESH");
    ReadRefresh refresh;
    refresh.family.afi = static_cast<std::uint16_t>(body.number(2));
    refresh.subtype = body.number(1);
    refresh.family.safi = static_cast<std::uint8_t>(body.number(1));
    message.body = refresh;
    return message;
}

}  // namespace

std::vector<ReadMessage> read_messages(std::span<const std::byte> bytes,
                                       std::size_t message_size_max) {
    std::vector<ReadMessage> messages;
    for (Cursor cursor(bytes); !cursor.at_end();)
        messages.push_back(read_message(cursor, message_size_max));
    return messages;
}

std::vector<ReadUpdate> read_updates(std::span<const std::byte> bytes,
                                     std::size_t message_size_max) {
    std::vector<ReadUpdate> updates;
    for (const ReadMessage& message : read_messages(bytes, message_size_max))
        updates.push_back(std::get<ReadUpdate>(message.body));
    return updates;
}

std::string hex(std::span<const std::byte> bytes) {
    std::string text;
    for (const std::byte byte : bytes)
        text += fmt::format("{}{:02x}", text.empty() ? "" : " ", std::to_integer<unsigned>(byte));
    return text;
}

std::string hex(const Bytes& bytes) { return hex(std::as_bytes(std::span(bytes))); }

std::string hex(std::string_view digits) {
    std::string text;
    std::size_t count = 0;
    for (const char digit : digits) {
        if (std::isspace(static_cast<unsigned char>(digit)) != 0) continue;
        if (count != 0 && count % 2 == 0) text += ' ';
        text += static_cast<char>(std::tolower(static_cast<unsigned char>(digit)));
        ++count;
    }
    return text;
}

}  // namespace trivet::announce::bgp::update_test
