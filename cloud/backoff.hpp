#pragma once
#include <cstdint>
#include <random>

#include "core/time.hpp"

namespace trivet::cloud {

/// How long to wait after so many failures in a row: doubled each time, up to a limit, and spread
/// by chance between a half and the whole, so that many who failed together do not come again
/// together. Who owns it counts the failures.
class Backoff {
public:
    struct Limits {
        Duration first;
        Duration most;
    };

    Backoff(Limits limits, std::uint64_t random_seed) : limits_(limits), random_(random_seed) {}

    /// `failures` counts from 1.
    Duration delay(unsigned failures);
    /// Between a half and the whole of it.
    Duration spread(Duration base);

private:
    Limits limits_;
    std::mt19937_64 random_;
};

}  // namespace trivet::cloud
