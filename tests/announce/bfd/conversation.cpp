#include "tests/announce/bfd/conversation.hpp"

namespace trivet::announce::bfd {

Conversation::Conversation(BfdSession::Config a, BfdSession::Config b, Observer observer)
    : observer_(std::move(observer)) {
    sessions_[0].emplace(std::move(a));
    sessions_[1].emplace(std::move(b));
}

void Conversation::restart(Side side, BfdSession::Config config) {
    sessions_.at(index(side)).emplace(std::move(config));
    start(side);
}

void Conversation::run_until(Instant end) {
    for (;;) {
        std::optional<Instant> next;
        const auto consider = [&next](std::optional<Instant> at) {
            if (at && (!next || *at < *next)) next = at;
        };
        if (!under_way_.empty()) consider(under_way_.top().arrives);
        for (const auto& session : sessions_) consider(session->next_deadline());
        if (!next || *next > end) break;
        now_ = std::max(now_, *next);
        // What has arrived is handed over before the time is judged.
        while (!under_way_.empty() && under_way_.top().arrives <= now_) {
            const Flight flight = under_way_.top();
            under_way_.pop();
            arrive(flight);
        }
        for (const Side side : {Side::a, Side::b}) {
            const auto deadline = session(side).next_deadline();
            if (deadline && *deadline <= now_) perform(side, session(side).on_timer(now_));
        }
    }
    now_ = end;
}

void Conversation::perform(Side side, const BfdActions& actions) {
    for (const BfdAction& action : actions) {
        if (const auto* control = std::get_if<SendControl>(&action)) {
            if (observer_.on_sent)
                observer_.on_sent(side, now_, decode_control(control->packet.view()).value());
            if (!link_.loses(side))
                put_under_way(other(side), control->packet.view(), Flight::Kind::control);
        } else if (const auto* echo = std::get_if<SendEcho>(&action)) {
            if (!link_.loses(side) && !link_.loses_echo(side))
                put_under_way(other(side), echo->packet, Flight::Kind::echo);
        } else if (observer_.on_change) {
            observer_.on_change(side, now_, std::get<StateChanged>(action));
        }
    }
}

void Conversation::put_under_way(Side to, std::span<const std::byte> bytes, Flight::Kind kind) {
    under_way_.push({.arrives = now_ + link_.delay(),
                     .number = flights_++,
                     .to = to,
                     .bytes = {bytes.begin(), bytes.end()},
                     .kind = kind});
}

void Conversation::arrive(const Flight& flight) {
    BfdSession& receiver = session(flight.to);
    if (flight.kind == Flight::Kind::returned_echo)
        return perform(flight.to, receiver.on_echo(flight.bytes, now_));
    if (flight.kind == Flight::Kind::echo) {
        if (receiver.may_return_echo(255, now_) && !link_.loses(flight.to))
            put_under_way(other(flight.to), flight.bytes, Flight::Kind::returned_echo);
        return;
    }
    const auto before = receiver.status().counters.control_received;
    perform(flight.to, receiver.on_packet({.packet = decode_control(flight.bytes).value(),
                                           .bytes = flight.bytes,
                                           .hop_limit = 255},
                                          now_));
    if (observer_.on_received && receiver.status().counters.control_received != before)
        observer_.on_received(flight.to, now_);
}

}  // namespace trivet::announce::bfd
