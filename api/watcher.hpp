#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "api/caller.hpp"
#include "api/change_feed.hpp"
#include "api/control.hpp"

namespace trivet::api {

/// What a watcher wants to hear of, and may.
struct WatchFilter {
    std::set<Kind> kinds;
    std::string name_space = "*";  // of VIPs: a pattern, as matches_namespace() reads it
    Caller caller = {};

    bool wants(const ObjectKey& key) const;
};

/// One client that follows the changes: reads the feed, looks the objects up, writes lines of JSON.
/// A little at a time, because leadership must not wait for it; what changes often meanwhile is
/// written once. Its memory is bounded: a client that reads too slowly falls behind the feed and is
/// ended. On Control's strand, also its end.
class Watcher {
public:
    struct Start {
        std::uint64_t revision = 0;
        std::uint64_t place = 0;  // in the feed, after the revision
    };

    /// `admitted` is what ChangeFeed::admit_watcher() gave.
    Watcher(Control& control, WatchFilter filter, Start start, std::shared_ptr<void> admitted);

    /// The next lines, as soon as there are some; empty: it is over.
    static boost::asio::awaitable<std::string> next(std::shared_ptr<Watcher> self);
    /// next() returns soon.
    void cancel();

private:
    using Clock = std::chrono::steady_clock;

    bool is_over() const;
    bool is_behind() const { return place_ != feed_->end(); }
    void gather();
    bool gather_node(NodeId node, std::size_t& steps);
    void add_subject(const ChangeFeed::Subject& subject);
    void add_object(ObjectKey key);
    void add_pool_of(IpAddress address);
    void note_done();
    std::string write_some();
    std::string line_of(const ObjectKey& key) const;

    Control& control_;
    std::shared_ptr<ChangeFeed> feed_;
    WatchFilter filter_;
    std::shared_ptr<void> admitted_;
    std::uint64_t place_;              // what comes before it in the feed was gathered
    std::uint64_t done_;               // all changes up to this revision were written
    std::optional<IpAddress> cursor_;  // how far the lists of the node at place_ were gathered
    std::set<ObjectKey> changed_;      // gathered, not written
    boost::asio::steady_timer timer_;
    Clock::time_point bookmark_due_;
    bool is_cancelled_ = false;
};

}  // namespace trivet::api
