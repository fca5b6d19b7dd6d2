#include "announce/bgp/bgp_connection.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/assert.hpp"

namespace trivet::announce::bgp {

using namespace std::chrono_literals;

namespace {

/// RFC 4271 section 8.2.2, RFC 6608 section 4.
bool allows(SessionState state, MessageType type) {
    if (type == MessageType::notification) return true;
    if (state == SessionState::open_sent) return type == MessageType::open;
    if (state == SessionState::open_confirm) return type == MessageType::keepalive;
    return type != MessageType::open;
}

/// RFC 6608 section 4: the data is the type of the message.
DecodeError unexpected(SessionState state, MessageType type) {
    std::uint8_t subcode = state_machine_error::unexpected_in_established;
    if (state == SessionState::open_sent) subcode = state_machine_error::unexpected_in_open_sent;
    if (state == SessionState::open_confirm)
        subcode = state_machine_error::unexpected_in_open_confirm;
    return state_machine_notification(subcode, static_cast<std::byte>(type));
}

/// Of which type the message was that has this error; nullopt: the header is wrong.
std::optional<MessageType> type_in_error(const DecodeError& error) {
    if (error.error_code == error_code::open_message) return MessageType::open;
    if (error.error_code == error_code::update_message) return MessageType::update;
    if (error.error_code == error_code::route_refresh_message) return MessageType::route_refresh;
    return std::nullopt;
}

}  // namespace

BgpConnection::BgpConnection(ConnectionId id, Direction direction, OpenMessage open, Instant now)
    : id_(id),
      direction_(direction),
      our_open_(std::move(open)),
      hold_deadline_(now + initial_hold_time) {}

void BgpConnection::receive(std::span<const std::byte> bytes) {
    received_.insert(received_.end(), bytes.begin(), bytes.end());
}

Result<std::optional<Message>, DecodeError> BgpConnection::next_message() {
    auto taken = take_message(std::span<const std::byte>(received_).subspan(taken_), receiving_);
    if (!taken) {
        // What does not belong into this state is wrong for that reason first.
        const auto type = type_in_error(taken.error());
        if (type && !allows(state_, *type)) return tl::unexpected(unexpected(state_, *type));
        return tl::unexpected(std::move(taken.error()));
    }
    if (!*taken) return std::optional<Message>{};
    taken_ += (*taken)->size;
    TRIVET_ASSERT(taken_ <= received_.size());
    Message& message = (*taken)->message;
    const MessageType type = type_of(message);
    if (!allows(state_, type)) return tl::unexpected(unexpected(state_, type));
    return std::optional<Message>{std::move(message)};
}

void BgpConnection::forget_taken() {
    received_.erase(received_.begin(), received_.begin() + static_cast<std::ptrdiff_t>(taken_));
    taken_ = 0;
    // A burst shall not keep its memory for the life of the session.
    if (received_.empty() && received_.capacity() > extended_message_size_max) received_ = {};
}

void BgpConnection::accept(Negotiated negotiated, Instant now) {
    TRIVET_ASSERT(state_ == SessionState::open_sent);
    state_ = SessionState::open_confirm;
    receiving_ = negotiated.codec;
    negotiated_ = std::move(negotiated);
    restart_hold_timer(now);
    // With a hold time of zero the peer may be silent for ever, but not here: its KEEPALIVE is due.
    if (!hold_deadline_) hold_deadline_ = now + initial_hold_time;
}

void BgpConnection::establish(Instant now) {
    TRIVET_ASSERT(state_ == SessionState::open_confirm);
    state_ = SessionState::established;
    restart_hold_timer(now);
}

void BgpConnection::restart_hold_timer(Instant now) {
    hold_deadline_.reset();
    if (negotiated_->hold_time > 0s) hold_deadline_ = now + negotiated_->hold_time;
}

void BgpConnection::on_sent(Instant now, Duration interval) {
    keepalive_deadline_.reset();
    if (interval > Duration::zero()) keepalive_deadline_ = now + interval;
    last_sent_ = now;
}

bool BgpConnection::may_send_keepalive(Instant now) const {
    return negotiated_ && negotiated_->keepalive_time > 0s &&
           (!last_sent_ || now - *last_sent_ >= 1s);
}

void BgpConnection::on_write_progress(const WriteProgress& progress, Instant now) {
    // RFC 9687 section 4.3: the timer runs in established, not with a hold time of zero, and starts
    // anew whenever something is sent. Here "sent" means that the kernel has taken it.
    if (state_ != SessionState::established || negotiated_->hold_time == 0s) return;
    if (progress.waiting == 0)
        send_hold_deadline_.reset();
    else if (progress.taken > 0 || !send_hold_deadline_)
        send_hold_deadline_ = now + send_hold_time();
}

std::optional<BgpConnection::Timer> BgpConnection::due(Instant now) const {
    if (send_hold_deadline_ && *send_hold_deadline_ <= now) return Timer::send_hold;
    if (hold_deadline_ && *hold_deadline_ <= now) return Timer::hold;
    if (keepalive_deadline_ && *keepalive_deadline_ <= now) return Timer::keepalive;
    return std::nullopt;
}

std::optional<Instant> BgpConnection::next_deadline() const {
    std::optional<Instant> next;
    for (const auto& deadline : {hold_deadline_, keepalive_deadline_, send_hold_deadline_})
        if (deadline && (!next || *deadline < *next)) next = deadline;
    return next;
}

Duration BgpConnection::send_hold_time() const {
    // RFC 9687 section 6: "the greater of: 8 minutes or 2 times the negotiated HoldTime".
    return std::max<Duration>(send_hold_time_min, 2 * negotiated_->hold_time);
}

}  // namespace trivet::announce::bgp
