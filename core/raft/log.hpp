#pragma once
#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

#include "core/raft/types.hpp"

namespace trivet::raft {

/// The log as Raft sees it: all entries behind `base`, and the configurations in them, which take
/// effect when appended and go when truncated (thesis 4.1). What is durable of it, others know.
/// Not thread-safe: one Raft owns it.
class Log {
public:
    /// `entries` follow `base` without holes; a configuration's payload must decode.
    Log(LogBase base, std::vector<LogEntry> entries);

    const LogBase& base() const { return base_; }
    LogIndex last_index() const;
    Term last_term() const;
    std::size_t bytes() const { return bytes_; }  // of all payloads
    /// Of the base or of an entry; nullopt when it is behind the base or after the end.
    std::optional<Term> term_at(LogIndex index) const;
    bool matches(LogIndex index, Term term) const { return term_at(index) == term; }
    const LogEntry& at(LogIndex index) const;  // base.index < index <= last_index()

    /// Entries from `from` on, at least one when there is one.
    std::vector<LogEntry> slice(LogIndex from, std::size_t entries_max,
                                std::size_t bytes_max) const;
    /// The greatest index, not above `index`, of a term not above `term` (or of the base): where
    /// logs of these ends may begin to differ (paper §5.3, last paragraph).
    LogIndex last_not_newer(LogIndex index, Term term) const;

    void append(LogEntry entry);  // index: last_index() + 1
    void truncate_from(LogIndex index);
    /// Moves the base to `index`, which is in the log.
    void compact(LogIndex index);
    void reset(LogBase base);

    const Configuration& configuration() const { return configurations_.back().second; }
    LogIndex configuration_index() const { return configurations_.back().first; }
    const Configuration& configuration_at(LogIndex index) const;  // not behind the base

private:
    std::size_t offset(LogIndex index) const;

    LogBase base_;
    std::deque<LogEntry> entries_;
    std::size_t bytes_ = 0;
    std::deque<std::pair<LogIndex, Configuration>> configurations_;  // the first is the base's
};

}  // namespace trivet::raft
