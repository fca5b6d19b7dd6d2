#include "announce/bfd/bfd_table.hpp"

#include <algorithm>

#include "core/assert.hpp"

namespace trivet::announce::bfd {

namespace {

constexpr std::uint8_t hop_limit_sent = 255;
// Of our echo packet that the peer has returned: by its BFD, or as it forwards any packet.
constexpr std::uint8_t hop_limit_returned = 254;

}  // namespace

BfdTable::Id BfdTable::add(const Place& place, BfdSession::Config config) {
    const auto free =
        std::ranges::find_if(entries_, [](const Entry& entry) { return entry.session == nullptr; });
    const auto id = static_cast<Id>(free - entries_.begin());
    if (free == entries_.end()) entries_.emplace_back();
    const bool is_new = by_discriminator_.emplace(config.local_discriminator, id).second;
    TRIVET_ASSERT(is_new);
    entries_[id] = {.place = place, .session = std::make_unique<BfdSession>(std::move(config))};
    return id;
}

void BfdTable::erase(Id id) {
    by_discriminator_.erase(session(id).local_discriminator());
    entries_.at(id) = {};
}

std::optional<BfdTable::Outcome> BfdTable::on_control(const Datagram& datagram, Instant now) {
    ++counters_.received;
    const auto packet = decode_control(datagram.payload);
    const auto id = packet ? find(datagram, *packet) : std::nullopt;
    if (!id) {
        const Discard reason = packet ? Discard::no_session : packet.error();
        ++counters_.discarded[static_cast<std::size_t>(reason)];
        return std::nullopt;
    }
    // Bytes beyond the Length field are no part of the packet, and not signed.
    const auto length = std::to_integer<std::size_t>(datagram.payload[3]);
    const BfdSession::Received received{.packet = *packet,
                                        .bytes = datagram.payload.first(length),
                                        .hop_limit = datagram.hop_limit};
    return Outcome{.id = *id, .actions = session(*id).on_packet(received, now)};
}

/// Section 6.8.6: "If the Your Discriminator field is nonzero, it MUST be used to select the
/// session"; addresses and interface do not count then (section 6.3).
std::optional<BfdTable::Id> BfdTable::find(const Datagram& datagram,
                                           const ControlPacket& packet) const {
    const bool multihop = datagram.channel == Channel::multihop;
    if (packet.your_discriminator == 0) return find_neighbour(datagram, multihop);
    const auto found = by_discriminator_.find(packet.your_discriminator);
    if (found == by_discriminator_.end()) return std::nullopt;
    // The ports part two protocols: a packet over several hops must not pass for a neighbour's.
    if (entries_[found->second].place.multihop != multihop) return std::nullopt;
    return found->second;
}

std::optional<BfdTable::Id> BfdTable::find_neighbour(const Datagram& datagram,
                                                     bool multihop) const {
    for (Id id = 0; id < entries_.size(); ++id) {
        const auto& [place, is_retired, session] = entries_[id];
        if (session == nullptr || is_retired || place.multihop != multihop) continue;
        if (place.remote != datagram.source) continue;
        if (place.local && *place.local != datagram.destination) continue;
        if (place.interface != 0 && place.interface != datagram.interface) continue;
        return id;
    }
    return std::nullopt;
}

BfdTable::EchoOutcome BfdTable::on_echo(const Datagram& datagram, Instant now) {
    ++counters_.received;
    if (datagram.hop_limit == hop_limit_returned) {
        const auto packet = peek_echo(datagram.payload);
        const auto found =
            packet ? by_discriminator_.find(packet->discriminator) : by_discriminator_.end();
        if (found != by_discriminator_.end())
            return Outcome{.id = found->second,
                           .actions = session(found->second).on_echo(datagram.payload, now)};
    } else if (datagram.hop_limit == hop_limit_sent) {
        const auto id = find_neighbour(datagram, false);
        if (id && session(*id).may_return_echo(datagram.hop_limit, now))
            return ReturnEcho{.id = *id, .hop_limit = hop_limit_returned};
    }
    ++counters_.echo_discarded;
    return {};
}

std::optional<BfdTable::Id> BfdTable::on_echo_to_itself(const Datagram& datagram, Instant now) {
    for (Id id = 0; id < entries_.size(); ++id) {
        const auto& [place, is_retired, session] = entries_[id];
        if (session == nullptr || is_retired || place.multihop) continue;
        if (place.remote != datagram.destination) continue;
        if (place.interface != 0 && place.interface != datagram.interface) continue;
        if (session->may_return_echo(datagram.hop_limit, now)) return id;
    }
    return std::nullopt;
}

std::optional<Instant> BfdTable::next_deadline() const {
    std::optional<Instant> next;
    for (const Entry& entry : entries_) {
        const auto deadline = entry.session ? entry.session->next_deadline() : std::nullopt;
        if (deadline && (!next || *deadline < *next)) next = deadline;
    }
    return next;
}

}  // namespace trivet::announce::bfd
