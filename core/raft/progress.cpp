#include "core/raft/progress.hpp"

#include <algorithm>

namespace trivet::raft {

void Progress::become_probe() {
    mode = Mode::probe;
    probe_is_out = false;
    in_flight.clear();
    snapshot.reset();
}

void Progress::become_replicate() {
    become_probe();
    mode = Mode::replicate;
}

void Progress::become_snapshot() {
    become_probe();
    mode = Mode::snapshot;
    snapshot_offset = 0;
}

bool Progress::on_match(LogIndex index) {
    while (!in_flight.empty() && in_flight.front() <= index) in_flight.pop_front();
    next_index = std::max(next_index, LogIndex(index.value() + 1));
    if (index <= match_index) return false;
    match_index = index;
    return true;
}

void Progress::on_refusal(LogIndex next) {
    become_probe();
    next_index = std::max(next, LogIndex(match_index.value() + 1));
}

}  // namespace trivet::raft
