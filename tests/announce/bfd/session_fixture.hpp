#pragma once
#include <vector>

#include <gtest/gtest.h>

#include "tests/announce/bfd/bfd_packets.hpp"

namespace trivet::announce::bfd {

/// One session, whose peer is the test itself.
class BfdSessionTest : public testing::Test {
protected:
    static constexpr std::uint32_t ours = 0x11111111;
    static constexpr std::uint32_t theirs = 0x22222222;

    struct Sent {
        Instant at{};
        ControlPacket packet;
    };
    struct EchoSent {
        Instant at{};
        EchoBytes packet;
        EchoForm form = EchoForm::to_peer;
    };
    struct Change {
        Instant at{};
        StateChanged change;
    };

    /// Anew, from config; not started.
    BfdSession& make();
    BfdSession& session() { return *session_; }

    /// As a peer of ours with 100 ms and 3 would send it.
    ControlPacket from_peer(State state, std::uint32_t your_discriminator = ours) const;
    /// Hands it over now.
    void receive(const ControlPacket& packet, std::uint8_t hop_limit = 255);
    void perform(const BfdActions& actions);
    /// Lets time pass, calling on_timer() exactly when it is wanted.
    void run_until(Instant end);
    void run_for(Duration time) { run_until(now + time); }
    /// As run_for(), with a packet of the peer's each `interval`.
    void run_with_peer(Duration time, Duration interval, const ControlPacket& packet);

    /// make(), start(), and the peer's answers until both are up and no poll is under way.
    void bring_up();
    /// What has been sent since the last call.
    std::vector<Sent> take_sent() { return std::exchange(sent, {}); }
    std::uint64_t discarded(Discard reason) {
        return session().status().counters.discarded[static_cast<std::size_t>(reason)];
    }

    BfdSession::Config config{.settings = {}, .local_discriminator = ours, .random_seed = 7};
    Instant now = at(std::chrono::seconds{10});
    std::vector<Sent> sent;
    std::vector<EchoSent> echoes;
    std::vector<Change> changes;

private:
    std::optional<BfdSession> session_;
};

}  // namespace trivet::announce::bfd
