#pragma once
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "core/cluster_state.hpp"

namespace trivet::api {

/// What changed lately, in the order of the log, so that watchers can go on where they were: the
/// names of what changed, not the values, which the state has. Bounded: of too many changes the
/// oldest are forgotten. Whoever implements Control notes what it applies; all of it happens on
/// Control's strand. Shared, because a watcher may end after that.
class ChangeFeed {
public:
    struct Limits {
        std::size_t changes_max = 65'536;  // about 6 MB; one of each VIP that moves
        // Each takes up to half a millisecond of the strand in its turn, and heartbeats come after
        // all of them.
        std::size_t watchers_max = 32;
        std::chrono::milliseconds bookmark_interval{15'000};
    };
    /// An object; or what holds or held an address; or what the lists that name a node hold,
    /// because its epoch or its fence changed.
    using Subject = std::variant<ObjectKey, IpAddress, NodeId>;
    struct Change {
        std::uint64_t revision = 0;  // log index of the command; for a local one that of the last
        bool is_local = false;       // of this node's network, and of no command
        Subject subject;
    };

    ChangeFeed();
    explicit ChangeFeed(Limits limits);

    /// After a command was applied: the rows that it changed. Costs little, and wakes the watchers.
    void note(const ClusterState& state, const std::vector<std::string>& rows);
    /// How this node fares with an address changed.
    void note_local(const ClusterState& state, IpAddress address);
    /// The state was restored: nothing is known of what was before, and all watchers end.
    void restart(const ClusterState& state);

    /// Where to go on after a revision: a place in the feed. Nullopt: it is too long ago.
    std::optional<std::uint64_t> place_after(std::uint64_t revision) const;
    bool has_lost(std::uint64_t place) const { return place < first_; }
    std::uint64_t end() const { return first_ + changes_.size(); }
    const Change& at(std::uint64_t place) const { return changes_[place - first_]; }
    std::uint64_t oldest_revision() const { return floor_; }  // that place_after() still takes

    /// Returns at the timer's end, when something is noted, or when the timer is cancelled.
    static boost::asio::awaitable<void> wait(std::shared_ptr<ChangeFeed> feed,
                                             boost::asio::steady_timer& timer);

    /// Counts one watcher while it lives; null when there are too many.
    std::shared_ptr<void> admit_watcher();
    std::size_t watchers() const { return *watchers_; }
    const Limits& limits() const { return limits_; }

private:
    struct Standing {
        Epoch epoch;
        Epoch fence;
        friend bool operator==(const Standing&, const Standing&) = default;
    };
    std::optional<Subject> subject_of(const ClusterState& state, const std::string& row);
    bool note_standing(const ClusterState& state, NodeId node);
    void add(Change change);
    void wake();

    Limits limits_;
    std::deque<Change> changes_;  // by revision
    std::uint64_t first_ = 0;     // the place of changes_.front()
    std::uint64_t floor_ = 0;
    std::map<NodeId, Standing> standings_;  // as last noted
    std::set<boost::asio::steady_timer*> waiting_;
    std::shared_ptr<std::size_t> watchers_ = std::make_shared<std::size_t>(0);
};

}  // namespace trivet::api
