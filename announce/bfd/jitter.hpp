#pragma once
#include <chrono>
#include <cstdint>
#include <random>

#include "core/time.hpp"

namespace trivet::announce::bfd {

/// RFC 5880 section 6.8.7: "the interval MUST be reduced by a random value of 0 to 25%"; with a
/// detect multiplier of 1 it is "no more than 90%" and "no less than 75%" of the negotiated one.
inline Duration jittered(Duration interval, std::uint8_t detect_multiplier,
                         std::minstd_rand& random) {
    const std::int64_t whole = interval.count();
    const std::int64_t least_reduction = detect_multiplier == 1 ? (whole + 9) / 10 : 0;
    std::uniform_int_distribution<std::int64_t> reduction(least_reduction, whole / 4);
    return Duration(whole - reduction(random));
}

}  // namespace trivet::announce::bfd
