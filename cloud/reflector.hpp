#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cloud/backoff.hpp"
#include "cloud/kube_list.hpp"
#include "cloud/kube_status.hpp"
#include "cloud/object_cache.hpp"
#include "cloud/watch_stream.hpp"

namespace trivet::cloud {

/// A GET whose answer the driver hands to the reflector as it arrives.
struct ListWatchRequest {
    std::string target;  // path and query
    bool is_watch = false;
};

struct ReflectorActions {
    /// First: give up the request that is under way, and hand in nothing more of it.
    bool drop = false;
    std::optional<ListWatchRequest> send;
    std::vector<std::string> changed;   // keys of objects that are new, different or gone; sorted
    std::vector<std::string> vanished;  // of those: what a whole list did not hold any more
    bool listed = false;                // a whole list has just replaced the cache
};

struct ResponseHead {
    unsigned status = 0;
    std::optional<std::chrono::seconds> retry_after = {};
};

/// Keeps a cache equal to what an API server has, by list and watch, without sockets or timers.
///
/// The driver carries out actions in order, hands in the answer to the one request that is under
/// way (head, bytes, and how it ended), and calls on_timer() no later than next_deadline(). Lists
/// are in pages and without a resourceVersion, so that they are never older than what was seen
/// before. Source: "Kubernetes API Concepts". Not thread-safe: one strand owns a reflector.
class Reflector {
public:
    struct Options {
        std::string path;  // "/api/v1/services"
        std::uint64_t random_seed = 0;
        std::uint32_t page_limit = 250;
    };

    static constexpr std::size_t page_bytes_max = 4u << 20;  // what parse_json() reads
    static constexpr std::chrono::seconds list_timeout{60};  // of one page
    /// A server closes a watch by itself after so long (and up to twice that, by chance), which
    /// also bounds how long a connection that died silently is believed.
    static constexpr std::chrono::seconds watch_timeout{300};
    static constexpr std::chrono::seconds watch_grace{15};
    /// A watch that lived so long, or brought an event, was a good one: the next follows at once.
    static constexpr std::chrono::seconds good_watch{1};

    Reflector(Options options, ObjectSink& sink);

    [[nodiscard]] ReflectorActions start(Instant now);
    [[nodiscard]] ReflectorActions on_response(const ResponseHead& head, Instant now);
    [[nodiscard]] ReflectorActions on_bytes(std::string_view bytes, Instant now);
    /// The answer has ended as HTTP says it does.
    [[nodiscard]] ReflectorActions on_closed(Instant now);
    /// It broke off, or the server could not be reached.
    [[nodiscard]] ReflectorActions on_failed(const std::string& why, Instant now);
    [[nodiscard]] ReflectorActions on_timer(Instant now);
    /// Asks for a whole list soon, when none is under way.
    [[nodiscard]] ReflectorActions relist(Instant now);
    std::optional<Instant> next_deadline() const { return deadline_; }

    bool synced() const { return lists_ != 0; }  // a whole list has been read
    std::uint64_t lists() const { return lists_; }
    const std::string& resource_version() const { return resource_version_; }
    const std::string& last_error() const { return last_error_; }  // empty: all is well

private:
    enum class Phase : std::uint8_t { idle, waiting, listing, watching };
    enum class Next : std::uint8_t { new_list, same_page, watch };

    ReflectorActions begin(Next next, Instant now);
    ReflectorActions begin_list(Instant now);
    ReflectorActions send_page(Instant now);
    ReflectorActions send_watch(Instant now);
    ReflectorActions wait_then(Next next, std::string why, Instant now,
                               std::optional<std::chrono::seconds> retry_after = {});

    ReflectorActions on_page(Instant now);
    ReflectorActions halve_page(Instant now);
    ReflectorActions on_refusal(const KubeStatus& status, Instant now);
    ReflectorActions on_expired(const KubeStatus& status, Instant now);
    ReflectorActions on_events(Instant now);
    Result<void> take(const WatchEvent& event, ReflectorActions& actions);
    bool was_good(Instant now) const;
    void on_progress();

    Options options_;
    ObjectSink& sink_;
    Backoff backoff_;
    Phase phase_ = Phase::idle;
    Next next_ = Next::new_list;  // while waiting
    std::optional<Instant> deadline_;
    std::optional<ResponseHead> head_;
    std::string body_;  // of a page, or of a refusal
    WatchStream stream_;
    std::uint32_t page_limit_ = 1;
    std::string continue_token_;
    std::string resource_version_;
    Instant begun_{};  // the watch, from its answer on
    Instant watch_deadline_{};
    bool heard_ = false;  // an event, on this watch
    unsigned failures_ = 0;
    unsigned expired_ = 0;  // in a row, without progress between them
    unsigned future_ = 0;   // likewise
    std::uint64_t lists_ = 0;
    std::string last_error_;
};

}  // namespace trivet::cloud
