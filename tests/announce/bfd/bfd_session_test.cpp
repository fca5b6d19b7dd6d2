// The state machine, demultiplexing by the session, detection and administration: one test for each
// MUST of RFC 5880, 5881 and 5883 that a session obeys. Timing and polls: bfd_timing_test.cpp.
#include "announce/bfd/bfd_session.hpp"

#include "tests/announce/bfd/session_fixture.hpp"
#include "tests/support/allocation_count.hpp"

namespace trivet::announce::bfd {
namespace {

using namespace std::chrono_literals;

// Section 6.8.1: the initial values.
TEST_F(BfdSessionTest, BeginsDownAndKnowsNothing) {
    perform(make().start(now));
    run_for(0s);
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(sent[0].packet, (ControlPacket{.state = State::down,
                                             .diagnostic = Diagnostic::none,
                                             .detect_multiplier = 3,
                                             .my_discriminator = ours,
                                             .your_discriminator = 0,
                                             .desired_min_tx_us = 1'000'000,
                                             .required_min_rx_us = 100'000,
                                             .required_min_echo_rx_us = 0}));
    EXPECT_EQ(session().remote_state(), State::down);
    EXPECT_EQ(session().status().detection_time, 0us);
}

// Section 6.1: "A system taking the Active role MUST send BFD Control packets for a particular
// session, regardless of whether it has received any BFD packets for that session."
TEST_F(BfdSessionTest, ActiveRoleSendsUnasked) {
    perform(make().start(now));
    run_for(10s);
    EXPECT_GE(sent.size(), 10U);
    EXPECT_LE(sent.size(), 15U);
}

// Section 6.1: "A system taking the Passive role MUST NOT begin sending BFD packets for a
// particular session until it has received a BFD packet for that session".
TEST_F(BfdSessionTest, PassiveRoleWaitsForThePeer) {
    config.settings.passive = true;
    perform(make().start(now));
    run_for(60s);
    EXPECT_TRUE(sent.empty());
    receive(from_peer(State::down, 0));
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(sent[0].packet.state, State::init);
    EXPECT_EQ(sent[0].packet.your_discriminator, theirs);
}

// Section 6.8.7: "MUST NOT transmit BFD Control packets if bfd.RemoteDiscr is zero and the system
// is taking the Passive role": also when the peer has been there before.
TEST_F(BfdSessionTest, PassiveRoleFallsSilentWhenThePeerHasGone) {
    config.settings.passive = true;
    bring_up();
    run_for(60s);
    EXPECT_EQ(session().state(), State::down);
    take_sent();
    run_for(60s);
    EXPECT_TRUE(sent.empty());
}

struct Transition {
    State before, received, after;
    Diagnostic diagnostic;
};

class BfdSessionTransition : public BfdSessionTest,
                             public testing::WithParamInterface<Transition> {};

// Sections 6.2 and 6.8.6, all of the table.
TEST_P(BfdSessionTransition, IsAsTheRfcSays) {
    if (GetParam().before == State::up) {
        bring_up();
    } else {
        perform(make().start(now));
        if (GetParam().before == State::init) receive(from_peer(State::down, 0));
        if (GetParam().before == State::admin_down)
            perform(session().stop(Diagnostic::administratively_down, now));
    }
    ASSERT_EQ(session().state(), GetParam().before);
    changes.clear();
    receive(from_peer(GetParam().received));
    EXPECT_EQ(session().state(), GetParam().after);
    EXPECT_EQ(session().diagnostic(), GetParam().diagnostic);
    EXPECT_EQ(changes.size(), GetParam().before == GetParam().after ? 0U : 1U);
    if (!changes.empty()) {
        EXPECT_EQ(changes[0].change.state, GetParam().after);
        EXPECT_EQ(changes[0].change.diagnostic, GetParam().diagnostic);
    }
}

constexpr Diagnostic none = Diagnostic::none;
constexpr Diagnostic neighbor = Diagnostic::neighbor_signaled_session_down;
constexpr Diagnostic administrative = Diagnostic::administratively_down;

INSTANTIATE_TEST_SUITE_P(
    Rows, BfdSessionTransition,
    testing::Values(Transition{State::down, State::admin_down, State::down, none},
                    Transition{State::down, State::down, State::init, none},
                    Transition{State::down, State::init, State::up, none},
                    Transition{State::down, State::up, State::down, none},
                    Transition{State::init, State::admin_down, State::down, neighbor},
                    Transition{State::init, State::down, State::init, none},
                    Transition{State::init, State::init, State::up, none},
                    Transition{State::init, State::up, State::up, none},
                    Transition{State::up, State::admin_down, State::down, neighbor},
                    Transition{State::up, State::down, State::down, neighbor},
                    Transition{State::up, State::init, State::up, none},
                    Transition{State::up, State::up, State::up, none},
                    Transition{State::admin_down, State::admin_down, State::admin_down,
                               administrative},
                    Transition{State::admin_down, State::down, State::admin_down, administrative},
                    Transition{State::admin_down, State::init, State::admin_down, administrative},
                    Transition{State::admin_down, State::up, State::admin_down, administrative}),
    [](const auto& row) {
        return std::string(to_string(row.param.before)) + "_receives_" +
               std::string(to_string(row.param.received));
    });

// Section 6.8.7: "in order to more rapidly communicate a change in state".
TEST_F(BfdSessionTest, TellsOfAChangeOfStateAtOnce) {
    perform(make().start(now));
    run_for(1ms);
    take_sent();
    receive(from_peer(State::down, 0));
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(sent[0].packet.state, State::init);
    EXPECT_EQ(sent[0].packet.your_discriminator, theirs);
    take_sent();
    receive(from_peer(State::init));
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(sent[0].packet.state, State::up);
}

// Section 4.1: "This field allows remote systems to determine the reason that the previous session
// failed."
TEST_F(BfdSessionTest, TellsWhyItFailedUntilItIsUpAgain) {
    bring_up();
    receive(from_peer(State::down));
    EXPECT_EQ(sent.back().packet.diagnostic, neighbor);
    receive(from_peer(State::down));
    EXPECT_EQ(sent.back().packet.state, State::init);
    EXPECT_EQ(sent.back().packet.diagnostic, neighbor);
    receive(from_peer(State::init));
    EXPECT_EQ(sent.back().packet.state, State::up);
    EXPECT_EQ(sent.back().packet.diagnostic, none);
}

// ---- detection ----------------------------------------------------------------------------------

// Section 6.8.4: "the local system MUST set bfd.SessionState to Down and bfd.LocalDiag to 1".
TEST_F(BfdSessionTest, GoesDownWhenTheDetectionTimeHasPassed) {
    bring_up();
    const Instant last = now;
    run_until(last + 300ms - 1us);
    EXPECT_EQ(session().state(), State::up);
    run_until(last + 300ms);
    EXPECT_EQ(session().state(), State::down);
    ASSERT_EQ(changes.size(), 1U);
    EXPECT_EQ(changes[0].at, last + 300ms);
    EXPECT_EQ(changes[0].change.diagnostic, Diagnostic::control_detection_time_expired);
    EXPECT_EQ(sent.back().packet.state, State::down);
    EXPECT_EQ(sent.back().packet.diagnostic, Diagnostic::control_detection_time_expired);
}

TEST_F(BfdSessionTest, GoesDownFromInitAsWell) {
    perform(make().start(now));
    ControlPacket packet = from_peer(State::down, 0);
    packet.desired_min_tx_us = 1'000'000;
    receive(packet);
    EXPECT_EQ(session().state(), State::init);
    run_for(3s);
    EXPECT_EQ(session().state(), State::down);
    EXPECT_EQ(session().diagnostic(), Diagnostic::control_detection_time_expired);
}

// "A packet is considered to have been received, for the purposes of Detection Time expiration,
// only if it has not been 'discarded'".
TEST_F(BfdSessionTest, DiscardedPacketsDoNotKeepItUp) {
    bring_up();
    for (int i = 0; i < 4; ++i) {
        run_for(75ms);
        receive(from_peer(State::up), 254);
    }
    EXPECT_EQ(session().state(), State::down);
    EXPECT_EQ(discarded(Discard::hop_limit), 4U);
}

// Section 6.8.1, bfd.RemoteDiscr: "If a period of a Detection Time passes without the receipt of a
// valid, authenticated BFD packet from the remote system, this variable MUST be set to zero."
TEST_F(BfdSessionTest, ForgetsThePeersDiscriminatorWithTheDetectionTime) {
    bring_up();
    run_for(299ms);
    EXPECT_EQ(session().status().remote_discriminator, theirs);
    run_for(1ms);
    EXPECT_EQ(session().status().remote_discriminator, 0U);
    run_for(1s);
    EXPECT_EQ(sent.back().packet.your_discriminator, 0U);
}

// The same when the session was down anyway; "MUST be preserved for at least one Detection Time ...
// regardless of the session state".
TEST_F(BfdSessionTest, ForgetsThePeersDiscriminatorWhenDown) {
    bring_up();
    receive(from_peer(State::admin_down));
    EXPECT_EQ(session().state(), State::down);
    run_for(299ms);
    EXPECT_EQ(session().status().remote_discriminator, theirs);
    run_for(1ms);
    EXPECT_EQ(session().status().remote_discriminator, 0U);
    EXPECT_EQ(session().diagnostic(), neighbor);
}

// The owner hands over what has arrived, however late its thread is: nothing is judged before.
TEST_F(BfdSessionTest, APacketThatWaitedDuringAStallKeepsItUp) {
    bring_up();
    now += 2s;
    receive(from_peer(State::up));
    perform(session().on_timer(now));
    EXPECT_EQ(session().state(), State::up);
    EXPECT_EQ(sent.size(), 1U);  // not one for each interval missed
}

// ---- what is not for us -------------------------------------------------------------------------

// RFC 5881 section 5: "All received BFD Control packets that are demultiplexed to the session MUST
// be discarded if the received TTL or Hop Limit is not equal to 255."
TEST_F(BfdSessionTest, ASingleHopPacketHasTheHopLimit255) {
    bring_up();
    for (const int hop_limit : {0, 1, 64, 253, 254})
        receive(from_peer(State::down), static_cast<std::uint8_t>(hop_limit));
    EXPECT_EQ(session().state(), State::up);
    EXPECT_EQ(discarded(Discard::hop_limit), 5U);
    receive(from_peer(State::down), 255);
    EXPECT_EQ(session().state(), State::down);
}

TEST_F(BfdSessionTest, AMultihopPacketHasAtLeastTheLeastHopLimit) {
    config.multihop = true;
    config.settings.minimum_ttl = 250;
    perform(make().start(now));
    receive(from_peer(State::down, 0), 249);
    EXPECT_EQ(session().state(), State::down);
    EXPECT_EQ(discarded(Discard::hop_limit), 1U);
    receive(from_peer(State::down, 0), 250);
    EXPECT_EQ(session().state(), State::init);
}

// Section 6.8.6: "If the A bit is set and no authentication is in use (bfd.AuthType is zero), the
// packet MUST be discarded."
TEST_F(BfdSessionTest, WithoutAKeyAuthenticatedPacketsAreDiscarded) {
    perform(make().start(now));
    auto signer = Authenticator::make(key_of(AuthenticationType::keyed_sha1), 1).value();
    ControlBytes bytes = encode(from_peer(State::down, 0));
    signer.sign(bytes);
    perform(session().on_packet(
        {.packet = decode_control(bytes.view()).value(), .bytes = bytes.view(), .hop_limit = 255},
        now));
    EXPECT_EQ(session().state(), State::down);
    EXPECT_EQ(discarded(Discard::authentication_unexpected), 1U);
}

// "If the A bit is clear and authentication is in use (bfd.AuthType is nonzero), the packet MUST be
// discarded." "If the A bit is set, the packet MUST be authenticated".
TEST_F(BfdSessionTest, WithAKeyOnlyAuthenticPacketsCount) {
    const AuthenticationKey key = key_of(AuthenticationType::meticulous_keyed_sha1);
    config.authenticator = Authenticator::make(key, 1).value();
    perform(make().start(now));
    receive(from_peer(State::down, 0));
    EXPECT_EQ(session().state(), State::down);
    EXPECT_EQ(discarded(Discard::authentication_missing), 1U);

    auto signer = Authenticator::make(key, 77).value();
    ControlBytes bytes = encode(from_peer(State::down, 0));
    signer.sign(bytes);
    const auto receive_bytes = [&] {
        perform(session().on_packet({.packet = decode_control(bytes.view()).value(),
                                     .bytes = bytes.view(),
                                     .hop_limit = 255},
                                    now));
    };
    receive_bytes();
    EXPECT_EQ(session().state(), State::init);
    EXPECT_TRUE(sent.back().packet.has_authentication);
    receive_bytes();  // once more the same: a replay
    EXPECT_EQ(discarded(Discard::authentication_sequence), 1U);

    // Section 6.8.1, bfd.AuthSeqKnown: "MUST be set to zero after no packets have been received on
    // this session for at least twice the Detection Time."
    run_for(599ms);
    receive_bytes();
    EXPECT_EQ(discarded(Discard::authentication_sequence), 2U);
    run_for(1ms);
    receive_bytes();
    EXPECT_EQ(discarded(Discard::authentication_sequence), 2U);
    EXPECT_EQ(session().state(), State::init);
}

// Not in the RFC: docs/internals/bfd.md.
TEST_F(BfdSessionTest, ALivingSessionBelievesOnlyWhoKnowsADiscriminator) {
    bring_up();
    ControlPacket spoofed = from_peer(State::down, 0);
    spoofed.my_discriminator = 0x33333333;
    for (int i = 0; i < 100; ++i) receive(spoofed);
    spoofed.state = State::admin_down;
    receive(spoofed);
    EXPECT_EQ(session().state(), State::up);
    EXPECT_EQ(session().status().remote_discriminator, theirs);
    EXPECT_EQ(discarded(Discard::unproven), 101U);
    EXPECT_TRUE(sent.empty());

    // They do not keep it up either. A peer that has begun anew is heard when its old life is over.
    for (int i = 0; i < 3; ++i) {
        run_for(100ms);
        receive(spoofed);
    }
    EXPECT_EQ(session().state(), State::down);
    spoofed.state = State::down;
    receive(spoofed);
    EXPECT_EQ(session().state(), State::init);
    EXPECT_EQ(session().status().remote_discriminator, 0x33333333U);
}

// A peer whose detection time has passed no longer knows our discriminator, but has its own.
TEST_F(BfdSessionTest, ThePeersOwnDiscriminatorIsProofAsWell) {
    bring_up();
    ControlPacket packet = from_peer(State::down, 0);
    packet.diagnostic = Diagnostic::control_detection_time_expired;
    receive(packet);
    EXPECT_EQ(session().state(), State::down);
    EXPECT_EQ(session().diagnostic(), neighbor);
    EXPECT_EQ(session().remote_diagnostic(), Diagnostic::control_detection_time_expired);
}

// Section 6.3: "it is permissible for a system to change its discriminator during a session without
// affecting the session state".
TEST_F(BfdSessionTest, FollowsAChangedDiscriminatorOfAPeerThatKnowsOurs) {
    bring_up();
    ControlPacket packet = from_peer(State::up);
    packet.my_discriminator = 0x44444444;
    receive(packet);
    EXPECT_EQ(session().state(), State::up);
    EXPECT_EQ(session().status().counters.discriminator_changes, 1U);
    run_with_peer(100ms, 50ms, packet);
    EXPECT_EQ(sent.back().packet.your_discriminator, 0x44444444U);
}

TEST_F(BfdSessionTest, APacketForAnotherSessionIsOfNoEffect) {
    bring_up();
    receive(from_peer(State::down, 0x55555555));
    EXPECT_EQ(session().state(), State::up);
    EXPECT_EQ(discarded(Discard::no_session), 1U);
}

// ---- administration -----------------------------------------------------------------------------

// Section 6.8.16: AdminDown is told of at once, and then for "at least a Detection Time".
TEST_F(BfdSessionTest, TellsThePeerThatItIsAdministrativelyDown) {
    bring_up();
    const Instant stopped = now;
    perform(session().stop(Diagnostic::administratively_down, now));
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(sent[0].packet.state, State::admin_down);
    EXPECT_EQ(sent[0].packet.diagnostic, administrative);
    EXPECT_EQ(sent[0].packet.desired_min_tx_us, 1'000'000U);
    ASSERT_TRUE(session().farewell_ends());
    EXPECT_EQ(*session().farewell_ends(), stopped + 1s);
    run_until(*session().farewell_ends());
    EXPECT_EQ(sent.size(), 2U);
    EXPECT_TRUE(session().stop(Diagnostic::path_down, now).empty());
    EXPECT_EQ(session().diagnostic(), administrative);
}

TEST_F(BfdSessionTest, AFarewellLastsAsLongAsThePeersDetectionTime) {
    config.settings.transmit_interval = 500ms;
    config.settings.detect_multiplier = 5;
    bring_up();
    perform(session().stop(Diagnostic::administratively_down, now));
    EXPECT_EQ(*session().farewell_ends(), now + 2500ms);
}

TEST_F(BfdSessionTest, WhereThePeerIsNotUpNoFarewellIsNeeded) {
    perform(make().start(now));
    perform(session().stop(Diagnostic::administratively_down, now));
    EXPECT_EQ(*session().farewell_ends(), now);
    EXPECT_EQ(sent.back().packet.state, State::admin_down);
}

TEST_F(BfdSessionTest, IsEnabledAgainAsDown) {
    bring_up();
    perform(session().stop(Diagnostic::administratively_down, now));
    perform(session().start(now));
    EXPECT_EQ(session().state(), State::down);
    EXPECT_FALSE(session().farewell_ends());
    receive(from_peer(State::down));
    receive(from_peer(State::init));
    EXPECT_EQ(session().state(), State::up);
}

// As a drained node does: for as long as it is held, also a peer that begins anew is told.
TEST_F(BfdSessionTest, AHeldSessionGoesOnTelling) {
    bring_up();
    perform(session().stop(Diagnostic::administratively_down, now));
    run_for(10s);
    take_sent();
    run_for(10s);
    EXPECT_GE(sent.size(), 9U);
    for (const Sent& each : sent) EXPECT_EQ(each.packet.state, State::admin_down);
}

TEST_F(BfdSessionTest, CountsWhatHappens) {
    bring_up();
    run_for(1s);
    const BfdCounters counters = session().status().counters;
    EXPECT_EQ(counters.up_transitions, 1U);
    EXPECT_EQ(counters.down_transitions, 1U);
    EXPECT_EQ(counters.control_received, 4U);
    EXPECT_GE(counters.control_sent, 5U);
    EXPECT_EQ(session().status().changed_at, at(10s) + 300ms);
}

TEST_F(BfdSessionTest, AllocatesNothing) {
    config.settings.echo_interval = 50ms;
    make();
    ControlPacket packet = from_peer(State::down, 0);
    packet.required_min_echo_rx_us = 50'000;
    const auto hand_over = [&] {
        const ControlBytes bytes = encode(packet);
        return session().on_packet({.packet = decode_control(bytes.view()).value(),
                                    .bytes = bytes.view(),
                                    .hop_limit = 255},
                                   now);
    };
    test::count_allocations_here();
    const std::uint64_t before = test::counted_allocations();
    std::size_t actions = session().start(now).size() + hand_over().size();
    packet.your_discriminator = ours;
    packet.state = State::init;
    actions += hand_over().size();
    packet.state = State::up;
    packet.poll = true;
    for (int i = 0; i < 100; ++i) {
        now += 10ms;
        actions += hand_over().size() + session().on_timer(now).size();
    }
    const std::uint64_t after = test::counted_allocations();
    EXPECT_EQ(after, before);
    EXPECT_GT(actions, 100U);
    EXPECT_EQ(session().state(), State::up);
}

}  // namespace
}  // namespace trivet::announce::bfd
