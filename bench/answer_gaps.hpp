#pragma once
#include <cstdint>
#include <map>
#include <span>

namespace trivet::bench {

/// One question to the VIP; times as boot_now().
struct Probe {
    std::int64_t sent = 0;
    std::int64_t answered = 0;  // 0: never
    std::uint8_t node = 0;      // that answered
};

struct Phase {
    std::int64_t from = 0, until = 0;  // of the times of sending; `until` is not part of it
};

struct PhaseAnswers {
    std::uint64_t sent = 0, lost = 0;
    /// The longest that a client waited who asked again and again: from the sending of a probe to
    /// the first answer to it *or to a later one*. An asker that was itself not running for a while
    /// does not count that as an outage, because nothing was asked; and an answer that only waited
    /// in a queue does not hide one.
    std::int64_t wait_max = 0;
    std::int64_t wait_from = 0;          // when the probe that waited so long was sent
    bool open = false;                   // that wait had not ended when the run did
    std::uint8_t last_node = 0;          // that answered the last answered probe of the phase
    std::map<int, std::uint64_t> nodes;  // how many answers each gave
};

/// `probes` by time of sending. `ended` is when the program stopped to listen.
PhaseAnswers answers_in(std::span<const Probe> probes, Phase phase, std::int64_t ended);

}  // namespace trivet::bench
