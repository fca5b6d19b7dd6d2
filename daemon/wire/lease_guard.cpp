#include "daemon/wire/lease_guard.hpp"

#include <algorithm>
#include <sodium.h>

#include "core/assert.hpp"

namespace trivet::daemon {

namespace {

using Mac = std::array<std::uint8_t, lease_mac_bytes>;
static_assert(lease_mac_bytes >= crypto_generichash_BYTES_MIN);

const std::uint8_t* octets(std::span<const std::byte> bytes) {
    return reinterpret_cast<const std::uint8_t*>(bytes.data());
}

/// Keyed BLAKE2b (RFC 7693 section 2.9): a MAC by itself, without HMAC around it.
Mac mac_of(const LeaseKey& key, std::span<const std::byte> bytes) {
    Mac mac{};
    TRIVET_ASSERT(crypto_generichash(mac.data(), mac.size(), octets(bytes), bytes.size(),
                                     key.bytes.data(), key.bytes.size()) == 0);
    return mac;
}

}  // namespace

LeaseKeyId LeaseKey::id() const {
    std::array<std::uint8_t, crypto_generichash_BYTES> hash{};
    TRIVET_ASSERT(
        crypto_generichash(hash.data(), hash.size(), bytes.data(), bytes.size(), nullptr, 0) == 0);
    std::uint64_t id = 0;
    for (std::size_t i = 0; i < sizeof id; ++i) id = id << 8 | hash[i];
    return LeaseKeyId(id);
}

bool ReplayWindow::accept(LeasePacketNumber packet) {
    const std::uint64_t number = packet.value();
    const auto bit = [](std::uint64_t n) { return std::uint64_t{1} << (n % 64); };
    const auto word = [this](std::uint64_t n) -> std::uint64_t& {
        return seen_[n % numbers_max / 64];
    };
    if (number > greatest_) {
        if (number - greatest_ >= numbers_max)
            seen_.fill(0);
        else
            for (std::uint64_t n = greatest_ + 1; n < number; ++n) word(n) &= ~bit(n);
        greatest_ = number;
        word(number) |= bit(number);
        return true;
    }
    if (greatest_ - number >= numbers_max) return false;
    if ((word(number) & bit(number)) != 0) return false;
    word(number) |= bit(number);
    return true;
}

LeaseGuard::LeaseGuard(NodeId self, lease::Boot boot)
    : self_(self), boot_(boot), ids_(lease::nodes_max), peers_(lease::nodes_max) {
    TRIVET_ASSERT(sodium_init() >= 0);
}

void LeaseGuard::set_peers(std::span<const NodeId> peers) {
    for (Peer& peer : peers_) peer.is_named = false;
    for (const NodeId id : peers)
        if (Peer* known = find(id)) known->is_named = true;
    for (const NodeId id : peers)
        if (Peer* peer = enter(id)) peer->is_named = true;
}

void LeaseGuard::set_key(NodeId id, LeaseKeyUse use, const LeaseKey& key) {
    Peer* peer = enter(id);
    if (peer == nullptr) return;
    const HeldKey held{.key = key, .id = key.id()};
    if (use == LeaseKeyUse::send) {
        peer->send = held;
        return;
    }
    if (peer->newest && peer->newest->id == held.id) return;
    peer->previous = peer->newest;
    peer->newest = held;
}

bool LeaseGuard::can_send_to(NodeId id) const {
    const Peer* peer = find(id);
    return peer != nullptr && peer->is_named && peer->send;
}

template <class Message>
std::size_t LeaseGuard::seal(NodeId to, const Message& message, std::span<std::byte> packet) {
    Peer* peer = find(to);
    TRIVET_ASSERT(peer != nullptr && peer->send);
    const LeaseHeader header{.from = self_,
                             .to = to,
                             .boot = boot_,
                             .number = LeasePacketNumber(peer->sent + 1),
                             .key = peer->send->id};
    const std::size_t size = write_packet(header, message, packet);
    if (size == 0) return 0;
    ++peer->sent;
    const Mac mac = mac_of(peer->send->key, packet.first(size));
    std::ranges::copy(std::as_bytes(std::span(mac)),
                      packet.begin() + static_cast<std::ptrdiff_t>(size));
    return size + mac.size();
}

template std::size_t LeaseGuard::seal(NodeId, const lease::Renew&, std::span<std::byte>);
template std::size_t LeaseGuard::seal(NodeId, const lease::Ack&, std::span<std::byte>);
template std::size_t LeaseGuard::seal(NodeId, const lease::Refuse&, std::span<std::byte>);
template std::size_t LeaseGuard::seal(NodeId, const lease::Release&, std::span<std::byte>);

LeaseVerdict LeaseGuard::open(std::span<const std::byte> packet, LeaseHeader& header) {
    switch (read_header(packet, header)) {
        case LeaseForm::malformed:
            return LeaseVerdict::malformed;
        case LeaseForm::other_version:
            return LeaseVerdict::other_version;
        case LeaseForm::good:
            break;
    }
    if (header.to != self_) return LeaseVerdict::misdirected;
    Peer* peer = find(header.from);
    if (peer == nullptr || !peer->is_named) return LeaseVerdict::stranger;
    const HeldKey* key = key_of(*peer, header.key);
    if (key == nullptr) return LeaseVerdict::unknown_key;
    const auto signed_bytes = packet.first(packet.size() - lease_mac_bytes);
    const Mac mac = mac_of(key->key, signed_bytes);
    if (sodium_memcmp(mac.data(), octets(packet.last(lease_mac_bytes)), mac.size()) != 0)
        return LeaseVerdict::forged;
    if (header.boot < peer->boot) return LeaseVerdict::older_boot;  // V2, for every kind
    if (header.boot > peer->boot) {
        peer->boot = header.boot;
        peer->window = {};
    }
    if (!peer->window.accept(header.number)) return LeaseVerdict::replayed;
    if (!peer->proven || peer->proven->id != key->id) peer->proven = *key;
    return LeaseVerdict::accepted;
}

const LeaseGuard::HeldKey* LeaseGuard::key_of(const Peer& peer, LeaseKeyId id) {
    for (const auto* held : {&peer.newest, &peer.previous, &peer.proven})
        if (*held && (*held)->id == id) return &**held;
    return nullptr;
}

LeaseGuard::Peer* LeaseGuard::find(NodeId id) {
    const auto found = std::ranges::find(ids_, id);
    return found == ids_.end() || id == NodeId{}
               ? nullptr
               : &peers_[static_cast<std::size_t>(found - ids_.begin())];
}

const LeaseGuard::Peer* LeaseGuard::find(NodeId id) const {
    const auto found = std::ranges::find(ids_, id);
    return found == ids_.end() || id == NodeId{}
               ? nullptr
               : &peers_[static_cast<std::size_t>(found - ids_.begin())];
}

LeaseGuard::Peer* LeaseGuard::enter(NodeId id) {
    if (id == NodeId{}) return nullptr;
    if (Peer* known = find(id)) return known;
    auto place = std::ranges::find(ids_, NodeId{});
    if (place == ids_.end()) {  // one that does not belong here makes room
        const auto unnamed = std::ranges::find(peers_, false, &Peer::is_named);
        if (unnamed == peers_.end()) return nullptr;
        place = ids_.begin() + (unnamed - peers_.begin());
    }
    *place = id;
    Peer& peer = peers_[static_cast<std::size_t>(place - ids_.begin())];
    peer = {};
    return &peer;
}

}  // namespace trivet::daemon
