#include "tests/announce/l2_frames.hpp"

#include <fmt/format.h>
#include <stdexcept>

namespace trivet::announce {

namespace {

std::string describe(const ArpMessage& message) {
    return fmt::format(
        "arp {} to {}: sender {} {}, target {} {}",
        message.operation == ArpOperation::request ? "request" : "reply",
        message.ethernet_destination.to_string(), message.sender_protocol_address.to_string(),
        message.sender_hardware_address.to_string(), message.target_protocol_address.to_string(),
        message.target_hardware_address.to_string());
}

std::string describe(const NdpMessage& message) {
    const auto* solicitation = std::get_if<NeighborSolicitation>(&message.body);
    const auto* advertisement = std::get_if<NeighborAdvertisement>(&message.body);
    std::string text = fmt::format(
        "{} to {}: {} > {}, target {}", solicitation ? "ns" : "na",
        message.ethernet_destination.to_string(), message.source.to_string(),
        message.destination.to_string(),
        solicitation ? solicitation->target.to_string() : advertisement->target.to_string());
    if (solicitation) {
        if (solicitation->source_link_layer_address)
            text += " from " + solicitation->source_link_layer_address->to_string();
        if (solicitation->nonce)
            text += fmt::format(", nonce {:02x}", fmt::join(*solicitation->nonce, ""));
        return text;
    }
    if (advertisement->target_link_layer_address)
        text += " is at " + advertisement->target_link_layer_address->to_string();
    if (advertisement->router) text += ", router";
    if (advertisement->solicited) text += ", solicited";
    if (advertisement->override_entry) text += ", override";
    return text;
}

}  // namespace

IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }
MacAddress mac(std::string_view text) { return MacAddress::parse(text).value(); }

LinkState link_up(MacAddress mac, std::vector<IpAddress> addresses) {
    LinkState link;
    link.mac = mac;
    link.up = true;
    link.addresses = std::move(addresses);
    return link;
}

std::vector<std::byte> arp_frame(ArpOperation operation, MacAddress from, IpAddress sender,
                                 IpAddress target) {
    return encode(ArpMessage{.ethernet_destination = MacAddress::broadcast(),
                             .ethernet_source = from,
                             .operation = operation,
                             .sender_hardware_address = from,
                             .sender_protocol_address = sender,
                             .target_hardware_address = {},
                             .target_protocol_address = target});
}

NdpMessage solicitation(MacAddress from, IpAddress source, IpAddress target) {
    NeighborSolicitation body{
        .target = target, .source_link_layer_address = from, .nonce = std::nullopt};
    if (source.is_unspecified()) body.source_link_layer_address.reset();
    const IpAddress group = solicited_node_group(target);
    return {.ethernet_destination = multicast_mac(group),
            .ethernet_source = from,
            .source = source,
            .destination = group,
            .body = body};
}

NdpMessage advertisement(MacAddress from, IpAddress source, IpAddress target) {
    return {.ethernet_destination = multicast_mac(all_nodes_group()),
            .ethernet_source = from,
            .source = source,
            .destination = all_nodes_group(),
            .body = NeighborAdvertisement{.target = target,
                                          .router = false,
                                          .solicited = false,
                                          .override_entry = true,
                                          .target_link_layer_address = from}};
}

std::string describe_frame(std::span<const std::byte> frame) {
    if (const auto arp = decode_arp(frame)) return describe(*arp);
    if (const auto ndp = decode_ndp(frame)) return describe(*ndp);
    throw std::runtime_error("a session sent a frame that its own codec refuses");
}

std::string describe(const L2Action& action) {
    struct Visitor {
        std::string operator()(const SendFrame& send) {
            return "send " + describe_frame(send.frame);
        }
        std::string operator()(const JoinGroup& join) { return "join " + join.group.to_string(); }
        std::string operator()(const LeaveGroup& leave) {
            return "leave " + leave.group.to_string();
        }
        std::string operator()(const Announced& a) { return "announced " + a.address.to_string(); }
        std::string operator()(const ConflictDetected& conflict) {
            return "conflict " + conflict.address.to_string() + " with " +
                   conflict.other.to_string();
        }
        std::string operator()(const ConflictEnded& ended) {
            return "conflict-ended " + ended.address.to_string();
        }
        std::string operator()(const Seen& seen) {
            return "seen " + seen.address.to_string() + " at " + seen.mac.to_string();
        }
    };
    return std::visit(Visitor{}, action);
}

std::vector<std::string> describe(const L2Actions& actions) {
    std::vector<std::string> lines;
    for (const L2Action& action : actions) lines.push_back(describe(action));
    return lines;
}

std::ostream& operator<<(std::ostream& out, ArpError error) {
    constexpr std::array names = {"not_arp",         "vlan_tagged",    "operation",
                                  "truncated",       "hardware_type",  "protocol_type",
                                  "hardware_length", "protocol_length"};
    return out << names.at(static_cast<std::size_t>(error));
}

std::ostream& operator<<(std::ostream& out, NdpError error) {
    constexpr std::array names = {"not_ndp",
                                  "vlan_tagged",
                                  "truncated",
                                  "ip_version",
                                  "hop_limit",
                                  "checksum",
                                  "code",
                                  "multicast_source",
                                  "mapped_address",
                                  "multicast_target",
                                  "option_length",
                                  "unspecified_source_destination",
                                  "unspecified_source_with_link_layer_address",
                                  "solicited_to_multicast"};
    return out << names.at(static_cast<std::size_t>(error));
}

}  // namespace trivet::announce
