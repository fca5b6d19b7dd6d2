#pragma once
#include <cstdint>

#include "core/time.hpp"

namespace trivet::sim {

/// SplitMix64: the same numbers from a seed on every machine and with every library.
class Random {
public:
    explicit Random(std::uint64_t seed) : state_(seed) {}

    std::uint64_t next() {
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
    std::uint64_t below(std::uint64_t end) { return next() % end; }
    std::uint64_t between(std::uint64_t low, std::uint64_t high) {
        return low + below(high - low + 1);
    }
    bool chance(double probability) {
        return static_cast<double>(next() >> 11) * 0x1p-53 < probability;
    }
    Duration between(Duration low, Duration high) {
        return low + Duration(static_cast<Duration::rep>(
                         below(static_cast<std::uint64_t>((high - low).count()) + 1)));
    }

private:
    std::uint64_t state_;
};

}  // namespace trivet::sim
