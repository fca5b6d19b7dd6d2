#include "daemon/wire/lease_packet.hpp"

#include <algorithm>
#include <array>
#include <concepts>

#include "core/assert.hpp"

namespace trivet::daemon {

using lease::Ack;
using lease::Confirmed;
using lease::Heard;
using lease::Key;
using lease::nodes_max;
using lease::Refuse;
using lease::Release;
using lease::Renew;
using lease::Want;

namespace {

constexpr std::array<std::uint8_t, 3> magic{'T', 'V', 'L'};

// ---- writing ------------------------------------------------------------------------------------

/// Appends to a buffer whose size the constant above has proved sufficient.
class PacketWriter {
public:
    explicit PacketWriter(std::span<std::byte> packet) : packet_(packet) {
        TRIVET_ASSERT(packet.size() >= lease_packet_bytes_max);
    }
    template <std::unsigned_integral Number>
    PacketWriter& number(Number value) {
        for (int shift = static_cast<int>(sizeof(Number)) * 8 - 8; shift >= 0; shift -= 8)
            packet_[size_++] = static_cast<std::byte>(static_cast<std::uint64_t>(value) >> shift);
        return *this;
    }
    template <class Tag>
    PacketWriter& value(Strong<Tag, std::uint64_t> value) {
        return number(value.value());
    }
    PacketWriter& key(const Key& key) { return value(key.epoch).value(key.generation); }
    PacketWriter& count(std::size_t value) { return number(static_cast<std::uint16_t>(value)); }
    std::size_t size() const { return size_; }

private:
    std::span<std::byte> packet_;
    std::size_t size_ = 0;
};

PacketWriter begin(const LeaseHeader& header, LeaseKind kind, std::span<std::byte> packet) {
    PacketWriter writer(packet);
    for (const std::uint8_t byte : magic) writer.number(byte);
    writer.number(lease_packet_version).value(header.from).value(header.to).value(header.boot);
    writer.value(header.number).value(header.key).number(static_cast<std::uint8_t>(kind));
    return writer;
}

/// Pointers to the items of a list, sorted by node. Not more than nodes_max of each kind.
template <class Item, std::size_t size_max>
class Sorted {
public:
    bool add(const Item& item) {
        if (size_ == size_max) return false;
        items_[size_++] = &item;
        return true;
    }
    /// False: a node stands there twice.
    bool sort() {
        const auto by_node = [](const Item* a, const Item* b) { return a->node < b->node; };
        std::sort(items_.begin(), end(), by_node);
        return std::adjacent_find(items_.begin(), end(), [](const Item* a, const Item* b) {
                   return a->node == b->node;
               }) == end();
    }
    std::span<const Item* const> items() const { return {items_.data(), size_}; }

private:
    auto end() { return items_.begin() + static_cast<std::ptrdiff_t>(size_); }
    std::array<const Item*, size_max> items_{};
    std::size_t size_ = 0;
};

}  // namespace

LeaseMessages::LeaseMessages() {
    renew.wants.reserve(2 * nodes_max);
    ack.confirmed.reserve(nodes_max);
    ack.heard.reserve(nodes_max);
}

std::size_t write_packet(LeaseHeader header, const Renew& renew, std::span<std::byte> packet) {
    Sorted<Want, nodes_max> generations, fences;
    for (const Want& want : renew.wants)
        if (!(want.is_fence ? fences : generations).add(want)) return 0;
    if (!generations.sort() || !fences.sort()) return 0;
    PacketWriter writer = begin(header, LeaseKind::renew, packet);
    writer.value(renew.sequence).key(renew.key).value(renew.configuration);
    writer.number(static_cast<std::uint8_t>(renew.profile));
    for (const auto* wants : {&generations, &fences}) {
        writer.count(wants->items().size());
        for (const Want* want : wants->items()) writer.value(want->node).key(want->key);
    }
    return writer.size();
}

std::size_t write_packet(LeaseHeader header, const Ack& ack, std::span<std::byte> packet) {
    Sorted<Confirmed, nodes_max> confirmed;
    for (const Confirmed& item : ack.confirmed)
        if (!confirmed.add(item)) return 0;
    Sorted<Heard, nodes_max> heard;
    for (const Heard& item : ack.heard)
        if (!heard.add(item)) return 0;
    if (!confirmed.sort() || !heard.sort()) return 0;
    PacketWriter writer = begin(header, LeaseKind::ack, packet);
    writer.value(ack.sequence).value(ack.boot).count(confirmed.items().size());
    for (const Confirmed* item : confirmed.items()) writer.value(item->node).key(item->key);
    writer.count(heard.items().size());
    for (const Heard* item : heard.items()) writer.value(item->node).value(item->epoch);
    return writer.size();
}

std::size_t write_packet(LeaseHeader header, const Refuse& refuse, std::span<std::byte> packet) {
    PacketWriter writer = begin(header, LeaseKind::refuse, packet);
    return writer.value(refuse.sequence).value(refuse.boot).key(refuse.floor).size();
}

std::size_t write_packet(LeaseHeader header, const Release& release, std::span<std::byte> packet) {
    return begin(header, LeaseKind::release, packet).value(release.epoch).size();
}

// ---- reading ------------------------------------------------------------------------------------

namespace {

/// After the first thing that does not fit, everything reads as zero and complete() is false.
class PacketReader {
public:
    explicit PacketReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

    template <std::unsigned_integral Number>
    Number number() {
        if (bytes_.size() < sizeof(Number)) {
            reject();
            return 0;
        }
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < sizeof(Number); ++i)
            value = value << 8 | std::to_integer<std::uint8_t>(bytes_[i]);
        bytes_ = bytes_.subspan(sizeof(Number));
        return static_cast<Number>(value);
    }
    template <class Value>
    Value value() {
        return Value(number<std::uint64_t>());
    }
    Key key() {
        const auto epoch = value<Epoch>();
        return {.epoch = epoch, .generation = value<LogIndex>()};
    }
    /// How many items of so many bytes follow; 0 when there cannot be as many.
    std::size_t count(std::size_t item_bytes) {
        const std::size_t count = number<std::uint16_t>();
        if (count <= nodes_max && count * item_bytes <= bytes_.size()) return count;
        reject();
        return 0;
    }
    /// A node of a sorted list: greater than the one before it, and than "nobody".
    NodeId next_node(NodeId before) {
        const auto node = value<NodeId>();
        if (node <= before) reject();
        return node;
    }
    void reject() {
        is_good_ = false;
        bytes_ = {};
    }
    bool complete() const { return is_good_ && bytes_.empty(); }

private:
    std::span<const std::byte> bytes_;
    bool is_good_ = true;
};

bool read(PacketReader& reader, Renew& renew) {
    renew.sequence = reader.value<lease::Sequence>();
    renew.key = reader.key();
    renew.configuration = reader.value<LogIndex>();
    const auto profile = reader.number<std::uint8_t>();
    if (profile >= lease::profiles.size()) return false;
    renew.profile = static_cast<lease::ProfileId>(profile);
    renew.wants.clear();
    for (const bool is_fence : {false, true}) {
        NodeId node;
        for (std::size_t left = reader.count(lease_node_bytes); left != 0; --left) {
            node = reader.next_node(node);
            renew.wants.push_back({.node = node, .key = reader.key(), .is_fence = is_fence});
        }
    }
    return reader.complete();
}

bool read(PacketReader& reader, Ack& ack) {
    ack.sequence = reader.value<lease::Sequence>();
    ack.boot = reader.value<lease::Boot>();
    ack.confirmed.clear();
    NodeId node;
    for (std::size_t left = reader.count(lease_node_bytes); left != 0; --left) {
        node = reader.next_node(node);
        ack.confirmed.push_back({.node = node, .key = reader.key()});
    }
    ack.heard.clear();
    node = NodeId{};
    for (std::size_t left = reader.count(16); left != 0; --left) {
        node = reader.next_node(node);
        ack.heard.push_back({.node = node, .epoch = reader.value<Epoch>()});
    }
    return reader.complete();
}

bool read(PacketReader& reader, Refuse& refuse) {
    refuse.sequence = reader.value<lease::Sequence>();
    refuse.boot = reader.value<lease::Boot>();
    refuse.floor = reader.key();
    return reader.complete();
}

bool read(PacketReader& reader, Release& release) {
    release.epoch = reader.value<Epoch>();
    return reader.complete();
}

}  // namespace

LeaseForm read_header(std::span<const std::byte> packet, LeaseHeader& header) {
    if (packet.size() < lease_header_bytes + lease_mac_bytes ||
        packet.size() > lease_packet_bytes_max)
        return LeaseForm::malformed;
    PacketReader reader(packet);
    for (const std::uint8_t byte : magic)
        if (reader.number<std::uint8_t>() != byte) return LeaseForm::malformed;
    if (reader.number<std::uint8_t>() != lease_packet_version) return LeaseForm::other_version;
    header.from = reader.value<NodeId>();
    header.to = reader.value<NodeId>();
    header.boot = reader.value<lease::Boot>();
    header.number = reader.value<LeasePacketNumber>();
    header.key = reader.value<LeaseKeyId>();
    const auto kind = reader.number<std::uint8_t>();
    if (header.from == NodeId{} || header.boot == lease::Boot{} ||
        header.number == LeasePacketNumber{} ||
        kind < static_cast<std::uint8_t>(LeaseKind::renew) ||
        kind > static_cast<std::uint8_t>(LeaseKind::release))
        return LeaseForm::malformed;
    header.kind = static_cast<LeaseKind>(kind);
    return LeaseForm::good;
}

bool read_body(std::span<const std::byte> packet, LeaseKind kind, LeaseMessages& messages) {
    PacketReader reader(
        packet.subspan(lease_header_bytes, packet.size() - lease_header_bytes - lease_mac_bytes));
    switch (kind) {
        case LeaseKind::renew:
            return read(reader, messages.renew);
        case LeaseKind::ack:
            return read(reader, messages.ack);
        case LeaseKind::refuse:
            return read(reader, messages.refuse);
        case LeaseKind::release:
            return read(reader, messages.release);
    }
    return false;
}

}  // namespace trivet::daemon
