// Two sessions over a link that loses, delays and is cut, with settings that change: what RFC 5880
// demands holds at every packet, and what it promises comes true once the link is well.
#include <cstdlib>

#include <gtest/gtest.h>

#include "tests/announce/bfd/conversation.hpp"

namespace trivet::announce::bfd {
namespace {

using namespace std::chrono_literals;

/// One run, from one seed.
class Play {
public:
    explicit Play(std::uint64_t seed)
        : random_(seed), settings_{random_settings(), random_settings()} {
        if (chance(0.2)) settings_[0].passive = true;
        least_transmit_ = {settings_[0].transmit_interval, settings_[1].transmit_interval};
        talk_.emplace(
            config(Side::a, seed), config(Side::b, seed),
            Conversation::Observer{
                .on_sent = [this](Side side, Instant now,
                                  const ControlPacket& packet) { sent(side, now, packet); },
                .on_change = [this](Side side, Instant,
                                    const StateChanged& change) { changed(side, change); }});
        // Jitter of the way beyond what a multiplier of 1 leaves room for would be a loss.
        const Duration way = random_duration(0ms, 3ms);
        talk_->link().delay = [this, way] { return way + random_duration(0us, 200us); };
    }

    void all() {
        talk_->start(Side::a);
        talk_->run_for(random_duration(0s, 2s));
        talk_->start(Side::b);
        disturb();
        heal();
        be_steady();
        cut_one_way();
    }

private:
    bool chance(double probability) { return std::bernoulli_distribution(probability)(random_); }
    Duration random_duration(Duration least, Duration most) {
        return Duration(
            std::uniform_int_distribution<std::int64_t>(least.count(), most.count())(random_));
    }
    std::chrono::milliseconds random_interval() {
        constexpr std::array choices{10, 20, 50, 100, 300, 1000};
        return std::chrono::milliseconds{
            choices[std::uniform_int_distribution<std::size_t>(0, choices.size() - 1)(random_)]};
    }
    BfdSettings random_settings() {
        BfdSettings settings;
        settings.receive_interval = random_interval();
        settings.transmit_interval = random_interval();
        settings.detect_multiplier =
            static_cast<std::uint8_t>(std::uniform_int_distribution<int>(1, 5)(random_));
        if (chance(0.4)) settings.echo_interval = random_interval();
        return settings;
    }
    BfdSession::Config config(Side side, std::uint64_t seed) {
        return {.settings = settings_.at(index(side)),
                .local_discriminator = 1 + static_cast<std::uint32_t>(index(side)),
                .random_seed = seed * 2 + index(side),
                .echo_key = {static_cast<std::uint8_t>(index(side))}};
    }
    Side random_side() { return chance(0.5) ? Side::a : Side::b; }

    void disturb() {
        const double loss = chance(0.3) ? 0 : 0.4;
        talk_->link().loses = [this, loss](Side) { return chance(loss); };
        for (int i = 0; i < 20; ++i) {
            talk_->run_for(random_duration(0s, 2s));
            if (!chance(0.5)) continue;
            const Side side = random_side();
            BfdSettings settings = random_settings();
            settings.passive = settings_.at(index(side)).passive;
            settings_.at(index(side)) = settings;
            auto& least = least_transmit_.at(index(side));
            least = std::min(least, settings.transmit_interval);
            talk_->configure(side, settings);
        }
    }

    void heal() {
        talk_->link().loses = [](Side) { return false; };
        talk_->run_for(20s);
        for (const Side side : {Side::a, Side::b}) {
            const BfdStatus status = talk_->session(side).status();
            EXPECT_EQ(status.state, State::up) << letter(side);
            EXPECT_FALSE(status.is_polling) << letter(side);
            const bool echoes = settings_[0].echo_interval && settings_[1].echo_interval;
            EXPECT_EQ(status.echo, echoes ? EchoPhase::active : EchoPhase::off) << letter(side);
        }
    }

    void be_steady() {
        const auto changes = changes_;
        talk_->run_for(20s);
        EXPECT_EQ(changes_, changes) << "a false alarm";
    }

    void cut_one_way() {
        const Side mute = random_side();
        // A passive side that has noticed says nothing: then the other one has to notice as well.
        const Duration detection = talk_->session(Side::a).status().detection_time +
                                   talk_->session(Side::b).status().detection_time;
        talk_->link().loses = [mute](Side from) { return from == mute; };
        talk_->run_for(detection + 10ms);
        for (const Side side : {Side::a, Side::b}) {
            EXPECT_NE(talk_->session(side).state(), State::up) << letter(side);
            EXPECT_NE(talk_->session(side).diagnostic(), Diagnostic::none) << letter(side);
        }
    }

    void sent(Side side, Instant now, const ControlPacket& packet) {
        ASSERT_FALSE(packet.poll && packet.final);  // section 6.5
        ASSERT_FALSE(packet.demand);
        ASSERT_EQ(packet.my_discriminator, 1 + index(side));
        ASSERT_TRUE(packet.your_discriminator == 0 ||
                    packet.your_discriminator == 1 + index(other(side)));
        ASSERT_TRUE(packet.state == State::up || packet.desired_min_tx_us >= 1'000'000U);
        ASSERT_TRUE(!settings_.at(index(side)).passive || packet.your_discriminator != 0);
        if (packet.final) return;
        auto& last = last_.at(index(side));
        if (last && last->state == packet.state) {  // section 6.8.7
            const Duration interval =
                packet.state == State::up ? Duration(least_transmit_.at(index(side))) : 1s;
            ASSERT_GE(now - last_at_.at(index(side)), interval - interval / 4);
        }
        last = packet;
        last_at_.at(index(side)) = now;
    }

    void changed(Side side, const StateChanged& change) {
        ++changes_;
        State& before = states_.at(index(side));
        const bool is_possible = (before == State::down && change.state == State::init) ||
                                 change.state == State::up || change.state == State::down;
        ASSERT_TRUE(is_possible && before != change.state) << before << " to " << change.state;
        ASSERT_EQ(change.state == State::down, change.state != State::up &&
                                                   change.diagnostic != Diagnostic::none &&
                                                   change.state != State::init);
        before = change.state;
        last_.at(index(side)).reset();  // section 6.8.7: a change is told of between periodic ones
    }

    std::mt19937_64 random_;
    std::array<BfdSettings, 2> settings_;
    std::array<std::chrono::milliseconds, 2> least_transmit_;
    std::array<State, 2> states_{State::down, State::down};
    std::array<std::optional<ControlPacket>, 2> last_;
    std::array<Instant, 2> last_at_{};
    std::uint64_t changes_ = 0;
    std::optional<Conversation> talk_;
};

TEST(BfdProperty, HoldsOverALossyLink) {
    const char* soak = std::getenv("TRIVET_SOAK");
    const std::uint64_t seeds = soak != nullptr ? 5'000 : 100;
    for (std::uint64_t seed = 1; seed <= seeds && !testing::Test::HasFailure(); ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Play(seed).all();
    }
}

}  // namespace
}  // namespace trivet::announce::bfd
