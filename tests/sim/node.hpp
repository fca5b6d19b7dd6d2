#pragma once
#include <functional>
#include <map>
#include <memory>
#include <variant>

#include "core/raft/raft.hpp"
#include "tests/sim/checker.hpp"
#include "tests/sim/disk.hpp"
#include "tests/sim/kv_machine.hpp"

namespace trivet::sim {

struct NotLeader {
    raft::RaftId leader;
};
struct Unknown {};  // it may or may not take effect
using WriteReply = std::variant<std::monostate, NotLeader, Unknown>;
using ReadReply = std::variant<TokenList, NotLeader, Unknown>;

/// One machine: Raft, its disk, the state machine, a clock; may crash, stop for a while, lose its
/// disk. Does what a driver does, and nothing of Raft's rules.
class Node {
public:
    struct Surroundings {
        World& world;
        const Profile& profile;
        Checker& checker;
        std::function<void(raft::Message)> send;
        std::function<void()> on_snapshot_installed;
    };

    Node(Surroundings surroundings, DiskContent content, double clock_rate);

    void start();
    void crash();
    void lose_disk(raft::RaftId new_id);
    void pause(Duration duration);
    void jump_clock(Duration forward) {
        clock_.jump(forward);
        arm();
    }

    void receive(raft::Message message);
    void write(AppendToken command, std::function<void(WriteReply)> done);
    void read(std::uint32_t key, std::function<void(ReadReply)> done);
    Result<void> change(const raft::MembershipChange& change);
    Result<void> transfer(raft::RaftId to);

    bool is_up() const { return raft_ != nullptr; }
    bool is_awake() const { return is_up() && world().now() >= paused_until_; }
    const raft::Raft* raft() const { return raft_.get(); }
    raft::RaftId id() const { return disk_.content().id; }
    const DiskContent& disk() const { return disk_.content(); }
    const KvMachine& machine() const { return machine_; }
    LogIndex applied() const { return applied_; }  // by the machine

private:
    World& world() const { return around_.world; }
    Instant now() const { return clock_.local(world().now()); }
    /// Runs `what` now, or when the pause ends, if this life still lasts then.
    void when_awake(std::function<void()> what);
    void arm();
    void on_timer(std::uint64_t number);
    void perform(raft::Actions actions);
    void apply(const std::vector<LogEntry>& entries);
    void restore(const raft::Snapshot& snapshot);
    void make_snapshot();
    void maybe_compact(LogIndex applied);

    Surroundings around_;
    NodeClock clock_;
    Disk disk_;
    std::unique_ptr<raft::Raft> raft_;
    KvMachine machine_;
    LogIndex applied_;
    struct Waiting {
        Term term;
        std::function<void(WriteReply)> done;
    };
    std::map<LogIndex, Waiting> writes_;
    std::map<raft::ReadId, std::pair<std::uint32_t, std::function<void(ReadReply)>>> reads_;
    raft::ReadId next_read_ = 0;
    Instant paused_until_{};
    std::uint64_t life_ = 0, timer_ = 0;
};

}  // namespace trivet::sim
