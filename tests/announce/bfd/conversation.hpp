#pragma once
#include <array>
#include <functional>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include "tests/announce/bfd/bfd_packets.hpp"

namespace trivet::announce::bfd {

enum class Side : std::uint8_t { a, b };
constexpr Side other(Side side) { return side == Side::a ? Side::b : Side::a; }
constexpr std::size_t index(Side side) { return static_cast<std::size_t>(side); }
constexpr char letter(Side side) { return side == Side::a ? 'a' : 'b'; }

/// Two sessions that talk over a simulated link, in simulated time.
class Conversation {
public:
    struct Observer {
        std::function<void(Side, Instant, const ControlPacket&)> on_sent = {};
        std::function<void(Side, Instant, const StateChanged&)> on_change = {};
        std::function<void(Side, Instant)> on_received = {};  // and not discarded
    };
    struct Link {
        std::function<bool(Side from)> loses = [](Side) { return false; };
        std::function<Duration()> delay = [] { return Duration(std::chrono::milliseconds{1}); };
        std::function<bool(Side from)> loses_echo = [](Side) { return false; };
    };

    Conversation(BfdSession::Config a, BfdSession::Config b, Observer observer);

    BfdSession& session(Side side) { return *sessions_.at(index(side)); }
    Link& link() { return link_; }
    Instant now() const { return now_; }
    void start(Side side) { perform(side, session(side).start(now_)); }
    void stop(Side side) {
        perform(side, session(side).stop(Diagnostic::administratively_down, now_));
    }
    void configure(Side side, const BfdSettings& settings) {
        perform(side, session(side).configure(settings, now_));
    }
    /// A process that was killed and is back: it knows nothing of its former life.
    void restart(Side side, BfdSession::Config config);
    void run_until(Instant end);
    void run_for(Duration time) { run_until(now_ + time); }

private:
    struct Flight {
        Instant arrives{};
        std::uint64_t number = 0;  // of two that arrive at once the first one sent is first
        Side to = Side::a;
        std::vector<std::byte> bytes = {};
        enum class Kind : std::uint8_t { control, echo, returned_echo } kind = Kind::control;
        bool operator>(const Flight& later) const {
            return std::tie(arrives, number) > std::tie(later.arrives, later.number);
        }
    };
    void perform(Side side, const BfdActions& actions);
    void put_under_way(Side to, std::span<const std::byte> bytes, Flight::Kind kind);
    void arrive(const Flight& flight);

    std::array<std::optional<BfdSession>, 2> sessions_;
    Observer observer_;
    Link link_;
    Instant now_{};
    std::uint64_t flights_ = 0;
    std::priority_queue<Flight, std::vector<Flight>, std::greater<>> under_way_;
};

}  // namespace trivet::announce::bfd
