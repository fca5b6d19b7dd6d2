// BFD: the input is a packet, or a frame with an echo packet, or (after the first byte) what
// happens to a session: packets of a peer that knows more or less about it, pauses, other settings.
#include <algorithm>
#include <cstdint>
#include <span>

#include "announce/bfd/bfd_table.hpp"
#include "announce/bfd/echo_frame.hpp"
#include "core/assert.hpp"

using namespace trivet;
using namespace trivet::announce::bfd;

namespace {

constexpr std::uint32_t ours = 0x01020304;
constexpr IpAddress no_address;
const EchoKey echo_key{1, 2, 3};

AuthenticationKey key_for(unsigned choice) {
    return {.type = static_cast<AuthenticationType>(2 + choice % 4), .key_id = 1, .secret = "key"};
}

void check_codec(std::span<const std::byte> payload) {
    auto packet = decode_control(payload);
    if (!packet) return;
    // What cannot be sent: both bits, and the section that an Authenticator adds.
    packet->has_authentication = false;
    if (packet->poll && packet->final) packet->poll = false;
    TRIVET_ASSERT(decode_control(encode(*packet).view()).value() == *packet);
    auto authenticator = Authenticator::make(key_for(std::to_integer<unsigned>(payload[0])), 1);
    static_cast<void>(
        authenticator->verify(payload.first(std::to_integer<std::size_t>(payload[3]))));
    ControlBytes bytes = encode(*packet);
    authenticator->sign(bytes);
    TRIVET_ASSERT(authenticator->verify(bytes.view()) == std::nullopt ||
                  authenticator->verify(bytes.view()) == Discard::authentication_sequence);
}

void check_frame(std::span<const std::byte> input) {
    constexpr std::uint16_t port = 3785;
    const auto read = read_echo_frame(input, port);
    if (!read || read->hop_limit == 0) return;
    std::vector<std::byte> frame(input.begin(), input.end());
    turn_around(frame);
    const auto again = read_echo_frame(frame, port);
    TRIVET_ASSERT(again && again->hop_limit == read->hop_limit - 1);
    TRIVET_ASSERT(again->source == read->source && again->destination == read->destination);
    TRIVET_ASSERT(std::ranges::equal(again->payload, read->payload));
}

/// Leads one session through what the input's bytes say.
class Drive {
public:
    explicit Drive(unsigned choice) : is_authenticated_((choice & 1) != 0) {
        settings_.passive = (choice & 2) != 0;
        if ((choice & 4) != 0) settings_.echo_interval = std::chrono::milliseconds{50};
        BfdSession::Config config{.settings = settings_,
                                  .multihop = (choice & 8) != 0,
                                  .local_discriminator = ours,
                                  .random_seed = choice,
                                  .echo_key = echo_key};
        multihop_ = config.multihop;
        if (is_authenticated_) {
            config.authenticator = Authenticator::make(key_for(choice >> 4), choice).value();
            signer_ = Authenticator::make(key_for(choice >> 4), choice).value();
        }
        id_ = table_.add({.remote = no_address, .multihop = multihop_}, std::move(config));
        perform(session().start(now_));
    }

    void run(std::span<const std::byte> input) {
        constexpr std::size_t steps_max = 64;
        for (std::size_t i = 0; i < steps_max && !input.empty(); ++i) {
            const auto what = std::to_integer<unsigned>(input[0]);
            input = input.subspan(1);
            step(what, input);
            check();
        }
    }

private:
    BfdSession& session() { return table_.session(id_); }

    void step(unsigned what, std::span<const std::byte>& input) {
        using std::chrono::milliseconds;
        const auto take = [&input](std::size_t size) {
            const auto taken = input.first(std::min(size, input.size()));
            input = input.subspan(taken.size());
            return taken;
        };
        const auto number = [&take] {
            const auto taken = take(1);
            return taken.empty() ? 0U : std::to_integer<unsigned>(taken[0]);
        };
        switch (what % 8) {
            case 0:
                arrive(take(number()), Channel::control);
                break;
            case 1:
            case 2:
                arrive_repaired(take(24), what);
                break;
            case 3:
                pass(milliseconds{number()});
                break;
            case 4:
                pass(milliseconds{number() * 100});
                break;
            case 5:
                settings_.transmit_interval = milliseconds{10 + number()};
                settings_.receive_interval = milliseconds{10 + number() * 4};
                settings_.detect_multiplier = static_cast<std::uint8_t>(1 + number() % 255);
                settings_.echo_interval = std::nullopt;
                if ((what & 8) != 0) settings_.echo_interval = milliseconds{10 + number()};
                perform(session().configure(settings_, now_));
                break;
            case 6:
                if ((what & 8) != 0)
                    perform(session().stop(Diagnostic::administratively_down, now_));
                else
                    perform(session().start(now_));
                break;
            case 7:
                if ((what & 8) != 0 && last_echo_)
                    arrive(*last_echo_, Channel::echo, 254);
                else
                    arrive(take(32), Channel::echo, (what & 16) != 0 ? 255 : 254);
                break;
        }
    }

    void arrive(std::span<const std::byte> payload, Channel channel, std::uint8_t hop_limit = 255) {
        const Datagram datagram{
            .payload = payload,
            .channel = channel == Channel::control && multihop_ ? Channel::multihop : channel,
            .source = no_address,
            .destination = no_address,
            .interface = 1,
            .hop_limit = hop_limit};
        if (channel == Channel::echo) {
            const auto outcome = table_.on_echo(datagram, now_);
            if (const auto* of_ours = std::get_if<BfdTable::Outcome>(&outcome))
                perform(of_ours->actions);
        } else if (const auto outcome = table_.on_control(datagram, now_)) {
            TRIVET_ASSERT(outcome->id == id_);
            perform(outcome->actions);
        }
    }

    /// What a fuzzer hardly guesses is made right: version, length, discriminator, digest.
    void arrive_repaired(std::span<const std::byte> bytes, unsigned what) {
        ControlBytes packet;
        std::ranges::copy(bytes, packet.bytes.begin());
        packet.size = mandatory_section_bytes;
        packet.bytes[0] = (packet.bytes[0] & std::byte{0x1f}) | std::byte{0x20};
        packet.bytes[1] &= std::byte{0xfa};
        packet.bytes[3] = std::byte{24};
        if (packet.bytes[2] == std::byte{}) packet.bytes[2] = std::byte{3};
        if (packet.bytes[7] == std::byte{}) packet.bytes[7] = std::byte{9};
        const bool knows_us = (what & 8) != 0;
        for (unsigned i = 0; i < 4; ++i)
            packet.bytes[8 + i] =
                knows_us ? static_cast<std::byte>(ours >> (24 - 8 * i) & 0xff) : std::byte{};
        if (signer_) signer_->sign(packet);
        arrive(packet.view(), Channel::control);
    }

    void pass(Duration time) {
        now_ += time;
        constexpr int wake_ups_max = 64;  // a deadline that does not move would loop for ever
        int wake_ups = 0;
        while (table_.next_deadline() && *table_.next_deadline() <= now_ &&
               ++wake_ups <= wake_ups_max)
            table_.on_timer(now_,
                            [this](BfdTable::Id, const BfdActions& actions) { perform(actions); });
        TRIVET_ASSERT(wake_ups <= wake_ups_max);
    }

    void perform(const BfdActions& actions) {
        for (const BfdAction& action : actions) {
            if (const auto* control = std::get_if<SendControl>(&action)) {
                const auto packet = decode_control(control->packet.view()).value();
                TRIVET_ASSERT(!(packet.poll && packet.final));
                TRIVET_ASSERT(packet.has_authentication == is_authenticated_);
                TRIVET_ASSERT(packet.my_discriminator == ours);
                TRIVET_ASSERT(packet.state == State::up || packet.desired_min_tx_us >= 1'000'000);
                TRIVET_ASSERT(!settings_.passive || packet.your_discriminator != 0);
            } else if (const auto* echo = std::get_if<SendEcho>(&action)) {
                TRIVET_ASSERT(session().state() == State::up && !multihop_);
                TRIVET_ASSERT(decode_echo(echo->packet, echo_key).has_value());
                last_echo_ = echo->packet;
            } else {
                TRIVET_ASSERT(std::get<StateChanged>(action).state == session().state());
            }
        }
    }

    void check() {
        const BfdStatus status = session().status();
        TRIVET_ASSERT(status.echo == EchoPhase::off || status.state == State::up);
        TRIVET_ASSERT(status.state != State::up || status.remote_discriminator != 0);
    }

    bool is_authenticated_;
    bool multihop_ = false;
    BfdSettings settings_;
    BfdTable table_;
    BfdTable::Id id_ = 0;
    std::optional<Authenticator> signer_;
    std::optional<EchoBytes> last_echo_;
    Instant now_{std::chrono::seconds{100}};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::span<const std::byte> input = std::as_bytes(std::span(data, size));
    check_codec(input);
    check_frame(input);
    if (input.empty()) return 0;
    Drive(std::to_integer<unsigned>(input[0])).run(input.subspan(1));
    return 0;
}
