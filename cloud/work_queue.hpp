#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "cloud/backoff.hpp"

namespace trivet::cloud {

/// Which Services to look at, and when. A key that is added often is looked at once; one that is
/// being worked on is looked at again afterwards; one that failed comes back later each time.
/// Without a clock or a thread: one strand owns it.
class WorkQueue {
public:
    WorkQueue(Backoff::Limits limits, std::uint64_t random_seed) : backoff_(limits, random_seed) {}

    /// As soon as may be. A key that waits out a failure does not wait longer: something changed.
    void add(const std::string& key);
    /// At `due`, or earlier when something else asks for it.
    void add_at(const std::string& key, Instant due);
    /// The next key, which is then being worked on until done() or failed().
    std::optional<std::string> pop(Instant now);
    void done(const std::string& key);
    void failed(const std::string& key, Instant now);

    std::optional<Instant> next_deadline() const;  // of what waits; what is ready has none
    bool ready() const { return !ready_.empty(); }
    std::size_t size() const { return items_.size(); }
    unsigned failures(const std::string& key) const;

private:
    enum class State : std::uint8_t { idle, ready, running };
    struct Item {
        State state = State::idle;
        bool again = false;  // asked for while running
        unsigned failures = 0;
        std::optional<Instant> due;
    };
    using Items = std::map<std::string, Item>;

    void set_due(Items::iterator item, std::optional<Instant> due);
    void make_ready(Items::iterator item);
    void settle(Items::iterator item);

    Backoff backoff_;
    Items items_;
    std::deque<std::string> ready_;  // first come, first served
    std::set<std::pair<Instant, std::string>> due_;
};

}  // namespace trivet::cloud
