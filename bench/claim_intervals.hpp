#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace trivet::bench {

/// Somebody was seen to say that the VIP is at his MAC: an answer or an announcement.
struct Sighting {
    std::int64_t at = 0;     // ns, boot_now()
    std::uint8_t owner = 0;  // an index of MACs
};

/// From the first to the last of consecutive sightings of one owner, no two of them further apart
/// than `join`. An owner who is seen once has an interval of the length `least`.
struct ClaimInterval {
    std::uint8_t owner = 0;
    std::int64_t from = 0, until = 0;
};

/// How long an owner must be silent, while he is asked every millisecond, until his claim counts as
/// ended at his last sighting. Twenty questions: a machine that hands out its processor late must
/// not make one claim two. A longer time would count more as owned by two, not less.
constexpr std::int64_t claim_join_ns = 20'000'000;
/// The distance of two questions, and so the least that one sighting stands for.
constexpr std::int64_t claim_least_ns = 1'000'000;

/// `sightings` by time. Intervals by their start.
std::vector<ClaimInterval> claim_intervals(std::span<const Sighting> sightings);

/// The two-owner time: nanoseconds within [from, until) in which intervals of two or more owners
/// overlap. "A, B, A" within claim_join_ns is an overlap; "the last A, then the first B" is none.
/// An answer of A that was under way when B began counts with the time by which it came later.
std::int64_t two_owner_ns(std::span<const ClaimInterval> intervals, std::int64_t from,
                          std::int64_t until);

}  // namespace trivet::bench
