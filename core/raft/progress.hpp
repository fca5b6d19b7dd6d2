#pragma once
#include <deque>
#include <optional>

#include "core/raft/types.hpp"
#include "core/time.hpp"

namespace trivet::raft {

/// What the leader knows of one other member (paper, figure 2: nextIndex, matchIndex). A value
/// type.
struct Progress {
    enum class Mode : std::uint8_t {
        probe,      // one request at a time, until it is known where the logs agree
        replicate,  // the next request goes before the last one is answered
        snapshot,   // what it needs is no longer in the log
    };

    Mode mode = Mode::probe;
    LogIndex next_index;
    LogIndex match_index;              // durable there
    LogIndex applied_index;            // durably applied there
    LogIndex told_commit;              // the greatest commit index sent
    bool probe_is_out = false;         // mode probe: wait for the answer, or the next heartbeat
    std::deque<LogIndex> in_flight;    // mode replicate: the last index of each unanswered request
    std::optional<Snapshot> snapshot;  // mode snapshot; nullopt: not made yet
    std::uint64_t snapshot_offset = 0;
    Instant chunk_sent;
    Instant last_heard;
    std::uint64_t round = 0;     // the greatest one echoed
    bool has_lost_data = false;  // it lacks what it had acknowledged; it is not counted on again

    void become_probe();
    void become_replicate();
    void become_snapshot();
    /// It acknowledged up to `index`. True: that is news.
    bool on_match(LogIndex index);
    /// What was sent optimistically is no longer counted on.
    void on_refusal(LogIndex next);
};

}  // namespace trivet::raft
