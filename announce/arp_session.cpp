#include "announce/arp_session.hpp"

#include <algorithm>
#include <variant>

#include "core/assert.hpp"

namespace trivet::announce {

namespace {

constexpr IpAddress no_address;  // 0.0.0.0

/// The address of the interface from which a host would ask for `target`.
std::optional<IpAddress> asking_address(const LinkState& link, IpAddress target) {
    const auto is_near = [&](IpAddress own) {
        return std::ranges::any_of(link.subnets, [&](const Prefix& subnet) {
            return subnet.contains(own) && subnet.contains(target);
        });
    };
    std::optional<IpAddress> found;
    for (const IpAddress own : link.addresses) {
        if (!own.is_v4() || own == target) continue;
        if (is_near(own)) return own;
        if (!found) found = own;
    }
    return found;
}

bool is_of_no_interest(ArpError error) {
    return error == ArpError::not_arp || error == ArpError::vlan_tagged ||
           error == ArpError::operation;
}

/// What every frame of ours has in common; the target comes next.
ArpMessage from(const MacAddress& mac, ArpOperation operation, IpAddress sender) {
    ArpMessage message;
    message.ethernet_destination = MacAddress::broadcast();
    message.ethernet_source = mac;
    message.operation = operation;
    message.sender_hardware_address = mac;
    message.sender_protocol_address = sender;
    return message;
}

/// RFC 5227 section 2.1.1: sender IP zero, "to avoid polluting ARP caches", target hardware zero.
ArpMessage probe(const MacAddress& mac, IpAddress address) {
    ArpMessage message = from(mac, ArpOperation::request, no_address);
    message.target_protocol_address = address;
    return message;
}

/// RFC 5227 section 2.3: as a probe, "except that now the sender and target IP addresses are both
/// set to the host's newly selected IPv4 address".
ArpMessage announcement(const MacAddress& mac, IpAddress address) {
    ArpMessage message = from(mac, ArpOperation::request, address);
    message.target_protocol_address = address;
    return message;
}

/// The reply form, for receivers that update their caches from replies alone. The target hardware
/// address is the one to be cached (RFC 5944 section 4.6).
ArpMessage announcement_as_reply(const MacAddress& mac, IpAddress address) {
    ArpMessage message = from(mac, ArpOperation::reply, address);
    message.target_hardware_address = mac;
    message.target_protocol_address = address;
    return message;
}

}  // namespace

ArpSession::ArpSession(Config config)
    : claims_({.timing = config.timing,
               .random_seed = config.random_seed,
               .frames_per_second = config.frames_per_second,
               .announcement_frames = 2}),  // request and reply form
      reply_budget_(config.replies_per_second) {}

L2Actions ArpSession::on_link(const LinkState& link, Instant now) {
    const LinkState before = std::exchange(link_, link);
    if (!link_.up) {
        claims_.on_link_down(now);
        return {};
    }
    if (before.up && before.mac == link_.mac) return {};
    return perform(claims_.on_link_up(now));
}

L2Actions ArpSession::arm(IpAddress address) {
    TRIVET_ASSERT(address.is_v4());
    claims_.arm(address);
    return {};
}

L2Actions ArpSession::ask(IpAddress address) {
    L2Actions actions;
    const auto own = asking_address(link_, address);
    if (!link_.up || !own) return actions;
    // Not the sender 0.0.0.0 of RFC 5227: to an owner that probes this would be a conflict.
    ArpMessage question = from(link_.mac, ArpOperation::request, *own);
    question.target_protocol_address = address;
    send(question, actions);
    return actions;
}

L2Actions ArpSession::claim(IpAddress address, ClaimKind kind, Instant now) {
    TRIVET_ASSERT(address.is_v4());
    return perform(claims_.claim(address, kind, now));
}

L2Actions ArpSession::release(IpAddress address, Instant) {
    claims_.release(address);
    return {};
}

L2Actions ArpSession::on_frame(std::span<const std::byte> ethernet_frame, Instant now) {
    ++counters_.received;
    const auto message = decode_arp(ethernet_frame);
    if (!message) {
        ++(is_of_no_interest(message.error()) ? counters_.ignored : counters_.malformed);
        return {};
    }
    L2Actions actions;
    const bool to_us =
        message->ethernet_destination == link_.mac || message->ethernet_destination.is_multicast();
    const bool from_us = message->sender_hardware_address == link_.mac ||
                         message->ethernet_source == link_.mac;  // our own, looped back
    bool of_use = false;
    if (link_.up && to_us && !from_us) {
        // As in RFC 826 "Packet Reception" the sender is looked at first, whatever is asked.
        of_use = detect_conflict(*message, now, actions);
        of_use |= reply(*message, now, actions);
    }
    if (!of_use) ++counters_.ignored;
    return actions;
}

L2Actions ArpSession::on_timer(Instant now) { return perform(claims_.on_timer(now)); }

L2Actions ArpSession::reannounce(Instant now) { return perform(claims_.reannounce(now)); }

bool ArpSession::is_of_this_machine(const MacAddress& mac) const {
    return mac == link_.mac ||
           std::ranges::find(link_.sibling_macs, mac) != link_.sibling_macs.end();
}

bool ArpSession::detect_conflict(const ArpMessage& message, Instant now, L2Actions& actions) {
    // RFC 5227 section 2.1.1: "the packet's 'sender hardware address' is not the hardware address
    // of any of the host's interfaces"; section 2.4 in other words.
    const MacAddress other = message.sender_hardware_address;
    if (is_of_this_machine(other)) return false;
    // Sections 2.1.1 and 2.4: any packet, "Request *or* Reply", with our address as sender's.
    IpAddress contested = message.sender_protocol_address;
    // Section 2.1.1: while we probe, also somebody else's probe for the same address.
    const bool is_probe = message.operation == ArpOperation::request && contested.is_unspecified();
    if (is_probe && claims_.is_probing(message.target_protocol_address))
        contested = message.target_protocol_address;
    const AddressClaims::Phase phase = claims_.phase(contested);
    if (phase == AddressClaims::Phase::unknown) return false;

    if (phase != AddressClaims::Phase::standby) ++counters_.conflicts;
    append_actions(actions, perform(claims_.on_stranger(contested, other, now)));
    return true;
}

bool ArpSession::reply(const ArpMessage& request, Instant now, L2Actions& actions) {
    if (request.operation != ArpOperation::request) return false;
    // A stranger's announcement asks for nothing; detect_conflict() has dealt with it.
    if (request.sender_protocol_address == request.target_protocol_address) return false;
    if (!claims_.answers(request.target_protocol_address)) return false;
    const MacAddress asking = request.sender_hardware_address;
    if (asking.is_multicast() || asking.is_zero()) return false;  // nobody can have this address
    if (!reply_budget_.allows(1, now)) {
        ++counters_.replies_limited;
        return true;
    }
    reply_budget_.charge(1, now);
    // RFC 826 "Packet Reception": fields swapped, own hardware address filled in, sent "to the
    // (new) target hardware address". A probe (sender 0) is answered alike: that is the defence of
    // RFC 5227 section 2.1.1.
    ArpMessage message = from(link_.mac, ArpOperation::reply, request.target_protocol_address);
    message.ethernet_destination = asking;
    message.target_hardware_address = asking;
    message.target_protocol_address = request.sender_protocol_address;
    send(message, actions);
    return true;
}

L2Actions ArpSession::perform(const ClaimActions& claim_actions) {
    L2Actions actions;
    for (const ClaimAction& action : claim_actions) {
        if (const auto* sent = std::get_if<SendProbe>(&action)) {
            send(probe(link_.mac, sent->address), actions);
        } else if (const auto* announced = std::get_if<SendAnnouncement>(&action)) {
            if (announced->part != AnnouncementPart::other_frames)
                send(announcement(link_.mac, announced->address), actions);
            if (announced->part != AnnouncementPart::first_frame)
                send(announcement_as_reply(link_.mac, announced->address), actions);
        } else if (const auto* defence = std::get_if<SendDefence>(&action)) {
            // RFC 5227 section 2.4 (b): "one single ARP Announcement".
            send(announcement(link_.mac, defence->address), actions);
        } else if (const auto* in_use = std::get_if<Announced>(&action)) {
            actions.emplace_back(*in_use);
        } else if (const auto* detected = std::get_if<ConflictDetected>(&action)) {
            actions.emplace_back(*detected);
        } else if (const auto* seen = std::get_if<Seen>(&action)) {
            actions.emplace_back(*seen);
        } else {
            actions.emplace_back(std::get<ConflictEnded>(action));
        }
    }
    return actions;
}

void ArpSession::send(const ArpMessage& message, L2Actions& actions) {
    ++counters_.sent;
    actions.emplace_back(SendFrame{encode(message)});
}

}  // namespace trivet::announce
