#include "tests/announce/bfd/session_fixture.hpp"

namespace trivet::announce::bfd {

BfdSession& BfdSessionTest::make() {
    return session_.emplace(BfdSession::Config{.settings = config.settings,
                                               .multihop = config.multihop,
                                               .local_discriminator = config.local_discriminator,
                                               .authenticator = std::move(config.authenticator),
                                               .random_seed = config.random_seed,
                                               .echo_key = config.echo_key});
}

ControlPacket BfdSessionTest::from_peer(State state, std::uint32_t your_discriminator) const {
    return {.state = state,
            .detect_multiplier = 3,
            .my_discriminator = theirs,
            .your_discriminator = your_discriminator,
            .desired_min_tx_us = 100'000,
            .required_min_rx_us = 100'000};
}

void BfdSessionTest::receive(const ControlPacket& packet, std::uint8_t hop_limit) {
    const ControlBytes bytes = encode(packet);
    perform(session().on_packet({.packet = decode_control(bytes.view()).value(),
                                 .bytes = bytes.view(),
                                 .hop_limit = hop_limit},
                                now));
}

void BfdSessionTest::perform(const BfdActions& actions) {
    for (const BfdAction& action : actions) {
        if (const auto* control = std::get_if<SendControl>(&action))
            sent.push_back({now, decode_control(control->packet.view()).value()});
        else if (const auto* echo = std::get_if<SendEcho>(&action))
            echoes.push_back({now, echo->packet, echo->form});
        else
            changes.push_back({now, std::get<StateChanged>(action)});
    }
}

void BfdSessionTest::run_until(Instant end) {
    while (session().next_deadline() && *session().next_deadline() <= end) {
        now = std::max(now, *session().next_deadline());
        perform(session().on_timer(now));
    }
    now = end;
}

void BfdSessionTest::run_with_peer(Duration time, Duration interval, const ControlPacket& packet) {
    const Instant end = now + time;
    while (now + interval <= end) {
        run_for(interval);
        receive(packet);
    }
    run_until(end);
}

void BfdSessionTest::bring_up() {
    perform(make().start(now));
    receive(from_peer(State::down, 0));
    receive(from_peer(State::init));
    ControlPacket final_packet = from_peer(State::up);
    final_packet.final = true;
    receive(final_packet);
    receive(from_peer(State::up));
    ASSERT_EQ(session().state(), State::up);
    ASSERT_FALSE(session().status().is_polling);
    sent.clear();
    changes.clear();
    echoes.clear();
}

}  // namespace trivet::announce::bfd
