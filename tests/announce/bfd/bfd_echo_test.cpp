// The echo function: RFC 5880 sections 6.4, 6.8.5, 6.8.8 and 6.8.9, RFC 5881 section 4.
#include "announce/bfd/bfd_echo.hpp"

#include "tests/announce/bfd/session_fixture.hpp"

namespace trivet::announce::bfd {
namespace {

using namespace std::chrono_literals;

const EchoKey key{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

TEST(BfdEcho, NamesItsSessionAndItsPlace) {
    const EchoPacket packet{.discriminator = 0x01020304, .sequence = 0x1122334455667788};
    const EchoBytes bytes = encode(packet, key);
    EXPECT_EQ(
        std::vector(bytes.begin(), bytes.begin() + 16),
        bytes_of({'T', 'V', 'e', '1', 1, 2, 3, 4, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88}));
    EXPECT_EQ(peek_echo(bytes), packet);
    EXPECT_EQ(decode_echo(bytes, key), packet);
}

// RFC 5880 section 5: "Some form of authentication SHOULD be included, since Echo packets may be
// spoofed."
TEST(BfdEcho, IsMadeByNobodyElse) {
    const EchoBytes right = encode({.discriminator = 1, .sequence = 2}, key);
    for (std::size_t i = 0; i < right.size(); ++i) {
        EchoBytes bytes = right;
        bytes[i] ^= std::byte{0x80};
        EXPECT_EQ(decode_echo(bytes, key), std::nullopt) << i;
    }
    EchoKey other = key;
    other[0] ^= 1;
    EXPECT_EQ(decode_echo(right, other), std::nullopt);
    for (std::size_t size = 0; size < right.size(); ++size)
        EXPECT_EQ(peek_echo(std::span(right).first(size)), std::nullopt) << size;
    std::vector<std::byte> longer(right.begin(), right.end());
    longer.push_back({});
    EXPECT_EQ(peek_echo(longer), std::nullopt);
}

class BfdEchoTest : public BfdSessionTest {
protected:
    BfdEchoTest() {
        config.settings.echo_interval = 50ms;
        config.settings.transmit_interval = 300ms;
        config.settings.receive_interval = 300ms;
        config.echo_key = key;
    }
    ControlPacket looping_peer(State state, std::uint32_t least_us = 50'000) const {
        ControlPacket packet = from_peer(state);
        packet.required_min_echo_rx_us = least_us;
        return packet;
    }
    /// Up, with the peer's control packets all the while; `answers` says which echo packets it
    /// returns, one millisecond after they were sent.
    void run_with_looping_peer(Duration time, bool returns) {
        const Instant end = now + time;
        Instant next_packet = now;
        while (now < end) {
            run_for(1ms);
            for (const EchoSent& echo : std::exchange(echoes, {})) {
                sent_echoes.push_back(echo.at);
                if (returns) perform(session().on_echo(echo.packet, now));
            }
            if (now < next_packet) continue;
            next_packet = now + 200ms;
            ControlPacket packet = looping_peer(State::up);
            if (!sent.empty() && sent.back().packet.poll) packet.final = true;
            receive(packet);
        }
    }
    EchoPhase phase() { return session().status().echo; }
    std::vector<Instant> sent_echoes;
};

// Section 6.8.9: "BFD Echo packets MUST NOT be transmitted when bfd.SessionState is not Up."
TEST_F(BfdEchoTest, NoneIsSentBeforeTheSessionIsUp) {
    perform(make().start(now));
    ControlPacket packet = looping_peer(State::down);
    packet.desired_min_tx_us = 1'000'000;
    receive(packet);
    ASSERT_EQ(session().state(), State::init);
    run_for(2s);
    EXPECT_TRUE(echoes.empty());
    EXPECT_EQ(phase(), EchoPhase::off);
    EXPECT_EQ(sent.back().packet.required_min_echo_rx_us, 50'000U);
}

// "Unless the last BFD Control packet received from the remote system contains a nonzero value in
// Required Min Echo RX Interval."
TEST_F(BfdEchoTest, NoneIsSentToAPeerThatReturnsNone) {
    bring_up();
    run_with_peer(2s, 100ms, from_peer(State::up));
    EXPECT_TRUE(echoes.empty());
}

TEST_F(BfdEchoTest, NoneIsSentWhereItIsNotWanted) {
    config.settings.echo_interval.reset();
    bring_up();
    run_with_peer(2s, 100ms, looping_peer(State::up));
    EXPECT_TRUE(echoes.empty());
    EXPECT_EQ(sent.back().packet.required_min_echo_rx_us, 0U);
}

TEST_F(BfdEchoTest, NoneIsSentOverSeveralHops) {
    config.multihop = true;
    bring_up();
    run_with_peer(2s, 100ms, looping_peer(State::up));
    EXPECT_TRUE(echoes.empty());
    EXPECT_EQ(sent.back().packet.required_min_echo_rx_us, 0U);
    EXPECT_FALSE(session().may_return_echo(255, now));
}

// "The interval between transmitted BFD Echo packets MUST NOT be less than the value advertised by
// the remote system in Required Min Echo RX Interval", but for 25 % of jitter.
TEST_F(BfdEchoTest, TheIntervalIsTheGreaterOfBothWishes) {
    bring_up();
    run_with_peer(5s, 100ms, looping_peer(State::up, 80'000));
    ASSERT_GE(echoes.size(), 4U);
    EXPECT_GE(echoes[1].at - echoes[0].at, 60ms);
    EXPECT_LE(echoes[1].at - echoes[0].at, 80ms);
}

TEST_F(BfdEchoTest, ALongerWishOfThePeerCountsAtOnce) {
    bring_up();
    receive(looping_peer(State::up));
    run_with_looping_peer(1s, true);
    ASSERT_EQ(phase(), EchoPhase::active);
    const Instant last = sent_echoes.back();
    sent_echoes.clear();
    receive(looping_peer(State::up, 900'000));
    run_until(last + 899ms);
    EXPECT_TRUE(echoes.empty());
    run_until(last + 900ms);
    EXPECT_EQ(echoes.size(), 1U);
}

// Section 6.8.6: "the transmission of Echo packets, if any, MUST cease."
TEST_F(BfdEchoTest, CeasesWhenThePeerReturnsNoMore) {
    bring_up();
    run_with_looping_peer(1s, true);
    ASSERT_EQ(phase(), EchoPhase::active);
    receive(from_peer(State::up));
    EXPECT_EQ(phase(), EchoPhase::off);
    echoes.clear();
    run_with_peer(1s, 100ms, from_peer(State::up));
    EXPECT_TRUE(echoes.empty());
    EXPECT_EQ(session().state(), State::up);
    EXPECT_EQ(sent.back().packet.required_min_rx_us, 300'000U);  // as without it
}

// Section 6.8.3: "When the Echo function is active, a system SHOULD set bfd.RequiredMinRxInterval
// to a value of not less than one second".
TEST_F(BfdEchoTest, WhenActiveThePeersControlPacketsMayBeSlow) {
    bring_up();
    EXPECT_EQ(phase(), EchoPhase::off);
    receive(looping_peer(State::up));
    EXPECT_EQ(phase(), EchoPhase::trial);
    EXPECT_EQ(session().status().detection_time, 900ms);
    run_with_looping_peer(1s, true);
    EXPECT_EQ(phase(), EchoPhase::active);
    EXPECT_EQ(sent.back().packet.required_min_rx_us, 1'000'000U);
    EXPECT_EQ(session().status().detection_time, 3s);
    EXPECT_EQ(session().state(), State::up);
}

// Section 6.8.5: "the local system MUST set bfd.SessionState to Down and bfd.LocalDiag to 2".
TEST_F(BfdEchoTest, GoesDownWhenActiveEchoesDoNotComeBack) {
    bring_up();
    run_with_looping_peer(2s, true);
    ASSERT_EQ(phase(), EchoPhase::active);
    const Instant cut = now;
    run_with_looping_peer(300ms, false);
    ASSERT_EQ(changes.size(), 1U);
    EXPECT_EQ(changes[0].change.state, State::down);
    EXPECT_EQ(changes[0].change.diagnostic, Diagnostic::echo_function_failed);
    EXPECT_GE(changes[0].at - cut, 3 * 37ms);
    EXPECT_LE(changes[0].at - cut, 4 * 50ms);
    EXPECT_EQ(sent.back().packet.diagnostic, Diagnostic::echo_function_failed);
}

TEST_F(BfdEchoTest, ALostEchoOrTwoIsNoFault) {
    bring_up();
    run_with_looping_peer(2s, true);
    for (int i = 0; i < 20; ++i) {
        run_with_looping_peer(75ms, false);  // two at most
        run_with_looping_peer(60ms, true);
    }
    EXPECT_EQ(session().state(), State::up);
    EXPECT_EQ(phase(), EchoPhase::active);
}

// A peer that says it returns them and does not is watched by its control packets, and asked
// slowly.
TEST_F(BfdEchoTest, ATrialInVainIsNoFault) {
    bring_up();
    run_with_looping_peer(10s, false);
    EXPECT_EQ(session().state(), State::up);
    EXPECT_EQ(phase(), EchoPhase::trial);
    EXPECT_GE(session().status().counters.echo_unanswered, 1U);
    EXPECT_LE(sent_echoes.size(), 20U);
    EXPECT_EQ(sent.back().packet.required_min_rx_us, 300'000U);
    run_with_looping_peer(3s, true);
    EXPECT_EQ(phase(), EchoPhase::active);
}

// RFC 5881 section 4 leaves it open how the packet comes back; the peer is asked in both ways.
TEST_F(BfdEchoTest, KeepsToTheFormThatComesBack) {
    for (const EchoForm form : {EchoForm::to_peer, EchoForm::to_ourselves}) {
        bring_up();
        receive(looping_peer(State::up));
        std::vector<EchoForm> sent_forms;
        for (int i = 0; i < 500; ++i) {
            run_for(1ms);
            if (i % 50 == 0) receive(looping_peer(State::up));
            for (const EchoSent& echo : std::exchange(echoes, {})) {
                sent_forms.push_back(echo.form);
                if (echo.form == form) perform(session().on_echo(echo.packet, now));
            }
        }
        EXPECT_EQ(phase(), EchoPhase::active);
        EXPECT_EQ(session().state(), State::up);
        ASSERT_GT(sent_forms.size(), 5U);
        EXPECT_EQ(sent_forms.front(), EchoForm::to_peer);
        EXPECT_EQ(std::count(sent_forms.begin() + 2, sent_forms.end(), form),
                  static_cast<std::ptrdiff_t>(sent_forms.size()) - 2);
    }
}

// What was never sent cannot be missing.
TEST_F(BfdEchoTest, AStallOfOursIsNotTakenForAFault) {
    bring_up();
    run_with_looping_peer(2s, true);
    now += 1s;
    receive(looping_peer(State::up));
    perform(session().on_timer(now));
    EXPECT_EQ(session().state(), State::up);
    run_with_looping_peer(1s, true);
    EXPECT_EQ(session().state(), State::up);
    EXPECT_EQ(phase(), EchoPhase::active);
}

// Section 6.8.8: "A means of detecting missing Echo packets MUST be implemented": an old one that
// comes again is none.
TEST_F(BfdEchoTest, AReplayedEchoIsOfNoEffect) {
    bring_up();
    receive(looping_peer(State::up));
    run_for(0s);
    ASSERT_EQ(echoes.size(), 1U);
    const EchoBytes first = echoes[0].packet;
    perform(session().on_echo(first, now));
    EXPECT_EQ(phase(), EchoPhase::active);
    for (int i = 0; i < 50 && session().state() == State::up; ++i) {
        run_for(10ms);
        perform(session().on_echo(first, now));
        receive(looping_peer(State::up));
    }
    EXPECT_EQ(session().diagnostic(), Diagnostic::echo_function_failed);
    EXPECT_EQ(session().status().counters.echo_received, 1U);
    const EchoBytes never_sent = encode({.discriminator = ours, .sequence = 1'000'000}, key);
    perform(session().on_echo(never_sent, now));
    EXPECT_EQ(session().status().counters.echo_received, 1U);
}

TEST_F(BfdEchoTest, SettingsTurnItOnAndOffWhileTheSessionLives) {
    config.settings.echo_interval.reset();
    bring_up();
    receive(looping_peer(State::up));
    EXPECT_EQ(phase(), EchoPhase::off);
    BfdSettings settings = config.settings;
    settings.echo_interval = 50ms;
    perform(session().configure(settings, now));
    EXPECT_EQ(phase(), EchoPhase::trial);
    run_with_looping_peer(2s, true);
    EXPECT_EQ(phase(), EchoPhase::active);
    EXPECT_EQ(sent.back().packet.required_min_echo_rx_us, 50'000U);
    perform(session().configure(config.settings, now));
    EXPECT_EQ(phase(), EchoPhase::off);
    run_with_looping_peer(1s, true);
    EXPECT_EQ(sent.back().packet.required_min_echo_rx_us, 0U);
    EXPECT_TRUE(changes.empty());
}

// ---- the peer's ---------------------------------------------------------------------------------

// Section 6.8.13: a nonzero Required Min Echo RX Interval says that they are looped back.
TEST_F(BfdEchoTest, ReturnsThePeersEchoesIfItSaidSo) {
    bring_up();
    EXPECT_TRUE(session().may_return_echo(255, now));
    // RFC 5881 section 5: one that a router has forwarded is not the neighbour's.
    EXPECT_FALSE(session().may_return_echo(254, now));
    config.settings.echo_interval.reset();
    bring_up();
    EXPECT_FALSE(session().may_return_echo(255, now));
}

TEST_F(BfdEchoTest, ReturnsNoMoreThanItSaidItTakes) {
    bring_up();
    int returned = 0;
    for (int i = 0; i < 10'000; ++i) {  // ten times too many: one each 5 ms
        now += 5ms;
        if (session().may_return_echo(255, now)) ++returned;
    }
    EXPECT_LE(returned, 50'000 / 25 + 10);
    EXPECT_GE(returned, 50'000 / 50);
    EXPECT_GT(session().status().counters.echo_limited, 0U);
    now += 1s;
    EXPECT_TRUE(session().may_return_echo(255, now));
}

TEST_F(BfdEchoTest, ReturnsNoneWhenAdministrativelyDown) {
    bring_up();
    perform(session().stop(Diagnostic::administratively_down, now));
    EXPECT_FALSE(session().may_return_echo(255, now));
    // Section 6.8.16: "Cease the transmission of BFD Echo packets."
    EXPECT_EQ(phase(), EchoPhase::off);
}

}  // namespace
}  // namespace trivet::announce::bfd
