// A whole BGP conversation: the first bytes are the configuration, then each two bytes are an event
// (what the peer says, connections that come and go, time, BFD, a person), some with bytes behind
// them. Beside the session stands what its driver knows, and checks that the session keeps to it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "announce/bgp/bgp_session.hpp"
#include "announce/wire_bytes.hpp"
#include "core/assert.hpp"

using namespace trivet;
using namespace trivet::announce;
using namespace trivet::announce::bgp;
using namespace std::chrono_literals;

namespace {

constexpr AsNumber our_as{64512};
constexpr AsNumber peer_as{64513};
constexpr std::uint32_t our_identifier = 0x0a000001;
constexpr std::uint32_t prefixes_max = 8;
constexpr std::size_t events_max = 400;

class Input {
public:
    explicit Input(std::span<const std::byte> bytes) : bytes_(bytes) {}
    bool empty() const { return bytes_.empty(); }
    std::uint8_t octet() {
        const auto taken = take(1);
        return taken.empty() ? std::uint8_t{0} : std::to_integer<std::uint8_t>(taken[0]);
    }
    std::span<const std::byte> take(std::size_t size) {
        const auto taken = bytes_.first(std::min(size, bytes_.size()));
        bytes_ = bytes_.subspan(taken.size());
        return taken;
    }

private:
    std::span<const std::byte> bytes_;
};

BgpSession::Config configure(Input& input) {
    const std::uint8_t bits = input.octet();
    const std::uint8_t more = input.octet();
    BgpSession::Config config;
    BgpPeerSettings& settings = config.settings;
    settings.my_asn = our_as;
    settings.peer_asn = peer_as;
    settings.peer_address =
        (bits & 1) != 0 ? *IpAddress::parse("2001:db8::2") : IpAddress::v4(0xc0000202);
    settings.passive = (bits & 2) != 0;
    settings.graceful_restart = (bits & 4) != 0;
    settings.bfd_strict = (bits & 8) != 0;
    settings.disable_mp = (bits & 16) != 0;
    settings.ipv4 = (bits & 32) == 0;
    if ((bits & 64) != 0) settings.role = BgpRole::customer;
    if ((bits & 128) != 0) {
        settings.peer_asn.reset();
        settings.dynamic_asn = (more & 1) != 0 ? DynamicAsn::internal : DynamicAsn::external;
    }
    constexpr std::chrono::seconds hold_times[] = {90s, 0s, 3s, 240s};
    settings.hold_time = hold_times[more >> 1 & 3];
    if ((more & 8) != 0) settings.keepalive_time = 1s;
    settings.connect_time = (more & 16) != 0 ? 5s : 120s;
    settings.prefixes_max = prefixes_max;
    config.restarting = (more & 32) != 0;
    config.bgp_identifier = our_identifier;
    config.random_seed = more;
    return config;
}

OpenMessage open_of(std::uint8_t argument) {
    OpenMessage open;
    open.my_as = (argument & 1) != 0 ? our_as : peer_as;
    constexpr std::uint16_t hold_times[] = {90, 0, 3, 2};
    open.hold_time_s = hold_times[argument >> 1 & 3];
    constexpr std::uint32_t identifiers[] = {our_identifier + 1, our_identifier - 1};
    open.bgp_identifier = identifiers[argument >> 3 & 1];
    if ((argument & 16) != 0) return open;
    open.capabilities.families = {ipv4_unicast, ipv6_unicast};
    open.capabilities.route_refresh = true;
    open.capabilities.enhanced_route_refresh = (argument & 32) != 0;
    open.capabilities.extended_messages = (argument & 64) != 0;
    open.capabilities.four_octet_as = open.my_as;
    if ((argument & 128) != 0) {
        GracefulRestart restart;
        restart.notification = true;
        restart.forwarding = {{ipv4_unicast, true}};
        open.capabilities.graceful_restart = restart;
    }
    return open;
}

std::vector<std::byte> message_of(std::uint8_t type, std::span<const std::byte> body) {
    ByteWriter writer(header_size + body.size());
    for (int i = 0; i < 16; ++i) writer.u8(0xff);
    writer.u16(static_cast<std::uint16_t>(header_size + body.size()));
    writer.u8(type);
    writer.append(body);
    return writer.take();
}

/// One prefix by the argument, announced or withdrawn, with next hops that all differ.
std::vector<std::byte> update_of(std::uint8_t argument, std::uint32_t next_hop) {
    const bool is_withdrawal = (argument & 128) != 0;
    ByteWriter body(64);
    body.u16(is_withdrawal ? 2 : 0);
    if (is_withdrawal) {
        body.u8(8);
        body.u8(argument & 127);
    }
    body.u16(is_withdrawal ? 0 : 20);
    if (!is_withdrawal) {
        body.u16(0x4001);  // ORIGIN
        body.u16(0x0100);
        body.u16(0x4002);  // AS_PATH, four octets to a number
        body.u16(0x0602);
        body.u8(1);
        body.u32(peer_as.value());
        body.u16(0x4003);  // NEXT_HOP
        body.u8(4);
        body.u32(0x0b000000 + next_hop);
        body.u8(8);
        body.u8(argument & 127);
    }
    return message_of(2, body.take());
}

/// What the driver of a session knows, and what it may rely on.
class Driver {
public:
    explicit Driver(BgpSession::Config config)
        : is_passive_(config.settings.passive), session_(std::move(config)) {}

    void perform(std::uint8_t event, std::uint8_t argument, Input& input);

private:
    void handle(const SessionActions& actions);
    void act_on(const StartConnect&);
    void act_on(const CancelConnect&);
    void act_on(const SendBytes& send);
    void act_on(const CloseTransport& close);
    void act_on(const SessionUp& up);
    void act_on(const SessionDown& down);
    void act_on(const RefreshRequested&);
    void check() const;
    void connect(Direction direction);
    void hear(std::uint8_t argument, std::span<const std::byte> bytes);
    void advance(Duration duration);
    std::optional<ConnectionId> pick(std::uint8_t argument) const;

    bool is_passive_;
    BgpSession session_;
    Instant now_{};
    ConnectionId last_id_ = 0;
    std::uint32_t updates_ = 0;
    bool is_connecting_ = false;
    std::map<ConnectionId, std::optional<Instant>> connections_;  // and the last KEEPALIVE
    std::optional<ConnectionId> established_;
    MessageCounters sent_;
};

void Driver::perform(std::uint8_t event, std::uint8_t argument, Input& input) {
    const auto id = pick(argument);
    switch (event % 18) {
        case 0:
            handle(session_.start(now_));
            break;
        case 1:
            handle(session_.stop(argument, "text", now_));
            break;
        case 2:
            connect(Direction::outgoing);
            break;
        case 3:
            connect(Direction::incoming);
            break;
        case 4:
            is_connecting_ = false;
            handle(session_.on_connect_failed("refused", now_));
            break;
        case 5:
            hear(argument, encode(open_of(input.octet())));
            break;
        case 6:
            hear(argument, encode(KeepaliveMessage{}));
            break;
        case 7:
            hear(argument, encode(NotificationMessage{input.octet(), input.octet(), {}}));
            break;
        case 8:
            hear(argument, update_of(input.octet(), ++updates_));
            break;
        case 9:
            hear(argument, encode(RouteRefreshMessage{{1, static_cast<std::uint8_t>(argument & 3)},
                                                      input.octet()}));
            break;
        case 10:
            hear(argument, input.take(input.octet()));
            break;
        case 11:
            if (id) {
                connections_.erase(*id);
                handle(session_.on_closed(*id, "reset", now_));
            }
            break;
        case 12:
            if (id) session_.on_write_progress(*id, {argument % 2u, argument % 3u}, now_);
            break;
        case 13:
            if (established_) {
                session_.on_updates_sent(*established_, argument, now_);
                sent_.update += argument;
            }
            break;
        case 14:
            handle(session_.on_bfd(static_cast<BfdState>(argument % 3), now_));
            break;
        case 15:
            advance(argument < 128 ? argument * 100ms : (argument - 127) * 30s);
            break;
        case 16:
            if (argument == 0) handle(session_.leave_for_restart(now_));
            break;
        case 17: {
            const auto type = static_cast<std::uint8_t>(input.octet() % 7);
            hear(argument, message_of(type, input.take(input.octet())));
            break;
        }
        default:
            break;
    }
    check();
}

std::optional<ConnectionId> Driver::pick(std::uint8_t argument) const {
    if (connections_.empty()) return std::nullopt;
    return (argument & 1) != 0 ? connections_.rbegin()->first : connections_.begin()->first;
}

void Driver::connect(Direction direction) {
    if (direction == Direction::outgoing) {
        if (!is_connecting_) return;  // an attempt that was given up does not end in a connection
        is_connecting_ = false;
    }
    connections_[++last_id_] = std::nullopt;
    handle(session_.on_connected(last_id_, direction, now_));
}

void Driver::hear(std::uint8_t argument, std::span<const std::byte> bytes) {
    // Also of connections that are gone: bytes may be on their way when one is closed.
    const ConnectionId id = pick(argument).value_or(last_id_);
    const auto actions = session_.on_bytes(id, bytes, now_);
    TRIVET_ASSERT(connections_.contains(id) || actions.empty());
    handle(actions);
}

void Driver::advance(Duration duration) {
    const Instant until = now_ + duration;
    while (session_.next_deadline() && *session_.next_deadline() <= until) {
        const Instant deadline = *session_.next_deadline();
        now_ = std::max(now_, deadline);
        handle(session_.on_timer(now_));
        const auto next = session_.next_deadline();
        TRIVET_ASSERT(!next || *next > now_);  // a deadline that does not move would loop for ever
        check();
    }
    now_ = until;
}

void Driver::handle(const SessionActions& actions) {
    constexpr std::size_t actions_max = 16;
    TRIVET_ASSERT(actions.size() <= actions_max);
    for (const SessionAction& action : actions)
        std::visit([this](const auto& alternative) { act_on(alternative); }, action);
}

void Driver::act_on(const StartConnect&) {
    TRIVET_ASSERT(!is_connecting_);
    TRIVET_ASSERT(!is_passive_);
    is_connecting_ = true;
}

void Driver::act_on(const CancelConnect&) {
    TRIVET_ASSERT(is_connecting_);
    is_connecting_ = false;
}

void Driver::act_on(const SendBytes& send) {
    const auto connection = connections_.find(send.connection);
    TRIVET_ASSERT(connection != connections_.end());  // nothing is sent on what is closed
    const auto taken = take_message(send.bytes, {});
    TRIVET_ASSERT(taken.has_value() && taken->has_value());
    TRIVET_ASSERT((*taken)->size == send.bytes.size());
    switch (type_of((*taken)->message)) {
        case MessageType::open:
            ++sent_.open;
            break;
        case MessageType::notification:
            ++sent_.notification;
            break;
        case MessageType::keepalive:
            // RFC 4271 section 4.4.
            TRIVET_ASSERT(!connection->second || now_ - *connection->second >= 1s);
            connection->second = now_;
            ++sent_.keepalive;
            break;
        case MessageType::update:
        case MessageType::route_refresh:
            TRIVET_ASSERT(false);
    }
}

void Driver::act_on(const CloseTransport& close) {
    TRIVET_ASSERT(connections_.erase(close.connection) == 1);
}

void Driver::act_on(const SessionUp& up) {
    TRIVET_ASSERT(!established_);
    TRIVET_ASSERT(connections_.contains(up.connection));
    TRIVET_ASSERT(!up.negotiated.codec.families.empty());
    TRIVET_ASSERT(up.negotiated.hold_time == 0s || up.negotiated.hold_time >= 3s);
    established_ = up.connection;
}

void Driver::act_on(const SessionDown& down) {
    TRIVET_ASSERT(down.was_established == established_.has_value());
    TRIVET_ASSERT(!down.reason.empty());
    TRIVET_ASSERT(!(down.sent && down.received));
    established_.reset();
}

void Driver::act_on(const RefreshRequested& refresh) {
    TRIVET_ASSERT(established_.has_value());
    TRIVET_ASSERT(session_.status().families.contains(refresh.family));
}

void Driver::check() const {
    const SessionStatus status = session_.status();
    TRIVET_ASSERT(connections_.size() <= 2);
    TRIVET_ASSERT(status.state == session_.state());
    TRIVET_ASSERT((status.state == SessionState::established) == established_.has_value());
    TRIVET_ASSERT(session_.established_connection() == established_);
    TRIVET_ASSERT(!established_ || connections_.size() == 1);
    TRIVET_ASSERT(!established_ || !is_connecting_);
    TRIVET_ASSERT((status.state == SessionState::idle) == (status.waiting != Waiting::no));
    TRIVET_ASSERT(status.state != SessionState::idle || (connections_.empty() && !is_connecting_));
    TRIVET_ASSERT(status.sent == sent_);
    TRIVET_ASSERT(status.buffered_bytes <= 2 * extended_message_size_max);
    for (const auto& [family, received] : status.families)
        TRIVET_ASSERT(received.received_prefixes <= prefixes_max);

    const bool may_wait_for_ever = status.waiting == Waiting::stopped ||
                                   status.waiting == Waiting::bfd ||
                                   (is_passive_ && status.state == SessionState::active) ||
                                   (established_ && status.negotiated->hold_time == 0s);
    TRIVET_ASSERT(may_wait_for_ever || session_.next_deadline().has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(std::as_bytes(std::span(data, size)));
    Driver driver(configure(input));
    for (std::size_t i = 0; i < events_max && !input.empty(); ++i) {
        const std::uint8_t event = input.octet();
        const std::uint8_t argument = input.octet();
        driver.perform(event, argument, input);
    }
    return 0;
}
