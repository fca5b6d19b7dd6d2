#include "bench/answer_gaps.hpp"

#include <limits>

namespace trivet::bench {

PhaseAnswers answers_in(std::span<const Probe> probes, Phase phase, std::int64_t ended) {
    constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
    PhaseAnswers result;
    std::int64_t earliest = never;  // answer to this probe or a later one
    for (std::size_t i = probes.size(); i-- > 0;) {
        const Probe& probe = probes[i];
        if (probe.sent < phase.from) break;
        if (probe.answered != 0) earliest = std::min(earliest, probe.answered);
        if (probe.sent >= phase.until) continue;
        ++result.sent;
        if (probe.answered == 0) {
            ++result.lost;
        } else {
            ++result.nodes[probe.node];
            if (result.last_node == 0) result.last_node = probe.node;
        }
        const std::int64_t wait = (earliest == never ? ended : earliest) - probe.sent;
        if (wait < result.wait_max) continue;
        result.wait_max = wait;
        result.wait_from = probe.sent;
        result.open = earliest == never;
    }
    return result;
}

}  // namespace trivet::bench
