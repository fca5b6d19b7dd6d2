#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "core/raft/raft_log.hpp"
#include "core/replicated_log.hpp"
#include "daemon/wire/frame.hpp"
#include "store/storage.hpp"

namespace trivet::daemon {

/// The log of a cluster as any node uses it: Raft over the node's storage and its links to the
/// others, and the way to the leader when that is another node. Who proposes here is answered once
/// the entry is applied here, so that it reads what it wrote.
/// Lives on the thread of `io`. Times are CLOCK_BOOTTIME.
class ClusterLog final : public ReplicatedLog {
public:
    struct Host {
        /// False: there is no way to that node now, or too much waits.
        std::function<bool(raft::RaftId, const Frame&)> send;
        std::function<std::string()> snapshot;  // the state as of the last entry applied
        std::function<void(const raft::Snapshot&)> restore;
        /// Before a change is taken: one that is in Raft's log cannot be refused any more, even if
        /// it has to wait for room on the disk. Errors: insufficient_storage.
        std::function<Result<void>()> check_space;
        /// The leader, this node's own role or the members may have changed.
        std::function<void()> on_change;
    };

    /// An election takes at most 300 ms, twice that when votes split. A caller waits so long for
    /// a leader before it is told that there is none.
    static constexpr auto leader_within = std::chrono::milliseconds{1000};
    static constexpr std::size_t asked_max = 8192;  // requests on their way to a leader

    ClusterLog(boost::asio::io_context& io, store::Storage& storage, raft::Options options,
               Host host);

    void subscribe(Apply apply) override;
    /// Begins to take part.
    void start(raft::DurableState durable);
    void stop();
    void on_frame(raft::RaftId from, Frame frame);
    /// What was asked of this node and not answered: the outcome is unknown.
    void on_link_down(raft::RaftId peer);
    void on_applied(LogIndex index) { raft_log_->on_applied(index); }

    /// Errors: those of ReplicatedLog::propose; not_leader, there is none; timeout, the outcome is
    /// unknown.
    void propose(std::string payload, ProposeDone done) override;
    void read_barrier(ReadDone done) override;
    /// Done when the change is committed and in force here. Errors: those of RaftLog::change and
    /// of propose().
    void change(const raft::MembershipChange& change, ProposeDone done);
    /// Done when the leader has begun to hand over. Errors: those of Raft::transfer.
    void transfer(raft::RaftId to, ReadDone done);
    /// Appends a configuration with this node alone in it, without asking anybody: the beginning
    /// of a cluster, or its rescue. What is in the log counts as committed.
    void become_sole_voter(raft::Member self, ReadDone done);
    /// On an empty log: the beginning of a cluster whose state is `snapshot`, with this node alone
    /// in it.
    void begin_from(raft::Snapshot snapshot, raft::Member self, ReadDone done);

    const raft::Raft& raft() const { return raft_log_->raft(); }
    LogIndex applied_index() const { return applied_index_; }
    bool is_member() const { return raft().configuration().members.contains(options_.id); }

private:
    using Done = std::function<void(Result<LogIndex>)>;
    struct Asked {
        raft::RaftId of;
        Instant deadline;
        Done done;
    };
    struct Waiting {
        Instant deadline;
        std::function<void(Result<void>)> go_on;
    };

    raft::Configuration alone(raft::Member self) const;
    void rebuild(raft::Write write, raft::DurableState next, ReadDone done);
    void make_raft(raft::DurableState durable);
    raft::Host make_raft_host();
    void wake_at(Instant when);
    void after();
    void propose_here(std::string payload, ProposeDone done);
    void with_leader(std::function<void(Result<void>)> go_on);
    void ask_leader(Frame request, std::uint64_t id, Done done);
    void when_applied(LogIndex index, Done done);
    void on_progress(LogIndex applied);
    void serve(raft::RaftId from, Frame& frame);
    void answer(raft::RaftId to, std::uint64_t id, Result<LogIndex> result);
    void on_reply(const Reply& reply);
    void arm_sweep();
    void sweep();

    boost::asio::io_context& io_;
    store::Storage& storage_;
    raft::Options options_;
    Host host_;
    Apply apply_;
    std::unique_ptr<raft::RaftLog> raft_log_;
    bool is_rebuilding_ = false;  // raft_log_ is about to be replaced and hears nothing
    LogIndex applied_index_;
    boost::asio::steady_timer timer_;
    boost::asio::steady_timer sweep_timer_;
    bool sweep_is_armed_ = false;
    std::uint64_t last_request_ = 0;
    std::map<std::uint64_t, Asked> asked_;
    std::vector<Waiting> for_leader_;
    std::multimap<LogIndex, Waiting> for_index_;
    struct Seen {
        raft::RaftId leader;
        Term term;
        LogIndex configuration_index;
        LogIndex configuration_committed;
        bool operator==(const Seen&) const = default;
    } seen_;
};

}  // namespace trivet::daemon
