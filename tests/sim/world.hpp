#pragma once
#include <cstdint>
#include <functional>
#include <queue>
#include <vector>

#include "core/time.hpp"
#include "tests/sim/random.hpp"

namespace trivet::sim {

/// True time, and what will happen when. Single-threaded and deterministic.
class World {
public:
    explicit World(std::uint64_t seed) : random_(seed) {}

    Instant now() const { return now_; }
    Random& random() { return random_; }
    void at(Instant when, std::function<void()> what) {
        events_.push({std::max(when, now_), ++sequence_, std::move(what)});
    }
    void in(Duration delay, std::function<void()> what) { at(now_ + delay, std::move(what)); }
    /// False: nothing is left to happen before `end`, and it is `end` now.
    bool step(Instant end) {
        if (events_.empty() || events_.top().when > end) {
            now_ = end;
            return false;
        }
        const std::function<void()> what = std::move(events_.top().what);
        now_ = events_.top().when;
        events_.pop();
        what();
        return true;
    }

private:
    struct Event {
        Instant when;
        std::uint64_t sequence;
        mutable std::function<void()> what;
        bool operator<(const Event& other) const {  // the queue's top is the greatest
            return std::tie(other.when, other.sequence) < std::tie(when, sequence);
        }
    };

    Instant now_{std::chrono::hours{1}};
    std::uint64_t sequence_ = 0;
    std::priority_queue<Event> events_;
    Random random_;
};

/// One node's CLOCK_BOOTTIME: runs at a rate of its own, and may jump forward.
class NodeClock {
public:
    explicit NodeClock(double rate) : rate_(rate) {}
    Instant local(Instant true_time) const {
        return Instant(Duration(static_cast<Duration::rep>(
                   static_cast<double>(true_time.time_since_epoch().count()) * rate_))) +
               ahead_;
    }
    /// The first true time at which local() is not before `local_time`.
    Instant true_time(Instant local_time) const {
        const auto count = static_cast<double>((local_time - ahead_).time_since_epoch().count());
        return Instant(Duration(static_cast<Duration::rep>(count / rate_) + 2));
    }
    void jump(Duration forward) { ahead_ += forward; }

private:
    double rate_;
    Duration ahead_{};
};

}  // namespace trivet::sim
