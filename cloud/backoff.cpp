#include "cloud/backoff.hpp"

#include <algorithm>

namespace trivet::cloud {

Duration Backoff::delay(unsigned failures) {
    constexpr unsigned doublings_max = 20;  // a million times the first: above any limit
    const unsigned doublings = std::min(failures - std::min(failures, 1u), doublings_max);
    return spread(std::min(limits_.first * (1u << doublings), limits_.most));
}

Duration Backoff::spread(Duration base) {
    // Not std::uniform_int_distribution, whose numbers differ from one library to the next.
    const auto permille = static_cast<Duration::rep>(500 + random_() % 501);
    return base / 1000 * permille;
}

}  // namespace trivet::cloud
