#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <random>

#include "core/time.hpp"

namespace trivet::announce::bgp {

/// When to try again: the ConnectRetryTimer (RFC 4271 section 10), with quick first retries because
/// most losses are short, and the IdleHoldTimer of peers that oscillate (section 8.1,
/// DampPeerOscillations), which leaves the first losses alone. Also the jitter of all timers.
/// A value that its session owns.
class RetryTiming {
public:
    static constexpr std::chrono::seconds first_retry{1};  // 1, 2, 4 s ... connect_time
    /// So many losses cost nothing while each comes within `memory` of the one before; the next
    /// waits `first_hold` in idle, each further one twice as long, up to `hold_max`.
    static constexpr unsigned free_flaps = 3;
    static constexpr std::chrono::seconds first_hold{8};
    static constexpr std::chrono::seconds hold_max{120};
    static constexpr std::chrono::minutes memory{5};

    RetryTiming(std::chrono::seconds connect_time, std::uint64_t random_seed)
        : connect_time_(connect_time), random_(random_seed) {}

    /// How long to wait before the next connection attempt, with jitter. Each call is one retry.
    Duration next_connect_retry();
    void on_established() { retries_ = 0; }
    /// A session was lost, or an OPEN refused. How long to stay idle, with jitter; zero: not at
    /// all.
    Duration on_flap(Instant now);
    void reset();  // a person started or stopped the session

    /// RFC 4271 section 10: multiplied by a factor between 0.75 and 1.0.
    Duration jittered(Duration base);

private:
    std::chrono::seconds connect_time_;
    std::mt19937_64 random_;
    unsigned retries_ = 0;
    unsigned flaps_ = 0;
    std::optional<Instant> last_flap_;
};

}  // namespace trivet::announce::bgp
