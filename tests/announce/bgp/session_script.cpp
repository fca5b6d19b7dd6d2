#include "tests/announce/bgp/session_script.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <stdexcept>
#include <utility>

#include "announce/wire_bytes.hpp"

namespace trivet::announce::bgp::script {

using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t our_identifier = 0x0a000001;
constexpr std::uint32_t peer_identifier = 0x0a000002;
constexpr AsNumber our_as{64512};
constexpr AsNumber peer_as{64513};

// RFC 4271 section 4.3, RFC 4760 sections 3 and 4: flags and type.
constexpr std::uint16_t attribute_origin = 0x4001;
constexpr std::uint16_t attribute_as_path = 0x4002;
constexpr std::uint16_t attribute_next_hop = 0x4003;
constexpr std::uint16_t attribute_mp_reach = 0x900e;  // with two octets of length
constexpr std::uint16_t attribute_mp_unreach = 0x900f;

void append_nlri(ByteWriter& writer, const Prefix& announced) {
    const std::size_t first = announced.address().is_v4() ? 12 : 0;  // IPv4: the last four bytes
    writer.u8(static_cast<std::uint8_t>(announced.length()));
    for (int i = 0; i < (announced.length() + 7) / 8; ++i)
        writer.u8(announced.address().bytes().at(first + static_cast<std::size_t>(i)));
}

Bytes nlri(const std::vector<std::string>& prefixes, IpFamily family) {
    ByteWriter writer(prefixes.size() * 5);
    for (const std::string& text : prefixes)
        if (const Prefix one = prefix(text); one.family() == family) append_nlri(writer, one);
    return writer.take();
}

Bytes usual_attributes(std::uint8_t origin, std::uint32_t next_hop) {
    ByteWriter writer(32);
    writer.u16(attribute_origin);
    writer.u8(1);
    writer.u8(origin);
    writer.u16(attribute_as_path);
    writer.u8(6);
    writer.u16(0x0201);  // one AS_SEQUENCE of one number
    writer.u32(peer_as.value());
    writer.u16(attribute_next_hop);
    writer.u8(4);
    writer.u32(next_hop);
    return writer.take();
}

Bytes update_body(const Bytes& withdrawn, const Bytes& attributes, const Bytes& announced) {
    ByteWriter writer(64);
    writer.u16(static_cast<std::uint16_t>(withdrawn.size()));
    writer.append(withdrawn);
    writer.u16(static_cast<std::uint16_t>(attributes.size()));
    writer.append(attributes);
    writer.append(announced);
    return writer.take();
}

std::string names_of(const std::set<AfiSafi>& families) {
    std::string names;
    for (const AfiSafi& family : families) {
        if (!names.empty()) names += ',';
        names += family == ipv4_unicast ? "ipv4" : family == ipv6_unicast ? "ipv6" : "other";
    }
    return names.empty() ? "none" : names;
}

std::string describe(const GracefulRestart& restart) {
    std::string text = fmt::format(" restart({} s", restart.restart_time_s);
    if (restart.restarting) text += " R";
    if (restart.notification) text += " N";
    for (const auto& [family, kept] : restart.forwarding)
        text += fmt::format(" {}{}", names_of({family}), kept ? ":F" : "");
    return text + ")";
}

std::string describe(const Message& message) {
    if (const auto* open = std::get_if<OpenMessage>(&message)) return script::describe(*open);
    if (std::holds_alternative<KeepaliveMessage>(message)) return "KEEPALIVE";
    if (const auto* notification = std::get_if<NotificationMessage>(&message))
        return "NOTIFICATION " + to_words(*notification);
    return "something else";
}

struct Describer {
    std::string operator()(const StartConnect&) const { return "connect"; }
    std::string operator()(const CancelConnect&) const { return "cancel the attempt"; }
    std::string operator()(const SendBytes& send) const {
        const auto taken = take_message(send.bytes, {});
        if (!taken || !*taken || (*taken)->size != send.bytes.size())
            throw std::runtime_error("the session sends what is not one message");
        return fmt::format("send {} {}", send.connection, describe((*taken)->message));
    }
    std::string operator()(const CloseTransport& close) const {
        const bool orderly = close.closing == Closing::after_sending;
        return fmt::format("{} {}", orderly ? "close" : "abort", close.connection);
    }
    std::string operator()(const SessionUp& up) const {
        const Negotiated& agreed = up.negotiated;
        std::string text =
            fmt::format("up {} {} AS {} hold {} s keepalive {} s families {}", up.connection,
                        agreed.is_external ? "external" : "internal", agreed.peer_as.value(),
                        agreed.hold_time.count(), agreed.keepalive_time.count(),
                        names_of(agreed.codec.families));
        if (agreed.codec.extended_messages) text += " extended";
        if (agreed.codec.enhanced_route_refresh) text += " enhanced-refresh";
        if (!agreed.codec.four_octet_as) text += " two-octet-as";
        if (!agreed.codec.extended_next_hop.empty()) text += " ipv6-next-hops";
        if (agreed.peer_graceful_restart) text += describe(*agreed.peer_graceful_restart);
        return text;
    }
    std::string operator()(const SessionDown& down) const {
        return fmt::format("down{}: {}", down.was_established ? " established" : "",
                           to_words(down));
    }
    std::string operator()(const RefreshRequested& refresh) const {
        return "refresh " + names_of({refresh.family});
    }
};

template <class Wanted>
std::vector<Wanted> sent(const SessionActions& actions) {
    std::vector<Wanted> found;
    for (const SessionAction& action : actions) {
        const auto* send = std::get_if<SendBytes>(&action);
        if (send == nullptr) continue;
        const auto taken = take_message(send->bytes, {});
        if (!taken || !*taken) throw std::runtime_error("the session sends what is no message");
        if (const auto* wanted = std::get_if<Wanted>(&(*taken)->message)) found.push_back(*wanted);
    }
    return found;
}

template <class Wanted>
std::optional<Wanted> first_sent(const SessionActions& actions) {
    auto found = sent<Wanted>(actions);
    if (found.empty()) return std::nullopt;
    return std::move(found.front());
}

}  // namespace

Prefix prefix(std::string_view text) {
    const auto parsed = Prefix::parse(text);
    if (!parsed) throw std::runtime_error(parsed.error().message);
    return *parsed;
}

BgpPeerSettings external_peer() {
    BgpPeerSettings settings;
    settings.my_asn = our_as;
    settings.peer_asn = peer_as;
    settings.peer_address = IpAddress::v4(0xc0000202);
    return settings;
}

BgpPeerSettings internal_peer() {
    BgpPeerSettings settings = external_peer();
    settings.peer_asn = our_as;
    return settings;
}

BgpPeerSettings ipv6_peer() {
    BgpPeerSettings settings = external_peer();
    settings.peer_address = *IpAddress::parse("2001:db8::2");
    return settings;
}

BgpSession::Config config_of(BgpPeerSettings settings) {
    BgpSession::Config config;
    config.settings = std::move(settings);
    config.bgp_identifier = our_identifier;
    config.random_seed = 1;
    return config;
}

OpenMessage peer_open() {
    OpenMessage open;
    open.my_as = peer_as;
    open.hold_time_s = 90;
    open.bgp_identifier = peer_identifier;
    open.capabilities.families = {ipv4_unicast, ipv6_unicast};
    open.capabilities.route_refresh = true;
    open.capabilities.enhanced_route_refresh = true;
    open.capabilities.extended_messages = true;
    open.capabilities.four_octet_as = peer_as;
    return open;
}

OpenMessage internal_open() {
    OpenMessage open = peer_open();
    open.my_as = our_as;
    open.capabilities.four_octet_as = our_as;
    return open;
}

GracefulRestart peer_restart() {
    GracefulRestart restart;
    restart.notification = true;
    restart.restart_time_s = 120;
    restart.forwarding = {{ipv4_unicast, true}, {ipv6_unicast, true}};
    return restart;
}

Bytes message_of(MessageType type, const Bytes& body) {
    ByteWriter writer(header_size + body.size());
    for (int i = 0; i < 16; ++i) writer.u8(0xff);
    writer.u16(static_cast<std::uint16_t>(header_size + body.size()));
    writer.u8(static_cast<std::uint8_t>(type));
    writer.append(body);
    return writer.take();
}

Bytes update(const UpdateParts& parts) {
    const Bytes reach = nlri(parts.announced, IpFamily::ipv6);
    const Bytes unreach = nlri(parts.withdrawn, IpFamily::ipv6);
    ByteWriter attributes(64);
    if (!parts.announced.empty()) attributes.append(usual_attributes(0, parts.next_hop));
    if (!reach.empty()) {
        attributes.u16(attribute_mp_reach);
        attributes.u16(static_cast<std::uint16_t>(21 + reach.size()));
        attributes.u16(ipv6_unicast.afi);
        attributes.u8(ipv6_unicast.safi);
        attributes.u8(16);
        attributes.array(IpAddress::parse("2001:db8::2")->bytes());
        attributes.u8(0);
        attributes.append(reach);
    }
    if (!unreach.empty()) {
        attributes.u16(attribute_mp_unreach);
        attributes.u16(static_cast<std::uint16_t>(3 + unreach.size()));
        attributes.u16(ipv6_unicast.afi);
        attributes.u8(ipv6_unicast.safi);
        attributes.append(unreach);
    }
    return message_of(MessageType::update,
                      update_body(nlri(parts.withdrawn, IpFamily::ipv4), attributes.take(),
                                  nlri(parts.announced, IpFamily::ipv4)));
}

Bytes end_of_rib(AfiSafi family) {
    if (family == ipv4_unicast) return message_of(MessageType::update, update_body({}, {}, {}));
    ByteWriter attributes(8);
    attributes.u16(attribute_mp_unreach);
    attributes.u16(3);
    attributes.u16(family.afi);
    attributes.u8(family.safi);
    return message_of(MessageType::update, update_body({}, attributes.take(), {}));
}

Bytes update_with_wrong_origin(std::string_view announced) {
    constexpr std::uint8_t no_origin = 9;
    return message_of(MessageType::update,
                      update_body({}, usual_attributes(no_origin, 0xc0000202),
                                  nlri({std::string(announced)}, IpFamily::ipv4)));
}

Bytes malformed_update() {
    ByteWriter body(8);
    body.u16(0);
    body.u16(0xffff);  // of attributes, which are not there (RFC 4271 section 6.3)
    return message_of(MessageType::update, body.take());
}

std::string describe(const OpenMessage& open) {
    const Capabilities& offered = open.capabilities;
    std::string text =
        fmt::format("OPEN as {} hold {} s id {} families {}", open.my_as.value(), open.hold_time_s,
                    IpAddress::v4(open.bgp_identifier).to_string(), names_of(offered.families));
    if (offered.route_refresh) text += " refresh";
    if (offered.enhanced_route_refresh) text += " enhanced-refresh";
    if (offered.extended_messages) text += " extended";
    if (!offered.four_octet_as) text += " two-octet-as";
    if (!offered.extended_next_hop.empty()) text += " ipv6-next-hops";
    if (offered.role) text += fmt::format(" role {}", static_cast<unsigned>(*offered.role));
    if (offered.graceful_restart) text += describe(*offered.graceful_restart);
    return text;
}

std::vector<std::string> describe(const SessionActions& actions) {
    std::vector<std::string> lines;
    for (const SessionAction& action : actions) lines.push_back(std::visit(Describer{}, action));
    return lines;
}

std::optional<NotificationMessage> sent_notification(const SessionActions& actions) {
    return first_sent<NotificationMessage>(actions);
}

std::string sent_codes(const SessionActions& actions) {
    const auto notification = sent_notification(actions);
    if (!notification) return "none";
    std::string text = fmt::format("{}/{}", notification->error_code, notification->error_subcode);
    if (!notification->data.empty()) text += ' ';
    for (const std::byte byte : notification->data)
        text += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
    return text;
}

std::optional<OpenMessage> sent_open(const SessionActions& actions) {
    return first_sent<OpenMessage>(actions);
}

std::size_t sent_keepalives(const SessionActions& actions) {
    return sent<KeepaliveMessage>(actions).size();
}

SessionActions Talk::wait(Duration duration) {
    SessionActions all;
    const Instant until = now + duration;
    while (session.next_deadline() && *session.next_deadline() <= until) {
        now = std::max(now, *session.next_deadline());
        SessionActions actions = session.on_timer(now);
        std::ranges::move(actions, std::back_inserter(all));
    }
    now = until;
    return all;
}

std::optional<Duration> Talk::wait_for_connect() {
    const Instant begin = now;
    while (session.next_deadline() && *session.next_deadline() <= begin + 1h) {
        now = std::max(now, *session.next_deadline());
        if (find_action<StartConnect>(session.on_timer(now)) != nullptr) return now - begin;
    }
    return std::nullopt;
}

SessionActions Talk::establish(ConnectionId id, const OpenMessage& open, Direction direction) {
    if (session.state() == SessionState::idle) (void)start();
    if (direction == Direction::outgoing && session.state() == SessionState::active)
        (void)wait_for_connect();
    (void)connect(id, direction);
    (void)hear(id, open);
    return hear(id, KeepaliveMessage{});
}

void Talk::reach(SessionState state, ConnectionId id) {
    (void)start();
    (void)connect(id);
    if (state == SessionState::open_sent) return;
    (void)hear(id, peer_open());
    if (state == SessionState::open_confirm) return;
    (void)hear(id, KeepaliveMessage{});
}

}  // namespace trivet::announce::bgp::script
