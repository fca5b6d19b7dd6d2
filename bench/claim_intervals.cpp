#include "bench/claim_intervals.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

namespace trivet::bench {

std::vector<ClaimInterval> claim_intervals(std::span<const Sighting> sightings) {
    std::vector<ClaimInterval> intervals;
    constexpr std::size_t owners = std::numeric_limits<std::uint8_t>::max() + 1;
    std::array<std::optional<std::size_t>, owners> running;  // each owner's newest interval
    for (const Sighting& sighting : sightings) {
        auto& newest = running[sighting.owner];
        if (newest && sighting.at - intervals[*newest].until <= claim_join_ns) {
            intervals[*newest].until = sighting.at;
            continue;
        }
        newest = intervals.size();
        intervals.push_back({.owner = sighting.owner, .from = sighting.at, .until = sighting.at});
    }
    for (ClaimInterval& interval : intervals)
        if (interval.until == interval.from) interval.until += claim_least_ns;
    return intervals;
}

std::int64_t two_owner_ns(std::span<const ClaimInterval> intervals, std::int64_t from,
                          std::int64_t until) {
    struct Edge {
        std::int64_t at;
        int change;
    };
    std::vector<Edge> edges;
    for (const ClaimInterval& interval : intervals) {
        const std::int64_t begin = std::max(interval.from, from);
        const std::int64_t end = std::min(interval.until, until);
        if (begin >= end) continue;
        edges.push_back({.at = begin, .change = 1});
        edges.push_back({.at = end, .change = -1});
    }
    // Ends before beginnings of the same instant: a hand-over is no overlap.
    std::ranges::sort(edges, [](const Edge& one, const Edge& other) {
        return one.at != other.at ? one.at < other.at : one.change < other.change;
    });
    std::int64_t total = 0, since = 0;
    int claims = 0;
    for (const Edge& edge : edges) {
        if (claims >= 2) total += edge.at - since;
        claims += edge.change;
        since = edge.at;
    }
    return total;
}

}  // namespace trivet::bench
