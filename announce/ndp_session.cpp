#include "announce/ndp_session.hpp"

#include <algorithm>
#include <variant>

#include "core/assert.hpp"

namespace trivet::announce {

namespace {

constexpr std::size_t nonce_bytes = 6;  // the least that RFC 3971 section 5.3.2 allows

bool is_of_no_interest(NdpError error) {
    return error == NdpError::not_ndp || error == NdpError::vlan_tagged;
}

}  // namespace

NdpSession::NdpSession(Config config)
    : nonces_kept_(config.timing.probe_num),
      claims_({.timing = config.timing,
               .random_seed = config.random_seed,
               .frames_per_second = config.frames_per_second,
               .announcement_frames = 1}),
      reply_budget_(config.replies_per_second),
      random_(config.random_seed + 1) {}  // other numbers than those of the jitter

L2Actions NdpSession::on_link(const LinkState& link, Instant now) {
    const LinkState before = std::exchange(link_, link);
    if (!link_.up) {
        claims_.on_link_down(now);
        return {};
    }
    if (before.up && before.mac == link_.mac) {
        // The R flag tells hosts whether they may route through us (RFC 4861 section 7.2.6).
        return before.forwarding == link_.forwarding ? L2Actions{} : reannounce(now);
    }
    L2Actions actions;
    for (const auto& [group, members] : groups_) actions.emplace_back(JoinGroup{group});
    append_actions(actions, perform(claims_.on_link_up(now)));
    return actions;
}

L2Actions NdpSession::arm(IpAddress address) {
    TRIVET_ASSERT(!address.is_v4());
    L2Actions actions;
    if (claims_.phase(address) != AddressClaims::Phase::unknown) return actions;
    const IpAddress group = solicited_node_group(address);
    if (++groups_[group] == 1) actions.emplace_back(JoinGroup{group});
    claims_.arm(address);
    return actions;
}

void NdpSession::stand_by(IpAddress address) {
    claims_.stand_by(address);
    nonces_.erase(address);
}

/// RFC 4861 section 4.3.
L2Actions NdpSession::ask(IpAddress address) {
    L2Actions actions;
    // Not from the unspecified address: to an owner that probes this would be a conflict.
    const auto own = own_address_but(address);
    if (!link_.up || !own) return actions;
    const IpAddress group = solicited_node_group(address);
    send({.ethernet_destination = multicast_mac(group),
          .ethernet_source = link_.mac,
          .source = *own,
          .destination = group,
          .body = NeighborSolicitation{.target = address,
                                       .source_link_layer_address = link_.mac,
                                       .nonce = std::nullopt}},
         actions);
    return actions;
}

L2Actions NdpSession::claim(IpAddress address, ClaimKind kind, Instant now) {
    // RFC 4862 section 5.4.2: the group is joined before the first probe, to hear the answer.
    L2Actions actions = arm(address);
    append_actions(actions, perform(claims_.claim(address, kind, now)));
    return actions;
}

L2Actions NdpSession::release(IpAddress address, Instant) {
    if (!claims_.release(address)) return {};
    nonces_.erase(address);
    const auto group = groups_.find(solicited_node_group(address));
    TRIVET_ASSERT(group != groups_.end());
    if (--group->second != 0) return {};
    L2Actions actions{LeaveGroup{group->first}};
    groups_.erase(group);
    return actions;
}

L2Actions NdpSession::on_frame(std::span<const std::byte> ethernet_frame, Instant now) {
    ++counters_.received;
    const auto message = decode_ndp(ethernet_frame);
    if (!message) {
        ++(is_of_no_interest(message.error()) ? counters_.ignored : counters_.malformed);
        return {};
    }
    L2Actions actions;
    bool of_use = false;
    const bool from_us = message->ethernet_source == link_.mac;  // our own, looped back
    if (link_.up && !from_us && is_for_us(*message)) {
        if (const auto* solicitation = std::get_if<NeighborSolicitation>(&message->body))
            of_use = on_solicitation(*message, *solicitation, now, actions);
        else
            of_use = on_advertisement(*message, std::get<NeighborAdvertisement>(message->body), now,
                                      actions);
    }
    if (!of_use) ++counters_.ignored;
    return actions;
}

L2Actions NdpSession::on_timer(Instant now) { return perform(claims_.on_timer(now)); }

L2Actions NdpSession::reannounce(Instant now) { return perform(claims_.reannounce(now)); }

bool NdpSession::is_of_this_machine(const MacAddress& mac) const {
    return mac == link_.mac ||
           std::ranges::find(link_.sibling_macs, mac) != link_.sibling_macs.end();
}

bool NdpSession::is_for_us(const NdpMessage& message) const {
    const MacAddress& mac = message.ethernet_destination;
    if (mac != link_.mac && !mac.is_multicast()) return false;
    const IpAddress destination = message.destination;
    return destination.is_multicast() || claims_.answers(destination) ||
           std::ranges::find(link_.addresses, destination) != link_.addresses.end();
}

bool NdpSession::on_solicitation(const NdpMessage& message,
                                 const NeighborSolicitation& solicitation, Instant now,
                                 L2Actions& actions) {
    const MacAddress sender =
        solicitation.source_link_layer_address.value_or(message.ethernet_source);
    const IpAddress target = solicitation.target;
    // Whoever asks from an address of ours has it too, and its option spoils the caches of those
    // it asks (RFC 4861 section 7.2.3).
    bool of_use = on_stranger(message.source, sender, now, actions);
    if (message.source.is_unspecified() && claims_.is_probing(target)) {
        // RFC 4862 section 5.4.3: somebody else is about to take the address, unless the probe is
        // our own, come back by way of a loop (RFC 7527 section 4.2).
        const auto sent = nonces_.find(target);
        const bool looped_back =
            solicitation.nonce && sent != nonces_.end() &&
            std::ranges::find(sent->second, *solicitation.nonce) != sent->second.end();
        if (!looped_back) of_use |= on_stranger(target, sender, now, actions);
    } else if (claims_.answers(target) && !sender.is_multicast() && !sender.is_zero()) {
        of_use = true;
        reply(message, target, sender, now, actions);
    }
    return of_use;
}

bool NdpSession::on_advertisement(const NdpMessage& message,
                                  const NeighborAdvertisement& advertisement, Instant now,
                                  L2Actions& actions) {
    // RFC 4862 section 5.4.4: while we probe, the address is not unique; later it is a conflict all
    // the same, which we treat as RFC 5227 section 2.4 treats its counterpart.
    const MacAddress sender =
        advertisement.target_link_layer_address.value_or(message.ethernet_source);
    return on_stranger(advertisement.target, sender, now, actions);
}

bool NdpSession::on_stranger(IpAddress address, MacAddress other, Instant now, L2Actions& actions) {
    if (is_of_this_machine(other)) return false;
    const AddressClaims::Phase phase = claims_.phase(address);
    if (phase == AddressClaims::Phase::unknown) return false;
    if (phase != AddressClaims::Phase::standby) ++counters_.conflicts;
    append_actions(actions, perform(claims_.on_stranger(address, other, now)));
    return true;
}

void NdpSession::reply(const NdpMessage& solicitation, IpAddress target, MacAddress asking,
                       Instant now, L2Actions& actions) {
    if (!reply_budget_.allows(1, now)) {
        ++counters_.replies_limited;
        return;
    }
    reply_budget_.charge(1, now);
    NdpMessage message = advertisement(target);
    // RFC 4861 section 7.2.4: who has no address yet is answered by multicast, without the
    // Solicited flag (this is the answer to a probe); all others directly, with it.
    if (!solicitation.source.is_unspecified()) {
        message.destination = solicitation.source;
        message.ethernet_destination = asking;
        std::get<NeighborAdvertisement>(message.body).solicited = true;
    }
    send(message, actions);
}

L2Actions NdpSession::perform(const ClaimActions& claim_actions) {
    L2Actions actions;
    for (const ClaimAction& action : claim_actions) {
        if (const auto* probe = std::get_if<SendProbe>(&action)) {
            send_probe(probe->address, actions);
        } else if (const auto* announced = std::get_if<SendAnnouncement>(&action)) {
            send(advertisement(announced->address), actions);
        } else if (const auto* defence = std::get_if<SendDefence>(&action)) {
            send(advertisement(defence->address), actions);
        } else if (const auto* in_use = std::get_if<Announced>(&action)) {
            nonces_.erase(in_use->address);
            actions.emplace_back(*in_use);
        } else if (const auto* detected = std::get_if<ConflictDetected>(&action)) {
            nonces_.erase(detected->address);
            actions.emplace_back(*detected);
        } else if (const auto* seen = std::get_if<Seen>(&action)) {
            actions.emplace_back(*seen);
        } else {
            const auto& ended = std::get<ConflictEnded>(action);
            nonces_.erase(ended.address);
            actions.emplace_back(ended);
        }
    }
    return actions;
}

/// RFC 4862 section 5.4.2: from the unspecified address, to the group of the target; with a nonce,
/// RFC 7527 section 4.1.
void NdpSession::send_probe(IpAddress address, L2Actions& actions) {
    Nonce nonce(nonce_bytes);
    for (auto& byte : nonce) byte = static_cast<std::uint8_t>(random_() & 0xff);
    auto& sent = nonces_[address];
    if (sent.size() >= nonces_kept_) sent.erase(sent.begin());
    sent.push_back(nonce);
    const IpAddress group = solicited_node_group(address);
    send({.ethernet_destination = multicast_mac(group),
          .ethernet_source = link_.mac,
          .source = IpAddress::v6({}),
          .destination = group,
          .body = NeighborSolicitation{.target = address,
                                       .source_link_layer_address = std::nullopt,
                                       .nonce = std::move(nonce)}},
         actions);
}

/// To all nodes, unsolicited (RFC 4861 section 7.2.6); a reply changes what differs.
NdpMessage NdpSession::advertisement(IpAddress address) const {
    return {.ethernet_destination = multicast_mac(all_nodes_group()),
            .ethernet_source = link_.mac,
            .source = source_for(address),
            .destination = all_nodes_group(),
            // Override also when solicited. RFC 4861 section 7.2.4 says that it SHOULD be set, and
            // it was measured: without it Linux keeps the dead node's MAC after a take-over, for a
            // cached address is only replaced on an override (section 7.2.5).
            .body = NeighborAdvertisement{.target = address,
                                          .router = link_.forwarding,
                                          .solicited = false,
                                          .override_entry = true,
                                          .target_link_layer_address = link_.mac}};
}

/// RFC 4861 section 4.4: "an address assigned to the interface". The link-local address is one for
/// certain, and stays with this node when the VIP moves on, so that source guards of switches see
/// nothing odd; without one, the VIP itself is ours at this moment.
IpAddress NdpSession::source_for(IpAddress address) const {
    const auto link_local = std::ranges::find_if(
        link_.addresses, [](const IpAddress& own) { return !own.is_v4() && own.is_link_local(); });
    return link_local == link_.addresses.end() ? address : *link_local;
}

/// The link-local one, or else any.
std::optional<IpAddress> NdpSession::own_address_but(IpAddress address) const {
    std::optional<IpAddress> found;
    for (const IpAddress own : link_.addresses) {
        if (own.is_v4() || own == address) continue;
        if (own.is_link_local()) return own;
        if (!found) found = own;
    }
    return found;
}

void NdpSession::send(const NdpMessage& message, L2Actions& actions) {
    ++counters_.sent;
    actions.emplace_back(SendFrame{encode(message)});
}

}  // namespace trivet::announce
