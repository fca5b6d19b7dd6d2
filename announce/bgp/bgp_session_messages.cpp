#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "announce/bgp/bgp_notification.hpp"
#include "announce/bgp/bgp_session.hpp"
#include "announce/wire_bytes.hpp"
#include "core/assert.hpp"

namespace trivet::announce::bgp {

using namespace std::chrono_literals;

namespace {

constexpr std::uint8_t refresh_request = 0;  // RFC 7313 section 3.2; 1 BoRR, 2 EoRR

AfiSafi family_of(const Prefix& prefix) {
    return prefix.family() == IpFamily::ipv4 ? ipv4_unicast : ipv6_unicast;
}

/// RFC 4486 section 4: which family, and how many would have been allowed.
NotificationMessage too_many_prefixes(AfiSafi family, std::uint32_t prefixes_max) {
    NotificationMessage cease =
        cease_notification(cease_reason::maximum_number_of_prefixes_reached);
    ByteWriter data(7);
    data.u16(family.afi);
    data.u8(family.safi);
    data.u32(prefixes_max);
    cease.data = data.take();
    return cease;
}

bool says_anything(const Capabilities& capabilities) { return capabilities != Capabilities{}; }

std::uint64_t& counter(MessageCounters& counters, MessageType type) {
    switch (type) {
        case MessageType::open:
            return counters.open;
        case MessageType::update:
            return counters.update;
        case MessageType::notification:
            return counters.notification;
        case MessageType::keepalive:
            return counters.keepalive;
        case MessageType::route_refresh:
            break;
    }
    return counters.route_refresh;
}

}  // namespace

SessionActions BgpSession::on_bytes(ConnectionId id, std::span<const std::byte> bytes,
                                    Instant now) {
    Step step{now};
    BgpConnection* connection = find(id);
    if (connection != nullptr) connection->receive(bytes);
    while (connection != nullptr) {
        auto message = connection->next_message();
        if (!message) {
            ++status_.malformed;
            end(*connection,
                {.sent = std::move(message.error()),
                 .reason = "the peer sent a message that is wrong or out of place"},
                step);
            break;
        }
        if (!*message) {
            connection->forget_taken();
            break;
        }
        on_message(*connection, **message, step);
        connection = find(id);  // the message may have closed it
    }
    return finish(step);
}

void BgpSession::on_write_progress(ConnectionId id, const WriteProgress& progress, Instant now) {
    if (BgpConnection* connection = find(id)) connection->on_write_progress(progress, now);
}

void BgpSession::on_updates_sent(ConnectionId id, std::uint64_t messages, Instant now) {
    BgpConnection* connection = find(id);
    if (connection == nullptr || connection->state() != SessionState::established) return;
    status_.sent.update += messages;
    if (messages > 0) connection->on_sent(now, keepalive_interval(*connection));
}

void BgpSession::set_forwarding_kept(std::map<AfiSafi, bool> forwarding_kept) {
    config_.forwarding_kept = std::move(forwarding_kept);
}

OpenMessage BgpSession::next_open(Instant now) const {
    return make_open(config_.settings,
                     {.bgp_identifier = config_.bgp_identifier,
                      .with_capabilities = !without_capabilities_,
                      .restarting = config_.restarting && restart_until_ && now < *restart_until_,
                      .forwarding_kept = config_.forwarding_kept});
}

void BgpSession::send(ConnectionId id, const NotificationMessage& notification, Step& step) {
    ++status_.sent.notification;
    step.actions.emplace_back(SendBytes{id, encode(notification)});
}

void BgpSession::send_keepalive(BgpConnection& connection, Step& step) {
    ++status_.sent.keepalive;
    step.actions.emplace_back(SendBytes{connection.id(), encode(KeepaliveMessage{})});
    connection.on_sent(step.now, keepalive_interval(connection));
}

Duration BgpSession::keepalive_interval(const BgpConnection& connection) {
    const Duration base = connection.negotiated()->keepalive_time;
    if (base == Duration::zero()) return base;
    // RFC 4271 section 10, and section 4.4: "MUST NOT be sent more frequently than one per second".
    return std::max<Duration>(retry_.jittered(base), 1s);
}

void BgpSession::on_message(BgpConnection& connection, const Message& message, Step& step) {
    ++counter(status_.received, type_of(message));
    std::visit([&](const auto& alternative) { handle(connection, alternative, step); }, message);
}

void BgpSession::handle(BgpConnection& connection, const OpenMessage& open, Step& step) {
    auto agreed = negotiate(config_.settings, connection.our_open(), open);
    if (!agreed) {
        OpenRefusal& refused = agreed.error();
        const bool lacks_capability =
            refused.notification.error_subcode == open_error::unsupported_capability;
        return end(
            connection,
            {.sent = std::move(refused.notification),
             .reason = std::move(refused.reason),
             .idle_hold = lacks_capability ? Duration{capability_idle_hold} : Duration::zero()},
            step);
    }
    if (!survives_collision(connection, open, step)) return;
    connection.accept(*std::move(agreed), step.now);
    // A second connection would only have to be closed again.
    cancel_attempt(step);
    std::get<Running>(phase_).retry_at.reset();
    send_keepalive(connection, step);
}

/// RFC 4271 section 6.8: the connection that the speaker with the higher identifier has initiated
/// is kept; with equal ones, that of the higher AS number (RFC 6286 section 2.3).
bool BgpSession::survives_collision(BgpConnection& connection, const OpenMessage& open,
                                    Step& step) {
    const bool is_outgoing = connection.direction() == Direction::outgoing;
    auto& other = slot(is_outgoing ? Direction::incoming : Direction::outgoing);
    if (!other || other->state() == SessionState::open_sent) return true;
    const OpenMessage& ours = connection.our_open();
    const bool we_decide = ours.bgp_identifier != open.bgp_identifier
                               ? ours.bgp_identifier > open.bgp_identifier
                               : ours.my_as > open.my_as;
    const bool is_kept = we_decide == is_outgoing;
    dump(is_kept ? *other : connection, step);
    return is_kept;
}

void BgpSession::handle(BgpConnection& connection, const KeepaliveMessage&, Step& step) {
    if (connection.state() == SessionState::open_confirm)
        establish(connection, step);
    else
        connection.restart_hold_timer(step.now);
}

void BgpSession::establish(BgpConnection& connection, Step& step) {
    const bool is_outgoing = connection.direction() == Direction::outgoing;
    auto& other = slot(is_outgoing ? Direction::incoming : Direction::outgoing);
    if (other) dump(*other, step);  // RFC 4271 section 6.8
    connection.establish(step.now);
    retry_.on_established();
    config_.restarting = false;  // RFC 4724 section 3: the R bit was for this session
    for (const AfiSafi& family : connection.negotiated()->codec.families)
        status_.families[family] = {};
    step.actions.emplace_back(SessionUp{connection.id(), *connection.negotiated()});
}

void BgpSession::handle(BgpConnection& connection, const UpdateMessage& update, Step& step) {
    connection.restart_hold_timer(step.now);
    const bool withdraws_all = update.treatment == UpdateTreatment::treat_as_withdraw;
    if (withdraws_all) ++status_.updates_treated_as_withdraw;
    if (update.treatment == UpdateTreatment::attribute_discard) ++status_.updates_attribute_discard;
    if (!update.problem.empty()) status_.last_update_problem = update.problem;
    status_.prefixes_ignored += update.prefixes_ignored;
    if (update.end_of_rib && status_.families.contains(*update.end_of_rib))
        status_.families[*update.end_of_rib].end_of_rib = true;

    // RFC 4271 section 4.3: a prefix that stands in both lists counts as announced.
    for (const Prefix& prefix : update.withdrawn) received_prefixes_.withdraw(prefix);
    for (const Prefix& prefix : update.announced) {
        if (withdraws_all) {
            received_prefixes_.withdraw(prefix);  // RFC 7606 section 2
        } else if (!received_prefixes_.announce(prefix)) {
            const std::uint32_t most = received_prefixes_.per_family_max();
            return end(connection,
                       {.sent = too_many_prefixes(family_of(prefix), most),
                        .reason = fmt::format("the peer announced more than {} {} prefixes", most,
                                              prefix.address().is_v4() ? "IPv4" : "IPv6"),
                        .idle_hold = prefixes_idle_hold},
                       step);
        }
    }
}

void BgpSession::handle(BgpConnection& connection, const RouteRefreshMessage& refresh, Step& step) {
    const Negotiated& agreed = *connection.negotiated();
    // RFC 2918 section 4: of a family that we did not offer. RFC 7313 section 5: a subtype that
    // nobody knows. BoRR and EoRR frame routes that we do not keep.
    if (refresh.subtype != refresh_request || !agreed.codec.families.contains(refresh.family)) {
        ++status_.refreshes_ignored;
        return;
    }
    // The same request twice in one read is one answer.
    const bool is_known = std::ranges::any_of(step.actions, [&](const SessionAction& action) {
        const auto* asked = std::get_if<RefreshRequested>(&action);
        return asked != nullptr && asked->family == refresh.family;
    });
    if (!is_known) step.actions.emplace_back(RefreshRequested{refresh.family});
}

void BgpSession::handle(BgpConnection& connection, const NotificationMessage& received,
                        Step& step) {
    // RFC 5492 section 3: a peer that knows no capabilities is asked again without them.
    if (received.error_code == error_code::open_message &&
        received.error_subcode == open_error::unsupported_optional_parameter &&
        connection.state() != SessionState::established &&
        says_anything(connection.our_open().capabilities))
        without_capabilities_ = true;
    end(connection, {.received = received, .reason = "the peer closed the session"}, step);
}

}  // namespace trivet::announce::bgp
