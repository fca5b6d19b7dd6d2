// Timers, jitter, polls and demand mode: RFC 5880 sections 6.5, 6.6, 6.8.2 to 6.8.4 and 6.8.7.
#include <set>

#include "tests/announce/bfd/session_fixture.hpp"

namespace trivet::announce::bfd {
namespace {

using namespace std::chrono_literals;

class BfdTimingTest : public BfdSessionTest {
protected:
    /// Between packets sent one after the other.
    std::vector<Duration> gaps() const {
        std::vector<Duration> result;
        for (std::size_t i = 1; i < sent.size(); ++i) result.push_back(sent[i].at - sent[i - 1].at);
        return result;
    }
    void expect_gaps(Duration least, Duration most) const {
        for (const Duration gap : gaps()) {
            EXPECT_GE(gap, least);
            EXPECT_LE(gap, most);
        }
    }
    /// The peer's answer to a poll, and a packet after it.
    void answer_poll() {
        ControlPacket packet = from_peer(State::up);
        packet.final = true;
        receive(packet);
        packet.final = false;
        receive(packet);
    }
    BfdSettings settings_with(std::chrono::milliseconds transmit,
                              std::chrono::milliseconds receive_interval) const {
        BfdSettings settings = config.settings;
        settings.transmit_interval = transmit;
        settings.receive_interval = receive_interval;
        return settings;
    }
};

// Section 6.8.3: "When bfd.SessionState is not Up, the system MUST set bfd.DesiredMinTxInterval to
// a value of not less than one second".
TEST_F(BfdTimingTest, IsSlowUntilItIsUp) {
    perform(make().start(now));
    run_for(20s);
    EXPECT_GE(sent.size(), 20U);
    for (const Sent& each : sent) EXPECT_EQ(each.packet.desired_min_tx_us, 1'000'000U);
    expect_gaps(750ms, 1000ms);
}

TEST_F(BfdTimingTest, IsNoQuickerThanItsOwnSlowInterval) {
    config.settings.transmit_interval = 3s;
    perform(make().start(now));
    run_for(30s);
    EXPECT_EQ(sent.back().packet.desired_min_tx_us, 3'000'000U);
    expect_gaps(2250ms, 3000ms);
}

TEST_F(BfdTimingTest, IsSlowAgainWhenItGoesDown) {
    bring_up();
    run_for(300ms);
    ASSERT_EQ(session().state(), State::down);
    take_sent();
    run_for(20s);
    EXPECT_EQ(sent.back().packet.desired_min_tx_us, 1'000'000U);
    expect_gaps(750ms, 1000ms);
}

// Section 6.8.7: "the interval MUST be reduced by a random value of 0 to 25%"; the average "will be
// roughly 12.5% less than that negotiated".
TEST_F(BfdTimingTest, JittersEachPacket) {
    bring_up();
    run_with_peer(60s, 50ms, from_peer(State::up));
    expect_gaps(75ms, 100ms);
    EXPECT_NEAR(static_cast<double>(sent.size()), 60'000 / 87.5, 15);
    const auto all = gaps();
    EXPECT_GT(std::set(all.begin(), all.end()).size(), all.size() / 2);
}

// "If bfd.DetectMult is equal to 1, the interval between transmitted BFD Control packets MUST be no
// more than 90% of the negotiated transmission interval, and MUST be no less than 75%".
TEST_F(BfdTimingTest, JittersMoreNarrowlyWithAMultiplierOfOne) {
    config.settings.detect_multiplier = 1;
    bring_up();
    run_with_peer(60s, 50ms, from_peer(State::up));
    EXPECT_GT(sent.size(), 600U);
    expect_gaps(75ms, 90ms);
}

// "A system MUST NOT transmit BFD Control packets at an interval less than the larger of
// bfd.DesiredMinTxInterval and bfd.RemoteMinRxInterval, less applied jitter".
TEST_F(BfdTimingTest, ObeysTheGreaterOfBothWishes) {
    bring_up();
    ControlPacket packet = from_peer(State::up);
    packet.required_min_rx_us = 400'000;
    receive(packet);
    take_sent();
    run_with_peer(30s, 100ms, packet);
    expect_gaps(300ms, 400ms);
    EXPECT_EQ(session().status().transmit_interval, 400ms);
    EXPECT_EQ(sent.back().packet.desired_min_tx_us, 100'000U);
}

// Section 6.8.3: "the local system MUST honor the new interval immediately. In other words, the
// local system cannot wait longer than the new interval between the previous packet transmission
// and the next one."
TEST_F(BfdTimingTest, AReducedWishOfThePeerCountsAtOnce) {
    bring_up();
    ControlPacket slow = from_peer(State::up);
    slow.required_min_rx_us = 5'000'000;
    slow.desired_min_tx_us = 5'000'000;
    receive(slow);
    run_with_peer(9s, 3s, slow);
    ASSERT_FALSE(sent.empty());
    const Instant last = sent.back().at;
    run_until(last + 1s);
    take_sent();
    receive(from_peer(State::up));
    run_for(0s);
    EXPECT_EQ(take_sent().size(), 1U);  // the new interval has passed long ago
    run_for(100ms);
    EXPECT_EQ(sent.size(), 1U);
}

// Section 6.8.7: "A system MUST NOT periodically transmit BFD Control packets if
// bfd.RemoteMinRxInterval is zero."
TEST_F(BfdTimingTest, SendsNothingPeriodicallyWhereThePeerWantsNothing) {
    bring_up();
    ControlPacket packet = from_peer(State::up);
    packet.required_min_rx_us = 0;
    receive(packet);
    run_with_peer(10s, 100ms, packet);
    EXPECT_TRUE(sent.empty());
    EXPECT_EQ(session().state(), State::up);
    packet.poll = true;
    receive(packet);
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_TRUE(sent[0].packet.final);
    // Section 6.8.18: after a detection time of silence it may be sent to again.
    run_for(10s);
    EXPECT_GT(sent.size(), 5U);
}

// ---- detection time -----------------------------------------------------------------------------

// Section 6.8.4: "the value of Detect Mult received from the remote system, multiplied by the
// agreed transmit interval of the remote system (the greater of bfd.RequiredMinRxInterval and the
// last received Desired Min TX Interval)".
TEST_F(BfdTimingTest, TheDetectionTimeIsThePeersMultiplierTimesTheAgreedInterval) {
    bring_up();
    EXPECT_EQ(session().status().detection_time, 300ms);
    ControlPacket packet = from_peer(State::up);
    packet.detect_multiplier = 7;
    packet.desired_min_tx_us = 250'000;
    receive(packet);
    EXPECT_EQ(session().status().detection_time, 1750ms);
    packet.desired_min_tx_us = 10'000;
    receive(packet);
    EXPECT_EQ(session().status().detection_time, 700ms);
    run_for(699ms);
    EXPECT_EQ(session().state(), State::up);
    run_for(1ms);
    EXPECT_EQ(session().state(), State::down);
}

// ---- polls --------------------------------------------------------------------------------------

// Section 6.8.3: "If either bfd.DesiredMinTxInterval is changed or bfd.RequiredMinRxInterval is
// changed, a Poll Sequence MUST be initiated": going up changes the first.
TEST_F(BfdTimingTest, PollsWhenItGoesUpUntilThePeerAnswers) {
    perform(make().start(now));
    receive(from_peer(State::down, 0));
    EXPECT_FALSE(sent.back().packet.poll);
    receive(from_peer(State::init));
    EXPECT_TRUE(sent.back().packet.poll);
    EXPECT_EQ(sent.back().packet.desired_min_tx_us, 100'000U);
    run_with_peer(1s, 100ms, from_peer(State::up));
    EXPECT_TRUE(sent.back().packet.poll);  // a packet without Final is no answer
    // Section 6.8.6: "the Poll Sequence MUST be terminated".
    answer_poll();
    take_sent();
    run_with_peer(1s, 100ms, from_peer(State::up));
    for (const Sent& each : sent) EXPECT_FALSE(each.packet.poll);
}

// Section 6.5: "the Poll Sequence MUST be performed by setting the Poll (P) bit on those scheduled
// periodic transmissions; additional packets MUST NOT be sent".
TEST_F(BfdTimingTest, PollsByThePeriodicPacketsAlone) {
    bring_up();
    run_with_peer(1s, 100ms, from_peer(State::up));
    take_sent();
    perform(session().configure(settings_with(100ms, 300ms), now));
    EXPECT_TRUE(sent.empty());
    run_with_peer(1s, 100ms, from_peer(State::up));
    EXPECT_GE(sent.size(), 10U);
    expect_gaps(75ms, 100ms);
    for (const Sent& each : sent) EXPECT_TRUE(each.packet.poll);
}

// "If bfd.DesiredMinTxInterval is increased and bfd.SessionState is Up, the actual transmission
// interval used MUST NOT change until the Poll Sequence described above has terminated."
TEST_F(BfdTimingTest, ALongerIntervalWaitsForTheAnswer) {
    bring_up();
    perform(session().configure(settings_with(500ms, 100ms), now));
    run_with_peer(2s, 100ms, from_peer(State::up));
    EXPECT_EQ(sent.back().packet.desired_min_tx_us, 500'000U);
    expect_gaps(75ms, 100ms);
    answer_poll();
    run_with_peer(500ms, 100ms, from_peer(State::up));
    take_sent();
    run_with_peer(5s, 100ms, from_peer(State::up));
    expect_gaps(375ms, 500ms);
    EXPECT_EQ(session().state(), State::up);
}

// What waits for an answer while it is up waits no longer when it is not.
TEST_F(BfdTimingTest, GoingDownDoesNotWaitForAnAnswer) {
    bring_up();
    perform(session().configure(settings_with(1000ms, 100ms), now));
    run_for(300ms);
    ASSERT_EQ(session().state(), State::down);
    EXPECT_EQ(session().status().transmit_interval, 1000ms);
    take_sent();
    run_for(10s);
    expect_gaps(750ms, 1000ms);
}

// "In any case other than those explicitly called out above, timing parameter changes MUST be
// effected immediately".
TEST_F(BfdTimingTest, AShorterIntervalCountsAtOnce) {
    config.settings.transmit_interval = 1000ms;
    bring_up();
    ControlPacket packet = from_peer(State::up);
    packet.required_min_rx_us = 10'000;
    receive(packet);
    run_with_peer(3s, 100ms, packet);
    perform(session().configure(settings_with(50ms, 100ms), now));
    take_sent();
    run_with_peer(1s, 100ms, packet);
    EXPECT_GE(sent.size(), 20U);
    EXPECT_EQ(sent.front().packet.desired_min_tx_us, 50'000U);
    expect_gaps(37500us, 50ms);
}

// "If bfd.RequiredMinRxInterval is reduced and bfd.SessionState is Up, the previous value of
// bfd.RequiredMinRxInterval MUST be used when calculating the Detection Time for the remote system
// until the Poll Sequence described above has terminated."
TEST_F(BfdTimingTest, AReducedReceiveIntervalWaitsForTheAnswer) {
    config.settings.receive_interval = 400ms;
    bring_up();
    EXPECT_EQ(session().status().detection_time, 1200ms);
    perform(session().configure(settings_with(100ms, 100ms), now));
    EXPECT_EQ(session().status().detection_time, 1200ms);
    receive(from_peer(State::up));
    EXPECT_EQ(session().status().detection_time, 1200ms);
    answer_poll();
    EXPECT_EQ(session().status().detection_time, 300ms);
}

TEST_F(BfdTimingTest, AnIncreasedReceiveIntervalCountsAtOnce) {
    bring_up();
    perform(session().configure(settings_with(100ms, 400ms), now));
    EXPECT_EQ(session().status().detection_time, 1200ms);
    run_for(1199ms);
    EXPECT_EQ(session().state(), State::up);
    run_for(1ms);
    EXPECT_EQ(session().state(), State::down);
}

// "If multiple changes are made that require the use of a Poll Sequence, there are three choices";
// ours is the third.
TEST_F(BfdTimingTest, AnotherChangeWaitsForAPacketAfterTheAnswer) {
    bring_up();
    perform(session().configure(settings_with(200ms, 100ms), now));
    perform(session().configure(settings_with(200ms, 300ms), now));
    perform(session().configure(settings_with(300ms, 300ms), now));
    run_with_peer(1s, 100ms, from_peer(State::up));
    EXPECT_EQ(sent.back().packet.desired_min_tx_us, 200'000U);
    EXPECT_EQ(sent.back().packet.required_min_rx_us, 100'000U);
    ControlPacket packet = from_peer(State::up);
    packet.final = true;
    receive(packet);
    EXPECT_FALSE(session().status().is_polling);
    receive(packet);
    EXPECT_FALSE(session().status().is_polling);
    receive(from_peer(State::up));
    EXPECT_TRUE(session().status().is_polling);
    run_with_peer(1s, 100ms, from_peer(State::up));
    EXPECT_EQ(sent.back().packet.desired_min_tx_us, 300'000U);
    EXPECT_EQ(sent.back().packet.required_min_rx_us, 300'000U);
    EXPECT_EQ(session().status().transmit_interval, 200ms);
    answer_poll();
    EXPECT_EQ(session().status().transmit_interval, 300ms);
    EXPECT_FALSE(session().status().is_polling);
}

TEST_F(BfdTimingTest, EqualSettingsAreNoChange) {
    bring_up();
    perform(session().configure(config.settings, now));
    EXPECT_FALSE(session().status().is_polling);
}

// Section 6.8.12: "The new value will be transmitted with the next BFD Control packet". That it is
// polled for is more than is asked.
TEST_F(BfdTimingTest, ANewMultiplierIsToldAndPolledFor) {
    bring_up();
    BfdSettings settings = config.settings;
    settings.detect_multiplier = 9;
    perform(session().configure(settings, now));
    run_for(100ms);
    ASSERT_FALSE(sent.empty());
    EXPECT_EQ(sent.back().packet.detect_multiplier, 9);
    EXPECT_TRUE(sent.back().packet.poll);
}

// Section 6.8.7: "the receiving system MUST transmit a BFD Control packet with the Poll (P) bit
// clear and the Final (F) bit set as soon as practicable, without respect to the transmission
// timer". Section 6.5: "MUST NOT have both the Poll (P) and Final (F) bits set".
TEST_F(BfdTimingTest, AnswersAPollAtOnce) {
    bring_up();
    perform(session().configure(settings_with(200ms, 100ms), now));  // a poll of ours is under way
    ControlPacket packet = from_peer(State::up);
    packet.poll = true;
    for (int i = 0; i < 20; ++i) {
        take_sent();
        run_for(10ms);
        take_sent();
        receive(packet);
        ASSERT_EQ(sent.size(), 1U);
        EXPECT_TRUE(sent[0].packet.final);
        EXPECT_FALSE(sent[0].packet.poll);
    }
}

// Who polls without end does not keep our own packets waiting.
TEST_F(BfdTimingTest, AnswersDoNotPutOffPeriodicPackets) {
    bring_up();
    ControlPacket packet = from_peer(State::up);
    packet.poll = true;
    run_with_peer(1s, 10ms, packet);
    std::erase_if(sent, [](const Sent& each) { return each.packet.final; });
    EXPECT_GE(sent.size(), 10U);
    expect_gaps(75ms, 100ms);
}

TEST_F(BfdTimingTest, APollThatChangesTheStateGetsBothPackets) {
    perform(make().start(now));
    receive(from_peer(State::down, 0));
    take_sent();
    ControlPacket packet = from_peer(State::init);
    packet.poll = true;
    receive(packet);
    ASSERT_EQ(sent.size(), 2U);
    EXPECT_EQ(sent[0].packet.state, State::up);
    EXPECT_TRUE(sent[0].packet.poll);
    EXPECT_EQ(sent[1].packet.state, State::up);
    EXPECT_TRUE(sent[1].packet.final);
}

// ---- demand mode --------------------------------------------------------------------------------

// Section 6.8.6: "the local system MUST cease the periodic transmission of BFD Control packets".
TEST_F(BfdTimingTest, ObeysAPeerInDemandMode) {
    bring_up();
    ControlPacket demand = from_peer(State::up);
    demand.demand = true;
    receive(demand);
    take_sent();
    run_with_peer(10s, 100ms, demand);
    EXPECT_TRUE(sent.empty());
    EXPECT_EQ(session().state(), State::up);
    demand.poll = true;
    receive(demand);
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_TRUE(sent[0].packet.final);
    EXPECT_FALSE(sent[0].packet.demand);  // section 6.8.7: it is not we who ask for it
    // "Or bfd.RemoteDemandMode is 0 ... the local system MUST send periodic BFD Control packets".
    take_sent();
    run_with_peer(1s, 100ms, from_peer(State::up));
    EXPECT_GE(sent.size(), 9U);
}

TEST_F(BfdTimingTest, DemandModeEndsWithTheSession) {
    bring_up();
    ControlPacket demand = from_peer(State::up);
    demand.demand = true;
    receive(demand);
    demand.state = State::down;
    receive(demand);
    EXPECT_EQ(session().state(), State::down);
    take_sent();
    run_for(5s);
    EXPECT_GE(sent.size(), 5U);
}

// Section 6.6: "a Poll Sequence MUST be initiated whenever the contents of the next BFD Control
// packet to be sent would be different than the contents of the previous packet". Section 6.5: then
// it "will cease the periodic transmission".
TEST_F(BfdTimingTest, InDemandModeChangesArePolledFor) {
    bring_up();
    ControlPacket demand = from_peer(State::up);
    demand.demand = true;
    receive(demand);
    run_with_peer(500ms, 100ms, demand);
    take_sent();
    perform(session().configure(settings_with(100ms, 200ms), now));
    run_with_peer(500ms, 100ms, demand);
    EXPECT_GE(sent.size(), 4U);
    for (const Sent& each : sent) EXPECT_TRUE(each.packet.poll);
    demand.final = true;
    receive(demand);
    demand.final = false;
    take_sent();
    run_with_peer(2s, 100ms, demand);
    EXPECT_TRUE(sent.empty());

    demand.my_discriminator = 0x44444444;  // so ours, which reflect it, differ as well
    receive(demand);
    run_with_peer(200ms, 100ms, demand);
    EXPECT_FALSE(sent.empty());
    EXPECT_TRUE(sent.front().packet.poll);
}

}  // namespace
}  // namespace trivet::announce::bfd
