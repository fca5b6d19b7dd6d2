#pragma once
#include <array>
#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "core/lease/message.hpp"
#include "core/lease/view.hpp"
#include "daemon/wire/lease_guard.hpp"

namespace trivet::daemon {

enum class LeaseCounter : std::uint8_t {
    packets_received,
    packets_sent,
    renews_received,
    acks_received,
    refuses_received,
    releases_received,
    dropped_malformed,
    dropped_other_version,
    dropped_misdirected,
    dropped_stranger,
    dropped_unknown_key,
    dropped_forged,
    dropped_older_boot,
    dropped_replayed,
    unsent_no_key,      // no connection to the peer has been made yet
    unsent_no_address,  // the peer is not one of set_peers()
    unsent_refused,     // by the kernel
    unsent_too_large,
    unsent_unsure,  // the gate did not confirm that it is closed
    receive_errors,
    gate_refusals,
    timer_late,  // by more than the guard for late wakeups
    stalls,
    closed_unplanned,  // groups whose right ran out or was refused, and not by a plan or a release
};
constexpr std::size_t lease_counters = 24;
std::string_view to_string(LeaseCounter counter);

/// What the lease thread does, for people and metrics: a copy of a LeaseBoard.
struct LeaseStatus {
    struct Peer {
        NodeId node;
        std::optional<Instant> last_packet, last_ack;
    };
    bool is_realtime = false;
    bool is_locked = false;
    std::vector<std::string> warnings;  // why it is not
    std::optional<Instant> lease_deadline;
    std::optional<LogIndex> plan;
    std::size_t open_groups = 0;
    Duration longest_stall{};
    std::vector<Peer> peers;
    std::array<std::uint64_t, lease_counters> counters{};
    std::uint64_t counter(LeaseCounter which) const {
        return counters[static_cast<std::size_t>(which)];
    }
};

/// Where the lease thread writes what others may read at any time. One thread writes; each value is
/// right by itself, several need not be of one moment.
class LeaseBoard {
public:
    // The lease thread's side.
    void count(LeaseCounter counter) noexcept;
    void set_counter(LeaseCounter counter, std::uint64_t value) noexcept;
    void note_packet(NodeId peer, Instant at, bool is_ack) noexcept;
    void set_open(lease::Group group, bool is_open) noexcept;
    void set_lease(Instant deadline) noexcept { lease_deadline_.store(ticks(deadline)); }
    void set_plan(LogIndex index) noexcept { plan_.store(index.value()); }
    void note_stall(Duration duration) noexcept;
    void note_release() noexcept { releases_.fetch_add(1); }

    // Anybody's.
    bool is_open(lease::Group group) const noexcept;
    std::uint64_t releases() const noexcept { return releases_.load(); }
    LeaseStatus read() const;

private:
    struct Peer {
        std::atomic<std::uint64_t> node = 0;
        std::atomic<std::int64_t> last_packet = 0, last_ack = 0;
    };
    static std::int64_t ticks(Instant instant) { return instant.time_since_epoch().count(); }
    Peer* enter(NodeId node) noexcept;

    std::array<std::atomic<std::uint64_t>, lease_counters> counters_{};
    std::array<Peer, lease::nodes_max> peers_;
    std::array<std::atomic<bool>, lease::GroupTable::groups_max + 1> open_{};
    std::atomic<std::size_t> open_groups_ = 0;
    std::atomic<std::int64_t> lease_deadline_ = 0;
    std::atomic<std::uint64_t> plan_ = 0;
    std::atomic<std::int64_t> longest_stall_ = 0;
    std::atomic<std::uint64_t> releases_ = 0;
};

}  // namespace trivet::daemon
